/**
 * Every code of the table, in every answer that a producer reads: a code that is added to the table is tested here.
 */

import { assert, assertEquals } from "@std/assert";
import type { BrokerError, Delivery, DeliveryError, ProducerOptions } from "@ekaf/ekaf";
import { type ErrorCode, errorCode, errorCodes, type ProduceRule } from "../../protocol/error_codes.ts";
import { heard, type Rig, rig, texts } from "./rig.ts";

/** What becomes of a batch of two records whose first append is answered with a code. */
interface Fate {
  /** How the call ends. */
  readonly end: "delivered" | DeliveryError["verdict"];
  /** What is in the log then. */
  readonly stored: readonly string[];
  /** How often a batch, or a part of it, was sent again. */
  readonly retries: number;
  /** Set on the deliveries. */
  readonly flag?: "duplicate" | "maybeDuplicate";
}

const BOTH = ["a", "b"];
const SENT_AGAIN: Fate = { end: "delivered", stored: BOTH, retries: 1 };
const REFUSED: Fate = { end: "notPersisted", stored: [], retries: 0 };

/** With numbers: nothing is stored twice whatever the answer, and nothing ends but the batch. */
const NUMBERED: Record<ProduceRule, Fate> = {
  done: { end: "delivered", stored: BOTH, retries: 0 },
  fail: REFUSED,
  failUnknown: { end: "possiblyPersisted", stored: [], retries: 0 },
  retry: SENT_AGAIN,
  retryUnknown: SENT_AGAIN,
  retryOnce: SENT_AGAIN,
  unknownTopic: SENT_AGAIN,
  split: { end: "delivered", stored: BOTH, retries: 2 },
  // On a first send it means that somebody else's numbers collide with ours.
  duplicate: SENT_AGAIN,
  sequence: SENT_AGAIN,
  invalidRecords: REFUSED,
  fatal: REFUSED,
};

/** Without numbers a batch of unknown outcome is sent again, and says so. */
const UNNUMBERED: Record<ProduceRule, Fate> = {
  ...NUMBERED,
  retryUnknown: { ...SENT_AGAIN, flag: "maybeDuplicate" },
  duplicate: { end: "delivered", stored: [], retries: 0, flag: "duplicate" },
  sequence: REFUSED,
};

/** A broker answers these after the append. */
const AFTER_APPEND = new Set(["REQUEST_TIMED_OUT", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"]);

/** Ends of a call: what the delivery, or the error, says. */
async function end(sent: Promise<Delivery[]>): Promise<{ end: Fate["end"]; flag?: Fate["flag"]; codes: number[] }> {
  try {
    const [first] = await sent;
    const flag = (["duplicate", "maybeDuplicate"] as const).find((flag) => first![flag]);
    return { end: "delivered", ...(flag && { flag }), codes: [] };
  } catch (error) {
    const { verdict, outcomes } = error as DeliveryError;
    return { end: verdict, codes: outcomes!.map((outcome) => (outcome.error?.cause as BrokerError).code) };
  }
}

/** Has the next append answered with a code, also with one that Kafka does not have yet. */
function refuseNext(r: Rig, { code, name }: ErrorCode): Disposable | undefined {
  if (code === 0) return;
  if (!name.startsWith("UNKNOWN_9")) return r.cluster.failNext("Produce", name);
  const hook = r.cluster.intercept("Produce", (request) => {
    hook[Symbol.dispose]();
    const responses = request.body.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: code, baseOffset: -1n })),
    }));
    return { responses } as never;
  });
  return hook;
}

async function refusedOnce(code: ErrorCode, fate: Fate, options: Partial<ProducerOptions>): Promise<void> {
  await using r = await rig({ topics: { t: 1 } }, options);
  await r.producer.prepare("t");
  const asked = r.cluster.requests("Metadata");
  refuseNext(r, code);

  const { codes, ...ended } = await end(r.producer.send("t", BOTH));
  const next = await r.producer.send("t", "next");

  const { retries, stored, ...expected } = fate;
  assertEquals(ended, expected);
  assert(codes.every((each) => each === code.code), `${codes}`);
  const appendedFirst = AFTER_APPEND.has(code.name) && fate.flag === "maybeDuplicate" ? BOTH : [];
  assertEquals(texts(r.cluster.records("t")), [...appendedFirst, ...stored, "next"]);
  assertEquals([r.producer.info("t")[0]!.retries, next.maybeDuplicate], [retries, undefined]);
  if (code.refreshMetadata) assert(r.cluster.requests("Metadata") > asked, "metadata was not asked for");
}

for (const code of [...errorCodes, errorCode(999)]) {
  Deno.test(`send() whose append is answered with ${code.code} ${code.name}: ${code.rule}`, async () => {
    await refusedOnce(code, NUMBERED[code.rule], {});
    await refusedOnce(code, UNNUMBERED[code.rule], { idempotent: false });
  });
}

const of = (rule: ProduceRule) => errorCodes.filter((code) => code.rule === rule);

for (const { code, name } of of("retryOnce")) {
  Deno.test(`send() fails when its append is answered with ${name} twice: the bytes are whole on this side`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    r.cluster.failNext("Produce", name, 2);

    assertEquals(await end(r.producer.send("t", BOTH)), { end: "notPersisted", codes: [code, code] });
    assertEquals((await r.producer.send("t", "next")).offset, 0n);
  });
}

