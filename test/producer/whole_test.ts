/**
 * The promise as a whole: whatever callers do and whatever brokers suffer, the log holds what was acknowledged, once,
 * each caller's records of a partition in the order in which they were given, and nothing that is `notPersisted`. With
 * several lanes a partition the order holds for each key.
 *
 * Random mixes of calls, partitions, sizes and faults against the embedded cluster; a failure names its seed.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import type { Delivery, DeliveryError, Outcome, Producer, ProducerOptions, ProducerRecord } from "@ekaf/ekaf";
import { SeededRandom } from "../protocol/seeded_random.ts";
import { rig } from "./rig.ts";

/** Faults that a broker may show without anybody's fault. */
const FAULTS = [
  "NOT_LEADER_OR_FOLLOWER",
  "REQUEST_TIMED_OUT",
  "NOT_ENOUGH_REPLICAS",
  "CORRUPT_MESSAGE",
  "MESSAGE_TOO_LARGE",
  "LEADER_NOT_AVAILABLE",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "OUT_OF_ORDER_SEQUENCE_NUMBER",
];

/** What became of each record, by its id: `undefined` for one that a stream lost without saying which. */
type Ledger = Map<string, Outcome | "acknowledged" | undefined>;

for (let seed = 1; seed <= 20; seed++) {
  const lanesPerPartition = seed <= 12 ? 1 : { min: 1 + seed % 4, max: 1 + seed % 5 + seed % 4 };
  const lanes = seed <= 12 ? "" : `, lanes ${Deno.inspect(lanesPerPartition)}`;
  Deno.test(`everything acknowledged is in the log, once and in order (seed ${seed}${lanes})`, async () => {
    const random = new SeededRandom(seed);
    const partitions = 1 + random.below(6);
    const brokers = 1 + random.below(3);
    const cluster = { brokers, replication: 1 + random.below(brokers), topics: { t: partitions } };
    await using r = await rig(cluster, { ...someOptions(random), lanesPerPartition, logger: null });
    const ledger: Ledger = new Map();
    const lost = new Set<string>();
    r.producer.addEventListener("deliveryfailed", ({ detail }) => {
      for (const { record } of detail.failures()) lost.add(idOf(record.text()));
    });

    const isDone = { value: false };
    const storm = weather(r.cluster, { random, isDone, brokers, partitions });
    const callers = Array.from(
      { length: 6 },
      (_, i) => call(r.producer, { random, name: `c${i}`, ledger, partitions }),
    );
    await Promise.all(callers);
    isDone.value = true;
    await storm;
    await r.producer.close();

    check(r.cluster, { ledger, lost, isOneLane: lanesPerPartition === 1 });
  });
}

function someOptions(random: SeededRandom): Partial<ProducerOptions> {
  const options: Partial<ProducerOptions> = {
    batchMaxRecords: [10_000, 1, 3, 50][random.below(4)]!,
    lingerMs: (["auto", 0, 3, 15] as const)[random.below(4)]!,
  };
  if (random.below(2) === 0) return options;
  return {
    ...options,
    batchMaxBytes: 2_000,
    partitionMaxBytes: 8_192,
    bufferMaxBytes: [8_192, 20_000, 40_000][random.below(3)]!,
  };
}

/** Lets brokers stop, leaders move and answers fail until all callers are done. */
async function weather(
  cluster: EmbeddedCluster,
  { random, isDone, brokers, partitions }: {
    random: SeededRandom;
    isDone: { value: boolean };
    brokers: number;
    partitions: number;
  },
): Promise<void> {
  const isCalm = random.below(4) === 0;
  while (!isDone.value) {
    await pause(1 + random.below(6));
    if (isCalm) continue;
    const kind = random.below(10);
    if (kind < 2) {
      const id = 1 + random.below(brokers);
      await cluster.stop(id);
      await pause(random.below(8));
      await cluster.start(id);
    } else if (kind < 4) {
      try {
        cluster.moveLeader("t", random.below(partitions), 1 + random.below(brokers));
      } catch {
        // It is no replica, then.
      }
    } else if (kind < 9) {
      const target = random.below(2) === 0 ? {} : { partition: random.below(partitions) };
      cluster.failNext("Produce", FAULTS[random.below(FAULTS.length)]!, 1, target);
    } else {
      using _hook = cluster.intercept("Produce", async (request, next) => {
        await next(request);
        return "close" as const;
      });
      await pause(1);
    }
  }
}

