/**
 * A route: what the router, the answers to wrong methods and the OpenAPI document are all made of.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";

/** How a route tells what went wrong: `{"error":…}`, Confluent's `{"error_code":…}`, or a problem of RFC 9457. */
export type FailureStyle = "kafboy" | "confluent" | "problem";

/** An answer, as the OpenAPI document has it. */
export interface AnswerDescription {
  /** What it means. */
  readonly description: string;
  /** Its media types, with a schema and an example each. */
  readonly content?: Readonly<Record<string, { readonly schema?: object; readonly example?: unknown }>>;
}

/** What the OpenAPI document says of a route. */
export interface RouteDescription {
  /** In one line. */
  readonly summary: string;
  /** More of it. */
  readonly description?: string;
  /** Group in the document. */
  readonly tag: "produce" | "stream" | "confluent" | "operation" | "page";
  /** Media types of the body, with an example each; none for a route without a body. */
  readonly body?: Readonly<Record<string, { readonly schema?: object; readonly example?: unknown }>>;
  /** Whether the headers that say something about the record mean something here. */
  readonly takesRecordHeaders?: boolean;
  /** Parameters behind `?`: name and meaning. */
  readonly query?: Readonly<Record<string, string>>;
  /** Failures that other routes do not have: 406, 409. */
  readonly rareFailures?: readonly number[];
  /** Answers by status. */
  readonly answers: Readonly<Record<string, AnswerDescription>>;
}

/** See the module comment. */
export interface Route {
  /** Its name, in metrics and in the OpenAPI document. */
  readonly id: string;
  /** Its method. */
  readonly method: "GET" | "POST";
  /** Its path; `:topic` and `:partition` stand for a segment each. */
  readonly path: string;
  /** How it tells what went wrong. */
  readonly style: FailureStyle;
  /** Most bytes of its body; 0 for a route that reads none, or streams it. */
  readonly maxBodyBytes: number;
  /** Whether it is answered also while the gateway ends, is full, or does not know who asks. */
  readonly isOperation: boolean;
  /** What the OpenAPI document says. */
  readonly describe: RouteDescription;
  /** Answers a request. */
  readonly handle: (exchange: Exchange) => Promise<Response>;
}
