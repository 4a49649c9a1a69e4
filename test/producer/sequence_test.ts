import { assertEquals } from "@std/assert";
import {
  advanceSequence,
  BROKER_REMEMBERS_MS,
  type SentBatch,
  type SequenceAction,
  SequenceMachine,
  type SequenceOptions,
} from "../../src/producer/sequence.ts";

type Machine = SequenceMachine<string>;
type Sent = SentBatch<string>;

const FIRST = { producerId: 7n, producerEpoch: 0 };
const SECOND = { producerId: 7n, producerEpoch: 1 };
const SEQUENCE_ERROR = { retryAtMs: 0, logStartOffset: 0n, needsNewId: false };
const OUT_OF_ORDER = { ...SEQUENCE_ERROR, knowsProducer: true };

function machine(options: Partial<SequenceOptions> = {}): Machine {
  const made = new SequenceMachine<string>({ idempotent: true, maxInFlight: 5, onUnknown: "retry", ...options });
  if (options.idempotent !== false) made.adopt(FIRST);
  return made;
}

/** A machine whose leader has acknowledged a batch of ten records, at offsets 0 to 9. */
function confirmed(options: Partial<SequenceOptions> = {}): Machine {
  const made = machine(options);
  acknowledge(made, send(made, "before", 10), 0n);
  return made;
}

/** Sends a new batch, whatever the turn. */
function send(to: Machine, batch: string, count = 1): Sent {
  const sent = to.number(batch, count);
  to.send(sent);
  return sent;
}

/** Sends what the machine lets out again, and tells which batches. */
function resend(from: Machine, nowMs = 0): string[] {
  const batches: string[] = [];
  for (let turn = from.turn(nowMs); turn.type === "resend"; turn = from.turn(nowMs)) {
    from.send(turn.sent);
    batches.push(turn.sent.batch);
  }
  return batches;
}

function acknowledge(on: Machine, sent: Sent, baseOffset: bigint | null = null): SequenceAction<string>[] {
  return on.acknowledged(sent, { baseOffset, duplicate: false });
}

/** Actions in short. */
function told(actions: readonly SequenceAction<string>[]): string[] {
  return actions.map((action) => {
    switch (action.type) {
      case "number":
        return `number ${action.sent.batch} ${action.sent.baseSequence}`;
      case "acknowledge":
        return `acknowledge ${action.sent.batch}${action.isImplied ? " implied" : ""}${
          action.sent.maybeDuplicate ? " maybeDuplicate" : ""
        }`;
      case "fail":
        return `fail ${action.sent.batch} ${action.verdict}`;
      case "renew":
        return action.needsNewId ? "renew id" : "renew epoch";
      case "dataloss":
        return `dataloss ${action.lastAckedOffset}`;
    }
  });
}

// Rule 1

Deno.test("number() counts on by records when batches follow each other", () => {
  const made = machine();

  const numbers = [send(made, "a", 3), send(made, "b", 2), send(made, "c")].map((sent) => sent.baseSequence);

  assertEquals(numbers, [0, 3, 5]);
});

Deno.test("turn() gives a batch again under its own number when its outcome is unknown", () => {
  const made = confirmed();
  const sent = send(made, "a");
  made.unknown(sent, 0);

  const turn = made.turn(0);

  assertEquals(turn, { type: "resend", sent });
  assertEquals(sent.baseSequence, 10);
});

Deno.test("turn() is blocked when there is no identity yet", () => {
  const made = new SequenceMachine<string>({ idempotent: true, maxInFlight: 5, onUnknown: "retry" });

  assertEquals(made.turn(0).type, "blocked");
});

// Rule 2

Deno.test("turn() lets one batch out when the leader has not acknowledged any", () => {
  const made = machine();
  send(made, "a");

  assertEquals(made.turn(0).type, "blocked");
});

Deno.test("turn() lets maxInFlight batches out when the leader has acknowledged one", () => {
  const made = confirmed({ maxInFlight: 2 });
  send(made, "a");

  const second = made.turn(0).type;
  send(made, "b");

  assertEquals([second, made.turn(0).type], ["new", "blocked"]);
});

Deno.test("turn() lets five batches out when maxInFlight is more than a broker remembers", () => {
  const made = confirmed({ maxInFlight: 9 });
  for (const batch of "abcde") send(made, batch);

  assertEquals(made.turn(0).type, "blocked");
});

Deno.test("turn() lets one batch out when another leader has come", () => {
  const made = confirmed();
  made.leaderChanged();
  send(made, "a");

  assertEquals(made.turn(0).type, "blocked");
});

