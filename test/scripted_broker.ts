/**
 * Brokers for tests of connections and clusters: each request is answered by a function.
 *
 * @module
 */

import { type ApiName, apis, type RequestOf, type ResponseInput } from "../protocol/apis.ts";
import { type DecodedRequest, decodeRequest, encodeResponse } from "../protocol/frame.ts";
import type { Address } from "../src/net/address.ts";
import { formatAddress } from "../src/net/address.ts";
import { FrameSplitter } from "../src/net/frame_stream.ts";
import { memoryTransport } from "../src/net/memory_transport.ts";
import type { Duplex, Transport } from "../src/net/transport.ts";

/** A request as a broker got it. */
export type ScriptedRequest = DecodedRequest & { to: Address; connection: Duplex };

/** An answer, or what to do instead: hang up, or say nothing. */
export type ScriptedAnswer<A extends ApiName> = ResponseInput<A> | "close" | "silent";

/** What to answer to each call; ApiVersions is answered with everything that is spoken here. */
export type Script = {
  [A in ApiName]?: (
    body: RequestOf<A>,
    request: ScriptedRequest,
  ) => ScriptedAnswer<A> | Promise<ScriptedAnswer<A>>;
};

/** How the brokers behave apart from their answers. */
export interface ScriptedBrokerOptions {
  /** Throws for addresses where nobody listens. */
  accept?: (to: Address) => void | Promise<void>;
  /** Versions offered, by call; null for a call that is not offered. Those spoken here by default. */
  versions?: Partial<Record<ApiName, { minVersion: number; maxVersion: number } | null>>;
}

/** Leads to the scripted brokers, and remembers. */
export interface ScriptedTransport extends Transport {
  /** Every request, in the order of arrival. */
  readonly requests: ScriptedRequest[];
  /** The brokers' ends of all connections, and where they were made to. */
  readonly connections: { to: string; duplex: Duplex; isClosed: boolean }[];
  /** How many requests of a call came. */
  count(api: ApiName): number;
}

/** Makes brokers that answer by a script, one for every address that is dialed. */
export function scriptedBroker(script: Script, options: ScriptedBrokerOptions = {}): ScriptedTransport {
  const requests: ScriptedRequest[] = [];
  const connections: ScriptedTransport["connections"] = [];
  const transport = memoryTransport(async (duplex, to) => {
    await options.accept?.(to);
    const connection = { to: formatAddress(to), duplex, isClosed: false };
    connections.push(connection);
    serve(duplex, async (request) => {
      const scripted = { ...request, to, connection: duplex };
      requests.push(scripted);
      return await answer(script, scripted, options);
    }).then(() => connection.isClosed = true);
  });
  const count = (api: ApiName) => requests.filter((request) => request.api === api).length;
  return Object.assign(transport, { requests, connections, count });
}

/** Writes all of some segments. */
export async function writeAll(duplex: Duplex, segments: Iterable<Uint8Array>): Promise<void> {
  for (const segment of segments) {
    for (let at = 0; at < segment.length;) at += await duplex.write(segment.subarray(at));
  }
}

async function answer(script: Script, request: ScriptedRequest, options: ScriptedBrokerOptions): Promise<unknown> {
  const handler = script[request.api] as ((body: unknown, request: ScriptedRequest) => unknown) | undefined;
  if (handler !== undefined) return await handler(request.body, request);
  if (request.api !== "ApiVersions") return "close";
  const apiKeys = (Object.keys(apis) as ApiName[]).flatMap((name) => {
    const { key, minVersion, maxVersion } = apis[name];
    const offered = options.versions?.[name];
    return offered === null ? [] : [{ apiKey: key, minVersion, maxVersion, ...offered }];
  });
  return { errorCode: 0, apiKeys };
}

/** Answers one request after the other, as Kafka does on one connection, until either side hangs up. */
async function serve(duplex: Duplex, respond: (request: DecodedRequest) => Promise<unknown>): Promise<void> {
  const splitter = new FrameSplitter();
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await duplex.read(buffer);
      if (count === null) break;
      for (const frame of splitter.push(buffer.slice(0, count))) {
        const request = decodeRequest(frame);
        const response = await respond(request);
        if (response === "close") return;
        if (response === "silent") continue;
        await writeAll(
          duplex,
          encodeResponse(request.api, request.version, request.correlationId, response as ResponseInput<ApiName>),
        );
      }
    }
  } catch {
    // The client hung up, or the test did.
  } finally {
    duplex.close();
  }
}
