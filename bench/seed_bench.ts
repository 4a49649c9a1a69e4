/**
 * The seed's benchmarks: one list, single batched calls, single unbatched calls, calls awaited one after the other; the
 * rate until the calls had returned and the rate until all was acknowledged, beside the original where Erlang is at hand.
 *
 * `deno run -A bench/seed_bench.ts`; with the original, which knows no Kafka of today,
 * `deno run -A bench/seed_bench.ts --kafka 0.8.2.2 --ekaf DIR --gproc DIR`.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { type OldKafka, type OldKafkaVersion, startOldKafka } from "../test/kafka/harness_zookeeper.ts";
import { readFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { openSeed } from "./seed/erlang.ts";
import { openOurs, type Shape, SHAPE_TEXTS, type ShapeRunner, SHAPES, type ShapeTimes } from "./seed/shapes.ts";

const USAGE = `Usage: deno run -A bench/seed_bench.ts [flags]
  --kafka VERSION   a real broker, 0.8.2.2, 0.10.2.2, 1.1.1 or 2.8.2, instead of an embedded one: needs java, mvn, kcat
  --ekaf DIR        a checkout of github.com/helpshift/ekaf, to be measured beside: needs erl, --gproc and --kafka
  --gproc DIR       a checkout of github.com/uwiger/gproc
  --rounds N        runs of each, after one that is not counted (3)`;

const COUNTS: Readonly<Record<Shape, readonly number[]>> = {
  list: [1_000, 10_000, 100_000],
  batched: [1_000, 10_000, 100_000],
  unbatched: [1_000, 10_000, 100_000],
  sync: [100, 1_000],
};

/** Where the records go: a topic of one partition for each who is measured. */
interface Target extends AsyncDisposable {
  port: number;
  endOffset(topic: string): Promise<number>;
}

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, { kafka: "", ekaf: "", gproc: "", rounds: 3 }, { usage: USAGE });
  const topics = ["ours", "theirs"];
  await using target = flags.kafka === ""
    ? await openEmbedded(topics)
    : await openReal(flags.kafka as OldKafkaVersion, topics);
  const runners = new Map<string, ShapeRunner>();
  await using stack = new AsyncDisposableStack();
  runners.set("ekaf for Deno", stack.use(openOurs(`127.0.0.1:${target.port}`, "ours")));
  if (flags.ekaf !== "") {
    const place = { port: target.port, topic: "theirs", endOffset: () => target.endOffset("theirs") };
    runners.set("ekaf for Erlang", stack.use(await openSeed(flags, place)));
  }
  console.log(describeMachine());
  console.log(
    `${flags.kafka === "" ? "embedded broker, same process" : `Kafka ${flags.kafka}`}, one partition, acks 1\n`,
  );
  console.log(`| shape | records | who | calls returned, records/s | delivered, records/s |\n|---|---|---|---|---|`);
  for (const shape of SHAPES) {
    for (const count of COUNTS[shape]) await compare(runners, { shape, count, rounds: flags.rounds });
  }
}

/** Runs all in turn, and prints a row for each. */
async function compare(
  runners: ReadonlyMap<string, ShapeRunner>,
  { shape, count, rounds }: { shape: Shape; count: number; rounds: number },
): Promise<void> {
  const times = new Map<string, ShapeTimes[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const [name, runner] of runners) {
      const result = await runner.run(shape, count);
      if (round > 0) times.set(name, [...times.get(name) ?? [], result]);
    }
  }
  for (const [name, list] of times) {
    const rate = (ms: readonly number[]) => Math.round(count / (median(ms) / 1_000)).toLocaleString("en");
    const text = name === "ekaf for Erlang" ? SHAPE_TEXTS[shape].seed : SHAPE_TEXTS[shape].ours;
    const called = rate(list.map(({ calledMs }) => calledMs));
    const delivered = rate(list.map(({ deliveredMs }) => deliveredMs));
    console.log(`| ${text} | ${count.toLocaleString("en")} | ${name} | ${called} | ${delivered} |`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function openEmbedded(topics: readonly string[]): Promise<Target> {
  const cluster = await EmbeddedCluster.listen({ topics: Object.fromEntries(topics.map((topic) => [topic, 1])) });
  return {
    port: Number(cluster.bootstrap[0]!.split(":")[1]),
    endOffset: (topic) => Promise.resolve(cluster.records(topic).length),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

async function openReal(version: OldKafkaVersion, topics: readonly string[]): Promise<Target> {
  const kafka: OldKafka = await startOldKafka(version);
  for (const topic of topics) await kafka.createTopic(topic, 1);
  return {
    port: Number(kafka.bootstrap[0]!.split(":")[1]),
    endOffset: (topic) => kafka.endOffset(topic, 0),
    [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
  };
}

if (import.meta.main) await main(Deno.args);