Deno.test("turn() lets one batch out when only the former leader has answered", () => {
  const made = confirmed();
  const [a] = [send(made, "a"), send(made, "b")];
  made.leaderChanged();
  acknowledge(made, a);

  assertEquals(made.turn(0).type, "blocked");
});

Deno.test("turn() lets one batch out when the leader has heard nothing for long", () => {
  const made = confirmed();
  const first = made.turn(BROKER_REMEMBERS_MS).type;
  send(made, "a");

  assertEquals([first, made.turn(BROKER_REMEMBERS_MS).type], ["new", "blocked"]);
});

// Rule 3

Deno.test("turn() is blocked when a batch was refused and another is in flight", () => {
  const made = confirmed();
  const [a] = [send(made, "a"), send(made, "b")];
  made.refused(a, 0);

  assertEquals(made.turn(0).type, "blocked");
});

Deno.test("turn() gives refused batches again one at a time when the oldest has not succeeded", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  made.refused(a, 0);
  made.outOfSequence(b, SEQUENCE_ERROR);

  const alone = resend(made);
  acknowledge(made, a);

  assertEquals([alone, resend(made)], [["a"], ["b"]]);
});

Deno.test("turn() waits when a refused batch may be sent again later", () => {
  const made = confirmed();
  made.refused(send(made, "a"), 50);

  assertEquals([made.turn(49), made.turn(50).type], [{ type: "wait", untilMs: 50 }, "resend"]);
});

Deno.test("turn() waits no longer when another leader has come", () => {
  const made = confirmed();
  made.refused(send(made, "a"), 50);
  made.leaderChanged();

  assertEquals(made.turn(0).type, "resend");
});

Deno.test("turn() gives a batch first when it was numbered and not sent", () => {
  const made = confirmed();
  const sent = made.number("a", 1);

  assertEquals(made.turn(0), { type: "resend", sent });
});

// Rule 4

Deno.test("acknowledged() acknowledges earlier batches when their outcome is unknown", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  made.unknown(a, 0);

  assertEquals(told(acknowledge(made, b, 11n)), ["acknowledge a implied", "acknowledge b"]);
});

Deno.test("acknowledged() leaves earlier batches when they were refused", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  made.refused(a, 0);

  const actions = acknowledge(made, b, 10n);

  assertEquals([told(actions), resend(made)], [["acknowledge b"], ["a"]]);
});

Deno.test("acknowledged() leaves earlier batches when they are in flight again", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  made.unknown(a, 0);
  made.send(a);

  assertEquals(told(acknowledge(made, b, 11n)), ["acknowledge b"]);
  assertEquals(told(acknowledge(made, a, 10n)), ["acknowledge a"]);
});

// Rule 5

Deno.test("outOfSequence() has the batch sent again when it stands behind an unsettled one", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  made.refused(a, 0);

  assertEquals(told(made.outOfSequence(b, SEQUENCE_ERROR)), []);
});

Deno.test("outOfSequence() reports a loss and begins anew when the oldest batch does not follow", () => {
  const made = confirmed();

  assertEquals(told(made.outOfSequence(send(made, "a"), SEQUENCE_ERROR)), ["dataloss 9", "renew epoch"]);
});

Deno.test("outOfSequence() acknowledges all when a restarted broker recognises only the last of them", () => {
  const made = confirmed();
  const [a, b, c] = ["a", "b", "c"].map((batch) => send(made, batch)) as [Sent, Sent, Sent];
  for (const each of [a, b, c]) made.unknown(each, 0);
  made.leaderChanged();

  const order = resend(made);
  const first = told(made.outOfSequence(a, OUT_OF_ORDER));
  order.push(...resend(made));
  const second = told(made.outOfSequence(b, OUT_OF_ORDER));
  order.push(...resend(made));

  assertEquals([order, first, second], [["a", "b", "c"], [], []]);
  assertEquals(told(acknowledge(made, c, 12n)), ["acknowledge a implied", "acknowledge b implied", "acknowledge c"]);
});

Deno.test("outOfSequence() reports a loss when no later batch is recognised either", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  for (const each of [a, b]) made.unknown(each, 0);
  resend(made);
  made.outOfSequence(a, OUT_OF_ORDER);
  resend(made);

  assertEquals(told(made.outOfSequence(b, OUT_OF_ORDER)), ["dataloss 9", "renew epoch"]);
});

