import { assert, assertEquals, assertThrows } from "@std/assert";
import { statsd, type StatsdOptions } from "@ekaf/ekaf/statsd";
import { StatsdReporting } from "../../src/statsd/statsd.ts";
import { ManualTimers } from "../manual_timers.ts";
import { FakeProducer, laneInfo, topicStats } from "../measured_producer.ts";
import { rig } from "../producer/rig.ts";
import { listen, type Listener } from "./listener.ts";

const LANE = { topic: "events", partition: 0, lane: 0, broker: 1, address: "kafka:9092" };
const BATCH = {
  topic: "events",
  partition: 0,
  lane: 0,
  broker: 1,
  records: 100,
  bytes: 5_000,
  attempt: 1,
  queuedMs: 2,
  callers: [],
};

/** Reports on a fake producer to `listener`; an interval ends when `tick` is called. */
function reporting(listener: Listener, options: StatsdOptions = {}) {
  const producer = new FakeProducer();
  const timers = new ManualTimers();
  const stats = new StatsdReporting(producer, { host: "127.0.0.1", port: listener.port, ...options }, timers);
  return { producer, timers, stats, tick: () => timers.advance(options.intervalMs ?? 1_000) };
}

/** The lines that an interval brings after `act`, sorted. */
async function linesAfter(act: (producer: FakeProducer) => void, options: StatsdOptions = {}): Promise<string[]> {
  await using listener = await listen();
  const { producer, stats, tick } = reporting(listener, options);
  await using _ = stats;
  act(producer);
  await tick();
  await listener.until(1);
  return listener.lines().sort();
}

/** Of a producer that was never used. */
const NOTHING = [
  "ekaf.ekaf_sup/workers:0|g|@1.0",
  "ekaf.ekaf_sup/children:0|g|@1.0",
  "ekaf.ekaf_sup/workers.dead:0|g|@1.0",
];

Deno.test("Statsd.increment() and gauge() send one datagram each, byte for byte as ekaf did", async () => {
  await using listener = await listen();
  await using stats = statsd(new FakeProducer(), { port: listener.port });

  stats.increment("orders");
  stats.increment("orders", 20);
  stats.gauge("queue", 0);
  stats.gauge("queue", 1.5);
  await listener.until(4);

  assertEquals(listener.datagrams, [
    "ekaf.orders:1|c|@1.0",
    "ekaf.orders:20|c|@1.0",
    "ekaf.queue:0|g|@1.0",
    "ekaf.queue:1.5|g|@1.0",
  ]);
});

Deno.test("Statsd.gauge() sets a gauge to 0 before it becomes negative", async () => {
  await using listener = await listen();
  await using stats = statsd(new FakeProducer(), { port: listener.port });

  stats.gauge("debt", -5);
  await listener.until(1);

  assertEquals(listener.datagrams, ["ekaf.debt:0|g|@1.0\nekaf.debt:-5|g|@1.0"]);
});

Deno.test("Statsd replaces in names what would end them, and drops values that are no numbers", async () => {
  await using listener = await listen();
  await using stats = statsd(new FakeProducer(), { port: listener.port, prefix: "a|b." });

  stats.increment("x:1|c\ny@z w", NaN);
  stats.gauge("x", Infinity);
  stats.increment("x:1|c\ny@z w");
  await listener.until(1);

  assertEquals(listener.datagrams, ["a_b.x_1_c_y_z_w:1|c|@1.0"]);
});

