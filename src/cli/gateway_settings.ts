/**
 * What can be said to `ekaf gateway`: flags, the environment variables beside them, and what both become.
 *
 * @module
 */

import type { GatewayLimits } from "@ekaf/ekaf/gateway";
import { leastOf, LIMIT_DEFAULTS } from "../gateway/options.ts";
import { type Flags, HELP_FLAG, parseCount, UsageError } from "./flags.ts";

/** Flags that are limits of the gateway, with what `--help` says. */
const LIMITS: Readonly<Record<keyof GatewayLimits, string>> = {
  bodyMaxBytes: "Most bytes of a body of one record, 1 MiB by default",
  batchBodyMaxBytes: "Most bytes of a body of several, 10 MiB by default",
  recordMaxBytes: "Most bytes of a record, 1000000 by default",
  requestMaxRecords: "Most records of a body, 10000 by default",
  recordMaxHeaders: "Most headers of a record, 64 by default",
  recordMaxHeaderBytes: "Most bytes of them, 16 KiB by default",
  decompressedMaxRatio: "Times that a body may grow, 8 by default",
  readingMaxBytes: "Most bytes being read in all, 64 MiB by default",
  unreadChunksMaxBytes: "Most kept of chunked bodies, 128 MiB by default",
  maxRequests: "Most requests under way, 2048 by default",
  maxTopics: "Most topics in use, 1000 by default",
  topicIdleMs: "In use after the last request, 600000 by default",
  bodyTimeoutMs: "How long a body may take, 10000 by default",
  bodyMinBytesPerSecond: "Slowest body after 5 s, 1024 by default",
  streamIdleMs: "Longest silence of a stream, 30000 by default",
  streamMaxMs: "How long a stream may take, 3600000 by default",
  streamMaxUnread: "Most receipts not read, 10000 by default",
  streamMaxAheadBytes: "Sent ahead of receipts at most, 16 MiB by default",
  bufferWaitMs: "How long to wait for room, 250 by default",
  batchSyncLingerMs: "Wait for company at /batch/sync, 2 by default",
  requestTimeoutMs: "How long to wait for Kafka, 30000 by default",
  rateLimitPerSecond: "Requests a second of a client, any by default",
  rateLimitBurst: "Requests at once, those of a second by default",
  idempotencyTtlMs: "Answers are kept so long, 600000 by default",
  idempotencyMaxAnswers: "Most answers kept, 10000 by default",
  idempotencyMaxBytes: "Most bytes of them, 16 MiB by default",
  editTimeoutMs: "How long the edit hook may take, 500 by default",
  highWaterBytes: "Buffered bytes that are too many, 24 MiB by default",
  pageMaxWatchers: "Most browsers at the page, 16 by default",
  preStopMs: "Served on at the end, 5000 by default",
  drainRequestsMs: "For requests under way then, 10000 by default",
  drainFlushMs: "For what Kafka has not got then, 20000 by default",
};

/** A producer's batches by default, a little less than brokers take before 2.5. */
const USUAL_BATCH_BYTES = 1_000_000;
/** The largest batch for which a producer has room in a partition's share of its buffer, and in a request. */
const MOST_BATCH_BYTES = 8 * 1024 * 1024 - 4_096;
/** What stands around the only record of a batch, and a key of the usual kind. */
const RECORD_FRAMING_BYTES = 4_096;
/** Lengths of a header's name and value. */
const HEADER_FRAMING_BYTES = 10;

