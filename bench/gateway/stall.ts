/**
 * A gibibyte of NDJSON for a gateway whose broker stalls in the middle of it: the client's socket blocks, the gateway's
 * memory stays within its bound, and every line is delivered once.
 *
 * `deno task gateway:stall`, or `deno task gateway:stall --gib 4 --stall-seconds 60`.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { GATEWAY_V8_FLAGS, GatewayProcess } from "../../test/kafka/gateway_process.ts";
import { readFlags } from "../flags.ts";
import { describeMachine } from "../machine.ts";
import { type LongRunBroker, startBroker } from "./brokers.ts";
import { proveStall, type StallReport, wrongs } from "./stall_proof.ts";

const USAGE = `Usage: deno task gateway:stall [flags]
  --gib N              how much is sent (1)
  --line-bytes N       length of a line (1024)
  --stall-seconds N    how long the broker stalls (20)
  --chunked            the body comes in chunks, not with its length: see bench/README.md
  --own-memory-choice  V8 sizes its heap as it likes, not as in the container and the unit
  --broker NAME        kafka, which needs java, mvn and kcat, or embedded (kafka)`;

const MIB = 2 ** 20;

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, {
    gib: 1,
    "line-bytes": 1024,
    "stall-seconds": 20,
    chunked: false,
    "own-memory-choice": false,
    broker: "kafka",
  }, { usage: USAGE });
  console.log(describeMachine());
  await using broker = await startBroker(flags.broker);
  await using gateway = await GatewayProcess.start({
    args: ["--bootstrap", broker.bootstrap, "--pre-stop-ms", "0"],
    runFlags: flags["own-memory-choice"] ? [] : GATEWAY_V8_FLAGS,
  });
  const report = await proveStall({
    broker,
    gateway,
    totalBytes: flags.gib * 1024 * MIB,
    lineBytes: flags["line-bytes"],
    stallMs: flags["stall-seconds"] * 1000,
    isChunked: flags.chunked,
  });
  gateway.kill("SIGTERM");
  const { code } = await gateway.ended();
  console.log(describe(report, broker));
  const wrong = [...wrongs(report), ...(code === 0 ? [] : [`the gateway ended with code ${code}`])];
  console.log(wrong.length === 0 ? "whole, once, within the bound" : `WRONG: ${wrong.join("; ")}`);
  if (wrong.length > 0) Deno.exitCode = 1;
}

function describe(report: StallReport, { name }: LongRunBroker): string {
  const { sent, rss, answer, ledger } = report;
  const mib = (bytes: number) => (bytes / MIB).toFixed(1);
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  return `
${report.lineCount} lines, ${mib(sent.totalBytes)} MiB, into ${name} in ${seconds(report.elapsedMs)} s
stalled for ${seconds(report.stalledMs)} s: the client's socket took ${mib(sent.inStallBytes)} MiB of it, ` +
    `the last byte after ${seconds(sent.blockedAfterMs)} s, none in the ${seconds(sent.silentMs)} s before its end
resident MiB: ${mib(rss.baseBytes)} at the start, ${mib(rss.stalledBytes)} at most in the stall, ` +
    `${mib(rss.peakBytes)} at most in all, bound ${mib(rss.boundBytes)}
answer: ${answer.status} ${answer.body}
read back: ${JSON.stringify(ledger)}`;
}

if (import.meta.main) await main(Deno.args);
