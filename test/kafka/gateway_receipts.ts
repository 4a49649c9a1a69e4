/**
 * A client of `/stream` that reads receipts while it writes lines, over a socket of its own.
 *
 * @module
 */

/** What to send. */
export interface ReceiptsOptions {
  /** The route. */
  readonly path: string;
  /** How many lines: `{"n":0}`, `{"n":1}` and so on. */
  readonly lines: number;
  /** Called with the number of receipts so far. */
  readonly onReceipts?: (receipts: number) => void;
}

/** What the receipts say. */
export interface ReceiptsReport {
  /** Lines that have a place in Kafka. */
  readonly acked: number;
  /** Lines that have none. */
  readonly failed: number;
  /** The last line. */
  readonly last: unknown;
}

const LINES_A_CHUNK = 500;

/** See the module comment. */
export class ReceiptsClient implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #options: ReceiptsOptions;

  private constructor(conn: Deno.TcpConn, options: ReceiptsOptions) {
    this.#conn = conn;
    this.#options = options;
  }

  /** Connects to a gateway. */
  static async connect(url: string, options: ReceiptsOptions): Promise<ReceiptsClient> {
    const { hostname, port } = new URL(url);
    return new ReceiptsClient(await Deno.connect({ hostname, port: Number(port) }), options);
  }

  /** Sends all lines and reads all receipts. Rejects when they are out of order. */
  async run(): Promise<ReceiptsReport> {
    const [report] = await Promise.all([this.#read(), this.#write()]);
    return report;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }

  async #write(): Promise<void> {
    const { path, lines } = this.#options;
    const encoder = new TextEncoder();
    await this.#writeAll(encoder.encode(
      `POST ${path} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\nconnection: close\r\n` +
        "content-type: application/x-ndjson\r\naccept: application/x-ndjson\r\n\r\n",
    ));
    for (let begin = 0; begin < lines; begin += LINES_A_CHUNK) {
      let text = "";
      for (let n = begin; n < Math.min(begin + LINES_A_CHUNK, lines); n++) text += `{"n":${n}}\n`;
      await this.#writeAll(encoder.encode(`${text.length.toString(16)}\r\n${text}\r\n`));
    }
    await this.#writeAll(encoder.encode("0\r\n\r\n"));
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  async #read(): Promise<ReceiptsReport> {
    let [acked, failed] = [0, 0];
    let last: unknown = null;
    for await (const text of this.#texts()) {
      const receipt = JSON.parse(text) as { line?: number; offset?: number };
      last = receipt;
      if (receipt.line === undefined) continue;
      if (receipt.line !== acked + failed + 1) throw new Error(`Cannot go on at ${text}: a receipt is missing`);
      if (receipt.offset === undefined) failed++;
      else acked++;
      this.#options.onReceipts?.(acked + failed);
    }
    return { acked, failed, last };
  }

  /** The receipts as text: the lines of the answer that are neither its head nor lengths of its chunks. */
  async *#texts(): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(64 * 1024);
    let raw = "";
    let body: string | null = null;
    let text = "";
    for (let count = await this.#conn.read(buffer); count !== null; count = await this.#conn.read(buffer)) {
      raw += decoder.decode(buffer.subarray(0, count), { stream: true });
      if (body === null) {
        const end = raw.indexOf("\r\n\r\n");
        if (end === -1) continue;
        if (!raw.startsWith("HTTP/1.1 200 ")) throw new Error(`Cannot read receipts: the answer is ${raw}`);
        body = raw = raw.slice(end + 4);
      }
      while (true) { // whole chunks: length, CRLF, bytes, CRLF
        const head = raw.indexOf("\r\n");
        if (head === -1) break;
        const length = parseInt(raw.slice(0, head), 16);
        if (raw.length < head + 2 + length + 2) break;
        text += raw.slice(head + 2, head + 2 + length);
        raw = raw.slice(head + 2 + length + 2);
      }
      const lines = text.split("\n");
      text = lines.pop()!;
      yield* lines;
    }
  }
}
