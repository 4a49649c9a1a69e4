import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { DeliveryError, type DeliveryFailure } from "@ekaf/ekaf";
import { holdProduce, refuseTwo, rig, until } from "./rig.ts";

/** What became of a `send` of an array that failed. */
async function failuresOf(sent: Promise<unknown>): Promise<DeliveryFailure[]> {
  const error = await sent.then(() => null, (error) => error);
  assertInstanceOf(error, DeliveryError);
  return error.outcomes!.filter((outcome) => outcome.error !== undefined);
}

/** Bytes of memory that a failure keeps for its record. */
function keptBytes({ record }: DeliveryFailure): number {
  return record.value!.buffer.byteLength;
}

Deno.test("DeliveryFailure.record keeps no records of other calls when it is struck out of a batch", async () => {
  await using r = await rig({ topics: { t: 1 } });
  await r.producer.prepare("t");
  await r.cluster.stop(1);
  await r.producer.enqueue("t", Array.from({ length: 500 }, () => "x".repeat(1_000)));
  const ending = new AbortController();
  const sent = r.producer.send("t", ["mine", "too"], { signal: ending.signal });
  await r.producer.enqueue("t", "y");

  ending.abort();
  const failures = await failuresOf(sent);

  assertEquals(failures.map(({ record }) => record.text()), ["mine", "too"]);
  for (const failure of failures) assert(keptBytes(failure) < 100, `${keptBytes(failure)} bytes are kept`);
});

Deno.test("DeliveryFailure.record keeps no records of other calls when its batch is under way", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 1_000 });
  await r.producer.prepare("t");
  const release = holdProduce(r.cluster);
  const others = r.producer.enqueue("t", Array.from({ length: 500 }, () => "x".repeat(1_000)));
  const ending = new AbortController();
  const sent = r.producer.send("t", ["mine", "too"], { signal: ending.signal });
  await until(() => r.cluster.requests("Produce") > 0);

  ending.abort();
  const failures = await failuresOf(sent);

  assertEquals(failures.map(({ record, error }) => [record.text(), error.verdict]), [
    ["mine", "possiblyPersisted"],
    ["too", "possiblyPersisted"],
  ]);
  for (const failure of failures) assert(keptBytes(failure) < 100, `${keptBytes(failure)} bytes are kept`);
  release();
  await others;
});

Deno.test("DeliveryFailure.record is right for a batch that became smaller since it was looked at", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 1_000 });
  await r.producer.prepare("t");
  const release = holdProduce(r.cluster);
  refuseTwo(r.cluster); // Asked first. Records 1 and 3: "bbbb" and "dd" below.
  const ending = new AbortController();
  const first = r.producer.send("t", ["a", "bbbb", "ccc", "dd", "ee"]);
  const last = r.producer.send("t", ["f", "ggg"], { signal: ending.signal });
  await until(() => r.cluster.requests("Produce") === 2);

  ending.abort();
  const failures = await failuresOf(last);
  release();

  assertEquals(failures.map(({ record }) => record.text()), ["f", "ggg"]);
  assertEquals((await failuresOf(first)).map(({ record }) => record.text()), ["bbbb", "dd"]);
});
