/**
 * Stands between a real client and a real broker and keeps what they say to each other.
 *
 * @module
 */

import { apiByKey, type ApiName, apis } from "../../protocol/apis.ts";
import { ByteReader } from "../../protocol/byte_reader.ts";
import { decodeRequestHeader, decodeResponse, encodeResponse, peekCorrelationId } from "../../protocol/frame.ts";

/** Frames without their size, of one request and its response. */
export interface Exchange {
  /** The call. */
  api: ApiName;
  /** Its version. */
  version: number;
  /** As the client sent it. */
  request: Uint8Array;
  /** As the broker sent it, before anything was changed. */
  response: Uint8Array;
}

/** What to stand between. */
export interface CapturingProxyOptions {
  /** The broker. */
  broker: { hostname: string; port: number };
  /** Highest version that the client is told the broker speaks, by call. */
  maxVersions?: Partial<Record<ApiName, number>>;
}

/**
 * A proxy to one broker. Two answers are changed on their way, so that clients come back to the proxy and speak the
 * versions wanted: Metadata (the broker's port) and ApiVersions (the versions).
 */
export class CapturingProxy implements AsyncDisposable {
  /** What was said so far. */
  readonly exchanges: Exchange[] = [];
  readonly #listener: Deno.TcpListener;
  readonly #options: CapturingProxyOptions;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #done: Promise<void>;

  /** @param options What to stand between. */
  constructor(options: CapturingProxyOptions) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#done = this.#accept();
  }

  /** Where clients are to connect. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Ends every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) closeQuietly(connection);
    await this.#done;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const client of this.#listener) serving.push(this.#serve(client));
    await Promise.all(serving);
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const broker = await Deno.connect(this.#options.broker);
    this.#open.add(client).add(broker);
    const pending = new Map<number, Uint8Array>();
    const directions = [
      this.#pump(client, broker, (request) => {
        pending.set(decodeRequestHeader(request).correlationId, request);
        return request;
      }),
      this.#pump(broker, client, (response) => {
        const request = pending.get(peekCorrelationId(response));
        return request === undefined ? response : this.#answer(request, response);
      }),
    ];
    await Promise.all(directions);
  }

  /** Passes frames on until either side ends; then ends both. */
  async #pump(from: Deno.TcpConn, to: Deno.TcpConn, change: (frame: Uint8Array) => Uint8Array): Promise<void> {
    try {
      for await (const frame of readFrames(from)) await writeFrame(to, change(frame));
    } catch (error) {
      if (!isEnd(error)) throw error;
    } finally {
      closeQuietly(from);
      closeQuietly(to);
    }
  }

  /** Keeps an exchange and returns what the client is to see. */
  #answer(request: Uint8Array, response: Uint8Array): Uint8Array {
    const { apiKey, apiVersion: version } = decodeRequestHeader(request);
    const api = apiByKey(apiKey);
    if (api === undefined || version > apis[api].maxVersion) return response;
    this.exchanges.push({ api, version, request, response });
    if (api === "Metadata") return this.#changePort(version, response);
    return api === "ApiVersions" ? this.#changeVersions(version, response) : response;
  }

  #changePort(version: number, response: Uint8Array): Uint8Array {
    const { correlationId, body } = decodeResponse("Metadata", version, response);
    const brokers = body.brokers.map((broker) => ({ ...broker, port: this.port }));
    return unframe(encodeResponse("Metadata", version, correlationId, { ...body, brokers }));
  }

  #changeVersions(version: number, response: Uint8Array): Uint8Array {
    // A broker that does not speak the version answers in version 0.
    const { correlationId, body } = decodeResponse(
      "ApiVersions",
      new ByteReader(response.subarray(4)).readInt16() === 0 ? version : 0,
      response,
    );
    const apiKeys = body.apiKeys.map(({ apiKey, minVersion, maxVersion }) => {
      const max = this.#options.maxVersions?.[apiByKey(apiKey) ?? "ApiVersions"] ?? maxVersion;
      return {
        apiKey,
        minVersion,
        maxVersion: apiByKey(apiKey) === undefined ? maxVersion : Math.min(max, maxVersion),
      };
    });
    return unframe(encodeResponse("ApiVersions", version, correlationId, { ...body, apiKeys }));
  }
}

/**
 * Reads whole frames.
 *
 * @param connection Where from.
 * @returns The frames, without their size.
 */
export async function* readFrames(connection: Deno.TcpConn): AsyncGenerator<Uint8Array> {
  let buffered = new Uint8Array(0);
  for await (const chunk of connection.readable) {
    buffered = new Uint8Array([...buffered, ...chunk]);
    while (buffered.length >= 4) {
      const size = new ByteReader(buffered).readInt32();
      if (buffered.length < 4 + size) break;
      yield buffered.slice(4, 4 + size);
      buffered = buffered.slice(4 + size);
    }
  }
}

async function writeFrame(connection: Deno.TcpConn, frame: Uint8Array): Promise<void> {
  const bytes = new Uint8Array(4 + frame.length);
  new DataView(bytes.buffer).setInt32(0, frame.length);
  bytes.set(frame, 4);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function unframe(segments: Uint8Array[]): Uint8Array {
  return new Uint8Array(segments.flatMap((segment) => [...segment])).subarray(4);
}

function closeQuietly(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // The other direction was faster.
  }
}

function isEnd(error: unknown): boolean {
  return [Deno.errors.BadResource, Deno.errors.Interrupted, Deno.errors.BrokenPipe, Deno.errors.ConnectionReset]
    .some((type) => error instanceof type);
}
