/**
 * Random schedules against the sequence machine: what it promises must hold in each.
 *
 * `sequence_model_mutations_test.ts` shows that the model finds faults: each rule that it lists there is taken out of the
 * machine in turn, and some schedule must fail.
 *
 * A failing schedule is printed with its seed, shortened. `SEQUENCE_MODEL_SEED` runs one seed alone,
 * `SEQUENCE_MODEL_COUNT` sets how many run (with `--allow-env=SEQUENCE_MODEL_SEED,SEQUENCE_MODEL_COUNT`).
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { SequenceMachine } from "../../src/producer/sequence.ts";
import { runSchedule } from "./sequence_model.ts";
import { InvariantError } from "./sequence_model_books.ts";
import { ModelLog, type SentBytes } from "./sequence_model_log.ts";
import { type Schedule, scheduleOf, shrink } from "./sequence_model_schedule.ts";

const DEFAULT_COUNT = 20_000;

async function numberFromEnv(name: string): Promise<number | null> {
  const { state } = await Deno.permissions.query({ name: "env", variable: name });
  const text = state === "granted" ? Deno.env.get(name) : undefined;
  return text === undefined ? null : Number(text);
}

function failureOf(schedule: Schedule): Error | null {
  try {
    runSchedule(schedule, SequenceMachine);
    return null;
  } catch (error) {
    return error as Error;
  }
}

/** A failure in words: what to run to see it again, and the fewest steps that lead to it. */
function report(schedule: Schedule): string {
  const shortest = shrink(schedule, (shorter) => failureOf(shorter) !== null);
  const steps = shortest.events.map(({ kind, a, b }) => `${kind}(${a}, ${b})`);
  const failure = failureOf(shortest)!;
  return [
    `SEQUENCE_MODEL_SEED=${schedule.seed} ${JSON.stringify(schedule.profile)}`,
    ...steps,
    failure instanceof InvariantError ? failure.message : `${failure.stack}`,
  ].join("\n");
}

Deno.test("SequenceMachine keeps its promises when requests, answers, leaders and waiters fail at random", async () => {
  const seed = await numberFromEnv("SEQUENCE_MODEL_SEED");
  const count = await numberFromEnv("SEQUENCE_MODEL_COUNT") ?? DEFAULT_COUNT;
  const seeds = seed === null ? Array.from({ length: count }, (_, i) => i) : [seed];

  const failed = seeds.map(scheduleOf).find((schedule) => failureOf(schedule) !== null);

  assert(failed === undefined, failed && report(failed));
});

Deno.test("scheduleOf() makes the same schedule again when given the same seed", () => {
  assertEquals(scheduleOf(7), scheduleOf(7));
  assert(JSON.stringify(scheduleOf(7).events) !== JSON.stringify(scheduleOf(8).events));
});

Deno.test("shrink() leaves the steps that a failure needs when there are others", () => {
  const schedule = scheduleOf(3);
  const needed = [schedule.events[2]!, schedule.events[7]!];

  const shortest = shrink(schedule, ({ events }) => needed.every((event) => events.includes(event)));

  assertEquals(shortest.events, needed);
});

function bytes(baseSequence: number, count = 1, epoch = 0): SentBytes {
  return { records: [], count, producerId: 1n, epoch, baseSequence };
}

function verdicts(log: ModelLog, batches: readonly SentBytes[]): string[] {
  return batches.map((batch) => log.append(batch).type);
}

Deno.test("ModelLog.append() knows the last five batches again when more were appended", () => {
  const sequences = [0, 1, 2, 3, 4, 5, 1, 5, 0, 7, 6];

  const told = verdicts(new ModelLog(false), sequences.map((sequence) => bytes(sequence)));

  const appended = Array<string>(6).fill("appended");
  assertEquals(told, [...appended, "duplicate", "duplicate", "outOfOrder", "outOfOrder", "appended"]);
});

Deno.test("ModelLog.append() begins a new epoch with 0 only, and never goes back", () => {
  const batches = [bytes(9), bytes(10, 1, 1), bytes(0, 1, 1), bytes(10)];

  assertEquals(verdicts(new ModelLog(false), batches), ["appended", "outOfOrder", "appended", "oldEpoch"]);
});

Deno.test("ModelLog.append() goes on with 0 after the last number", () => {
  const batches = [bytes(2 ** 31 - 2, 3), bytes(2 ** 31 - 2, 3), bytes(1)];

  assertEquals(verdicts(new ModelLog(false), batches), ["appended", "duplicate", "appended"]);
});

Deno.test("runSchedule() fails when a machine acknowledges what was refused", () => {
  class Liar<B> extends SequenceMachine<B> {
    override refused(...[sent]: Parameters<SequenceMachine<B>["refused"]>): ReturnType<SequenceMachine<B>["refused"]> {
      return this.acknowledged(sent, { baseOffset: null, duplicate: false });
    }
  }

  assertThrows(() => {
    for (let seed = 0; seed < 100; seed++) runSchedule(scheduleOf(seed), Liar);
  }, InvariantError);
});
