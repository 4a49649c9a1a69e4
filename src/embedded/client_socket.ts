/**
 * A client's socket that can be reset: what `Deno.Conn` cannot do, the sockets of `node:net` can.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { Duplex } from "../transport.ts";

/** A socket of `node:net` as a {@linkcode Duplex}. */
export class ClientSocket implements Duplex {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  /** @param socket A connected socket; owned from here on. */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
    // What goes wrong is told to those who read or write.
    socket.on("error", () => {});
  }

  /** See {@linkcode Duplex}. */
  async read(into: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done) return null;
      this.#rest = value;
    }
    const count = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  /** See {@linkcode Duplex}. */
  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    });
  }

  /** See {@linkcode Duplex}. */
  close(): void {
    this.#socket.destroy();
  }

  /** Closes both ways by a reset (RST): the other side's reads reject, and what it has sent is lost. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }
}
