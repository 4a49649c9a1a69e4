/**
 * Rates, CPU time and memory of each shape of the producer: every run in a process of its own, shapes in turn.
 *
 * `deno run -A bench/produce.ts` starts a sink by itself; `--bootstrap localhost:9092` takes a real broker, whose topic
 * must exist.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { type Contestant, formatTable, interleave, medianRate, openTarget, type Run } from "./comparison.ts";
import { readFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { measures } from "./produce/measures.ts";
import { shapes } from "./produce/shapes.ts";

const USAGE = `Usage: deno run -A bench/produce.ts [flags]
  --shapes A,B        ${Object.keys(shapes).join(",")} (all)
  --rounds N          runs of each (3)
  --seconds N         how long each run produces (3)
  --warmup N          seconds of the same before the clock starts (1)
  --values A,B        string,bytes (bytes)
  --sizes A,B         bytes of a value, e.g. 10,100,1000 (100)
  --partitions N      of the sink's topic (3)
  --acks LEVEL        all | 1 | 0 (all: idempotent)
  --measures A,B      ${measures.join(",")}: by what the producer is measured meanwhile (none)
  --options JSON      further producer options, e.g. '{"lingerMs":5}'
  --delay-ms N        how long the sink holds each answer back (0)
  --crc               lets the sink check checksums, which slows it
  --bootstrap H:P     a broker of your own instead of a sink
  --topic NAME        its topic (bench)`;

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, {
    shapes: Object.keys(shapes).join(","),
    rounds: 3,
    seconds: 3,
    warmup: 1,
    values: "bytes",
    sizes: "100",
    partitions: 3,
    acks: "all",
    measures: "none",
    options: "{}",
    "delay-ms": 0,
    crc: false,
    bootstrap: "",
    topic: "bench",
  }, { usage: USAGE });
  const sinkFlags = [`--partitions=${flags.partitions}`, `--delay-ms=${flags["delay-ms"]}`, `--crc=${flags.crc}`];
  await using target = await openTarget(flags.bootstrap, sinkFlags);
  console.log(describeMachine());
  for (const valueBytes of flags.sizes.split(",")) {
    for (const values of flags.values.split(",")) {
      const contestants = flags.shapes.split(",").flatMap((shape) =>
        flags.measures.split(",").map((measure) => shapeContestant(shape, { ...flags, values, valueBytes, measure }))
      );
      const runs = await interleave(contestants, target, { rounds: flags.rounds, onRun: printProgress });
      console.log(`\n### ${valueBytes} B, ${values}, ${flags.partitions} partitions, acks ${flags.acks}\n`);
      console.log(formatTable(runs));
      printPipeToRatio(runs);
    }
  }
}

/** What {@linkcode shapeContestant} passes on to a run. */
export interface ShapeRunFlags {
  /** Topic to produce to. */
  topic: string;
  /** Seconds the clock runs. */
  seconds: number;
  /** Seconds before it starts. */
  warmup: number;
  /** `string` or `bytes`. */
  values: string;
  /** Length of a value. */
  valueBytes: string | number;
  /** `all`, `1` or `0`. */
  acks: string;
  /** What measures the producer: one of {@linkcode measures}, none by default. */
  measure?: string;
  /** Further producer options as JSON. */
  options: string;
}

/** A run of one shape in a process of its own. */
export function shapeContestant(shape: string, flags: ShapeRunFlags): Contestant {
  const script = new URL("./produce/run.ts", import.meta.url).href;
  const { measure = "none" } = flags;
  return {
    name: measure === "none" ? shape : `${shape}, ${measure}`,
    command: "env", // Deno exports only where the environment says so when the process starts.
    args: (bootstrap) => [
      ...measure === "opentelemetry" ? ["OTEL_DENO=true", "OTEL_DENO_CONSOLE=ignore"] : [],
      Deno.execPath(),
      "run",
      "-A",
      script,
      `--bootstrap=${bootstrap}`,
      `--shape=${shape}`,
      `--topic=${flags.topic}`,
      `--seconds=${flags.seconds}`,
      `--warmup=${flags.warmup}`,
      `--values=${flags.values}`,
      `--value-bytes=${flags.valueBytes}`,
      `--acks=${flags.acks}`,
      `--measure=${measure}`,
      `--options=${flags.options}`,
    ],
    reachesBroker: shape !== "pipeto-empty",
  };
}

function printPipeToRatio(runs: ReadonlyMap<string, readonly Run[]>): void {
  const [ours, empty] = [runs.get("pipeto"), runs.get("pipeto-empty")];
  if (ours === undefined || empty === undefined) return;
  const percent = medianRate(ours) / medianRate(empty) * 100;
  console.log(`\npipeto reaches ${percent.toFixed(0)} % of the same pipeTo into an empty WritableStream`);
}

/** Shows each run as it ends, on stderr. */
export function printProgress(name: string, { result }: Run): void {
  console.error(`${name.padEnd(28)} ${Math.round(result.records / result.seconds).toLocaleString("en-US")} records/s`);
}

if (import.meta.main) await main(Deno.args);
