/**
 * Compressed bodies, decompressed within bounds.
 *
 * @module
 */

import { BodyError } from "./body_error.ts";
import { joined } from "./joined.ts";
import { ZlibEnd } from "./zlib_end.ts";

/**
 * Most bytes that a decompressor is given at once. It turns a slice into one chunk however large: with 2 KiB of zeros gone
 * through gzip, some 2 MB; from a chunk of 64 KiB it may be 64 MB.
 */
export const INFLATE_SLICE_BYTES = 2_048;
/** Content codings that are taken, as `accept-encoding` of the answer 415 has them. */
export const ACCEPT_ENCODING = "gzip, deflate";

/** A content coding that is taken. */
export type Coding = "gzip" | "deflate";

/** Where chunks come from: null is the end. */
export interface ChunkSource {
  /** The next chunk, null at the end. */
  next(): Promise<Uint8Array | null>;
  /** Reads no more of it. */
  cancel(): Promise<void>;
  /** Whether the client is gone. */
  readonly isBrokenOff: boolean;
}

/**
 * The coding of a body.
 *
 * @param contentEncoding The header.
 * @returns Null for a body that is not compressed.
 * @throws {BodyError} 415 for a coding that is not taken, and for several on top of each other.
 */
export function codingOf(contentEncoding: string | undefined): Coding | null {
  const codings = (contentEncoding ?? "").split(",").map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  const [coding] = codings;
  if (coding === undefined) return null;
  if (codings.length === 1 && (coding === "gzip" || coding === "x-gzip")) return "gzip";
  if (codings.length === 1 && coding === "deflate") return "deflate";
  const reason = codings.length > 1
    ? "it is compressed more than once"
    : `its content-encoding must be one of ${ACCEPT_ENCODING}`;
  throw new BodyError("UNSUPPORTED_ENCODING", `Cannot take the body: ${reason}`, {
    headers: { "accept-encoding": ACCEPT_ENCODING },
  });
}

/** A compressed body, decompressed as it is read, and no faster. */
export class Inflation implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #maxBytes: number;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #written: Promise<void>;
  /** Null where the decompressor itself notices that its input is cut off. */
  readonly #end: ZlibEnd | null;
  #bytes = 0;
  /** Why the source ended early, null when it did not. */
  #sourceError: unknown = null;

  /**
   * @param source The compressed chunks.
   * @param coding How they are compressed.
   * @param maxBytes Most bytes of what they become.
   */
  constructor(source: ChunkSource, coding: Coding, maxBytes: number) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    const { readable, writable } = new DecompressionStream(coding);
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => {}); // read() tells.
    this.#reader = readable.getReader();
    this.#reader.closed.catch(() => {}); // read() tells.
    this.#end = coding === "deflate" ? new ZlibEnd() : null;
    this.#written = this.#write();
  }

  /** Whether the client is gone. */
  get isBrokenOff(): boolean {
    return this.#source.isBrokenOff;
  }

  /**
   * The next chunk, null at the end.
   *
   * @throws {BodyError} 413 when there is more of it than allowed; 400 when it is damaged, ends too early or has something
   * behind its end; and what the source throws.
   */
  async next(): Promise<Uint8Array | null> {
    let chunk: ReadableStreamReadResult<Uint8Array>;
    try {
      chunk = await this.#reader.read();
    } catch (cause) {
      await this.#written;
      throw this.#sourceError ?? damaged(cause);
    }
    if (chunk.done) {
      if (this.#end?.isWhole === false) throw damaged();
      return null;
    }
    this.#end?.plain(chunk.value);
    this.#bytes += chunk.value.length;
    if (this.#bytes <= this.#maxBytes) return chunk.value;
    await this.cancel();
    throw new BodyError(
      "BODY_TOO_LARGE",
      `Cannot take the body: decompressed it is larger than ${this.#maxBytes} bytes`,
    );
  }

  /** Reads no more of it. */
  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {}); // It has ended by an error already.
    await this.#source.cancel();
    await this.#written;
  }

  /** Feeds the decompressor, slice by slice, as it takes them. Never rejects. */
  async #write(): Promise<void> {
    const writer = this.#writer;
    try {
      for (let chunk = await this.#next(); chunk !== null; chunk = await this.#next()) {
        for (let begin = 0; begin < chunk.length; begin += INFLATE_SLICE_BYTES) {
          await writer.ready;
          // Awaited, so that only one slice is under way; its memory is copied by then.
          await writer.write(chunk.subarray(begin, begin + INFLATE_SLICE_BYTES) as Uint8Array<ArrayBuffer>);
        }
      }
      await writer.close();
    } catch (error) {
      await writer.abort(error).catch(() => {}); // The reader tells.
    }
  }

  async #next(): Promise<Uint8Array | null> {
    try {
      const chunk = await this.#source.next();
      if (chunk !== null) this.#end?.compressed(chunk);
      return chunk;
    } catch (error) {
      this.#sourceError = error;
      throw error;
    }
  }
}

function damaged(cause?: unknown): BodyError {
  const reason = "it is damaged, cut off, or has something behind it";
  return new BodyError("MALFORMED_BODY", `Cannot decompress the body: ${reason}`, { cause });
}

/**
 * A whole body, decompressed.
 *
 * @param bytes The compressed body.
 * @param coding How it is compressed.
 * @param maxBytes Most bytes of what it becomes.
 * @throws {BodyError} As {@linkcode Inflation.next} does.
 */
export async function inflated(bytes: Uint8Array, coding: Coding, maxBytes: number): Promise<Uint8Array> {
  let rest: Uint8Array | null = bytes;
  const inflation = new Inflation(
    {
      next: () => {
        const chunk = rest;
        rest = null;
        return Promise.resolve(chunk);
      },
      cancel: () => Promise.resolve(),
      isBrokenOff: false,
    },
    coding,
    maxBytes,
  );
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let part = await inflation.next(); part !== null; part = await inflation.next()) {
    parts.push(part);
    length += part.length;
  }
  return joined(parts, length);
}