Deno.test("statsd() names the events of lanes by topic, event, broker and partition", async () => {
  const lines = await linesAfter((producer) => {
    producer.emit("timetoconnect", { broker: 1, address: "kafka:9092", ms: 1.2 });
    producer.emit("laneup", LANE);
    producer.emit("laneup", { ...LANE, partition: 1 });
    producer.emit("lanedown", { ...LANE, cause: null });
    producer.emit("flush", BATCH);
    producer.emit("flush", { ...BATCH, records: 20 });
    producer.emit("flushreplied", { ...BATCH, ms: 1, error: null });
  });

  const expected = [
    "ekaf.events.ekaf_callback_worker_up.broker1.0:1|c|@1.0",
    "ekaf.events.ekaf_callback_worker_up.broker1.1:1|c|@1.0",
    "ekaf.events.ekaf_callback_time_to_connect.broker1.0:2|g|@1.0",
    "ekaf.events.ekaf_callback_time_to_connect.broker1.1:2|g|@1.0",
    "ekaf.events.ekaf_callback_worker_down.broker1.0:1|c|@1.0",
    "ekaf.events.ekaf_callback_flush.broker1.0:20|g|@1.0",
    "ekaf.events.ekaf_callback_flushed_replied.broker1.0.diff:1|g|@1.0",
    "ekaf.partition.0.sent:120|c|@1.0",
    "ekaf.partition.0.batch.size:20|g|@1.0",
  ];
  assertEquals(lines, [...expected, ...NOTHING].sort());
});

Deno.test("statsd() names the events of topics by topic and event", async () => {
  const kept = { topic: "events", records: 4, bytes: 400 };
  const lines = await linesAfter((producer) => {
    producer.topics = [topicStats({ topic: "events" })];
    producer.emit("lanestilldown", { topic: "events", address: null, attempt: 1, cause: null });
    producer.emit("lanestilldown", { topic: "events", address: null, attempt: 2, cause: null });
    producer.emit("downtimesaved", kept);
    producer.emit("downtimefull", { ...kept, dropped: 0, policy: "wait" });
    producer.emit("bootstrapunreachable", { addresses: [], cause: null });
    producer.emit("timedown", { topic: "events", ms: 59_279.4 });
    producer.emit("downtimereplayed", kept);
  });

  const expected = [
    "ekaf.events.ekaf_callback_worker_still_down:2|c|@1.0",
    "ekaf.events.ekaf_callback_downtime_saved:1|c|@1.0",
    "ekaf.events.ekaf_callback_max_downtime_buffer_reached:1|c|@1.0",
    "ekaf.events.mainbroker_unreachable:1|c|@1.0",
    "ekaf.events.ekaf_callback_time_down:59280|g|@1.0",
    "ekaf.events.ekaf_callback_downtime_replayed:1|c|@1.0",
    "ekaf.ekaf_sup/events.message_queue:0|g|@1.0",
  ];
  assertEquals(lines, [...expected, ...NOTHING].sort());
});

Deno.test("statsd() has gauges of workers, queues and buffers", async () => {
  const lanes = [
    laneInfo({ partition: 0, bufferedRecords: 4 }),
    laneInfo({ partition: 0, lane: 1, bufferedRecords: 1 }),
    laneInfo({ partition: 7, bufferedRecords: 2, state: "down" }),
    laneInfo({ partition: 8, state: "connecting" }),
  ];
  const lines = await linesAfter((producer) => {
    producer.topics = [topicStats({ topic: "events", bufferedRecords: 12, lanes })];
  });

  const expected = [
    "ekaf.ekaf_sup/workers:4|g|@1.0",
    "ekaf.ekaf_sup/children:2|g|@1.0",
    "ekaf.ekaf_sup/workers.dead:1|g|@1.0",
    "ekaf.ekaf_sup/events.message_queue:5|g|@1.0",
    "ekaf.events.0.buffer.size:5|g|@1.0",
    "ekaf.events.0.buffer.max:100|g|@1.0",
    "ekaf.events.7.buffer.size:2|g|@1.0",
    "ekaf.events.7.buffer.max:100|g|@1.0",
    "ekaf.events.8.buffer.size:0|g|@1.0",
    "ekaf.events.8.buffer.max:100|g|@1.0",
  ];
  assertEquals(lines, expected.sort());
});

Deno.test("statsd() counts a batch that is sent again once", async () => {
  const lines = await linesAfter((producer) => {
    producer.emit("flush", BATCH);
    producer.emit("flushreplied", { ...BATCH, ms: 1, error: new Error("no") });
    producer.emit("flush", { ...BATCH, attempt: 2 });
  });

  assert(lines.includes("ekaf.partition.0.sent:100|c|@1.0"));
  assert(lines.includes("ekaf.events.ekaf_callback_flushed_replied.broker1.0.diff:0|g|@1.0"));
});

