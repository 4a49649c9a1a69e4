/**
 * What a gateway calls, and is called with: the producer, and its owner's functions.
 *
 * @module
 */

import type { Producer } from "../producer/producer.ts";
import type { Bytes, RecordHeaders } from "../record.ts";

/** What a gateway needs of a `Producer`. */
export type GatewayProducer = Pick<
  Producer,
  "send" | "enqueue" | "delivery" | "metadata" | "flush" | "stats" | "forget" | "addEventListener"
>;

/** What there is to know of a request beside itself: what `Deno.serve` and `deno serve` hand to a handler. */
export interface RequestInfo {
  /** Who sent it. */
  readonly remoteAddr?: Deno.Addr | undefined;
}

/** Whether a principal may write to a topic. It gets null for a principal where there is no `authenticate`. */
export type TopicRule = (topic: string, principal: Principal | null) => boolean;

/** Who sent a request. */
export interface Principal {
  /** A name, for limits, hooks and logs. */
  readonly name: string;
  /** Topics it may write to, as {@linkcode GatewayOptions.topics} has them; the gateway's own rule holds as well. */
  readonly topics?: "*" | readonly string[];
}

/** A request as an {@linkcode Authenticate} hook sees it. */
export interface AuthRequest {
  /** The request's headers. */
  readonly headers: Headers;
  /** Its method. */
  readonly method: string;
  /** Its URL. */
  readonly url: string;
  /**
   * Its body, read within `bodyMaxBytes`, or `batchBodyMaxBytes` where the route takes several records.
   *
   * @throws {BodyError} When it is too large or too slow.
   */
  body(): Promise<Uint8Array>;
}

/**
 * Tells who sent a request, before anything of its body is read.
 *
 * Null or a throw: 401. A `Response`: that answer.
 */
export type Authenticate = (
  request: AuthRequest,
) => Principal | Response | null | Promise<Principal | Response | null>;

/** What was posted, as the edit hook sees it. */
export interface Post {
  /** Topic of the path. */
  readonly topic: string;
  /** The body's bytes, decompressed. */
  readonly body: Uint8Array;
  /** Names and values of a form, in order; empty for anything else. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The request's headers. */
  readonly headers: Headers;
  /** Who sent it, null without `authenticate`. */
  readonly principal: Principal | null;
  /** Aborted when `editTimeoutMs` are over. */
  readonly signal: AbortSignal;
  /**
   * The body as JSON.
   *
   * @throws {SyntaxError} When it is none.
   */
  json(): unknown;
}

/** A record that takes the place of the body. */
export interface EditedRecord {
  /** Its topic, by default that of the path. The gateway's rule for topics holds for it. */
  topic?: string;
  /** Its value. */
  value: Bytes | null;
  /** Its key. */
  key?: Bytes | null;
  /** Its headers. */
  headers?: RecordHeaders;
  /** Its partition. */
  partition?: number;
  /** Its timestamp. */
  timestamp?: number | Date;
}

/** What becomes of a post: a record, an answer in JSON without one, or a refusal. */
export type EditAction =
  | EditedRecord
  | { status: 200; body: Bytes }
  | { error: string; status?: number };

/** Changes what is posted. An array makes several records, an empty one is answered `{"error":"empty"}`. */
export type EditHook = (post: Post) => EditAction | readonly EditAction[] | Promise<EditAction | readonly EditAction[]>;

/** An answer of 400 or above. */
export interface GatewayFailure {
  /** Its status. */
  readonly status: number;
  /** What the client was told. */
  readonly message: string;
  /** What went wrong within; the client is not told. */
  readonly cause: unknown;
  /** Topic of the path, null where it has none. */
  readonly topic: string | null;
  /** Id of the request. */
  readonly requestId: string;
}

/** Told of failures; it may throw without harm. */
export type ErrorHook = (failure: GatewayFailure) => unknown;
