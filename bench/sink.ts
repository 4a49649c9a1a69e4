/**
 * A broker that keeps nothing: splits requests, reads batch headers, answers, counts.
 *
 * Run as a process of its own, so that its CPU time is not the client's:
 * `deno run -A bench/sink.ts --port 9092 --partitions 3`. Its first line on stdout is `{"port":9092}`; after that each
 * line on stdin is answered with one of JSON: `figures` with {@linkcode SinkFigures}, `reset` with the same, counted
 * anew from there. SIGINT and SIGTERM print the figures and end it.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { TextLineStream } from "@std/streams/text-line-stream";
import { crc32c } from "../protocol/crc32c.ts";
import { cpuSeconds } from "./process_usage.ts";
import { readFlags } from "./flags.ts";
import { Counters } from "./sink/counters.ts";
import { Replies } from "./sink/replies.ts";
import { serveConnection } from "./sink/sink_connection.ts";

const USAGE = `Usage: deno run -A bench/sink.ts [flags]
  --port N             port on 127.0.0.1 (0: any free one)
  --partitions N       partitions of every topic (3)
  --delay-ms N         holds each answer back (0)
  --stall-after-mb N   stops reading after that many MB of batches (never)
  --buffer-kb N        read buffer of each connection (256)
  -c, --crc            checks the checksum of each batch`;

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, {
    port: 0,
    partitions: 3,
    "delay-ms": 0,
    "stall-after-mb": Infinity,
    "buffer-kb": 256,
    crc: false,
  }, { usage: USAGE, aliases: { c: "crc" } });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: flags.port });
  const counters = new Counters({ checksCrc: flags.crc, cpuSeconds });
  const { port } = listener.addr;
  const replies = new Replies({ host: "127.0.0.1", port, partitionCount: flags.partitions, counters });
  printLine({ port });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      printLine(counters.figures());
      Deno.exit(0);
    });
  }
  answerControlLines(counters).catch((error) => console.error("Cannot read the control line:", error));
  for await (const conn of listener) {
    counters.connections++;
    conn.setNoDelay();
    serveConnection(conn, {
      replies,
      counters,
      bufferBytes: flags["buffer-kb"] * 1024,
      delayMs: flags["delay-ms"],
      stallAfterBytes: flags["stall-after-mb"] * 1e6,
      crc32c: flags.crc ? crc32c : null,
    }).catch((error) => {
      if (!isDisconnect(error)) console.error("Cannot serve a client:", error);
    });
  }
}

async function answerControlLines(counters: Counters): Promise<void> {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) {
    if (line === "reset") counters.reset();
    else if (line !== "figures") console.error(`Cannot follow "${line}": the sink knows "figures" and "reset"`);
    printLine(counters.figures());
  }
}

function isDisconnect(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}

function printLine(value: unknown): void {
  console.log(JSON.stringify(value));
}

if (import.meta.main) await main(Deno.args);
