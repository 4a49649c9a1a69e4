import { assertEquals, assertInstanceOf } from "@std/assert";
import { readBatchHeader, readRecords } from "../../protocol/record_batch_reader.ts";
import { NO_HEADERS } from "../../protocol/record_batch.ts";
import { BrokerError } from "../../src/errors.ts";
import { Batch } from "../../src/producer/batch.ts";
import { dropRecords } from "../../src/producer/batch_division.ts";
import { BufferPool } from "../../src/producer/buffer_pool.ts";
import { ProducerIds } from "../../src/producer/producer_ids.ts";
import type { ProducerIdentity } from "../../src/producer/sequence.ts";
import {
  type AppendAnswer,
  type InFlightBatch,
  SentWindow,
  type SentWindowHost,
} from "../../src/producer/sent_window.ts";
import type { Acknowledgement, Recipient } from "../../src/producer/span.ts";

const NOBODY: Recipient = {
  wantsIndexes: false,
  isUnattended: false,
  spans: null,
  refused() {},
  delivered() {},
  failed() {},
};

const DONE: AppendAnswer = {
  errorCode: 0,
  baseOffset: -1n,
  logAppendTimeMs: -1n,
  logStartOffset: 0n,
  recordErrors: [],
  errorMessage: null,
};

/** A lane that writes down what it is told. */
class Host implements SentWindowHost {
  readonly label = '"t" partition 0';
  readonly maxInFlight = 5;
  readonly onUnknown = "retry";
  readonly unknownTopicTimeoutMs = 1000;
  wantsNumbers = true;
  nowMs = 0;
  readonly told: string[] = [];
  readonly acknowledgements: Acknowledgement[] = [];
  readonly causes: unknown[] = [];
  refreshCount = 0;

  now(): number {
    return this.nowMs;
  }
  backoffMs(attempt: number): number {
    return attempt * 10;
  }
  refreshMetadata(): void {
    this.refreshCount++;
  }
  replace(batch: Batch, parts: readonly Batch[]): void {
    this.told.push(`replaced ${text(batch)} by ${parts.map(text).join(" and ")}`);
  }
  delivered(batch: Batch, acknowledgement: Acknowledgement): void {
    this.told.push(`delivered ${text(batch)}`);
    this.acknowledgements.push(acknowledgement);
  }
  failed(batch: Batch, verdict: string, cause: unknown): void {
    this.told.push(`failed ${text(batch)} ${verdict}`);
    this.causes.push(cause);
  }
  dropRecords(batch: Batch, indexes: readonly number[], causes: readonly unknown[]): void {
    dropRecords(batch, indexes);
    this.told.push(`dropped ${indexes.join()}`);
    this.causes.push(...causes);
  }
  wake(): void {}
  identityFailed(cause: unknown): void {
    this.causes.push(cause);
  }
  isUnnumbered(): boolean {
    return false;
  }
  dataLost(lastAckedOffset: bigint | null, logStartOffset: bigint): void {
    this.told.push(`lost past ${lastAckedOffset}, log begins at ${logStartOffset}`);
  }
}

