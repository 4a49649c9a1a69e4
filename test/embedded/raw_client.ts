/**
 * A client that sends exactly what it is told to: requests that no sane client would send, and bytes that are none.
 *
 * @module
 */

import type { ApiName, RequestInput, ResponseOf } from "../../protocol/apis.ts";
import { decodeResponse, encodeRequest } from "../../protocol/frame.ts";
import { FrameSplitter } from "../../src/net/frame_stream.ts";

/** One connection; one request at a time unless {@linkcode send} and {@linkcode receive} are used. */
export class RawClient implements Disposable {
  readonly #conn: Deno.Conn;
  readonly #splitter = new FrameSplitter();
  readonly #frames: Uint8Array[] = [];
  #correlationId = 0;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Connects to `host:port`. */
  static async connect(address: string): Promise<RawClient> {
    const { hostname, port } = new URL(`tcp://${address}`);
    return new RawClient(await Deno.connect({ hostname, port: Number(port) }));
  }

  /** Sends a request and resolves with the answer, or with `"closed"` when the connection ends instead. */
  async request<A extends ApiName>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A> | "closed"> {
    await this.send(api, version, body);
    const frame = await this.receive();
    return frame === "closed" ? frame : decodeResponse(api, version, frame).body;
  }

  /** Sends a request that must be answered. */
  async ask<A extends ApiName>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    const answer = await this.request(api, version, body);
    if (answer === "closed") throw new Error(`Cannot ask for ${api}: the connection was closed`);
    return answer;
  }

  /** Sends a request and resolves with the number it can be recognised by. */
  async send<A extends ApiName>(api: A, version: number, body: RequestInput<A>): Promise<number> {
    const correlationId = ++this.#correlationId;
    for (const segment of encodeRequest(api, version, { correlationId, clientId: "raw", body })) {
      await this.write(segment);
    }
    return correlationId;
  }

  /** Sends any bytes. A peer that closes meanwhile is noticed by {@linkcode receive}. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let written = 0; written < bytes.length;) written += await this.#conn.write(bytes.subarray(written));
    } catch {
      // The other side has closed.
    }
  }

  /** The next frame without its size, or `"closed"`. */
  async receive(): Promise<Uint8Array | "closed"> {
    while (this.#frames.length === 0) {
      const chunk = new Uint8Array(65_536);
      const count = await this.#conn.read(chunk).catch(() => null);
      if (count === null) return "closed";
      this.#frames.push(...this.#splitter.push(chunk.subarray(0, count)));
    }
    return this.#frames.shift()!;
  }

  /** All bytes until the connection ends; frames that were received before are not among them. */
  async receiveAll(): Promise<Uint8Array> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for (let count: number | null = 0; count !== null;) {
      const chunk = new Uint8Array(65_536);
      count = await this.#conn.read(chunk).catch(() => null);
      chunks.push(chunk.slice(0, count ?? 0));
    }
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#conn.close();
  }
}
