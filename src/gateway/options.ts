/**
 * The options of a gateway: types, defaults, and the only place where they are checked.
 *
 * @module
 */

import { callable, type Check, checkAll, checkNames, integer, milliseconds, quote, typed } from "../option_checks.ts";
import type { Authenticate, EditHook, ErrorHook, GatewayProducer, TopicRule } from "./hooks.ts";
import { ProxyList } from "./proxy_list.ts";

/** Further paths of the oldest routes, each with `:topic` as one of its segments. */
export interface RouteAliases {
  /** Answer as `/async/:topic` does. */
  async?: readonly string[];
  /** Answer as `/batch/async/:topic` does. */
  asyncBatch?: readonly string[];
  /** Answer as `/sync/:topic` does. */
  sync?: readonly string[];
  /** Answer as `/batch/sync/:topic` does. */
  syncBatch?: readonly string[];
}

/** What the gateway does as kafboy did, although that was not good. */
export interface Compat {
  /**
   * 400 for wrong methods and for refusals of `/safe/`, where HTTP has 405 and 503.
   *
   * @default {false}
   */
  status400?: boolean;
  /**
   * A form becomes a record for each field, the name its key, instead of one JSON object.
   *
   * @default {false}
   */
  formAsKeyed?: boolean;
}

/** Where clients are sent while this gateway is overloaded. */
export interface HandOff {
  /** Origins of the other gateways, such as `https://gateway-2.internal:8080`. */
  peers: readonly string[];
}

/** Bounds, and what else is a number. Sizes are in bytes, times in milliseconds. */
export interface GatewayLimits {
  /** Most bytes of a body that is one record or a form. @default {1_048_576} */
  bodyMaxBytes?: number;
  /** Most bytes of a body of several records that is not streamed. @default {10_485_760} */
  batchBodyMaxBytes?: number;
  /** Most bytes of a record. @default {1_000_000} */
  recordMaxBytes?: number;
  /** Most records of a body that is not streamed. @default {10_000} */
  requestMaxRecords?: number;
  /** Most headers of a record. @default {64} */
  recordMaxHeaders?: number;
  /** Most bytes of a record's headers. @default {16_384} */
  recordMaxHeaderBytes?: number;
  /** A compressed body may grow to this many times the limit of its size. @default {8} */
  decompressedMaxRatio?: number;
  /** Most bytes of bodies that are being read, all requests together. @default {67_108_864} */
  readingMaxBytes?: number;
  /** Most bytes that Deno may keep of bodies in chunks that come faster than they are read. @default {134_217_728} */
  unreadChunksMaxBytes?: number;
  /** Most requests under way. @default {2_048} */
  maxRequests?: number;
  /** Most topics in use; names come from clients. @default {1_000} */
  maxTopics?: number;
  /** How long a topic that nobody writes to counts as in use, where there are `maxTopics`. @default {600_000} */
  topicIdleMs?: number;
  /** How long a body may take that is not streamed. @default {10_000} */
  bodyTimeoutMs?: number;
  /** Fewest bytes a second of a body that takes longer than five seconds. @default {1_024} */
  bodyMinBytesPerSecond?: number;
  /** Longest silence of a streamed body. @default {30_000} */
  streamIdleMs?: number;
  /** How long a streamed body may take. @default {3_600_000} */
  streamMaxMs?: number;
  /** Most records of a stream whose receipts the client has not read. @default {10_000} */
  streamMaxUnread?: number;
  /**
   * Most bytes that a stream may be ahead of what the producer takes of it once its receipts have begun, which they do
   * when the client is waited for. Nothing holds it back then: Deno takes what comes while an answer is open. Those of all
   * streams together are bounded by `readingMaxBytes`.
   *
   * @default {16_777_216}
   */
  streamMaxAheadBytes?: number;
  /** How long a request that does not wait for Kafka waits for room in the buffer. @default {250} */
  bufferWaitMs?: number;
  /**
   * The longest that records of `/batch/sync` wait for company: their clients wait as well. Those that nobody waits for do
   * as the producer's `lingerMs` says, which holds for these, too, where it is less.
   *
   * @default {2}
   */
  batchSyncLingerMs?: number;
  /** How long a request waits for Kafka. @default {30_000} */
  requestTimeoutMs?: number;
  /** Requests a second of a principal, or else of an address; 0 for any number. @default {0} */
  rateLimitPerSecond?: number;
  /** Requests at once after a pause; 0 for as many as in a second. @default {0} */
  rateLimitBurst?: number;
  /** How long the answer to an `idempotency-key` is kept; 0 for not at all. @default {600_000} */
  idempotencyTtlMs?: number;
  /** Most answers kept. @default {10_000} */
  idempotencyMaxAnswers?: number;
  /** Most bytes of them. @default {16_777_216} */
  idempotencyMaxBytes?: number;
  /** How long the edit hook may take. @default {500} */
  editTimeoutMs?: number;
  /** Buffered bytes above which the gateway is not ready, `/safe/` refuses and hand-off begins. @default {25_165_824} */
  highWaterBytes?: number;
  /** Most browsers that watch the page at a time. @default {16} */
  pageMaxWatchers?: number;
  /** How long a drain goes on serving, for balancers to notice. @default {5_000} */
  preStopMs?: number;
  /** How long a drain waits for requests under way. @default {10_000} */
  drainRequestsMs?: number;
  /** How long a drain waits for Kafka. @default {20_000} */
  drainFlushMs?: number;
}

