/**
 * A client of a gateway over a socket of its own, which knows how much the system has taken of what it writes.
 *
 * @module
 */

/** An answer. */
export interface HttpAnswer {
  status: number;
  body: string;
}

const BUFFER_BYTES = 16 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One connection: requests one after the other. */
export class HttpSocket implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #isChunked = false;
  /** Bytes that the system has taken so far. */
  sentBytes = 0;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Connects to the origin `url`. */
  static async connect(url: string): Promise<HttpSocket> {
    const { hostname, port } = new URL(url);
    const conn = await Deno.connect({ hostname, port: Number(port) });
    conn.setNoDelay(true);
    return new HttpSocket(conn);
  }

  /** Sends a body of NDJSON; resolves with its answer. */
  async post(path: string, body: Uint8Array): Promise<HttpAnswer> {
    await this.#write(headOf(path, `content-length: ${body.length}`));
    await this.#write(body);
    return await this.#answer();
  }

  /** Begins a request with a body of NDJSON of `bodyBytes`, or, without, one that is as long as it becomes. */
  async begin(path: string, bodyBytes: number | null = null): Promise<void> {
    this.#isChunked = bodyBytes === null;
    await this.#write(headOf(path, this.#isChunked ? "transfer-encoding: chunked" : `content-length: ${bodyBytes}`));
  }

  /** Sends more of the body; resolves when the system has taken it. */
  async send(bytes: Uint8Array): Promise<void> {
    if (!this.#isChunked) return await this.#write(bytes);
    await this.#write(encoder.encode(`${bytes.length.toString(16)}\r\n`));
    await this.#write(bytes);
    await this.#write(encoder.encode("\r\n"));
  }

  /** Ends the body; resolves with the answer. */
  async end(): Promise<HttpAnswer> {
    if (this.#isChunked) await this.#write(encoder.encode("0\r\n\r\n"));
    return await this.#answer();
  }

  async #answer(): Promise<HttpAnswer> {
    let length = 0;
    while (true) {
      if (length === this.#buffer.length) throw new Error(`Cannot read an answer of more than ${BUFFER_BYTES} bytes`);
      const count = await this.#conn.read(this.#buffer.subarray(length));
      if (count === null) throw new Error("Cannot read the answer: the connection ended");
      length += count;
      const text = decoder.decode(this.#buffer.subarray(0, length));
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) continue;
      const bodyBytes = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1] ?? NaN);
      if (Number.isNaN(bodyBytes)) throw new Error(`Cannot read the answer: it has no length: ${text}`);
      if (length < end + 4 + bodyBytes) continue;
      return { status: Number(text.slice(9, 12)), body: text.slice(end + 4) };
    }
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const count = await this.#conn.write(bytes.subarray(at));
      at += count;
      this.sentBytes += count;
    }
  }
}

function headOf(path: string, length: string): Uint8Array {
  return encoder.encode(
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\n${length}\r\n\r\n`,
  );
}
