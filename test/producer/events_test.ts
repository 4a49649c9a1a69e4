import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { type Logger, Producer, type ProducerEventType } from "@ekaf/ekaf";
import { resolveOptions } from "../../src/options.ts";
import { ProducerCore } from "../../src/producer/producer_core.ts";
import { ManualTimers, settled } from "../manual_timers.ts";
import { scriptedBroker } from "../scripted_broker.ts";
import { heard, numbered, QUICK, rig, until } from "./rig.ts";

/** Details of an event without what differs from run to run. */
function without(detail: Record<string, unknown>, ...names: string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(detail).filter(([name]) => !names.includes(name)));
}

Deno.test("timetoconnect, laneup, flush and flushreplied tell of a delivery, with true figures", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const types = ["timetoconnect", "laneup", "flush", "flushreplied"] as const;
  const order: string[] = [];
  for (const type of types) r.producer.addEventListener(type, () => order.push(type));
  const [connected, up, flushed, replied] = types.map((type) => heard(r.producer, type));

  await r.producer.send("t", ["a", "b", "c"]);
  await until(() => replied!.length > 0);

  const address = r.cluster.bootstrap[0]!;
  const lane = { topic: "t", partition: 0, lane: 0, broker: 1 };
  assertEquals(order.slice(-3), ["laneup", "flush", "flushreplied"]);
  assert(connected!.every(({ ms }) => (ms as number) >= 0 && (ms as number) < 60_000));
  assertEquals(connected!.at(-1)!.address, address);
  assertEquals(up, [{ ...lane, address }]);
  assertEquals(flushed!.map((detail) => without(detail, "bytes", "queuedMs")), [{
    ...lane,
    records: 3,
    attempt: 1,
    callers: [],
  }]);
  assertEquals(replied!.map((detail) => without(detail, "ms", "error")), flushed);
  assertEquals(replied![0]!.error, null);
  assert((flushed![0]!.queuedMs as number) >= 0);
});

Deno.test("flushreplied has the error of a batch that is sent again", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const replied = heard(r.producer, "flushreplied");
  r.cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS");

  await r.producer.send("t", "a");
  await until(() => replied.length === 2);

  assertInstanceOf(replied[0]!.error, Error);
  assertEquals(replied[1]!.error, null);
  assertEquals(replied.map(({ attempt }) => attempt), [1, 2]);
});

Deno.test("lanedown, lanestilldown and laneup tell of a broker's restart, the first and last exactly once", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const down = heard(r.producer, "lanedown");
  const still = heard(r.producer, "lanestilldown");
  const up = heard(r.producer, "laneup");
  await r.producer.send("t", "a");

  await r.cluster.stop(1);
  await until(() => down.length > 0);
  await r.producer.enqueue("t", "b");
  await until(() => still.length >= 3);
  await r.cluster.start(1);
  await r.producer.flush();

  assertEquals([down.length, up.length], [1, 2]);
  assertEquals(without(down[0]!, "cause"), up[0]);
  assertEquals(still.slice(0, 3).map(({ attempt }) => attempt), [1, 2, 3]);
  for (const detail of still) {
    assertEquals([detail.topic, detail.address], ["t", r.cluster.bootstrap[0]]);
    assertInstanceOf(detail.cause, Error);
  }
});

Deno.test("bootstrapunreachable names every address and the cause", async () => {
  const producer = new Producer({ bootstrap: "127.0.0.1:1,127.0.0.1:2", logger: null, ...QUICK });
  const unreachable = heard(producer, "bootstrapunreachable");

  await producer.enqueue("t", "a");
  await producer.abort();

  assertEquals(unreachable[0]!.addresses, ["127.0.0.1:1", "127.0.0.1:2"]);
  assertInstanceOf(unreachable[0]!.cause, Error);
});

Deno.test("deliveryfailed tells of enqueued records, once a batch, and topic handles hear of theirs", async () => {
  await using r = await rig({ topics: { t: 1, u: 1 } });
  const failed = heard(r.producer, "deliveryfailed");
  const [ofT, ofU] = ["t", "u"].map((name) => heard(r.producer.topic(name), "deliveryfailed"));
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");

  await r.producer.enqueue("t", ["a", "b"]);
  await r.producer.flush();

  assertEquals([failed.length, ofT!.length, ofU!.length], [1, 1, 0]);
  assertEquals([failed[0]!.topic, failed[0]!.partition, failed[0]!.count], ["t", 0, 2]);
  const failures = (failed[0]!.failures as () => { record: { text(): string } }[])();
  assertEquals(failures.map(({ record }) => record.text()), ["a", "b"]);
});