/** Options of {@linkcode createGateway}. */
export interface GatewayOptions extends GatewayLimits {
  /** Where records go. One producer serves all requests; closing it is up to its owner. */
  producer: GatewayProducer;
  /**
   * Topics that may be written to: names, or beginnings of names followed by `*`; `"*"` for all; or a function that is
   * asked for each request. Kafka's internal topics are never allowed.
   *
   * @default {"*"}
   */
  topics?: "*" | readonly string[] | TopicRule;
  /** Who may write. Without it, everybody may. */
  authenticate?: Authenticate;
  /** Changes what is posted to kafboy's routes, or answers in its place. */
  editJson?: EditHook;
  /** Told of every answer of 400 and above; what it throws is ignored. */
  onError?: ErrorHook;
  /** Further paths of the oldest routes. */
  routes?: RouteAliases;
  /** What the gateway does as kafboy did, although that was not good. */
  compat?: Compat;
  /** Where clients are sent while this gateway is overloaded; without it they are answered 503. */
  handOff?: HandOff;
  /**
   * Origins of web pages that may write, such as `https://shop.example`. A request with any other `Origin` than the
   * gateway's own is refused.
   *
   * @default {[]}
   */
  origins?: readonly string[];
  /** Values of `Host` that are answered, without port. Unset: any. It keeps web pages off that rebind a name of theirs. */
  hosts?: readonly string[];
  /**
   * Addresses of proxies whose `x-forwarded-for` is believed, and networks of such, as `10.0.0.0/8`. A request comes from
   * the last address there that is none of theirs.
   *
   * @default {[]}
   */
  trustedProxies?: readonly string[];
  /** What `/disco` answers. @default {"ekaf"} */
  nodeName?: string;
  /** Whether `/echo_post` is there. @default {false} */
  echoPost?: boolean;
  /** Whether the id of a request becomes the record header `x-request-id`. @default {false} */
  requestIdHeader?: boolean;
  /** Whether `/healthz`, `/readyz`, `/metrics` and `/openapi.json` are there. @default {true} */
  operation?: boolean;
  /** Further text for `/metrics`, in Prometheus' format: that of the producer, for one. */
  metrics?: () => string | Promise<string>;
  /**
   * Whether there is a page at `GET /` that shows live what goes through, with a form for a record to try. It shows names
   * of topics, addresses of brokers and texts of errors to everybody who may write, so leave it off where that is the world.
   *
   * @default {false}
   */
  page?: boolean;
}

/** Limits with every default filled in. */
export type ResolvedLimits = Required<GatewayLimits>;