Deno.test("acknowledged() reports a loss when the log has no room for the earlier batches", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  for (const each of [a, b]) made.unknown(each, 0);
  resend(made);
  made.outOfSequence(a, OUT_OF_ORDER);
  resend(made);

  assertEquals(told(acknowledge(made, b, 0n)), ["dataloss 9", "renew epoch"]);
});

Deno.test("outOfSequence() asks about the oldest batch first when the leader changes in between", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  for (const each of [a, b]) made.unknown(each, 0);
  resend(made);
  made.outOfSequence(a, OUT_OF_ORDER);

  made.leaderChanged();

  assertEquals(resend(made), ["a"]);
});

Deno.test("outOfSequence() asks about no later batch when the broker does not know the producer", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  for (const each of [a, b]) made.unknown(each, 0);
  resend(made);

  assertEquals(told(made.outOfSequence(a, SEQUENCE_ERROR)), ["dataloss 9", "renew epoch"]);
});

Deno.test("outOfSequence() reports no loss when retention has removed what was acknowledged", () => {
  const made = confirmed();

  const actions = made.outOfSequence(send(made, "a"), { ...SEQUENCE_ERROR, logStartOffset: 10n });

  assertEquals(told(actions), ["renew epoch"]);
});

Deno.test("outOfSequence() reports no loss when nothing was acknowledged", () => {
  const made = machine();

  assertEquals(told(made.outOfSequence(send(made, "a"), SEQUENCE_ERROR)), ["renew epoch"]);
});

Deno.test("outOfSequence() has the new epoch wait when asked to", () => {
  const made = confirmed();
  made.outOfSequence(send(made, "a"), { ...SEQUENCE_ERROR, retryAtMs: 50 });
  made.adopt(SECOND);

  assertEquals(made.turn(0), { type: "wait", untilMs: 50 });
});

// Rule 6

Deno.test("outOfSequence() asks for an identity only when nothing is in flight", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];

  const first = told(made.outOfSequence(a, SEQUENCE_ERROR));
  const second = told(made.outOfSequence(b, SEQUENCE_ERROR));

  assertEquals([first, second], [["dataloss 9"], ["renew epoch"]]);
});

Deno.test("adopt() numbers batches from 0 when they are unsettled, and has them sent one at a time", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a", 4), send(made, "b")];
  made.outOfSequence(a, SEQUENCE_ERROR);
  made.outOfSequence(b, SEQUENCE_ERROR);

  const actions = made.adopt(SECOND);

  assertEquals([told(actions), resend(made)], [["number a 0", "number b 4"], ["a"]]);
});

Deno.test("adopt() lets a batch of unknown outcome out as maybe a duplicate when onUnknown is retry", () => {
  const made = confirmed();
  const a = send(made, "a");
  made.unknown(a, 0);
  resend(made);
  made.outOfSequence(a, SEQUENCE_ERROR);
  made.adopt(SECOND);
  resend(made);

  assertEquals(told(acknowledge(made, a, 3n)), ["acknowledge a maybeDuplicate"]);
});

Deno.test("adopt() fails a batch of unknown outcome and no other when onUnknown is fail", () => {
  const made = confirmed({ onUnknown: "fail" });
  const [a, b] = [send(made, "a"), send(made, "b")];
  made.unknown(a, 0);
  made.outOfSequence(b, SEQUENCE_ERROR);
  resend(made);
  made.outOfSequence(a, SEQUENCE_ERROR);

  assertEquals(told(made.adopt(SECOND)), ["fail a possiblyPersisted", "number b 0"]);
});

// Rules 7 and 8

Deno.test("abandoned() gives the numbers of a batch to the next when it was never sent", () => {
  const made = confirmed();
  const actions = made.abandoned(made.number("a", 3));

  const next = made.number("b", 1);

  assertEquals([told(actions), next.baseSequence], [["fail a notPersisted"], 10]);
});

Deno.test("abandoned() leaves a batch in flight to its answer", () => {
  const made = confirmed();
  const a = send(made, "a");

  const actions = made.abandoned(a);

  assertEquals([actions, made.verdict(a), told(acknowledge(made, a))], [[], "possiblyPersisted", ["acknowledge a"]]);
});

Deno.test("unknown() leaves a hole when nobody waits for the batch", () => {
  const made = confirmed();
  const a = send(made, "a", 3);
  made.abandoned(a);

  const actions = made.unknown(a, 0);

  assertEquals([told(actions), made.number("b", 1).baseSequence], [["fail a possiblyPersisted"], 13]);
});