interface Caller {
  random: SeededRandom;
  name: string;
  ledger: Ledger;
  partitions: number;
}

/** One caller: some records through one of the ways in. */
async function call(producer: Producer, caller: Caller): Promise<void> {
  const { random, name, ledger, partitions } = caller;
  const count = 20 + random.below(60);
  const records = Array.from({ length: count }, (_, i) => someRecord(`${name}:${i}`, random, partitions));
  const note = (record: ProducerRecord, outcome: Outcome | "acknowledged" | undefined) =>
    void ledger.set(idOf(record.value as string), outcome);
  switch (random.below(5)) {
    case 0:
      await Promise.all(records.map(async (record) => note(record, await outcomeOf(producer.send("t", record)))));
      break;
    case 1:
      for (const run of chunks(records, random)) {
        const outcomes = await producer.send("t", run).catch((error: DeliveryError) => error.outcomes!);
        outcomes.forEach((outcome, i) => note(run[i]!, outcome));
      }
      break;
    case 2: {
      const stream = ReadableStream.from(chunks(records, random));
      const end = await stream.pipeTo(producer.writable("t")).then(() => "acknowledged" as const, () => undefined);
      for (const record of records) note(record, end);
      break;
    }
    case 3: {
      const pair = producer.delivery("t", { maxUnread: [1, 7, 1_000][random.below(3)]! });
      let next = 0;
      for await (const outcome of ReadableStream.from(chunks(records, random)).pipeThrough(pair)) {
        note(records[next++]!, outcome);
      }
      assert(next === count, `${next} outcomes of ${count} records`);
      break;
    }
    default:
      for (const record of records) await producer.enqueue("t", record);
      await producer.flush();
      for (const record of records) note(record, "acknowledged");
  }
}

function someRecord(id: string, random: SeededRandom, partitions: number): ProducerRecord {
  const record: ProducerRecord = { value: `${id}|${"x".repeat([0, 10, 100, 1_500][random.below(4)]!)}` };
  if (random.below(3) === 0) record.key = `k${random.below(5)}`;
  else if (random.below(4) === 0) record.partition = random.below(partitions);
  if (random.below(10) === 0) record.headers = { id };
  return record;
}

function* chunks(records: readonly ProducerRecord[], random: SeededRandom): Generator<ProducerRecord[]> {
  for (let at = 0; at < records.length;) {
    const end = at + 1 + random.below(20);
    yield records.slice(at, end);
    at = end;
  }
}

async function outcomeOf(delivery: Promise<Delivery>): Promise<Outcome> {
  try {
    return await delivery;
  } catch (error) {
    return { topic: "t", partition: null, error } as Outcome;
  }
}

function check(
  cluster: EmbeddedCluster,
  { ledger, lost, isOneLane }: { ledger: Ledger; lost: ReadonlySet<string>; isOneLane: boolean },
): void {
  const places = Map.groupBy(cluster.records("t"), (record) => idOf(record.text()));
  for (const [id, outcome] of ledger) {
    const found = places.get(id) ?? [];
    if (outcome === undefined || (outcome === "acknowledged" && lost.has(id))) continue;
    if (outcome === "acknowledged") {
      assert(found.length > 0, `${id} is missing`);
    } else if (outcome.error !== undefined) {
      assert(outcome.error.verdict !== "notPersisted" || found.length === 0, `${id} is there, against its verdict`);
    } else {
      const { partition, offset, maybeDuplicate } = outcome;
      const isThere = found.some((each) => each.partition === partition && (offset === null || each.offset === offset));
      assert(isThere, `${id} is not where its delivery says`);
      assert(found.length === 1 || maybeDuplicate, `${id} is stored ${found.length} times`);
    }
  }
  const last = new Map<string, number>();
  for (const record of cluster.records("t")) {
    const id = idOf(record.text());
    if (places.get(id)!.length > 1) continue; // Sent again after an unknown outcome, behind what was stored meanwhile.
    if (!isOneLane && record.key === null) continue;
    const [caller, number] = id.split(":") as [string, string];
    const order = `${caller}/${record.partition}${isOneLane ? "" : `/${record.key}`}`;
    assert((last.get(order) ?? -1) < Number(number), `${id} stands behind ${last.get(order)}`);
    last.set(order, Number(number));
  }
}

function idOf(text: string): string {
  return text.slice(0, text.indexOf("|"));
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