/** Options with every default filled in. */
export interface ResolvedGatewayOptions extends ResolvedLimits {
  /** See {@linkcode GatewayOptions.producer}. */
  readonly producer: GatewayProducer;
  /** See {@linkcode GatewayOptions.topics}. */
  readonly topics: "*" | readonly string[] | TopicRule;
  /** See {@linkcode GatewayOptions.authenticate}. */
  readonly authenticate: Authenticate | undefined;
  /** See {@linkcode GatewayOptions.editJson}. */
  readonly editJson: EditHook | undefined;
  /** See {@linkcode GatewayOptions.onError}. */
  readonly onError: ErrorHook | undefined;
  /** See {@linkcode GatewayOptions.routes}. */
  readonly routes: Required<RouteAliases>;
  /** See {@linkcode GatewayOptions.compat}. */
  readonly compat: Required<Compat>;
  /** See {@linkcode GatewayOptions.handOff}. */
  readonly handOff: HandOff | undefined;
  /** See {@linkcode GatewayOptions.origins}. */
  readonly origins: readonly string[];
  /** See {@linkcode GatewayOptions.hosts}. */
  readonly hosts: readonly string[] | undefined;
  /** See {@linkcode GatewayOptions.trustedProxies}. */
  readonly trustedProxies: readonly string[];
  /** See {@linkcode GatewayOptions.nodeName}. */
  readonly nodeName: string;
  /** See {@linkcode GatewayOptions.echoPost}. */
  readonly echoPost: boolean;
  /** See {@linkcode GatewayOptions.requestIdHeader}. */
  readonly requestIdHeader: boolean;
  /** See {@linkcode GatewayOptions.operation}. */
  readonly operation: boolean;
  /** See {@linkcode GatewayOptions.metrics}. */
  readonly metrics: (() => string | Promise<string>) | undefined;
  /** See {@linkcode GatewayOptions.page}. */
  readonly page: boolean;
}

/** What the limits are unless told otherwise. */
export const LIMIT_DEFAULTS: Readonly<ResolvedLimits> = {
  bodyMaxBytes: 1024 * 1024,
  batchBodyMaxBytes: 10 * 1024 * 1024,
  recordMaxBytes: 1_000_000,
  requestMaxRecords: 10_000,
  recordMaxHeaders: 64,
  recordMaxHeaderBytes: 16 * 1024,
  decompressedMaxRatio: 8,
  readingMaxBytes: 64 * 1024 * 1024,
  unreadChunksMaxBytes: 128 * 1024 * 1024,
  maxRequests: 2_048,
  maxTopics: 1_000,
  topicIdleMs: 600_000,
  bodyTimeoutMs: 10_000,
  bodyMinBytesPerSecond: 1_024,
  streamIdleMs: 30_000,
  streamMaxMs: 3_600_000,
  streamMaxUnread: 10_000,
  streamMaxAheadBytes: 16 * 1024 * 1024,
  bufferWaitMs: 250,
  batchSyncLingerMs: 2,
  requestTimeoutMs: 30_000,
  rateLimitPerSecond: 0,
  rateLimitBurst: 0,
  idempotencyTtlMs: 600_000,
  idempotencyMaxAnswers: 10_000,
  idempotencyMaxBytes: 16 * 1024 * 1024,
  editTimeoutMs: 500,
  highWaterBytes: 24 * 1024 * 1024,
  pageMaxWatchers: 16,
  preStopMs: 5_000,
  drainRequestsMs: 10_000,
  drainFlushMs: 20_000,
};

/** Limits that may be zero; every other is at least 1. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set([
  "recordMaxHeaders",
  "recordMaxHeaderBytes",
  "bodyMinBytesPerSecond",
  "rateLimitPerSecond",
  "rateLimitBurst",
  "idempotencyTtlMs",
  "bufferWaitMs",
  "batchSyncLingerMs",
  "preStopMs",
  "drainRequestsMs",
  "drainFlushMs",
]);

/** The least value of a limit. */
export function leastOf(name: keyof GatewayLimits): number {
  return MAY_BE_ZERO.has(name) ? 0 : 1;
}

const limitChecks = Object.fromEntries(
  Object.keys(LIMIT_DEFAULTS).map((name) => {
    const least = leastOf(name as keyof GatewayLimits);
    return [name, name.endsWith("Ms") ? milliseconds(least) : integer(least)];
  }),
) as Record<keyof GatewayLimits, Check>;

