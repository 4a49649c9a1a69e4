/**
 * What became of a record, as an HTTP status: the one table of it.
 *
 * @module
 */

import {
  BrokerError,
  BufferFullError,
  ConnectionError,
  DeliveryError,
  ProtocolError,
  type Verdict,
} from "../errors.ts";
import { RecordRefusedError, RecordTooLargeError, UnknownPartitionError } from "../record_errors.ts";
import { type ErrorRow, GATEWAY_ERRORS, GatewayError, type GatewayErrorCode } from "./gateway_error.ts";

/** The answer to an error. */
export interface ErrorStatus {
  /** Status of the answer. */
  status: number;
  /** What went wrong in one word: Kafka's name of its code, or one of the gateway's own. */
  code: string;
  /** Whether the same request may succeed later. */
  retriable: boolean;
  /** Seconds after which to try again, where the answer is to say so. */
  retryAfter?: number;
  /** Whether the record may be in Kafka all the same; absent where nothing was sent. */
  delivered?: "unknown" | "no";
}

const NEVER = { retriable: false } as const;
const LATER = { retriable: true, hasRetryAfter: true } as const;

/** Kafka's codes whose answer does not follow from their being retriable or not, by number. */
const KAFKA_CODES: ReadonlyMap<number, ErrorRow> = new Map<number, ErrorRow>([
  // What the client can repair.
  ...rows([3, 100, 103], { status: 404, ...NEVER }), // unknown topic, partition or topic id
  ...rows([17], { status: 400, ...NEVER }), // no name of a topic
  ...rows([10, 18], { status: 413, ...NEVER }), // record, list of records too large
  ...rows([2, 32, 43, 44, 87], { status: 422, ...NEVER }), // corrupt, timestamp, headers, policy, invalid record
  ...rows([29, 31], { status: 403, ...NEVER }), // not authorised for the topic, the cluster
  // What it cannot.
  ...rows([58], { status: 502, retriable: true }), // the gateway's own credentials
  ...rows([7], { status: 504, retriable: true }), // timed out
  ...rows([8], { status: 503, ...LATER }), // no broker; not retriable to Kafka's Java client, but so it is here
]);

/** Retriable codes not listed: nobody can take the record now, among them 5, 6, 9, 13, 19, 20, 56 and 89 (the quota). */
const RETRIABLE_CODE: ErrorRow = { status: 503, ...LATER };
/** Final codes not listed: between gateway and broker something is wrong that no client can repair. */
const FINAL_CODE: ErrorRow = { status: 502, ...NEVER };

function rows(codes: readonly number[], row: ErrorRow): [number, ErrorRow][] {
  return codes.map((code) => [code, row]);
}

/**
 * The answer to an error: of the producer, of the gateway, or of a bug.
 *
 * @param error What was thrown. Of a {@linkcode DeliveryError} the cause decides, and the verdict says whether the record
 * may be in Kafka.
 * @param retryAfter Tells after how many seconds to try again; asked only where the answer is to say so.
 * @returns The answer; status 500 for what nobody expects.
 */
export function statusOf(error: unknown, retryAfter: () => number = () => 1): ErrorStatus {
  const { code, row } = classify(error);
  const status: ErrorStatus = { status: row.status, code, retriable: row.retriable };
  const own = error instanceof GatewayError ? error.retryAfter : undefined;
  if (row.hasRetryAfter || own !== undefined) status.retryAfter = own ?? retryAfter();
  if (error instanceof DeliveryError) status.delivered = DELIVERED[error.verdict];
  return status;
}

const DELIVERED: Record<Verdict, "unknown" | "no"> = { possiblyPersisted: "unknown", notPersisted: "no" };

function classify(error: unknown): { code: string; row: ErrorRow } {
  if (error instanceof GatewayError) return own(error.code);
  if (error instanceof BrokerError) {
    const row = KAFKA_CODES.get(error.code) ?? (error.retriable ? RETRIABLE_CODE : FINAL_CODE);
    return { code: error.errorName, row };
  }
  if (error instanceof BufferFullError) return own("BUFFER_FULL");
  if (error instanceof ConnectionError) return own(error.retriable ? "UNAVAILABLE" : "UPSTREAM_REFUSED");
  if (error instanceof ProtocolError) return own("UPSTREAM_REFUSED");
  if (error instanceof RecordTooLargeError) return own("RECORD_TOO_LARGE");
  if (error instanceof RecordRefusedError) return own("RECORD_REFUSED");
  if (error instanceof UnknownPartitionError) return { code: "UNKNOWN_TOPIC_OR_PARTITION", row: KAFKA_CODES.get(3)! };
  if (error instanceof DeliveryError) return error.cause === undefined ? own("UNAVAILABLE") : classify(error.cause);
  // The end of the time a record had: what stood in the way last says more, if it is known.
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return error.cause === undefined ? own("DELIVERY_TIMEOUT") : classify(error.cause);
  }
  return own("INTERNAL");
}

function own(code: GatewayErrorCode): { code: string; row: ErrorRow } {
  return { code, row: GATEWAY_ERRORS[code] };
}