Deno.test("outOfSequence() reports no loss when a hole explains it", () => {
  const made = confirmed();
  const a = send(made, "a");
  made.unknown(a, 0);
  made.abandoned(a);

  assertEquals(told(made.outOfSequence(send(made, "b"), SEQUENCE_ERROR)), ["renew epoch"]);
});

Deno.test("outOfSequence() reports a loss when a later answer has filled the hole", () => {
  const made = confirmed();
  const a = send(made, "a");
  made.unknown(a, 0);
  made.abandoned(a);
  acknowledge(made, send(made, "b"), 11n);

  assertEquals(told(made.outOfSequence(send(made, "c"), SEQUENCE_ERROR)), ["dataloss 11", "renew epoch"]);
});

Deno.test("refused() gives numbers back when nobody waits for the batch", () => {
  const made = confirmed();
  const a = send(made, "a", 3);
  made.abandoned(a);

  const actions = made.refused(a, 0);

  assertEquals([told(actions), made.number("b", 1).baseSequence], [["fail a notPersisted"], 10]);
});

Deno.test("abandoned() begins anew when numbers before a hole are given back", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  made.refused(a, 0);
  made.unknown(b, 0);
  made.abandoned(b);

  assertEquals(told(made.abandoned(a)), ["fail a notPersisted", "renew epoch"]);
});

Deno.test("refused() gives the lowest numbers to the next batch when two in a row are given up", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a"), send(made, "b")];
  made.abandoned(a);
  made.abandoned(b);
  made.refused(a, 0);
  made.outOfSequence(b, SEQUENCE_ERROR);

  assertEquals(made.number("c", 1).baseSequence, 10);
});

// Rule 10

Deno.test("outOfSequence() asks for a new id when the broker does not take the old one", () => {
  const made = machine();

  assertEquals(told(made.outOfSequence(send(made, "a"), { ...SEQUENCE_ERROR, needsNewId: true })), ["renew id"]);
});

Deno.test("advanceSequence() begins again at 0 when it passes the last number", () => {
  assertEquals([advanceSequence(2 ** 31 - 2, 1), advanceSequence(2 ** 31 - 2, 3)], [2 ** 31 - 1, 1]);
});

Deno.test("rejected() gives numbers back when they lie across the last one", () => {
  const made = machine();
  acknowledge(made, send(made, "most", 2 ** 31 - 2));
  const [a, b] = [send(made, "a", 4), send(made, "b")];
  made.rejected(a, true);

  assertEquals([b.baseSequence, told(made.outOfSequence(b, SEQUENCE_ERROR))], [2, [`number b ${2 ** 31 - 2}`]]);
});

// Rule 11

Deno.test("split() gives the parts the numbers of the whole when it was refused", () => {
  const made = confirmed();
  const [a] = [send(made, "a", 3), send(made, "b")];

  const actions = made.split(a, [{ batch: "a1", count: 2 }, { batch: "a2", count: 1 }]);

  assertEquals(told(actions), ["number a1 10", "number a2 12"]);
  assertEquals(made.unsettled.map(({ batch }) => batch), ["a1", "a2", "b"]);
});

Deno.test("split() begins anew when the whole may be in the log", () => {
  const made = confirmed();
  const a = send(made, "a", 2);
  made.unknown(a, 0);
  resend(made);

  const actions = made.split(a, [{ batch: "a1", count: 1 }, { batch: "a2", count: 1 }]);

  assertEquals(told(actions).at(-1), "renew epoch");
  made.adopt(SECOND);
  assertEquals(made.unsettled.map((sent) => sent.maybeDuplicate), [true, true]);
});

Deno.test("split() fails the parts when nobody waits for the whole", () => {
  const made = confirmed();
  const a = send(made, "a", 2);
  made.abandoned(a);

  const actions = made.split(a, [{ batch: "a1", count: 1 }, { batch: "a2", count: 1 }]);

  assertEquals(told(actions), ["fail a1 notPersisted", "fail a2 notPersisted"]);
  assertEquals(made.number("b", 1).baseSequence, 10);
});

Deno.test("shrunk() numbers followers anew when they are back", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a", 3), send(made, "b")];

  const first = told(made.shrunk(a, 1));
  const second = told(made.outOfSequence(b, SEQUENCE_ERROR));

  assertEquals([first, second], [["number a 10"], ["number b 11"]]);
});

Deno.test("shrunk() begins anew when the batch may be in the log", () => {
  const made = confirmed();
  const a = send(made, "a", 3);
  made.unknown(a, 0);
  resend(made);

  assertEquals(told(made.shrunk(a, 2)), ["renew epoch"]);
});