/** All flags but the limits. */
const FLAGS = {
  "bootstrap": { kind: "value", placeholder: "LIST", help: ["Brokers, host:port, separated by commas"] },
  "embedded": {
    kind: "switch",
    help: ["Over an embedded Kafka in this process, for trials;", "it makes topics as they are asked for"],
  },
  "print": { kind: "switch", help: ["With --embedded: print each record that arrives"] },
  "host": {
    kind: "value",
    placeholder: "ADDRESS",
    help: ["Where to listen, 127.0.0.1 by default; any other", "needs --topics"],
  },
  "port": { kind: "value", placeholder: "NUMBER", help: ["8080 by default, 0 for any free one"] },
  "operation-port": {
    kind: "value",
    placeholder: "NUMBER",
    help: ["A port of their own for /healthz, /readyz, /metrics", "and /openapi.json"],
  },
  "topics": {
    kind: "value",
    placeholder: "LIST",
    help: ["Topics that may be written to, such as a,b,logs-*;", '"*" for all'],
  },
  "origins": { kind: "value", placeholder: "LIST", help: ["Origins of web pages that may write"] },
  "hosts": {
    kind: "value",
    placeholder: "LIST",
    help: ['Host names that are answered, "*" for any; on a', "loopback address by default its own"],
  },
  "trusted-proxies": {
    kind: "value",
    placeholder: "LIST",
    help: ["Addresses, or networks such as 10.0.0.0/8, whose", "x-forwarded-for is believed"],
  },
  "hand-off-peers": {
    kind: "value",
    placeholder: "LIST",
    help: ["Origins of gateways that clients are sent to while", "this one is overloaded"],
  },
  "async-paths": { kind: "value", placeholder: "LIST", help: ["Further paths that act as /async/:topic"] },
  "async-batch-paths": { kind: "value", placeholder: "LIST", help: ["Further paths that act as /batch/async/:topic"] },
  "sync-paths": { kind: "value", placeholder: "LIST", help: ["Further paths that act as /sync/:topic"] },
  "sync-batch-paths": { kind: "value", placeholder: "LIST", help: ["Further paths that act as /batch/sync/:topic"] },
  "page": {
    kind: "value",
    placeholder: "on|off",
    help: ["A page at / that shows what goes through, with a", "form; on by default on a loopback address only"],
  },
  "node-name": { kind: "value", placeholder: "NAME", help: ["What /disco answers"] },
  "echo-post": { kind: "switch", help: ["With /echo_post, which sends nothing"] },
  "request-id-header": { kind: "switch", help: ["The id of a request becomes a header of its records"] },
  "compat-status-400": { kind: "switch", help: ["400 where kafboy answered it and HTTP has 405, 503"] },
  "compat-form-as-keyed": { kind: "switch", help: ["A form becomes a record a field, its name the key"] },
  "client-id": { kind: "value", placeholder: "NAME", help: ["Name under which brokers log this client"] },
  "linger-ms": {
    kind: "value",
    placeholder: "MS",
    help: ["How long records that nobody waits for wait for", "company, 5 by default"],
  },
  "buffer-max-bytes": {
    kind: "value",
    placeholder: "BYTES",
    help: ["Size of the producer's buffer, 32 MiB by default"],
  },
} as const satisfies Flags;

const limitFlags: Flags = Object.fromEntries(
  Object.entries(LIMITS).map(([name, help]) => {
    const placeholder = name.endsWith("Ms") ? "MS" : name.endsWith("Bytes") ? "BYTES" : "NUMBER";
    return [flagOf(name), { kind: "value", placeholder, help: [help] }];
  }),
);

/** Every flag of the command. */
export const GATEWAY_FLAGS: Flags = { ...FLAGS, ...limitFlags, ...HELP_FLAG };

/** The environment variable that says the same as a flag. */
export function variableOf(flag: string): string {
  return `EKAF_${flag.toUpperCase().replaceAll("-", "_")}`;
}

/** Whether only this machine can reach an address. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Flags whose option has another name. */
const FLAG_OF_OPTION: Readonly<Record<string, string>> = {
  peers: "hand-off-peers",
  async: "async-paths",
  asyncBatch: "async-batch-paths",
  sync: "sync-paths",
  syncBatch: "sync-batch-paths",
};

/** What was said, by flags and, where those say nothing, by the environment. */
export class Settings {
  readonly #flags: Readonly<Record<string, unknown>>;
  readonly #environment: (name: string) => string | undefined;

  /**
   * @param flags The flags as they were parsed.
   * @param environment The environment.
   */
  constructor(flags: Readonly<Record<string, unknown>>, environment: (name: string) => string | undefined) {
    this.#flags = flags;
    this.#environment = environment;
  }

