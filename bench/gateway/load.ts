/**
 * Load by `wrk`: as many POSTs as the server answers, over a number of connections.
 *
 * @module
 */

/** What is sent. */
export interface LoadOptions {
  url: string;
  connections: number;
  seconds: number;
  body: string;
  contentType: string;
}

/** What came of it. */
export interface LoadResult {
  /** Requests answered. */
  requests: number;
  /** Of them, with another status than 2xx or 3xx. */
  refused: number;
  /** Connections that failed, and answers that took more than 2 s. */
  failed: number;
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** Runs `wrk` with one thread; the other core is the server's. */
export async function load({ url, connections, seconds, body, contentType }: LoadOptions): Promise<LoadResult> {
  const script = await Deno.makeTempFile({ suffix: ".lua" });
  try {
    await Deno.writeTextFile(script, luaOf(body, contentType));
    const { success, stdout, stderr } = await new Deno.Command("wrk", {
      args: ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script, url],
    }).output();
    if (!success) throw new Error(`Cannot load ${url}: wrk says ${new TextDecoder().decode(stderr)}`);
    return parseResult(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(script);
  }
}

function luaOf(body: string, contentType: string): string {
  return `wrk.method = "POST"
wrk.body = ${JSON.stringify(body)}
wrk.headers["content-type"] = ${JSON.stringify(contentType)}
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration, e.status,
    e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`;
}

function parseResult(text: string): LoadResult {
  const [requests, micros, refused, failed, p50, p99] = /^RESULT (.*)$/m.exec(text)![1]!.split(" ").map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    requests,
    refused,
    failed,
    requestsPerSecond: requests / (micros / 1e6),
    p50Ms: p50 / 1_000,
    p99Ms: p99 / 1_000,
  };
}