// Rule 12

Deno.test("rejected() numbers followers from the failed batch when they were refused", () => {
  const made = confirmed();
  const [a, b, c] = [send(made, "a", 2), send(made, "b"), send(made, "c")];

  const first = told(made.rejected(a, true));
  made.outOfSequence(b, SEQUENCE_ERROR);
  const last = told(made.outOfSequence(c, SEQUENCE_ERROR));

  assertEquals([first, last], [["fail a notPersisted"], ["number b 10", "number c 11"]]);
});

Deno.test("rejected() begins anew when a follower's outcome is unknown", () => {
  const made = confirmed();
  const [a, b] = [send(made, "a", 2), send(made, "b")];
  made.rejected(a, true);

  assertEquals(told(made.unknown(b, 0)), ["renew epoch"]);
});

Deno.test("rejected() begins anew when the batch may have been appended all the same", () => {
  const made = confirmed();

  assertEquals(told(made.rejected(send(made, "a"), false)), ["fail a possiblyPersisted", "renew epoch"]);
});

Deno.test("rejected() does not deny what an earlier send may have appended", () => {
  const made = confirmed();
  const a = send(made, "a");
  made.unknown(a, 0);
  resend(made);

  assertEquals(told(made.rejected(a, true)), ["fail a possiblyPersisted", "renew epoch"]);
});

// Rule 13

Deno.test("acknowledged() begins anew when the broker calls a first send a duplicate", () => {
  const made = confirmed();
  const actions = made.acknowledged(send(made, "a"), { baseOffset: null, duplicate: true });

  assertEquals(told(actions), ["renew epoch"]);
});

Deno.test("acknowledged() begins anew when the broker calls a duplicate what it had refused", () => {
  const made = confirmed();
  const a = send(made, "a");
  made.refused(a, 0);
  resend(made);

  assertEquals(told(made.acknowledged(a, { baseOffset: null, duplicate: true })), ["renew epoch"]);
});

Deno.test("acknowledged() takes a duplicate for success when the outcome was unknown", () => {
  const made = confirmed();
  const a = send(made, "a");
  made.unknown(a, 0);
  resend(made);

  assertEquals(told(made.acknowledged(a, { baseOffset: null, duplicate: true })), ["acknowledge a"]);
});

// Rule 14

Deno.test("topicRecreated() begins anew when what is in flight has come back", () => {
  const made = confirmed();
  const a = send(made, "a");

  const first = told(made.topicRecreated());
  const second = told(made.refused(a, 0));

  assertEquals([first, second, told(made.adopt(SECOND))], [[], ["renew epoch"], ["number a 0"]]);
});

// Memory of brokers

Deno.test("send() makes a batch maybe a duplicate when it was unknown for longer than brokers remember", () => {
  const made = confirmed();
  const a = send(made, "a");
  made.unknown(a, 0);
  resend(made, BROKER_REMEMBERS_MS);

  assertEquals(told(acknowledge(made, a, 10n)), ["acknowledge a maybeDuplicate"]);
});

Deno.test("unwritten() leaves a batch certain when no byte of it was sent", () => {
  const made = confirmed();
  const a = send(made, "a");
  made.unwritten(a, 0);

  assertEquals([made.verdict(a), resend(made)], ["notPersisted", ["a"]]);
});

// Without numbers

Deno.test("turn() lets one batch out when batches are not numbered", () => {
  const made = machine({ idempotent: false });
  acknowledge(made, send(made, "a"));
  const b = send(made, "b");

  assertEquals([made.turn(0).type, b.baseSequence], ["blocked", -1]);
});

Deno.test("acknowledged() tells of a maybe duplicate when an unnumbered batch was sent again after silence", () => {
  const made = machine({ idempotent: false });
  const a = send(made, "a");
  made.unknown(a, 0);
  resend(made);

  assertEquals(told(acknowledge(made, a)), ["acknowledge a maybeDuplicate"]);
});

Deno.test("rejected() asks for no identity when batches are not numbered", () => {
  const made = machine({ idempotent: false });

  assertEquals(told(made.rejected(send(made, "a"), false)), ["fail a possiblyPersisted"]);
});

Deno.test("shrunk() has a batch sent again when batches are not numbered", () => {
  const made = machine({ idempotent: false });
  made.shrunk(send(made, "a", 2), 1);

  assertEquals(resend(made), ["a"]);
});
