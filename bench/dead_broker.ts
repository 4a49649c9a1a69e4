/**
 * What a dead broker costs the others: rates with all of three brokers, and with one of them killed, in turn. Replication
 * is 1, so the dead broker's partitions have no leader.
 *
 * `deno task bench:dead-broker` needs java, mvn and kcat, as the tests against real Kafka do.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { delay } from "@std/async/delay";
import { Producer } from "@ekaf/ekaf";
import { type Kafka, startKafka } from "../test/kafka/harness.ts";
import { readFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";

const USAGE = `Usage: deno task bench:dead-broker [flags]
  --loads A,B         unkeyed (one writable), keyed (a writable for each living partition) (both)
  --rounds N          runs of each, with and without the broker in turn (3)
  --seconds N         how long each run produces (20)
  --value-bytes N     length of a value (100)`;

const TOPIC = "dead";
const PARTITIONS = 6;
const DEAD = 3;
const CHUNK_RECORDS = 1_000;

/** One way to produce; resolves when `isOver` says so. */
type Load = (
  producer: Producer,
  run: { value: Uint8Array; living: readonly number[]; isOver: () => boolean },
) => Promise<void>;

/** Records without a key through one writable. */
const unkeyed: Load = async (producer, { value, isOver }) => {
  const writer = producer.writable(TOPIC).getWriter();
  writer.closed.catch(() => {}); // Aborted below.
  const chunk = Array.from({ length: CHUNK_RECORDS }, () => value);
  while (!isOver()) await within(writer.write(chunk), isOver);
  writer.abort().catch(() => {});
};

/** Records of living partitions through a writable each, while another call asks for more of a dead one than fits. */
const keyed: Load = async (producer, { value, living, isOver }) => {
  const flood = (async () => {
    const dead = [...Array(PARTITIONS).keys()].find((partition) => !living.includes(partition)) ?? 0;
    const chunk = Array.from({ length: CHUNK_RECORDS }, () => ({ key: "k", value, partition: dead }));
    // With all brokers alive this one is paced, or it would be a seventh load.
    while (!isOver()) await within(Promise.all([producer.enqueue(TOPIC, chunk).catch(() => {}), delay(100)]), isOver);
  })();
  const writers = living.map(async (partition) => {
    const writer = producer.writable(TOPIC).getWriter();
    writer.closed.catch(() => {});
    const chunk = Array.from({ length: CHUNK_RECORDS }, (_, i) => ({ key: `${i % 10}`, value, partition }));
    while (!isOver()) await within(writer.write(chunk), isOver);
    writer.abort().catch(() => {});
  });
  await Promise.all([flood, ...writers]);
};

const loads: Record<string, Load> = { unkeyed, keyed };

/** Waits for `work`, or until the run is over: a write may wait for a dead broker. */
async function within(work: Promise<unknown>, isOver: () => boolean): Promise<void> {
  let isDone = false;
  const done = work.then(() => void (isDone = true), () => void (isDone = true));
  while (!isDone && !isOver()) await Promise.race([done, delay(200)]);
}

/** Records delivered in a second. With `isDead` the broker is killed after the warm-up, buffers and all. */
async function measure(
  kafka: Kafka,
  load: Load,
  of: { seconds: number; valueBytes: number; isDead: boolean },
): Promise<number> {
  const producer = new Producer({ bootstrap: kafka.bootstrap, logger: null });
  await producer.prepare(TOPIC);
  const leaders = await Promise.all(Array.from({ length: PARTITIONS }, (_, i) => kafka.leaderOf(TOPIC, i)));
  const living = [...leaders.keys()].filter((partition) => leaders[partition] !== DEAD);
  let isOver = false;
  const value = new Uint8Array(of.valueBytes).fill(120);
  const loading = load(producer, { value, living, isOver: () => isOver });
  await delay(2_000);
  if (of.isDead) await kafka.kill(DEAD);
  await delay(1_000);
  const delivered = () => producer.info(TOPIC).reduce((sum, lane) => sum + lane.delivered, 0);
  const before = delivered();
  const startMs = performance.now();
  await delay(of.seconds * 1_000);
  const rate = (delivered() - before) / (performance.now() - startMs) * 1_000;
  isOver = true;
  await loading;
  await producer.abort();
  if (of.isDead) {
    await kafka.restart(DEAD);
    await kafka.awaitInSync(TOPIC);
  }
  return rate;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, { loads: Object.keys(loads).join(), rounds: 3, seconds: 20, "value-bytes": 100 }, {
    usage: USAGE,
  });
  await using kafka = await startKafka("4.3.1", { brokers: 3, replication: 1 });
  const config = { "retention.bytes": 64 * 1024 * 1024, "segment.bytes": 32 * 1024 * 1024 };
  await kafka.createTopic(TOPIC, PARTITIONS, { replicationFactor: 1, config });
  console.log(describeMachine());
  for (const name of flags.loads.split(",")) {
    const load = loads[name];
    if (load === undefined) throw new RangeError(`Cannot run the load "${name}": there are ${Object.keys(loads)}`);
    const rates: { all: number[]; dead: number[] } = { all: [], dead: [] };
    for (let round = 0; round < flags.rounds; round++) {
      for (const isDead of round % 2 === 0 ? [false, true] : [true, false]) {
        const rate = await measure(kafka, load, { seconds: flags.seconds, valueBytes: flags["value-bytes"], isDead });
        rates[isDead ? "dead" : "all"].push(rate);
        console.log(
          `${name}: ${isDead ? "one dead" : "all alive"} ${Math.round(rate).toLocaleString("en-US")} records/s`,
        );
      }
    }
    const percent = median(rates.dead) / median(rates.all) * 100;
    console.log(`${name}: ${percent.toFixed(0)} % with one of three brokers dead (medians of ${flags.rounds})`);
  }
}

if (import.meta.main) await main(Deno.args);
