import { assertEquals } from "@std/assert";
import { readBatchHeader, type RecordBatchHeader } from "../../protocol/record_batch_reader.ts";
import { addToSequence, ProducerStates } from "../../src/embedded/producer_state.ts";
import { craftBatch, type CraftedBatchOptions } from "./crafted_batch.ts";

const MAX_SEQUENCE = 2 ** 31 - 1;

function header(options: CraftedBatchOptions = {}): RecordBatchHeader {
  return readBatchHeader(craftBatch({ producerId: 7n, ...options }));
}

/** Judges and, like a log, remembers what may be appended; tells what became of each. */
function outcomes(batches: readonly CraftedBatchOptions[]): string[] {
  const states = new ProducerStates();
  let endOffset = 0n;
  return batches.map((options) => {
    const next = header(options);
    const verdict = states.judge(next);
    if (verdict.action === "refuse") return verdict.error;
    if (verdict.action === "acknowledge") return `again ${verdict.batch.baseOffset}`;
    states.remember(next, { baseOffset: endOffset, maxTimestamp: next.maxTimestamp });
    endOffset += BigInt(next.recordCount);
    return `at ${endOffset - BigInt(next.recordCount)}`;
  });
}

const GAP = "OUT_OF_ORDER_SEQUENCE_NUMBER";

Deno.test("ProducerStates takes batches in order and knows the last five again", () => {
  const batches = [0, 1, 2, 3, 4, 5, 1, 5, 0, 6].map((sequence) => ({ sequence }));

  const told = outcomes(batches);

  assertEquals(told, ["at 0", "at 1", "at 2", "at 3", "at 4", "at 5", "again 1", "again 5", GAP, "at 6"]);
});

Deno.test("ProducerStates refuses a gap and a batch that is in part a duplicate", () => {
  const told = outcomes([{ values: ["a", "b", "c"] }, { sequence: 4 }, { values: ["a", "b"] }, { sequence: 3 }]);

  assertEquals(told, ["at 0", GAP, GAP, "at 3"]);
});

Deno.test("ProducerStates takes any first sequence from a producer it does not know", () => {
  const told = outcomes([{ sequence: 41 }, { sequence: 42 }, { sequence: 44 }]);

  assertEquals(told, ["at 0", "at 1", GAP]);
});

Deno.test("ProducerStates begins a new epoch at 0 only and fences the old one", () => {
  const told = outcomes([{ epoch: 2 }, { epoch: 3, sequence: 1 }, { epoch: 3 }, { epoch: 2, sequence: 1 }]);

  assertEquals(told, ["at 0", GAP, "at 1", "INVALID_PRODUCER_EPOCH"]);
});

Deno.test("ProducerStates goes on at 0 after the largest sequence", () => {
  const values = ["a", "b", "c"];

  const told = outcomes([{ values, sequence: MAX_SEQUENCE - 1 }, { sequence: 1 }, {
    values,
    sequence: MAX_SEQUENCE - 1,
  }]);

  assertEquals(told, ["at 0", "at 3", "again 0"]);
});

Deno.test("ProducerStates.forget() makes every producer unknown", () => {
  const states = new ProducerStates();
  const first = header();
  states.remember(first, { baseOffset: 0n, maxTimestamp: 0n });

  states.forget();

  assertEquals(states.judge(first), { action: "append" });
});

Deno.test("addToSequence() wraps to 0 after 2^31-1", () => {
  assertEquals([addToSequence(5, 3), addToSequence(MAX_SEQUENCE, 1), addToSequence(MAX_SEQUENCE - 1, 4)], [8, 0, 2]);
});

Deno.test("ProducerStates knows one batch of each producer from before its leader's start", () => {
  const states = new ProducerStates();
  const remember = (producerId: bigint, sequence: number, baseOffset: bigint) =>
    states.remember(header({ producerId, sequence }), { baseOffset, maxTimestamp: 0n });
  for (const [offset, [id, sequence]] of [[7n, 0], [7n, 1], [8n, 0], [8n, 1], [7n, 2]].entries()) {
    remember(id as bigint, sequence as number, BigInt(offset));
  }
  const judged = (producerId: bigint, sequence: number) => states.judge(header({ producerId, sequence })).action;

  states.leaderStartOffset = 4n; // all but the last batch came before

  assertEquals([2, 1, 0, 3].map((sequence) => judged(7n, sequence)), [
    "acknowledge",
    "acknowledge",
    "refuse",
    "append",
  ]);
  assertEquals([1, 0, 2].map((sequence) => judged(8n, sequence)), ["acknowledge", "refuse", "append"]);
});
