/**
 * A million small records that waited for a broker, replayed: how long it takes, how large requests become, and for how
 * long the process does nothing else meanwhile.
 *
 * `deno run -A bench/replay.ts`: a producer whose port is closed accepts the records; then an embedded cluster starts
 * there, in a process of its own.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { TextLineStream } from "@std/streams/text-line-stream";
import { Producer } from "@ekaf/ekaf";
import { readFlags } from "./flags.ts";

const USAGE = `Usage: deno run -A bench/replay.ts [flags]
  --records N     how many wait (1000000)
  --partitions N  of their topic (3)`;

/** Notes for how long nothing else could run. */
class Pauses {
  readonly #gapsMs: number[] = [];
  #lastMs = performance.now();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.#gapsMs.push(now - this.#lastMs);
    this.#lastMs = now;
  }, 1);

  end(): number[] {
    clearInterval(this.#timer);
    return this.#gapsMs.sort((a, b) => b - a);
  }
}

async function main(args: string[]): Promise<void> {
  const { records, partitions } = readFlags(args, { records: 1_000_000, partitions: 3 }, { usage: USAGE });
  const port = closedPort();
  const producer = new Producer({
    bootstrap: `127.0.0.1:${port}`,
    bufferMaxBytes: 256 * 1024 * 1024,
    partitionMaxBytes: 256 * 1024 * 1024,
    logger: null,
  });
  const run = Array.from({ length: 1_000 }, (_, i) => `record ${i} of a run`);
  for (let left = records; left > 0; left -= run.length) await producer.enqueue("t", run.slice(0, left));

  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("./replay_cluster.ts", import.meta.url).href, `${port}`, `${partitions}`],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  await lines.read();
  const pauses = new Pauses();
  const startMs = performance.now();
  await producer.flush();
  const ms = performance.now() - startMs;
  const gapsMs = pauses.end();
  await producer.close();
  await child.stdin.getWriter().write(new Uint8Array([10]));

  const came = JSON.parse((await lines.read()).value!);
  console.log(`${came.records} of ${records} records in ${ms.toFixed(0)} ms, ${came.requests} requests`);
  console.log(`largest request ${came.largest} bytes of records`);
  console.log(`nothing else ran for ${gapsMs.slice(0, 5).map((gap) => gap.toFixed(0)).join(", ")} ms at most`);
  await child.status;
}

function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

if (import.meta.main) await main(Deno.args);
