/**
 * The model finds faults: each of these is built into the machine in turn, and some schedule must fail.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type MachineClass, runSchedule } from "./sequence_model.ts";
import { InvariantError } from "./sequence_model_books.ts";
import { scheduleOf } from "./sequence_model_schedule.ts";

const MOST_SCHEDULES = 60_000;

/** What is taken out or turned round: a rule in words, a piece of `sequence.ts`, and what stands there instead. */
const MUTATIONS: readonly (readonly [rule: string, from: string, to: string])[] = [
  [
    "one batch until the leader has confirmed",
    "this.#isLeaderConfirmed ? this.#maxInFlight : 1",
    "true ? this.#maxInFlight : 1",
  ],
  ["a new leader has to confirm", "this.#probe = null;\n    this.#isLeaderConfirmed = false;", "this.#probe = null;"],
  ["an old leader's answer confirms no new one", "if (sent.leaderTerm === this.#leaderTerm) ", ""],
  ["a leader confirms anew after a day", "nowMs - this.#lastSentMs >= BROKER_REMEMBERS_MS", "false"],
  ["at most maxInFlight", "if (this.#inFlight >= window) return BLOCKED;", ""],
  [
    "nothing else while something is to be sent again",
    "if (this.#isRetrying && this.#inFlight > 0) return BLOCKED;",
    "",
  ],
  [
    "what is to be sent again comes before the new",
    "if (this.#sent.length === this.#inFlight) return NEW;",
    "if (true) return NEW;",
  ],
  ["an unknown outcome is remembered", "sent.isUnknown = true;\n    sent.unknownSinceMs", "sent.unknownSinceMs"],
  [
    "a numbered batch keeps its numbers",
    "this.#doubt(sent);\n    return this.#retry(sent, retryAtMs);",
    "this.#giveBack(sent.baseSequence);\n    return this.#retry(sent, retryAtMs);",
  ],
  [
    "refused is not unknown: no answer is not a refusal",
    "this.#doubt(sent);\n    return this.#retry",
    "return this.#retry",
  ],
  ["UNKNOWN_SERVER_ERROR may have appended", "if (!isCertain) this.#doubt(sent);", ""],
  ["a first send is no duplicate", "answer.duplicate && !sent.isUnknown", "false"],
  [
    "a failed batch gives its numbers back",
    "if (!sent.isUnknown) this.#giveBack(sent.baseSequence);\n    else if",
    "if (sent.isUnknown) if",
  ],
  ["a hole does not give its numbers back", "if (!sent.isUnknown) this.#giveBack", "if (true) this.#giveBack"],
  ["followers keep their numbers before a hole", " || (this.#hole !== null && isLater(this.#hole, gap))", ""],
  ["unknown followers are not renumbered in their epoch", "followers.some((sent) => sent.isUnknown) || ", ""],
  ["followers in flight are not renumbered", "if (followers.length > 0 && this.#inFlight > 0) return;", ""],
  ["what follows a gap is renumbered", "for (const sent of followers) actions.push(this.#renumber(sent));", ""],
  ["the lowest number given back counts", "this.#gap === null || isLater(this.#gap, sequence)", "true"],
  ["a hole explains a sequence error", "isLoss && this.#hasAcked && this.#hole === null", "isLoss && this.#hasAcked"],
  [
    "a later answer fills a hole",
    "isLater(sent.baseSequence, this.#hole)) this.#hole = null",
    "true) this.#hole = null",
  ],
  ["retention explains a sequence error", "isLoss: !isLogShortened &&", "isLoss:"],
  [
    "behind an unsettled batch a sequence error is a retry",
    "if ((this.#sent[0] !== sent && !isProbe) || this.#gap !== null",
    "if (this.#gap !== null",
  ],
  ["behind numbers given back, too", "!isProbe) || this.#gap !== null ||", "!isProbe) ||"],
  [
    "what a restarted broker does not recognise may be in the log",
    "answer.knowsProducer === true ? this.#probeAfter(sent) : null",
    "null",
  ],
  ["the log has room for what is implied", "if (isProbe && !this.#hasRoomBefore", "if (false && !this.#hasRoomBefore"],
  [
    "a sequence error of the oldest begins a new epoch",
    'return this.#renew(needsNewId ? "id" : "epoch", actions);',
    "return this.#retry(sent, 0);",
  ],
  [
    "a new epoch waits for what is in flight",
    "if (this.#inFlight === 0 && this.#renewal !== null &&",
    "if (this.#renewal !== null &&",
  ],
  ["a new epoch may duplicate the unknown", "sent.maybeDuplicate ||= sent.isUnknown;", ""],
  ["onUnknown fail", 'if (sent.isUnknown && this.#onUnknown === "fail")', 'if (this.#onUnknown === "fail")'],
  ["a new epoch begins with 0", "this.#nextSequence = 0;\n    this.#hasAcked", "this.#hasAcked"],
  ["a new epoch is confirmed anew", "this.#hasAcked = this.#isLeaderConfirmed = false;", "this.#hasAcked = false;"],
  ["a batch fails for good in the words that hold", "verdict: verdictOf(sent) }];", 'verdict: "notPersisted" }];'],
  ["in flight may be persisted", 'sent.isInFlight ? "possiblyPersisted" : verdictOf(sent)', "verdictOf(sent)"],
  ["without numbers a retry may duplicate", "if (!this.#idempotent && sent.isUnknown) sent.maybeDuplicate = true;", ""],
  ["what a broker may have forgotten may be duplicated", "      sent.maybeDuplicate = true;\n    }", "    }"],
  ["parts share the numbers", "if (this.#idempotent) sequence = advanceSequence(sequence, count);", ""],
  [
    "parts of an unknown batch need a new epoch",
    'return this.#idempotent && sent.isUnknown ? this.#renew("epoch", actions) : this.#afterAnswer(actions);\n  }\n\n  /** The broker refuses the batch for some',
    "return this.#afterAnswer(actions);\n  }\n\n  /** The broker refuses the batch for some",
  ],
  [
    "an unknown batch without culprits needs a new epoch",
    'if (this.#idempotent && sent.isUnknown) return this.#renew("epoch", []);',
    "",
  ],
  ["culprits give their numbers back", "this.#giveBack(advanceSequence(sent.baseSequence, count));", ""],
  [
    "abandoned batches are not sent again",
    "this.#afterAnswer(sent.isAbandoned ? this.#giveUp(sent) : [])",
    "this.#afterAnswer([])",
  ],
  [
    "nor in parts",
    "if (sent.isAbandoned) return this.#afterAnswer(replacements",
    "if (false) return this.#afterAnswer(replacements",
  ],
  ["nor without culprits", "if (sent.isAbandoned) return this.#afterAnswer(this.#giveUp(sent));", ""],
  ["nor under a new epoch", "if (sent.isAbandoned) actions.push(...this.#giveUp(sent));", ""],
  ["nor after a collision", '"epoch", sent.isAbandoned ? this.#giveUp(sent) : [])', '"epoch", [])'],
  [
    "an abandoned batch in flight stays",
    "return sent.isInFlight ? [] : this.#afterAnswer(this.#giveUp(sent));",
    "return this.#afterAnswer(this.#giveUp(sent));",
  ],
  [
    "a new topic needs a new epoch",
    'this.#idempotent && this.#identity !== null ? this.#renew("epoch", []) : []',
    "[]",
  ],
  ["a new id is not asked for twice", "&& !this.#renewalRequested", ""],
  [
    "nothing is sent while a new identity is awaited",
    "this.#renewal !== null || this.#gap !== null) return",
    "this.#gap !== null) return",
  ],
  ["nothing is sent while numbers are to change", "|| this.#gap !== null) return BLOCKED", ") return BLOCKED"],
  ["a pause ends", "nowMs < this.#retryAtMs", "true"],
  ["numbers go round", "(sequence + count) % SEQUENCE_COUNT", "sequence + count"],
];