for (const { code, name } of of("unknownTopic")) {
  Deno.test(`send() fails when its append is answered with ${name} for unknownTopicTimeoutMs`, async () => {
    await using r = await rig({ topics: { t: 1 } }, { unknownTopicTimeoutMs: 10 });
    using _ = r.cluster.failNext("Produce", name, Infinity);

    assertEquals(await end(r.producer.send("t", BOTH)), { end: "notPersisted", codes: [code, code] });
  });
}

for (const { code, name } of of("split")) {
  Deno.test(`send() of one record fails when its append is answered with ${name}, and that record alone`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    await r.producer.prepare("t");
    using _ = r.cluster.intercept("Produce", (request, next) => {
      const { topicData } = request.body;
      const [{ index, records }] = topicData[0]!.partitionData as [{ index: number; records: Uint8Array }];
      if (records.length < 1_000) return next(request);
      const partitionResponses = [{ index, errorCode: code, baseOffset: -1n }];
      return { responses: [{ ...topicData[0]!, partitionResponses }] } as never;
    });

    const error = await r.producer.send("t", ["a", "x".repeat(2_000), "c"]).catch((error) => error) as DeliveryError;

    assertEquals(error.outcomes!.map((outcome) => outcome.error?.verdict), [undefined, "notPersisted", undefined]);
    assertEquals(texts(r.cluster.records("t")), ["a", "c"]);
  });
}

for (const { code, name } of of("invalidRecords")) {
  Deno.test(`send() answered with ${name} for some records fails these and delivers the others`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    await r.producer.prepare("t");
    const hook = r.cluster.intercept("Produce", (request) => {
      hook[Symbol.dispose]();
      const { name, topicId } = request.body.topicData[0]!;
      const recordErrors = [{ batchIndex: 1, batchIndexErrorMessage: "no good" }];
      const partitionResponses = [{ index: 0, errorCode: code, baseOffset: -1n, recordErrors }];
      return { responses: [{ name, topicId, partitionResponses }] } as never;
    });

    const error = await r.producer.send("t", ["a", "b", "c"]).catch((error) => error) as DeliveryError;

    assertEquals(error.outcomes!.map((outcome) => outcome.error?.verdict), [undefined, "notPersisted", undefined]);
    assert(error.outcomes![1]!.error!.message.includes("no good"), error.outcomes![1]!.error!.message);
    assertEquals(texts(r.cluster.records("t")), ["a", "c"]);
  });
}

for (const { name } of of("duplicate")) {
  Deno.test(`send() of a batch that was sent before is delivered by ${name}`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    await r.producer.send("t", "first");
    r.cluster.failNext("Produce", "REQUEST_TIMED_OUT");
    r.cluster.failNext("Produce", name);

    const delivery = await r.producer.send("t", "a");

    assertEquals([delivery.duplicate, delivery.offset, delivery.maybeDuplicate], [true, null, undefined]);
    assertEquals(texts(r.cluster.records("t")), ["first", "a"]);
  });
}

for (const { name } of of("sequence")) {
  Deno.test(`send() after ${name} for what was acknowledged before tells of data loss once, and goes on`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    const losses = heard(r.producer, "dataloss");
    await r.producer.send("t", "first");
    r.cluster.failNext("Produce", name);

    const delivery = await r.producer.send("t", "a");

    assertEquals([delivery.offset, delivery.maybeDuplicate], [1n, undefined]);
    // An id that the broker does not take any more says nothing of the log.
    assertEquals(losses.length, name === "INVALID_PRODUCER_ID_MAPPING" ? 0 : 1);
  });
}

for (const { code, name, topicRule } of errorCodes) {
  Deno.test(`send() to a topic whose metadata is answered with ${code} ${name}: ${topicRule}`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    if (code !== 0) r.cluster.failNext("Metadata", name, 1, { topic: "t" });

    const ended = await end(r.producer.send("t", BOTH));

    if (topicRule !== "final") return assertEquals(ended, { end: "delivered", codes: [] });
    assertEquals(ended, { end: "notPersisted", codes: [code, code] });
    await r.producer.prepare("t"); // It is probed all the same.
    assertEquals((await r.producer.send("t", "next")).offset, 0n);
  });
}

for (const { code, name, metadataRule } of [...errorCodes, errorCode(999)]) {
  Deno.test(`send() while Metadata itself is answered with ${code} ${name}: ${metadataRule}`, async () => {
    await using r = await rig({ brokers: 2, topics: { t: 1 } });
    const hook = r.cluster.intercept("Metadata", async (request, next) => {
      hook[Symbol.dispose]();
      return code === 0 ? await next(request) : { errorCode: code, brokers: [], topics: [] } as never;
    });

    assertEquals(await end(r.producer.send("t", BOTH)), { end: "delivered", codes: [] });
    assertEquals(r.cluster.requests("Metadata"), metadataRule === "use" ? 1 : 2);
  });
}

for (const { code, name, producerIdRule } of [...errorCodes, errorCode(999)]) {
  Deno.test(`send() while InitProducerId is answered with ${code} ${name}: ${producerIdRule}`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    const hook = r.cluster.intercept("InitProducerId", async (request, next) => {
      hook[Symbol.dispose]();
      const answer = await next(request);
      return code === 0 ? answer : { errorCode: code, producerId: -1n, producerEpoch: -1 } as never;
    });

    const ended = await end(r.producer.send("t", BOTH));

    if (producerIdRule === "fail") assertEquals(ended, { end: "notPersisted", codes: [code, code] });
    else assertEquals(ended, { end: "delivered", codes: [] });
    assertEquals((await r.producer.send("t", "next")).maybeDuplicate, undefined);
  });
}
