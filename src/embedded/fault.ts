/**
 * What may go wrong between a broker and its client besides an error code.
 *
 * @module
 */

/** What becomes of the connection: it ends, or it stays open and the broker says nothing on it any more. */
export type ConnectionEnd = "close" | "silent";

/**
 * No answer. `"close"` ends the connection; `"silent"` leaves the client waiting, while later requests of the connection
 * are answered.
 */
export interface NoAnswerFault {
  /** Which fault it is. */
  fault: ConnectionEnd;
  /**
   * Whether the request is carried out all the same, so that only the answer is lost: records are in the log, but their
   * producer cannot know.
   *
   * @default {false}
   */
  handled?: boolean;
}

/** An answer that breaks off. The request is carried out. */
export interface PartialFrameFault {
  /** Which fault it is. */
  fault: "partialFrame";
  /** How many bytes of the answer arrive, counted from its size of four bytes on. */
  bytes: number;
  /**
   * What comes then.
   *
   * @default {"close"}
   */
  then?: ConnectionEnd;
}

/** A whole answer with a number that is not its request's. The request is carried out. */
export interface WrongCorrelationIdFault {
  /** Which fault it is. */
  fault: "wrongCorrelationId";
  /** The number. By default one that the client has not used. */
  correlationId?: number;
}

/** Any bytes instead of the answer: those of a web server, of TLS, or of a frame of an impossible size. */
export interface RawBytesFault {
  /** Which fault it is. */
  fault: "rawBytes";
  /** What arrives. Nothing is put in front of it. */
  bytes: Uint8Array;
  /**
   * What comes then.
   *
   * @default {"close"}
   */
  then?: ConnectionEnd;
  /**
   * Whether the request is carried out all the same.
   *
   * @default {false}
   */
  handled?: boolean;
}

/**
 * What goes wrong with an answer: for `EmbeddedCluster.failNext()`, and for interceptors to return. `"close"` and
 * `"silent"` stand for `{ fault: "close" }` and `{ fault: "silent" }`.
 *
 * | fault | what the client sees |
 * |---|---|
 * | `"close"` | the connection ends instead of an answer |
 * | `"silent"` | no answer |
 * | `"partialFrame"` | the answer breaks off in the middle of its frame |
 * | `"wrongCorrelationId"` | an answer to a question it did not ask |
 * | `"rawBytes"` | bytes that are no answer |
 *
 * @example An answer that is cut after 7 bytes
 * ```ts
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { events: 1 } });
 * cluster.failNext("Produce", { fault: "partialFrame", bytes: 7 });
 * ```
 */
export type Fault = ConnectionEnd | NoAnswerFault | PartialFrameFault | WrongCorrelationIdFault | RawBytesFault;

/** A fault in its long form. */
export type FaultObject = Exclude<Fault, string>;

/** Whether it is a fault, and not a response: none of Kafka's has a field of that name. */
export function isFault(value: string | object): value is Fault {
  return typeof value === "string" || "fault" in value;
}

/**
 * The long form of a fault.
 *
 * @throws {TypeError} When there is no such fault.
 * @throws {RangeError} When its number of bytes is impossible.
 */
export function checkedFault(fault: Fault): FaultObject {
  const checked = typeof fault === "string" ? { fault } : fault;
  switch (checked.fault) {
    case "close":
    case "silent":
    case "rawBytes":
    case "wrongCorrelationId":
      return checked;
    case "partialFrame": {
      const { bytes } = checked;
      if (Number.isInteger(bytes) && bytes >= 0) return checked;
      throw new RangeError(`Cannot cut an answer: bytes must be 0 or more, but is ${bytes}`);
    }
    default: {
      const { fault } = checked as { fault: unknown };
      throw new TypeError(`Cannot let an answer go wrong: there is no fault "${fault}"`);
    }
  }
}

/** Whether the request is carried out before its answer goes wrong. */
export function isHandled(fault: FaultObject): boolean {
  if (fault.fault === "partialFrame" || fault.fault === "wrongCorrelationId") return true;
  return fault.handled ?? false;
}