function mutant(source: string, from: string, to: string): Promise<{ SequenceMachine: MachineClass }> {
  const code = source.replace(from, () => to).replaceAll(
    /from "(\.[^"]+)"/g,
    (_, path) => `from "${import.meta.resolve(`../../src/producer/${path}`)}"`,
  );
  return import(`data:application/typescript,${encodeURIComponent(code)}`);
}

/** How many schedules it takes to find the fault. */
function schedulesNeeded(machineClass: MachineClass): number {
  for (let seed = 0; seed < MOST_SCHEDULES; seed++) {
    try {
      runSchedule(scheduleOf(seed), machineClass);
    } catch (error) {
      if (error instanceof InvariantError || error instanceof TypeError) return seed + 1;
      throw error;
    }
  }
  return Infinity;
}

Deno.test("runSchedule() fails when a rule is taken out of the machine", async (t) => {
  const source = await Deno.readTextFile(new URL("../../src/producer/sequence.ts", import.meta.url));
  for (const [rule, from, to] of MUTATIONS) {
    await t.step(rule, async () => {
      assertEquals(source.split(from).length - 1, 1, `sequence.ts has ${JSON.stringify(from)} once`);
      const { SequenceMachine } = await mutant(source, from, to);

      const needed = schedulesNeeded(SequenceMachine);

      assert(needed < Infinity, "no schedule failed");
    });
  }
});