/** Ids that are there, unless `identities` has run out. */
async function idsOf(...identities: (ProducerIdentity | null)[]): Promise<ProducerIds> {
  const ids = new ProducerIds({
    initProducerId: () => {
      const next = identities.shift();
      return next === undefined ? Promise.reject(new Error("no id")) : Promise.resolve(next);
    },
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  ids.request({ identityChanged: resolve, identityFailed: () => resolve() });
  await promise;
  return ids;
}

async function windowOf(host: Host, ids?: ProducerIds): Promise<SentWindow> {
  return new SentWindow(host, ids ?? await idsOf({ producerId: 7n, producerEpoch: 0 }));
}

function batchOf(...values: string[]): Batch {
  const batch = new Batch(new BufferPool(0), 0);
  const to = { recipient: NOBODY, deadlineMs: Infinity, inputIndex: 0, isTimed: false };
  for (const value of values) {
    const record = { key: null, value: new TextEncoder().encode(value), headers: NO_HEADERS, timestamp: 0 };
    batch.tryAppend(record, 1_000_000, to);
  }
  batch.builder.seal();
  return batch;
}

function text(batch: Batch): string {
  return [...readRecords(batch.builder.bytes)].map(({ value }) => new TextDecoder().decode(value!)).join("");
}

/** Id, epoch and first number in the bytes of a batch. */
function numbersOf({ batch }: InFlightBatch): string {
  const { producerId, producerEpoch, baseSequence } = readBatchHeader(batch.builder.bytes);
  return `${producerId}/${producerEpoch} ${baseSequence}`;
}

function send(window: SentWindow, ...values: string[]): InFlightBatch {
  window.turn(0);
  const sent = window.number(batchOf(...values));
  window.send(sent);
  return sent;
}

/** Sends what may be sent again, at whatever time. */
function resend(window: SentWindow): InFlightBatch {
  const turn = window.turn(1e6);
  if (turn.type !== "resend") throw new Error(`Cannot send again: the turn is ${turn.type}`);
  window.send(turn.sent);
  return turn.sent;
}

/** A window whose leader has acknowledged a batch at offset 0. */
async function confirmed(host: Host, ids?: ProducerIds): Promise<SentWindow> {
  const window = await windowOf(host, ids);
  window.answered(send(window, "before"), { ...DONE, baseOffset: 0n });
  host.told.length = host.acknowledgements.length = 0;
  return window;
}

Deno.test("SentWindow.number() writes id, epoch and number into the batch when there is an identity", async () => {
  const window = await confirmed(new Host());

  const sent = [send(window, "a", "b"), send(window, "c")];

  assertEquals(sent.map(numbersOf), ["7/0 1", "7/0 3"]);
});

Deno.test("SentWindow.number() writes no numbers when the lane wants none", async () => {
  const host = new Host();
  host.wantsNumbers = false;

  assertEquals(numbersOf(send(await windowOf(host), "a")), "-1/-1 -1");
});

Deno.test("SentWindow.number() writes no numbers when brokers know no producer ids", async () => {
  const window = await windowOf(new Host(), await idsOf(null));

  assertEquals(numbersOf(send(window, "a")), "-1/-1 -1");
});

Deno.test("SentWindow.turn() is blocked until an identity is there", async () => {
  const host = new Host();
  const ids = new ProducerIds({ initProducerId: () => Promise.resolve({ producerId: 1n, producerEpoch: 0 }) });
  const window = new SentWindow(host, ids);

  const first = window.turn(0).type;
  await Promise.resolve();
  await Promise.resolve();

  assertEquals([first, window.turn(0).type], ["blocked", "new"]);
});

Deno.test("SentWindow.turn() moves to the newest epoch when its own batches are through", async () => {
  const ids = await idsOf({ producerId: 7n, producerEpoch: 0 });
  const window = await confirmed(new Host(), ids);
  const open = send(window, "a");
  ids.renew(ids.current!, false, { identityChanged() {}, identityFailed() {} });
  window.answered(open, DONE);

  assertEquals([numbersOf(open), numbersOf(send(window, "b"))], ["7/0 1", "7/1 0"]);
});

Deno.test("SentWindow.answered() delivers with offset and timestamp when the batch was appended", async () => {
  const host = new Host();
  const window = await confirmed(host);
  window.answered(send(window, "a"), { ...DONE, baseOffset: 9n, logAppendTimeMs: 5n });

  const expected = { baseOffset: 9n, logAppendTimeMs: 5, duplicate: false, maybeDuplicate: false };
  assertEquals([host.told, host.acknowledgements], [["delivered a"], [expected]]);
});

Deno.test("SentWindow.answered() delivers without an offset when a later answer implies it", async () => {
  const host = new Host();
  const window = await confirmed(host);
  const [a, b] = [send(window, "a"), send(window, "b")];
  window.answered(a, { ...DONE, errorCode: 7, baseOffset: 1n });
  window.answered(b, { ...DONE, baseOffset: 2n });

  assertEquals(host.told, ["delivered a", "delivered b"]);
  assertEquals(host.acknowledgements.map(({ baseOffset }) => baseOffset), [null, 2n]);
});

Deno.test("SentWindow.answered() delivers a duplicate when the batch was sent before", async () => {
  const host = new Host();
  const window = await confirmed(host);
  window.unanswered(send(window, "a"), new Error("gone"), true);
  window.answered(resend(window), { ...DONE, errorCode: 46, baseOffset: 4n });

  const expected = { baseOffset: null, logAppendTimeMs: null, duplicate: true, maybeDuplicate: false };
  assertEquals(host.acknowledgements, [expected]);
});

Deno.test("SentWindow.answered() takes the next epoch at once when the broker expected another number", async () => {
  const host = new Host();
  const window = await confirmed(host);
  const sent = send(window, "a");
  window.answered(sent, { ...DONE, errorCode: 45, logStartOffset: 0n });

  assertEquals([host.told, numbersOf(sent)], [["lost past 0, log begins at 0"], "7/1 0"]);
});

Deno.test("SentWindow.answered() delivers all when a restarted broker recognises only the last of them", async () => {
  const host = new Host();
  const window = await confirmed(host);
  const sent = [send(window, "a"), send(window, "b")];
  for (const each of sent) window.unanswered(each, new Error("closed"), true);
  window.leaderChanged();

  window.answered(resend(window), { ...DONE, errorCode: 45 });
  window.answered(resend(window), { ...DONE, baseOffset: 2n });

  assertEquals(host.told, ["delivered a", "delivered b"]);
});

Deno.test("SentWindow.answered() fetches another id when epochs have run out", async () => {
  const ids = await idsOf({ producerId: 7n, producerEpoch: 32767 }, { producerId: 8n, producerEpoch: 0 });
  const window = await confirmed(new Host(), ids);
  const sent = send(window, "a");
  window.answered(sent, { ...DONE, errorCode: 45 });

  const before = window.turn(1e6).type;
  await Promise.resolve();
  await Promise.resolve();

  assertEquals([before, numbersOf(resend(window))], ["blocked", "8/0 0"]);
});

Deno.test("SentWindow.answered() waits and asks for metadata when the leader has moved", async () => {
  const host = new Host();
  const window = await confirmed(host);
  window.answered(send(window, "a"), { ...DONE, errorCode: 6 });

  assertEquals([window.turn(0), host.refreshCount], [{ type: "wait", untilMs: 10 }, 1]);
});

Deno.test("SentWindow.answered() fails a batch when the topic stays unknown for too long", async () => {
  const host = new Host();
  const window = await confirmed(host);
  window.answered(send(window, "a"), { ...DONE, errorCode: 3 });
  host.nowMs = 1000;
  window.answered(resend(window), { ...DONE, errorCode: 3 });

  assertEquals(host.told, ["failed a notPersisted"]);
  assertInstanceOf(host.causes[0], BrokerError);
});

Deno.test("SentWindow.answered() fails a batch when it arrived damaged twice", async () => {
  const host = new Host();
  const window = await confirmed(host);
  window.answered(send(window, "a"), { ...DONE, errorCode: 2 });
  window.answered(resend(window), { ...DONE, errorCode: 2 });

  assertEquals(host.told, ["failed a notPersisted"]);
});

Deno.test("SentWindow.answered() casts doubt on a batch when the broker names no reason", async () => {
  const host = new Host();
  const window = await confirmed(host);
  window.answered(send(window, "a"), { ...DONE, errorCode: -1 });

  assertEquals([host.told, numbersOf(send(window, "b"))], [["failed a possiblyPersisted"], "7/1 0"]);
});

Deno.test("SentWindow.answered() halves a batch when it is too large", async () => {
  const host = new Host();
  const window = await confirmed(host);
  window.answered(send(window, "a", "b", "c"), { ...DONE, errorCode: 10 });

  assertEquals(host.told, ["replaced abc by ab and c"]);
  assertEquals(window.unsettled.map(numbersOf), ["7/0 1", "7/0 3"]);
});

Deno.test("SentWindow.answered() fails a batch when its only record is too large", async () => {
  const host = new Host();
  const window = await confirmed(host);
  window.answered(send(window, "a"), { ...DONE, errorCode: 10 });

  assertEquals([host.told, numbersOf(send(window, "b"))], [["failed a notPersisted"], "7/0 1"]);
});

Deno.test("SentWindow.answered() sends a batch again without the records that the broker names", async () => {
  const host = new Host();
  const window = await confirmed(host);
  const recordErrors = [{ batchIndex: 1, batchIndexErrorMessage: "no key" }];
  window.answered(send(window, "a", "b", "c"), { ...DONE, errorCode: 87, recordErrors });

  const again = resend(window);

  assertEquals([host.told, text(again.batch), numbersOf(again)], [["dropped 1"], "ac", "7/0 1"]);
  assertEquals(`${host.causes[0]}`.includes("no key"), true);
});

Deno.test("SentWindow.answered() fails a batch when the broker refuses it for no record in particular", async () => {
  const host = new Host();
  const window = await confirmed(host);
  window.answered(send(window, "a", "b"), { ...DONE, errorCode: 87 });

  assertEquals(host.told, ["failed ab notPersisted"]);
});

Deno.test("SentWindow.unanswered() counts no attempt when nothing was written", async () => {
  const window = await confirmed(new Host());
  const sent = send(window, "a");
  window.unanswered(sent, new Error("gone"), false);

  assertEquals([sent.batch.attempts, window.verdict(sent)], [0, "notPersisted"]);
});

Deno.test("SentWindow.abandon() fails a batch with the last error when it waits to be sent again", async () => {
  const host = new Host();
  const window = await confirmed(host);
  const sent = send(window, "a");
  const gone = new Error("gone");
  window.unanswered(sent, gone, true);
  window.abandon(sent);

  assertEquals([host.told, host.causes], [["failed a possiblyPersisted"], [gone]]);
});

Deno.test("SentWindow.topicRecreated() numbers what waits anew when the topic has another id", async () => {
  const window = await confirmed(new Host());
  const sent = send(window, "a");
  window.topicRecreated();
  window.answered(sent, { ...DONE, errorCode: 100 });

  assertEquals(numbersOf(sent), "7/1 0");
});

Deno.test("SentWindow.writtenUnacknowledged() delivers without an offset when nobody will answer", async () => {
  const host = new Host();
  host.wantsNumbers = false;
  const window = await windowOf(host);
  window.writtenUnacknowledged(send(window, "a"));

  assertEquals([host.told, host.acknowledgements[0]?.baseOffset], [["delivered a"], null]);
});

Deno.test("SentWindow.answered() casts doubt on a batch when its refusal carries an offset", async () => {
  const host = new Host();
  const window = await confirmed(host);
  const sent = send(window, "a");
  window.answered(sent, { ...DONE, errorCode: 6, baseOffset: 1n });

  assertEquals(window.verdict(sent), "possiblyPersisted");
});

Deno.test("SentWindow.answered() casts doubt on a batch when the broker's disk failed", async () => {
  const window = await confirmed(new Host());
  const sent = send(window, "a");
  window.answered(sent, { ...DONE, errorCode: 56 });

  assertEquals(window.verdict(sent), "possiblyPersisted");
});

Deno.test("SentWindow.turn() asks for an identity again when the last attempt failed", async () => {
  const last = { producerId: 7n, producerEpoch: 32767 };
  const replies = [() => Promise.resolve(last), () => Promise.reject(new Error("no id"))];
  const ids = new ProducerIds({
    initProducerId: () => replies.shift()?.() ?? Promise.resolve({ producerId: 8n, producerEpoch: 0 }),
  });
  const host = new Host();
  const window = new SentWindow(host, ids);
  window.turn(0);
  await settled();
  const sent = send(window, "a");
  window.answered(sent, { ...DONE, errorCode: 45 });
  await settled();

  window.turn(1e6);
  await settled();

  assertEquals([`${host.causes[0]}`, numbersOf(resend(window))], ["Error: no id", "8/0 0"]);
});

/** Waits for promises that are settled to tell. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}
