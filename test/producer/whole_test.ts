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
import type { EmbeddedCluster, KafkaRelease } from "@ekaf/ekaf/embedded";
import {
  type BatchTransform,
  BufferFullError,
  type Delivery,
  DeliveryError,
  type Outcome,
  type Producer,
  type ProducerOptions,
  type ProducerRecord,
} from "@ekaf/ekaf";
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

/** What a mix of options promises, and what not. */
interface Promises {
  /** Whether batches are numbered, so that what is stored twice is told. */
  isNumbered: boolean;
  /** Whether a record's delivery has its own offset, not that of the first that its batch became. */
  hasOwnOffset: boolean;
  /** Whether the records of a partition have an order, not those of each key alone. */
  isOneLane: boolean;
}

const OLD: readonly KafkaRelease[] = ["0.8", "0.9", "0.10"];
const RELEASES: readonly KafkaRelease[] = [...OLD, "0.11", "2.0", "3.9", "4.3", "4.3"];
const TRANSFORMS = ["none", "none", "copies", "joins", "throws", "drops", "grows"] as const;

for (let seed = 1; seed <= 20; seed++) {
  const lanesPerPartition = seed <= 12 ? 1 : { min: 1 + seed % 4, max: 1 + seed % 5 + seed % 4 };
  const lanes = seed <= 12 ? "" : `, lanes ${Deno.inspect(lanesPerPartition)}`;
  Deno.test(`everything acknowledged is in the log, once and in order (seed ${seed}${lanes})`, async () => {
    const promises = { isNumbered: true, hasOwnOffset: true, isOneLane: lanesPerPartition === 1 };
    const random = new SeededRandom(seed);
    await mix(random, { ...someOptions(random), lanesPerPartition }, promises);
  });
}

for (let seed = 1; seed <= 24; seed++) {
  Deno.test(`the same holds for codecs, lanes, rewriting, policies and old brokers (seed ${seed})`, async () => {
    const random = new SeededRandom(seed * 7_919);
    const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]!;
    const versions = pick(RELEASES);
    const kind = pick(TRANSFORMS);
    const acks = pick(["all", "all", "all", 1] as const);
    const lanesPerPartition = pick([1, 1, 2, { min: 1, max: 3 }, { min: 2, max: 4 }]);
    const options: Partial<ProducerOptions> = {
      ...someOptions(random),
      acks,
      lanesPerPartition,
      transformBatch: transformOf(kind),
      protocol: versions === "0.8" || versions === "0.9" ? versions : "auto",
      compression: pick(["none", "gzip", "snappy", "lz4", "zstd", { codec: "zstd", level: -1 }] as const),
      overflow: pick(["wait", "wait", "reject", "dropOldest", "dropNewest"] as const),
      onUnknown: pick(["retry", "retry", "fail"] as const),
      maxInFlight: pick([5, 5, 1, 3]),
      ...(random.below(3) === 0 && { downtimeMaxRecords: 30 }),
    };
    const promises = {
      isNumbered: acks === "all" && !OLD.includes(versions),
      hasOwnOffset: kind !== "joins" && kind !== "grows",
      isOneLane: lanesPerPartition === 1,
    };
    await mix(random, options, promises, versions);
  });
}

/** Runs callers, and weather of a random kind, and checks the log. */
async function mix(
  random: SeededRandom,
  options: Partial<ProducerOptions>,
  promises: Promises,
  versions: KafkaRelease = "4.3",
): Promise<void> {
  const partitions = 1 + random.below(6);
  const brokers = 1 + random.below(3);
  const cluster = { brokers, replication: 1 + random.below(brokers), topics: { t: partitions }, versions };
  await using r = await rig(cluster, { ...options, logger: null });
  const ledger: Ledger = new Map();
  const lost = new Map<string, DeliveryError>();
  r.producer.addEventListener("deliveryfailed", ({ detail }) => {
    for (const { record } of detail.failures()) for (const id of idsOf(record.text())) lost.set(id, detail.error);
  });

  const isDone = { value: false };
  const storm = weather(r.cluster, { random, isDone, brokers, partitions });
  const hasHeaders = !OLD.includes(versions);
  const hasty = new Set<string>();
  const callers = Array.from(
    { length: 6 },
    (_, i) => call(r.producer, { random, name: `c${i}`, ledger, partitions, hasHeaders, hasty }),
  );
  await Promise.all(callers);
  isDone.value = true;
  await storm;
  await r.producer.close();

  check(r.cluster, { ledger, lost, hasty, promises });
}

/** What `transformBatch` may do; the records' ids stay in the log, one to a line. */
function transformOf(kind: typeof TRANSFORMS[number]): BatchTransform | null {
  if (kind === "none") return null;
  let calls = 0;
  return (records) => {
    calls++;
    if (kind === "throws" && calls % 3 === 0) throw new Error("planned");
    if (kind === "drops" && calls % 5 === 0) return [];
    if (kind === "joins") return [records.map((record) => record.text()).join("\n")];
    const copies = records.map(({ key, value, headers }) => ({ key, value, headers }));
    return kind === "grows" ? [...copies, "y".repeat(300)] : copies;
  };
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
    } else if (random.below(3) === 0) {
      cluster.failNext("Produce", { fault: "partialFrame", bytes: 7 });
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
  hasHeaders: boolean;
  /** Callers that do not await one call before the next. */
  hasty: Set<string>;
}

