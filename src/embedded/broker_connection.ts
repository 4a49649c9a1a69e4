/**
 * One client's connection to an embedded broker.
 *
 * @module
 */

import { ProtocolError } from "../../protocol/errors.ts";
import { FrameSplitter } from "../net/frame_stream.ts";
import { type Answer, CLOSE } from "./answer.ts";
import type { Exchange } from "./exchange.ts";

/** Largest request accepted, as in Kafka (`socket.request.max.bytes`). */
export const MAX_REQUEST_BYTES = 104_857_600;
const READ_BUFFER_BYTES = 65_536;

/** What a connection needs. */
export interface BrokerConnectionOptions {
  /** Id of the broker. */
  brokerId: number;
  /** Answers the requests. */
  exchange: Exchange;
  /** Told of errors that neither the network nor the client's bytes are to blame for: those of an interceptor. */
  onError: (error: unknown) => void;
}

/**
 * Answers one request after the other, as Kafka does: the next is not looked at before the last is answered, so a slow
 * answer pushes back on the client.
 */
export class BrokerConnection {
  readonly #conn: Deno.Conn;
  readonly #options: BrokerConnectionOptions;
  readonly #closing = new AbortController();
  /** Gives up waiting for the answer that is being made. */
  #abandon: (() => void) | undefined;

  /**
   * @param conn The socket; owned from here on.
   * @param options Who answers.
   */
  constructor(conn: Deno.Conn, options: BrokerConnectionOptions) {
    this.#conn = conn;
    this.#options = options;
  }

  /** Serves until either side closes. Never rejects. */
  async serve(): Promise<void> {
    try {
      await this.#serve();
    } catch (error) {
      // A connection ends in many ways, all of them the client's business. What else fails is reported in #answer.
      if (!(error instanceof Error)) throw error;
    } finally {
      this.close();
    }
  }

  /** Ends the connection at once. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#abandon?.();
    try {
      this.#conn.close();
    } catch {
      // It is closed already.
    }
  }

  async #serve(): Promise<void> {
    const splitter = new FrameSplitter({ maxFrameBytes: MAX_REQUEST_BYTES });
    let buffer = new Uint8Array(READ_BUFFER_BYTES);
    let isMute = false;
    while (true) {
      const count = await this.#conn.read(buffer);
      if (count === null) return;
      if (isMute) continue;
      const frames = splitter.push(buffer.subarray(0, count));
      for (const frame of frames) {
        const { segments, then } = await this.#answer(frame);
        if (this.#closing.signal.aborted) return;
        for (const segment of segments) await this.#write(segment);
        if (then === "close") return;
        isMute = then === "silent";
        if (isMute) break;
      }
      // Frames may be views of the buffer, and an interceptor may keep them.
      if (frames.length > 0) buffer = new Uint8Array(READ_BUFFER_BYTES);
    }
  }

  /** The answer, or the end when the connection ends before there is one: an interceptor may never settle. */
  #answer(frame: Uint8Array): Promise<Answer> {
    const { exchange, brokerId, onError } = this.#options;
    return new Promise((resolve) => {
      this.#abandon = () => resolve(CLOSE);
      exchange.answer(frame, { brokerId, signal: this.#closing.signal }).then(resolve, (error) => {
        if (!(error instanceof ProtocolError)) onError(error);
        resolve(CLOSE);
      });
    });
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) written += await this.#conn.write(bytes.subarray(written));
  }
}
