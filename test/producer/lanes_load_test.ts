/** Extra lanes that start under load and end when idle: keys keep their order, and every record is stored once. */

import { assert, assertEquals } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import type { ProducerRecord } from "@ekaf/ekaf";
import { type ProducerOptions, resolveOptions } from "../../src/options.ts";
import { ProducerCore } from "../../src/producer/producer_core.ts";
import { platformTimers, type Timers } from "../../src/timers.ts";
import { until } from "./rig.ts";

/** Timers by which a second is ten milliseconds: lanes start and end soon. */
const fastTimers: Timers = {
  ...platformTimers,
  now: () => performance.now() * 100,
  set: (callback, ms) => platformTimers.set(callback, ms / 100),
};

const SIZES = { batchMaxBytes: 1_000, partitionMaxBytes: 60_000, requestMaxBytes: 8_192 };

/** A cluster whose answers take their time, and a producer by fast time with two lanes, four under load. */
async function world(options: Partial<ProducerOptions> = {}, { brokers = 1, partitions = 1 } = {}) {
  const cluster = await EmbeddedCluster.listen({ brokers, replication: brokers, topics: { t: partitions } });
  cluster.delay(2, "Produce");
  const events: { type: string; lane?: number; cause?: unknown }[] = [];
  const core = new ProducerCore(
    resolveOptions({
      bootstrap: cluster.bootstrap,
      logger: null,
      requestTimeoutMs: 900_000,
      metadataMaxAgeMs: 3_600_000,
      lanesPerPartition: { min: 2, max: 4 },
      ...SIZES,
      ...options,
    }),
    (type, detail) => void events.push({ type, ...detail as object }),
    fastTimers,
  );
  const topic = core.topic("t");
  return {
    cluster,
    core,
    topic,
    events,
    /** Lanes of the partition that has most. */
    rows: () => Math.max(0, ...topic.lanes.info().map(({ lane }) => lane + 1)),
    [Symbol.asyncDispose]: async () => {
      await core.abort(new Error("over"));
      await cluster[Symbol.asyncDispose]();
    },
  };
}

type World = Awaited<ReturnType<typeof world>>;

/** Numbers records, with a key or without, and checks them in the log. */
class Load {
  #count = 0;
  readonly #padding = "x".repeat(200);

  constructor(readonly world: World) {}

  /** Enqueues records until `isEnough`; every third has one of ten keys. */
  async run(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      const records = Array.from({ length: 30 }, () => this.#next());
      await this.world.topic.enqueue(records);
    }
  }