/** One caller: some records through one of the ways in. */
async function call(producer: Producer, caller: Caller): Promise<void> {
  const { random, name, ledger } = caller;
  const count = 20 + random.below(60);
  const records = Array.from({ length: count }, (_, i) => someRecord(`${name}:${i}`, caller));
  const note = (record: ProducerRecord, outcome: Outcome | "acknowledged" | undefined) =>
    void ledger.set(idOf(record.value as string), outcome);
  switch (random.below(5)) {
    case 0:
      caller.hasty.add(name);
      await Promise.all(records.map(async (record) => note(record, await outcomeOf(producer.send("t", record)))));
      break;
    case 1:
      for (const run of chunks(records, random)) {
        const outcomes: readonly Outcome[] = await producer.send("t", run).catch((error) =>
          (error as DeliveryError).outcomes ?? run.map(() => unaccepted(error))
        );
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
      try {
        for await (const outcome of ReadableStream.from(chunks(records, random)).pipeThrough(pair)) {
          note(records[next++]!, outcome);
        }
        assert(next === count, `${next} outcomes of ${count} records`);
      } catch (error) {
        if (!(error instanceof BufferFullError)) throw error; // With overflow "reject", it ends the stream.
      }
      break;
    }
    default:
      for (const record of records) {
        note(record, "acknowledged");
        await producer.enqueue("t", record).catch((error) => note(record, unaccepted(error)));
      }
      await producer.flush();
  }
}

function someRecord(id: string, { random, partitions, hasHeaders }: Caller): ProducerRecord {
  const record: ProducerRecord = { value: `${id}|${"x".repeat([0, 10, 100, 1_500][random.below(4)]!)}` };
  if (random.below(3) === 0) record.key = `k${random.below(5)}`;
  else if (random.below(4) === 0) record.partition = random.below(partitions);
  if (random.below(10) === 0 && hasHeaders) record.headers = { id };
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
    return error instanceof DeliveryError ? failed(error) : unaccepted(error);
  }
}

/** The outcome of a record for which there was no room. */
function unaccepted(cause: unknown): Outcome {
  assert(cause instanceof BufferFullError, String(cause));
  return failed(
    new DeliveryError("no room", { topic: "t", partition: null, attempts: 0, verdict: "notPersisted", cause }),
  );
}

function failed(error: DeliveryError): Outcome {
  return { topic: "t", partition: null, error } as Outcome;
}

/** A record of a caller, where it stands in the log. */
interface Stored {
  id: string;
  key: string | null;
  partition: number;
  offset: bigint;
}

function* storedIn(cluster: EmbeddedCluster): Generator<Stored> {
  for (const record of cluster.records("t")) {
    const key = record.key === null ? null : new TextDecoder().decode(record.key);
    for (const id of idsOf(record.text())) yield { id, key, partition: record.partition!, offset: record.offset! };
  }
}

function check(
  cluster: EmbeddedCluster,
  { ledger, lost, hasty, promises }: {
    ledger: Ledger;
    lost: ReadonlyMap<string, DeliveryError>;
    hasty: ReadonlySet<string>;
    promises: Promises;
  },
): void {
  const stored = [...storedIn(cluster)];
  const places = Map.groupBy(stored, ({ id }) => id);
  for (const [id, error] of lost) checkFailure(id, error, places.get(id) ?? []);
  for (const [id, outcome] of ledger) {
    const found = places.get(id) ?? [];
    if (outcome === undefined || (outcome === "acknowledged" && lost.has(id))) continue;
    if (outcome === "acknowledged") assert(found.length > 0, `${id} is missing`);
    else if (outcome.error !== undefined) checkFailure(id, outcome.error, found);
    else checkDelivery(id, outcome, found, promises);
  }
  // Those sent again after an unknown outcome may stand behind what was stored meanwhile.
  checkOrder(stored.filter(({ id }) => places.get(id)!.length === 1), hasty, promises);
}

function checkFailure(id: string, { verdict, cause }: DeliveryError, found: readonly Stored[]): void {
  assert(verdict !== "notPersisted" || found.length === 0, `${id} is there, against its verdict`);
  assert(cause !== undefined, `nobody says why ${id} failed`);
}

function checkDelivery(id: string, delivery: Delivery, found: readonly Stored[], promises: Promises): void {
  const { partition, offset, maybeDuplicate } = delivery;
  const isThere = found.some((each) => {
    if (each.partition !== partition) return false;
    return offset === null || (promises.hasOwnOffset ? each.offset === offset : each.offset >= offset);
  });
  assert(isThere, `${id} is not where its delivery says`);
  assert(found.length === 1 || maybeDuplicate || !promises.isNumbered, `${id} is stored ${found.length} times`);
}

/** Of calls that are not awaited, one with a record without a key may find room only after later ones. */
function checkOrder(stored: readonly Stored[], hasty: ReadonlySet<string>, { isOneLane }: Promises): void {
  const last = new Map<string, number>();
  for (const { id, key, partition } of stored) {
    const [caller, number] = id.split(":") as [string, string];
    const isByKey = !isOneLane || hasty.has(caller);
    if (isByKey && key === null) continue;
    const order = `${caller}/${partition}${isByKey ? `/${key}` : ""}`;
    assert((last.get(order) ?? -1) < Number(number), `${id} stands behind ${last.get(order)}`);
    last.set(order, Number(number));
  }
}

/** The ids in a value: one, or one a line where a batch was joined. */
function idsOf(text: string): string[] {
  return text.split("\n").filter((line) => line.includes("|")).map(idOf);
}

function idOf(text: string): string {
  return text.slice(0, text.indexOf("|"));
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
