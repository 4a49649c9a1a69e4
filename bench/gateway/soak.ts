/**
 * A gateway for minutes or hours at a constant rate of lines into a real Kafka: none may be lost, none refused, and the
 * gateway's memory, sockets and timers must stay as they are.
 *
 * `deno task gateway:soak`, or `deno task gateway:soak --rate 50000 --minutes 10`.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { readFlags } from "../flags.ts";
import { describeMachine } from "../machine.ts";
import { describeSamples } from "../soak/samples.ts";
import { startBroker } from "./brokers.ts";
import { isOnTime, longestLagMs, soakGateway, type SoakReport, type SoakSample, soakWrongs } from "./soak_run.ts";

const USAGE = `Usage: deno task gateway:soak [flags]
  --rate N             lines a second, half of them in long streams, half in short POSTs (30000)
  --minutes N          how long (10)
  --streams N          connections with one long stream each (4)
  --posters N          connections for POSTs (8)
  --lines-a-post N     (500)
  --line-bytes N       length of a line (100)
  --broker NAME        kafka, which needs java, mvn and kcat, or embedded (kafka)`;

const SAMPLE_COUNT = 120;
const CHART_COLUMNS = 60;
const WARMUP_SHARE = 0.1;
const MINUTE_MS = 60_000;

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, {
    rate: 30_000,
    minutes: 10,
    streams: 4,
    posters: 8,
    "lines-a-post": 500,
    "line-bytes": 100,
    broker: "kafka",
  }, { usage: USAGE });
  console.log(describeMachine());
  const seconds = flags.minutes * 60;
  await using broker = await startBroker(flags.broker);
  const report = await soakGateway({
    broker,
    rate: flags.rate,
    seconds,
    streams: flags.streams,
    posters: flags.posters,
    linesAPost: flags["lines-a-post"],
    lineBytes: flags["line-bytes"],
    sampleCount: SAMPLE_COUNT,
  });
  const steady = report.samples.filter(({ elapsedMs }) => elapsedMs >= seconds * 1000 * WARMUP_SHARE);
  const { table, grown } = describeSamples(steady, CHART_COLUMNS);
  const wrong = [
    ...soakWrongs(report),
    ...(isOnTime(report, seconds) ? [] : ["the rate was not held"]),
    ...grown.map((name) => `${name} grew`),
  ];
  console.log(`\n${flags.rate} lines/s wanted, ${summaryOf(report)}, into ${broker.name}\n`);
  console.log(`${minuteTable(report.samples)}\n\n${table}`);
  console.log(`answers ${JSON.stringify(report.load.statuses)}, read back ${JSON.stringify(report.ledger)}`);
  console.log(wrong.length === 0 ? "none lost, none refused, rate held, nothing grew" : `WRONG: ${wrong.join("; ")}`);
  if (wrong.length > 0) Deno.exitCode = 1;
}

function summaryOf(report: SoakReport): string {
  const { lineCount, elapsedMs, samples } = report;
  const seconds = elapsedMs / 1000;
  const cpu = (samples.at(-1)!.cpuSeconds - samples[0]!.cpuSeconds) /
    (samples.at(-1)!.elapsedMs - samples[0]!.elapsedMs) * 100_000;
  return `${Math.round(lineCount / seconds)} acknowledged, ${lineCount} in ${seconds.toFixed(1)} s, ` +
    `${(longestLagMs(report) / 1000).toFixed(1)} s late at most, CPU of the gateway ${cpu.toFixed(0)} % of one core`;
}

/** A row a minute: the last look in it, and the worst of it. */
function minuteTable(samples: readonly SoakSample[]): string {
  const minutes = Map.groupBy(samples, ({ elapsedMs }) => Math.floor(elapsedMs / MINUTE_MS));
  const rows = [...minutes].map(([minute, list]) => {
    const last = list.at(-1)!;
    const next = samples[samples.indexOf(last) + 1] ?? last;
    const rate = (next.delivered - list[0]!.delivered) / (next.elapsedMs - list[0]!.elapsedMs) * 1000;
    const times = list.flatMap(({ postMs }) => postMs).sort((a, b) => a - b);
    const within = (share: number) => times[Math.ceil(times.length * share) - 1] ?? NaN;
    const most = (of: (sample: SoakSample) => number) => Math.max(...list.map(of));
    return [
      String(minute + 1),
      rate.toFixed(0),
      ...[0.5, 0.99, 1].map((share) => within(share).toFixed(0)),
      most(({ lagMs }) => lagMs).toFixed(0),
      most(({ bufferedRecords }) => bufferedRecords).toFixed(0),
      last.heapMib.toFixed(1),
      last.externalMib.toFixed(1),
      last.rssMib.toFixed(0),
      most(({ rssMib }) => rssMib).toFixed(0),
      String(last.descriptors),
      String(last.timers),
    ];
  });
  const columns = [
    ...["minute", "delivered/s", "POST p50 ms", "p99", "max", "lag ms", "buffered"],
    ...["heap MiB", "external", "RSS", "most RSS", "files", "timers"],
  ];
  const lines = [columns, columns.map(() => "---:"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return lines.join("\n");
}

if (import.meta.main) await main(Deno.args);