  /** Waits for all, and has each once in the log, those of a key in order. */
  async check(): Promise<void> {
    await this.world.core.flush(undefined);
    const stored = this.world.cluster.records("t");
    const numbers = stored.map((record) => Number.parseInt(record.text()));
    assertEquals(numbers.toSorted((a, b) => a - b), Array.from({ length: this.#count }, (_, i) => i));
    const last = new Map<string, number>();
    stored.forEach(({ key }, i) => {
      if (key === null) return;
      const name = new TextDecoder().decode(key);
      const number = numbers[i]!;
      assert((last.get(name) ?? -1) < number, `${number} of ${name} stands behind ${last.get(name)}`);
      last.set(name, number);
    });
    assert(this.#count < 30 || last.size === 10, "keys are missing");
  }

  #next(): ProducerRecord {
    const number = this.#count++;
    const value = `${number} ${this.#padding}`;
    return number % 3 === 0 ? { key: `k${number / 3 % 10}`, value } : { value };
  }
}

Deno.test("lanes grow to max under load, shrink to min when idle, and grow again with the same producer ids", async () => {
  await using w = await world();
  const load = new Load(w);
  await w.topic.prepare();

  await load.run(() => w.rows() === 4);
  await load.run(() => w.topic.lanes.info().every(({ delivered }) => delivered > 0));
  await until(() => w.cluster.connectionCount() === 4);
  await w.core.flush(undefined);
  await until(() => w.rows() === 2);
  await until(() => w.cluster.connectionCount() === 2);
  await load.run(() => w.rows() === 4 && w.topic.lanes.info().every(({ state }) => state === "up"));
  await load.check();

  const ids = Map.groupBy(w.cluster.batches("t"), ({ producerId }) => producerId);
  assertEquals(ids.size, 4);
  // Had a lane begun anew it would have raised its epoch, or been refused.
  assert(w.cluster.batches("t").every(({ producerEpoch }) => producerEpoch === 0));
  const ends = w.events.filter(({ type, cause }) => type === "lanedown" && /it was idle/.test(String(cause)));
  assertEquals(new Set(ends.map(({ lane }) => lane)), new Set([2, 3]));
});

Deno.test("lanes do not grow under keyed load, which extra lanes could not carry", async () => {
  await using w = await world();
  const record = { key: "k", value: "x".repeat(300) };
  await w.topic.prepare();

  const untilMs = fastTimers.now() + 2_000;
  while (fastTimers.now() < untilMs) await w.topic.enqueue([record, record, record]);

  assertEquals(w.rows(), 2);
});

Deno.test("the timer that looks for idle lanes keeps no process alive, and ends with the producer", async () => {
  const refs = new Set<object>();
  const timers: Timers = {
    ...fastTimers,
    set: (callback, ms) => {
      const handle = fastTimers.set(() => {
        refs.delete(handle);
        callback();
      }, ms);
      refs.add(handle);
      return handle;
    },
    clear: (handle) => {
      refs.delete(handle);
      fastTimers.clear(handle);
    },
    unref: (handle) => {
      refs.delete(handle);
      fastTimers.unref(handle);
    },
  };
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  cluster.delay(2, "Produce");
  const options = { bootstrap: cluster.bootstrap, logger: null, lanesPerPartition: { min: 1, max: 2 }, ...SIZES };
  const core = new ProducerCore(resolveOptions({ ...options, requestTimeoutMs: 900_000 }), () => {}, timers);
  const topic = core.topic("t");

  while (topic.lanes.info().length < 2) await topic.enqueue(Array.from({ length: 30 }, () => "x".repeat(200)));
  await core.flush(undefined);
  await until(() => refs.size === 0);
  await core.close();
});

for (const seed of [1, 2, 3]) {
  Deno.test(`keys keep their order and records are stored once while lanes come and go, under faults (${seed})`, async () => {
    await using w = await world({}, { brokers: 2, partitions: 3 });
    const load = new Load(w);
    const faults = ["NOT_ENOUGH_REPLICAS", "NOT_LEADER_OR_FOLLOWER", "REQUEST_TIMED_OUT", "LEADER_NOT_AVAILABLE"];
    let isDone = false;
    const storm = (async () => {
      for (let i = seed; !isDone; i++) {
        await new Promise((resolve) => setTimeout(resolve, 3));
        if (i % 5 === 0) {
          w.cluster.moveLeader("t", i % 3, 1 + (i >> 1) % 2);
        } else if (i % 5 === 1) {
          let isCut = false;
          using _hook = w.cluster.intercept("Produce", async (request, next) => {
            if (isCut) return await next(request);
            isCut = true;
            if (i % 2 === 0) await next(request);
            return "close";
          });
          await new Promise((resolve) => setTimeout(resolve, 2));
        } else w.cluster.failNext("Produce", faults[i % 4]!, 1, { partition: i % 3 });
      }
    })();

    for (let round = 0; round < 2; round++) {
      await load.run(() => w.rows() > 2);
      await w.core.flush(undefined);
      await until(() => w.rows() === 2);
    }
    isDone = true;
    await storm;
    await load.check();
  });
}

Deno.test("keys keep their order and records are stored once while lanes come and go, with brokers that restart", async () => {
  await using w = await world({}, { brokers: 2, partitions: 3 });
  const load = new Load(w);

  for (let round = 0; round < 4; round++) {
    const id = 1 + round % 2;
    await load.run(() => w.rows() > 2);
    await w.cluster.stop(id);
    let runs = 0;
    await load.run(() => ++runs > 5);
    await w.cluster.start(id);
    if (round % 2 === 1) await until(() => w.rows() === 2 || w.core.isClosed);
  }
  await load.check();
});