const checks: Record<keyof GatewayOptions, Check> = {
  ...limitChecks,
  producer: checkProducer,
  topics: checkTopicRule,
  authenticate: callable,
  editJson: callable,
  onError: callable,
  routes: (name, value) =>
    checkMembers(name, value, { async: checkPaths, asyncBatch: checkPaths, sync: checkPaths, syncBatch: checkPaths }),
  compat: (name, value) => checkMembers(name, value, { status400: typed("boolean"), formAsKeyed: typed("boolean") }),
  handOff: (name, value) => checkMembers(name, value, { peers: checkOrigins }),
  origins: checkOrigins,
  hosts: checkNames,
  trustedProxies: checkProxies,
  nodeName: typed("string"),
  echoPost: typed("boolean"),
  requestIdHeader: typed("boolean"),
  operation: typed("boolean"),
  metrics: callable,
  page: typed("boolean"),
};

/** Names of all options. */
export const GATEWAY_OPTION_NAMES: readonly string[] = Object.keys(checks);

/**
 * Checks options and fills in defaults.
 *
 * @param options What the caller passed.
 * @throws {TypeError} For a value of the wrong type or an unknown name, naming it.
 * @throws {RangeError} For a value out of bounds.
 */
export function resolveGatewayOptions(options: GatewayOptions): ResolvedGatewayOptions {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot make a gateway: options must be an object, not ${quote(options)}`);
  }
  checkAll(options, checks, "gateway option");
  if (options.producer === undefined) throw new TypeError('Cannot make a gateway: "producer" is missing');
  const limits = Object.fromEntries(
    Object.entries(LIMIT_DEFAULTS).map(([name, value]) => [name, options[name as keyof GatewayLimits] ?? value]),
  ) as unknown as ResolvedLimits;
  return {
    ...limits,
    producer: options.producer,
    topics: options.topics ?? "*",
    authenticate: options.authenticate,
    editJson: options.editJson,
    onError: options.onError,
    routes: { async: [], asyncBatch: [], sync: [], syncBatch: [], ...options.routes },
    compat: { status400: false, formAsKeyed: false, ...options.compat },
    handOff: options.handOff,
    origins: options.origins ?? [],
    hosts: options.hosts?.map((host) => host.toLowerCase()),
    trustedProxies: options.trustedProxies ?? [],
    nodeName: options.nodeName ?? "ekaf",
    echoPost: options.echoPost ?? false,
    requestIdHeader: options.requestIdHeader ?? false,
    operation: options.operation ?? true,
    metrics: options.metrics,
    page: options.page ?? false,
  };
}

function checkProducer(name: string, value: unknown): void {
  const producer = value as Partial<GatewayProducer> | null;
  if (typeof producer === "object" && typeof producer?.send === "function" && typeof producer.delivery === "function") {
    return;
  }
  throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be a Producer`);
}

function checkTopicRule(name: string, value: unknown): void {
  if (value === "*" || typeof value === "function") return;
  if (typeof value === "string") {
    throw new RangeError(`Cannot use ${quote(name)} ${quote(value)}: it must be "*", an array or a function`);
  }
  checkNames(name, value);
  for (const entry of value as readonly string[]) {
    // Any other would never match, and nobody would be told.
    if (/^(?:\*|[a-zA-Z0-9._-]{1,249}\*?)$/.test(entry)) continue;
    throw new RangeError(
      `Cannot use ${quote(name)} ${quote(entry)}: it must be the name of a topic, or the beginning of one and "*"`,
    );
  }
}

function checkMembers(name: string, value: unknown, members: Record<string, Check>): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be an object`);
  }
  checkAll(value, members, `${quote(name)}'s`);
}

function checkPaths(name: string, value: unknown): void {
  checkNames(name, value);
  for (const path of value as readonly string[]) {
    const isPath = /^\/[^?#]*$/.test(path) && path.split("/").filter((segment) => segment === ":topic").length === 1;
    if (!isPath) {
      throw new RangeError(`Cannot use ${quote(name)} ${quote(path)}: it must be a path with ":topic" as one segment`);
    }
  }
}

function checkProxies(name: string, value: unknown): void {
  checkNames(name, value);
  new ProxyList(value as readonly string[]);
}

function checkOrigins(name: string, value: unknown): void {
  checkNames(name, value);
  for (const origin of value as readonly string[]) {
    if (!/^https?:\/\/[^/?#@\s]+$/.test(origin)) {
      throw new RangeError(`Cannot use ${quote(name)} ${quote(origin)}: it must be like "https://host:port"`);
    }
  }
}