Deno.test("statsd() sends an interval's counts once", async () => {
  await using listener = await listen();
  const { producer, stats, tick } = reporting(listener, { intervalMs: 10, prefix: "" });
  await using _ = stats;

  producer.emit("laneup", LANE);
  await tick();
  await listener.until(1);
  await tick();
  await listener.until(2);

  assertEquals(listener.datagrams.map((datagram) => datagram.includes("worker_up")), [true, false]);
});

Deno.test("statsd() reports the topics that are enabled, one by one or by default", async () => {
  const flush = (producer: FakeProducer) => {
    for (const topic of ["a", "b"]) producer.emit("flush", { ...BATCH, topic });
    producer.topics = ["a", "b"].map((topic) => topicStats({ topic, lanes: [laneInfo({})] }));
  };

  const only = await linesAfter(flush, { enabled: false, topics: { a: true } });
  const allBut = await linesAfter(flush, { topics: { a: false } });

  for (const [lines, topic] of [[only, "a"], [allBut, "b"]] as const) {
    const expected = [
      `ekaf.${topic}.ekaf_callback_flush.broker1.0:100|g|@1.0`,
      `ekaf.${topic}.0.buffer.size:0|g|@1.0`,
      `ekaf.${topic}.0.buffer.max:100|g|@1.0`,
      `ekaf.ekaf_sup/${topic}.message_queue:0|g|@1.0`,
      "ekaf.ekaf_sup/workers:1|g|@1.0",
      "ekaf.ekaf_sup/children:1|g|@1.0",
      "ekaf.ekaf_sup/workers.dead:0|g|@1.0",
      "ekaf.partition.0.sent:100|c|@1.0",
      "ekaf.partition.0.batch.size:100|g|@1.0",
    ];
    assertEquals(lines, expected.sort());
  }
});

Deno.test({
  name: "statsd() opens no socket, needs no permission and does nothing when no topic is enabled",
  permissions: { net: false },
  fn: async () => {
    const timers = new ManualTimers();
    const producer = new FakeProducer();
    const stats = new StatsdReporting(producer, { enabled: false, topics: { a: false } }, timers);

    stats.increment("x");
    stats.gauge("x", 1);

    assertEquals([stats.isOpen, timers.pendingCount, producer.emit("laneup", LANE)], [false, 0, false]);
    await stats.close();
  },
});

Deno.test({
  name: "statsd() names the permissions that are missing",
  permissions: { net: ["127.0.0.1"] },
  fn: () => {
    const producer = new FakeProducer();
    const options = { host: "stats.example", port: 9125 };

    const error = assertThrows(() => statsd(producer, options), Deno.errors.NotCapable);

    const flag = "--allow-net=0.0.0.0:0,stats.example:9125";
    assertEquals(error.message, `Cannot send to statsd: a permission is missing, run again with ${flag}`);
    assertEquals(producer.emit("laneup", LANE), false);
  },
});

Deno.test("statsd() sends no datagram larger than maxDatagramBytes, and leaves longer lines out", async () => {
  await using listener = await listen();
  const { producer, stats, tick } = reporting(listener, { maxDatagramBytes: 512 });
  await using _ = stats;
  const lanes = Array.from({ length: 40 }, (_, partition) => laneInfo({ partition }));
  producer.topics = [topicStats({ topic: "events", lanes })];

  stats.increment("n".repeat(512));
  await tick();
  stats.increment("last");
  while (!listener.lines().some((line) => line.includes("last"))) await listener.until(listener.datagrams.length + 1);

  assert(listener.datagrams.every((datagram) => datagram.length <= 512));
  assert(listener.datagrams.slice(0, -2).every((datagram) => datagram.length > 450));
  assertEquals(listener.lines().filter((line) => line.includes(".buffer.")).length, 80);
  assertEquals(listener.lines().filter((line) => line.includes("nnn")), []);
});

