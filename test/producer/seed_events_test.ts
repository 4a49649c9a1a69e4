import { assert, assertEquals } from "@std/assert";
import type { ProducerEventType } from "@ekaf/ekaf";
import { heard, rig, until } from "./rig.ts";

const LANE = ["topic", "partition", "lane", "broker"];
const FLUSH = [...LANE, "records", "bytes", "attempt", "queuedMs", "callers"];
const KEPT = ["topic", "records", "bytes"];

/** ekaf's callbacks, without `ekaf_callback_`: the event here, and the fields of its detail. */
const CALLBACKS: [callback: string, event: ProducerEventType, fields: string[]][] = [
  ["flush", "flush", FLUSH],
  ["flushed_replied", "flushreplied", [...FLUSH, "ms", "error"]],
  ["worker_up", "laneup", [...LANE, "address"]],
  ["worker_down", "lanedown", [...LANE, "address", "cause"]],
  ["worker_still_down", "lanestilldown", ["topic", "address", "attempt", "cause"]],
  ["downtime_saved", "downtimesaved", KEPT],
  ["downtime_replayed", "downtimereplayed", KEPT],
  ["max_downtime_buffer_reached", "downtimefull", [...KEPT, "dropped", "policy"]],
  ["time_to_connect", "timetoconnect", ["broker", "address", "ms"]],
  ["time_down", "timedown", ["topic", "ms"]],
  ["mainbroker_unreachable", "bootstrapunreachable", ["addresses", "cause"]],
];

Deno.test("every event of ekaf's is driven by one outage, with its fields, for the producer and for its topic", async (t) => {
  await using r = await rig({ topics: { t: 1 } }, { downtimeMaxRecords: 2, overflow: "dropNewest" });
  const details = new Map(CALLBACKS.map(([_, type]) => [type, heard(r.producer, type)]));
  const ofTopic = new Map(CALLBACKS.map(([_, type]) => [type, heard(r.producer.topic("t"), type)]));
  const dropped = heard(r.producer, "deliveryfailed");

  await r.producer.send("t", ["a", "b", "c"]);
  await r.cluster.stop(1);
  await until(() => details.get("lanedown")!.length > 0);
  await r.producer.enqueue("t", "d");
  await until(() => details.get("downtimesaved")!.length > 0);
  await r.producer.enqueue("t", "e");
  await r.producer.enqueue("t", "f"); // One more than there is room for.
  await until(() => details.get("bootstrapunreachable")!.length > 0 && details.get("lanestilldown")!.length > 0);
  await r.cluster.start(1);
  await r.producer.flush();

  for (const [callback, type, fields] of CALLBACKS) {
    await t.step(`${callback} is "${type}"`, () => {
      const [detail] = details.get(type)!;
      assert(detail !== undefined, "it was never heard");
      assertEquals(Object.keys(detail).toSorted(), fields.toSorted());
      assertEquals(ofTopic.get(type), fields.includes("topic") ? details.get(type) : []);
    });
  }
  const [first, replayed] = details.get("flush")!;
  assertEquals([first!.records, replayed!.records], [3, 2]);
  assertEquals(details.get("downtimesaved")!.map(({ records }) => records), [1, 1]);
  assertEquals(details.get("downtimereplayed")!.map(({ records }) => records), [2]);
  assertEquals(details.get("downtimefull")!.map(({ records, dropped }) => [records, dropped]), [[2, 1]]);
  assertEquals(dropped.map(({ count }) => count), [1]);
});