Deno.test("throttled tells of a pause that a broker asks for", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const throttled = heard(r.producer, "throttled");
  using _hook = r.cluster.intercept("Produce", async (request, next) => {
    const response = await next(request);
    return typeof response === "object" && response !== null ? { ...response, throttleTimeMs: 15 } : response;
  });

  await r.producer.send("t", "a");

  assertEquals(throttled, [{ broker: 1, ms: 15 }]);
});

Deno.test("metadatachanged tells of added partitions", async () => {
  await using r = await rig({ topics: { t: 1 } }, { metadataMaxAgeMs: 10 });
  const changed = heard(r.producer, "metadatachanged");
  await r.producer.send("t", "a");

  r.cluster.addPartitions("t", 2);
  await until(() => changed.length > 0);

  assertEquals(changed, [{ topic: "t", partitions: 2, brokers: 1 }]);
});

Deno.test("dataloss tells of a log that lost acknowledged records", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const lost = heard(r.producer, "dataloss");
  await r.producer.send("t", ["a", "b"]);
  r.cluster.failNext("Produce", "OUT_OF_ORDER_SEQUENCE_NUMBER");

  await r.producer.send("t", "c");

  assertEquals(lost.map((detail) => without(detail, "logStartOffset")), [{
    topic: "t",
    partition: 0,
    lastAckedOffset: 1n,
  }]);
});

Deno.test("events reach handles of their topic only, and listeners that throw or reject are logged", async () => {
  const warnings: string[] = [];
  const logger: Logger = { warn: (message) => void warnings.push(message) };
  await using r = await rig({ topics: { t: 1, u: 1 } }, { logger });
  const types: ProducerEventType[] = ["flush", "flushreplied", "laneup"];
  const ofU = types.map((type) => heard(r.producer.topic("u"), type));
  for (const type of types) {
    r.producer.addEventListener(type, () => {
      throw new Error("thrown");
    });
    r.producer.topic("t").addEventListener(type, () => Promise.reject(new Error("rejected")));
    r.producer.addEventListener(type, { handleEvent: () => Promise.reject(new Error("rejected")) });
  }

  const deliveries = await r.producer.send("t", numbered("", 3));
  await settled();

  assertEquals(deliveries.length, 3);
  assertEquals(ofU, [[], [], []]);
  assertEquals(warnings.length, 1); // Of a kind at most one in 10 s.
});

Deno.test("a process outlives listeners of every event that throw or reject, through an outage", async () => {
  const script = new URL("./outage_process.ts", import.meta.url).pathname;
  const args = ["run", "--no-check", "--quiet", "--allow-net=127.0.0.1", script];

  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();

  const [heardTypes, stored] = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  assertEquals(heardTypes!.split(" ").length, 15);
  assertEquals(stored, "first c d e");
});

/** A producer in a world without brokers, with time driven by hand. */
function unreachableCore(logger: Logger, timers: ManualTimers): ProducerCore {
  const connect = scriptedBroker({}, {
    accept: () => {
      throw new Error("refused");
    },
  });
  return new ProducerCore(resolveOptions({ bootstrap: "a:1", connect, logger }), () => {}, timers);
}

Deno.test("an outage of a minute logs a bounded number of lines", async () => {
  const timers = new ManualTimers();
  const lines: string[] = [];
  const line = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const logger = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
  const core = unreachableCore(logger, timers);
  const enqueued = core.topic("t").enqueue("a");
  await timers.advance(0);
  await enqueued;

  await timers.advance(60_000);
  await core.abort("over");

  const warnings = lines.filter((text) => text.startsWith("warn"));
  assert(warnings.length >= 1 && warnings.length <= 7, lines.join("\n"));
  assert(lines.length <= 10, lines.join("\n"));
  assert(lines.some((text) => text.startsWith('info: No partition of "t"')), lines.join("\n"));
});
