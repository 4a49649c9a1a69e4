/**
 * A load of requests over many connections that remembers which of them were answered 200.
 *
 * @module
 */

/** What to ask for. */
export interface LoadOptions {
  /** Origin of the gateway. */
  readonly url: string;
  /** Path of request number `n`. */
  readonly path: (n: number) => string;
  /** How many connections, each with one request at a time. */
  readonly connections: number;
  /** How many requests; the load ends before when nobody takes connections any more. */
  readonly requests: number;
  /** Called with the number of answers so far. */
  readonly onAnswer?: (answers: number) => void;
}

/** What came of it. The body of request `n` is `n` in decimal. */
export interface LoadReport {
  /** Numbers of the requests that were answered 200. */
  readonly accepted: readonly number[];
  /** How often each status came. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Requests without an answer: the connection ended. */
  readonly broken: number;
  /** Milliseconds within which so many of the answers came: `0.5` for the median. */
  readonly within: (share: number) => number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One connection, made anew when it ends. */
class Client {
  readonly #address: { readonly hostname: string; readonly port: number };
  readonly #buffer = new Uint8Array(16 * 1024);
  #conn: Deno.TcpConn | null = null;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#address = { hostname, port: Number(port) };
  }

  /** The status of an answer, 0 when the connection ended before it, null when there is nobody any more. */
  async post(path: string, body: string): Promise<number | null> {
    const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n` +
      `content-length: ${body.length}\r\n\r\n`;
    try {
      this.#conn ??= await Deno.connect(this.#address);
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    }
    try {
      await this.#conn.write(encoder.encode(head + body)); // some hundred bytes: they go at once
      return await this.#answer(this.#conn);
    } catch {
      this.close();
      return 0;
    }
  }

  close(): void {
    this.#conn?.close();
    this.#conn = null;
  }

  async #answer(conn: Deno.TcpConn): Promise<number> {
    let length = 0;
    while (true) {
      const count = await conn.read(this.#buffer.subarray(length));
      if (count === null) throw new Error("Cannot read an answer: the connection ended");
      length += count;
      const text = decoder.decode(this.#buffer.subarray(0, length));
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) continue;
      const bodyLength = Number(text.match(/\r\ncontent-length: (\d+)\r\n/i)?.[1] ?? NaN);
      if (!(length >= end + 4 + bodyLength)) continue;
      if (/\r\nconnection: close\r\n/i.test(text)) this.close();
      return Number(text.slice(9, 12));
    }
  }
}

/** Posts `0`, `1`, `2` and so on. */
export async function load({ url, path, connections, requests, onAnswer }: LoadOptions): Promise<LoadReport> {
  const accepted: number[] = [];
  const statuses: Record<number, number> = {};
  const times: number[] = [];
  let next = 0;
  let broken = 0;
  const run = async () => {
    const client = new Client(url);
    while (next < requests) {
      const n = next++;
      const startMs = performance.now();
      const status = await client.post(path(n), String(n));
      if (status === null) break;
      if (status === 0) {
        broken++;
        continue;
      }
      times.push(performance.now() - startMs);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 200) accepted.push(n);
      onAnswer?.(times.length);
    }
    client.close();
  };
  await Promise.all(Array.from({ length: connections }, run));
  times.sort((a, b) => a - b);
  const within = (share: number) => times[Math.ceil(times.length * share) - 1]!;
  return { accepted, statuses, broken, within };
}