  /** A text, undefined where nothing was said. An empty variable says nothing. */
  text(flag: keyof typeof FLAGS): string | undefined {
    return this.#text(flag);
  }

  /** Whether a switch is on. */
  isOn(flag: keyof typeof FLAGS): boolean {
    if (this.#flags[flag] === true) return true;
    const value = this.#environment(variableOf(flag));
    if (value === undefined || value === "" || value === "0" || value === "false") return false;
    if (value === "1" || value === "true") return true;
    throw new UsageError(`Cannot use ${variableOf(flag)} ${JSON.stringify(value)}: it must be 1 or 0`);
  }

  /** Whether there is a page: where nothing was said, only for those on this machine. */
  hasPage(hostname: string): boolean {
    const text = this.#text("page");
    if (text === undefined) return isLoopback(hostname);
    if (["on", "1", "true"].includes(text)) return true;
    if (["off", "0", "false"].includes(text)) return false;
    throw new UsageError(`Cannot use ${this.originOf("page")} ${JSON.stringify(text)}: it must be on or off`);
  }

  /** A list, undefined where nothing was said. One without an entry is a slip: it would allow nothing, or all. */
  list(flag: keyof typeof FLAGS): string[] | undefined {
    const text = this.#text(flag);
    const entries = text?.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "");
    if (entries?.length !== 0) return entries;
    throw new UsageError(`Cannot use ${this.originOf(flag)} ${JSON.stringify(text)}: it holds nothing`);
  }

  /** A whole number, undefined where nothing was said. */
  count(flag: keyof typeof FLAGS, bounds: { min: number; max: number }): number | undefined {
    const text = this.#text(flag);
    return text === undefined ? undefined : parseCount(this.originOf(flag), text, bounds);
  }

  /** The limits that were said. */
  limits(): GatewayLimits {
    const limits: Record<string, number> = {};
    for (const name of Object.keys(LIMITS)) {
      const text = this.#text(flagOf(name));
      if (text === undefined) continue;
      const bounds = { min: leastOf(name as keyof GatewayLimits), max: Number.MAX_SAFE_INTEGER };
      limits[name] = parseCount(this.originOf(flagOf(name)), text, bounds);
    }
    return limits;
  }

  /** Most bytes of a batch for the largest record to fit one, with all the headers it may have. */
  batchMaxBytes(): number {
    const { recordMaxBytes, recordMaxHeaders, recordMaxHeaderBytes } = { ...LIMIT_DEFAULTS, ...this.limits() };
    const aroundBytes = recordMaxHeaderBytes + recordMaxHeaders * HEADER_FRAMING_BYTES + RECORD_FRAMING_BYTES;
    if (recordMaxBytes + aroundBytes > MOST_BATCH_BYTES) {
      throw new UsageError(
        `Cannot use ${
          this.originOf("record-max-bytes")
        } ${recordMaxBytes}: with ${aroundBytes} bytes of headers and frame it must fit ` +
          `a batch of ${MOST_BATCH_BYTES}`,
      );
    }
    return Math.max(USUAL_BATCH_BYTES, recordMaxBytes + aroundBytes);
  }

  /** Where a flag's value was said: by the flag itself, or else by its variable. */
  originOf(flag: string): string {
    const isByVariable = this.#flags[flag] === undefined && this.#text(flag) !== undefined;
    return isByVariable ? variableOf(flag) : `--${flag}`;
  }

  /** An error of the gateway's options in the words of who said them: `"origins"` is `--origins`. */
  retold(message: string): string {
    return message.replace(/^Cannot use "(\w+)"/, (_, name) => {
      return `Cannot use ${this.originOf(FLAG_OF_OPTION[name] ?? flagOf(name))}`;
    });
  }

  #text(flag: string): string | undefined {
    const flagValue = this.#flags[flag] as string | undefined;
    if (flagValue !== undefined) return flagValue;
    const value = this.#environment(variableOf(flag));
    return value === "" ? undefined : value;
  }
}

/** The flag of a limit: `bodyMaxBytes` is `body-max-bytes`. */
function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