Deno.test("statsd() drops values of more than maxNames names in an interval", async () => {
  const lines = await linesAfter((producer) => {
    for (let partition = 0; partition < 10; partition++) producer.emit("laneup", { ...LANE, partition });
    producer.emit("laneup", LANE); // A name that is there is counted on.
  }, { maxNames: 3 });

  assertEquals(lines, [
    "ekaf.events.ekaf_callback_worker_up.broker1.0:2|c|@1.0",
    "ekaf.events.ekaf_callback_worker_up.broker1.1:1|c|@1.0",
    "ekaf.events.ekaf_callback_worker_up.broker1.2:1|c|@1.0",
  ]);
});

Deno.test("Statsd.close() sends what is pending, then listens and sends no more", async () => {
  await using listener = await listen();
  const { producer, stats, timers } = reporting(listener);
  producer.emit("laneup", LANE);
  assertEquals(timers.refCount, 0); // It does not keep the process alive.

  await Promise.all([stats.close(), stats.close()]);
  stats.increment("late");

  assertEquals(producer.emit("laneup", LANE), false);
  assertEquals([stats.isOpen, timers.pendingCount], [false, 0]);
  await listener.until(1);
  assert(listener.lines().includes("ekaf.events.ekaf_callback_worker_up.broker1.0:1|c|@1.0"));
});

Deno.test("statsd() reports what a real producer does", async () => {
  await using r = await rig({ topics: { events: 1 } });
  await using listener = await listen();
  const stats = statsd(r.producer, { host: "127.0.0.1", port: listener.port, prefix: "app." });
  await r.producer.send("events", ["a", "b", "c"]);
  await r.producer.flush();

  await stats.close();
  await listener.until(1);

  const expected = [
    "app.events.ekaf_callback_worker_up.broker1.0:1|c|@1.0",
    "app.events.ekaf_callback_flush.broker1.0:3|g|@1.0",
    "app.events.ekaf_callback_flushed_replied.broker1.0.diff:0|g|@1.0",
    "app.partition.0.sent:3|c|@1.0",
    "app.partition.0.batch.size:3|g|@1.0",
    "app.ekaf_sup/workers:1|g|@1.0",
    "app.ekaf_sup/children:1|g|@1.0",
    "app.ekaf_sup/workers.dead:0|g|@1.0",
    "app.ekaf_sup/events.message_queue:0|g|@1.0",
    "app.events.0.buffer.size:0|g|@1.0",
    "app.events.0.buffer.max:10000|g|@1.0",
  ];
  for (const line of expected) assert(listener.lines().includes(line), `${line}\n${listener.lines().join("\n")}`);
});

Deno.test("statsd() refuses options of the wrong type, out of bounds or unknown, naming them", () => {
  for (
    const [options, error, text] of [
      [{ enabled: "yes" }, TypeError, '"enabled"'],
      [{ topics: ["a"] }, TypeError, '"topics"'],
      [{ topics: { a: 1 } }, TypeError, '"topics"'],
      [{ host: 1 }, TypeError, '"host"'],
      [{ host: "" }, RangeError, '"host"'],
      [{ port: 0 }, RangeError, '"port"'],
      [{ port: 65_536 }, RangeError, '"port"'],
      [{ prefix: null }, TypeError, '"prefix"'],
      [{ intervalMs: 0 }, RangeError, '"intervalMs"'],
      [{ maxDatagramBytes: 511 }, RangeError, '"maxDatagramBytes"'],
      [{ maxNames: 0 }, RangeError, '"maxNames"'],
      [{ onError: 1 }, TypeError, '"onError"'],
      [{ address: "x" }, TypeError, '"address"'],
    ] as const
  ) {
    // deno-lint-ignore no-explicit-any
    assertThrows(() => statsd(new FakeProducer(), options as any), error, text);
  }
  for (const wrong of [null, 5, []]) {
    // deno-lint-ignore no-explicit-any
    assertThrows(() => statsd(new FakeProducer(), wrong as any), TypeError, "options must be an object");
  }
  // deno-lint-ignore no-explicit-any
  assertThrows(() => statsd(undefined as any), TypeError, "Cannot measure undefined: it must be a producer");
});
