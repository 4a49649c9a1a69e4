/**
 * A model of everything around a sequence machine: a caller, a network, brokers with one partition's log.
 *
 * Connections deliver in order and lose nothing while they live. One that ends takes the answers under way with it; what
 * the broker has not taken from it yet is lost, or processed at any later time.
 *
 * @module
 */

import type {
  ProducerIdentity,
  SentBatch,
  SequenceAction,
  SequenceMachine,
  SequenceOptions,
} from "../../src/producer/sequence.ts";
import { check, type ModelBatch, ModelBooks, type Transmission } from "./sequence_model_books.ts";
import { type LogEntry, ModelLog, type SentBytes } from "./sequence_model_log.ts";
import type { ModelEvent, ModelEventKind, ModelProfile, Schedule } from "./sequence_model_schedule.ts";

/** The machine, or one with a fault built in. */
export type MachineClass = new (options: SequenceOptions) => SequenceMachine<ModelBatch>;

/** What an answer says, in the terms of the lane's window. */
type Answer =
  | { readonly type: "done"; readonly baseOffset: number | null }
  | { readonly type: "sequence" | "newId"; readonly logStartOffset: number }
  | { readonly type: "duplicate" | "refused" | "unknown" }
  | { readonly type: "failed" | "failedUnknown" | "tooLarge" | "invalid" };

interface Request {
  readonly sent: SentBatch<ModelBatch>;
  readonly transmission: Transmission;
  readonly topicId: number;
  /** Which time the client knows a leader, or begins an epoch. */
  readonly term: number;
  /** Whether the same bytes cannot be in the log already. */
  readonly isFirst: boolean;
}

interface ModelConnection {
  requests: Request[];
  answers: { readonly request: Request; readonly answer: Answer }[];
}

const BROKER_COUNT = 3;
const MS_PER_DAY = 86_400_000;
/** Rounds that every batch must be settled within once nothing fails any more. */
const HEALING_ROUNDS = 200;

/** Runs a schedule to its end. Throws an `InvariantError` when a promise is broken. */
export function runSchedule(schedule: Schedule, machineClass: MachineClass): void {
  const model = new SequenceModel(schedule.profile, machineClass);
  for (const event of schedule.events) model.step(event);
  model.heal();
}

class SequenceModel {
  readonly #profile: ModelProfile;
  readonly #machine: SequenceMachine<ModelBatch>;
  readonly #books = new ModelBooks();
  readonly #connections: ModelConnection[] = Array.from(
    { length: BROKER_COUNT },
    () => ({ requests: [], answers: [] }),
  );
  readonly #archive: LogEntry[] = [];
  readonly #late: { readonly broker: number; readonly request: Request }[] = [];
  readonly #queue: ModelBatch[] = [];
  #log: ModelLog;
  #nowMs = 0;
  #leader = 0;
  #topicId = 0;
  #leaderEpoch = 0;
  #knownLeader = 0;
  #knownLeaderEpoch = 0;
  #knownTopicId = 0;
  #identity: ProducerIdentity;
  #isRenewing = false;
  #isIdAwaited = false;
  #term = 0;
  #isConfirmed = false;
  /** Whether something failed while more was in flight, and nothing has succeeded since. */
  #isSettling = false;

  constructor(profile: ModelProfile, machineClass: MachineClass) {
    this.#profile = profile;
    const { idempotent, maxInFlight, onUnknown } = profile;
    this.#machine = new machineClass({ idempotent, maxInFlight, onUnknown });
    this.#log = new ModelLog(profile.isOldBroker);
    this.#identity = { producerId: 1n, producerEpoch: profile.firstEpoch };
    if (idempotent) this.#adopt();
    if (profile.isNearWrap) this.#approachWrap();
  }

  readonly #steps: Record<ModelEventKind, (event: ModelEvent) => void> = {
    submit: ({ a }) => this.#queue.push(this.#books.batch(1 + a % 3, 0)),
    send: ({ a }) => this.#send(a % 8 === 0),
    process: ({ a, b }) => this.#process(this.#busy("requests", a), a * 7 + b),
    answer: ({ a }) => this.#readAnswer(this.#busy("answers", a)),
    close: ({ a, b }) => this.#close(a % BROKER_COUNT, b),
    late: ({ a }) => this.#processLate(a),
    metadata: () => this.#refresh(),
    wait: ({ a }) => this.#nowMs += a,
    abandon: ({ a }) => this.#abandon(a),
    move: ({ a, b }) => this.#move(a, b % 4),
    sibling: ({ a }) => this.#siblingBumps(a),
    identity: () => this.#identityArrives(),
    restart: () => this.#restart(),
    expire: ({ a }) => this.#expire(a % 2 === 0),
    recreate: () => this.#recreate(),
    unclean: ({ a, b }) => this.#lose(a, 1 + b % 4),
  };

  step(event: ModelEvent): void {
    this.#steps[event.kind](event);
  }

  /** Ends all faults and sees that every batch is settled and every promise kept. */
  heal(): void {
    if (!this.#profile.isLateLast) this.#processAllLate();
    for (let round = 0; !this.#isDone(); round++) {
      check(round < HEALING_ROUNDS, () => `left ${this.#machine.unsettled.length} batches unsettled`);
      this.#refresh();
      this.#identityArrives();
      this.#nowMs += 1000;
      while (this.#send(false));
      this.#connections.forEach((connection, broker) => {
        while (connection.requests.length > 0) this.#process(broker, -1);
        while (connection.answers.length > 0) this.#readAnswer(broker);
      });
    }
    this.#processAllLate();
    this.#books.verify([...this.#archive, ...this.#log.entries]);
  }

  #isDone(): boolean {
    return this.#queue.length === 0 && this.#machine.unsettled.length === 0 &&
      this.#connections.every(({ requests, answers }) => requests.length + answers.length === 0);
  }

  /** Has the leader acknowledge batches that take nearly all numbers there are. */
  #approachWrap(): void {
    for (const padding of [2 ** 29, 2 ** 29, 2 ** 29, 2 ** 29 - 12]) {
      this.#queue.push(this.#books.batch(1, padding));
      this.#send(false);
      this.#process(this.#leader, -1);
      this.#readAnswer(this.#leader);
    }
  }

  // The client

  /** Sends what the machine lets out, as a lane does; `isInterrupted`: numbers the batch and then does not send it. */
  #send(isInterrupted: boolean): boolean {
    const machine = this.#machine;
    if (this.#profile.idempotent && machine.identity !== this.#identity && machine.unsettled.length === 0) {
      this.#adopt();
    }
    const turn = machine.turn(this.#nowMs);
    if (turn.type === "resend") return this.#transmit(turn.sent);
    if (turn.type !== "new" || this.#queue.length === 0) return false;
    const batch = this.#queue.shift()!;
    const sent = machine.number(batch, batch.records.length + batch.padding);
    return isInterrupted || this.#transmit(sent);
  }

  #transmit(sent: SentBatch<ModelBatch>): boolean {
    const machine = this.#machine;
    const { idempotent, maxInFlight } = this.#profile;
    check(machine.unsettled.includes(sent), () => `sent records ${sent.batch.records} after they were settled`);
    check(!sent.isInFlight && !sent.isAbandoned, () => `sent records ${sent.batch.records} out of turn`);
    machine.send(sent);
    check(!this.#isSettling, () => "sent a batch before all answers of a failed run were there");
    check(machine.inFlight === 1 || this.#isConfirmed, () => "sent more than one batch to a leader that knows none");
    check(machine.inFlight <= (idempotent ? maxInFlight : 1), () => `sent ${machine.inFlight} batches at once`);
    const { producerId, producerEpoch } = idempotent ? machine.identity! : { producerId: -1n, producerEpoch: -1 };
    const { batch: { records }, baseSequence, count } = sent;
    const bytes: SentBytes = { records, count, producerId, epoch: producerEpoch, baseSequence };
    const isFirst = !this.#books.isKnown(bytes);
    const transmission = this.#books.transmitted(bytes);
    const request = { sent, transmission, topicId: this.#knownTopicId, term: this.#term, isFirst };
    this.#connections[this.#knownLeader]!.requests.push(request);
    return true;
  }

  #readAnswer(broker: number): void {
    const next = this.#connections[broker]?.answers.shift();
    if (next === undefined) return;
    const { request, answer } = next;
    const { sent, transmission } = request;
    const isSuccess = answer.type === "done" || (answer.type === "duplicate" && !request.isFirst);
    transmission.isRefused = !isSuccess && answer.type !== "unknown" && answer.type !== "failedUnknown";
    this.#isSettling = !isSuccess && this.#machine.inFlight > 1;
    if (isSuccess && request.term === this.#term) this.#isConfirmed = true;
    this.#carryOut(this.#interpret(sent, answer));
  }

  #interpret(sent: SentBatch<ModelBatch>, answer: Answer): SequenceAction<ModelBatch>[] {
    const machine = this.#machine;
    const retryAtMs = this.#nowMs + 100;
    switch (answer.type) {
      case "done": {
        const baseOffset = answer.baseOffset === null ? null : BigInt(answer.baseOffset);
        return machine.acknowledged(sent, { baseOffset, duplicate: false });
      }
      case "duplicate":
        return machine.acknowledged(sent, { baseOffset: null, duplicate: true });
      case "refused":
        return machine.refused(sent, retryAtMs);
      case "unknown":
        return machine.unknown(sent, retryAtMs);
      case "sequence":
      case "newId": {
        const logStartOffset = BigInt(answer.logStartOffset);
        return machine.outOfSequence(sent, { retryAtMs, logStartOffset, needsNewId: answer.type === "newId" });
      }
      case "failed":
      case "failedUnknown":
        return machine.rejected(sent, answer.type === "failed");
      case "tooLarge":
        return this.#split(sent);
      case "invalid":
        return this.#dropFirstRecord(sent);
    }
  }

  #split(sent: SentBatch<ModelBatch>): SequenceAction<ModelBatch>[] {
    const { records, padding } = sent.batch;
    if (records.length === 1) return this.#machine.rejected(sent, true);
    const parts = [records.slice(0, 1), records.slice(1)].map((part) => ({ records: part, padding }));
    return this.#machine.split(sent, parts.map((batch) => ({ batch, count: batch.records.length })));
  }

  #dropFirstRecord(sent: SentBatch<ModelBatch>): SequenceAction<ModelBatch>[] {
    const { batch, isAbandoned } = sent;
    if (batch.records.length === 1) return this.#machine.rejected(sent, true);
    const verdict = sent.isUnknown || sent.maybeDuplicate ? "possiblyPersisted" : "notPersisted";
    if (!isAbandoned) this.#books.tell(batch.records.slice(0, 1), { type: "failed", verdict });
    batch.records = batch.records.slice(1);
    return this.#machine.shrunk(sent, batch.records.length);
  }

  #carryOut(actions: readonly SequenceAction<ModelBatch>[]): void {
    for (const action of actions) {
      switch (action.type) {
        case "number":
          check(!action.sent.isInFlight, () => "numbered a batch that is in flight");
          break;
        case "acknowledge":
          this.#books.settled(action.sent, { type: "acknowledged", maybeDuplicate: action.sent.maybeDuplicate });
          break;
        case "fail":
          this.#books.settled(action.sent, { type: "failed", verdict: action.verdict });
          break;
        case "dataloss":
          // After a 46 without an offset, what retention removed cannot be told from what was lost.
          if (action.lastAckedOffset !== null || !this.#profile.isOldBroker) this.#books.lossReported(action);
          break;
        case "renew":
          this.#renew(action.needsNewId);
      }
    }
  }

  #renew(needsNewId: boolean): void {
    check(!this.#isRenewing, () => "asked for an identity twice");
    this.#isRenewing = true;
    const old = this.#machine.identity!;
    const isNewer = this.#identity !== old;
    if (isNewer && !(needsNewId && this.#identity.producerId === old.producerId)) return this.#adopt();
    if (needsNewId || old.producerEpoch === 32767) {
      this.#isIdAwaited = true;
      return;
    }
    this.#identity = { producerId: old.producerId, producerEpoch: old.producerEpoch + 1 };
    this.#adopt();
  }

  #adopt(): void {
    check(this.#machine.inFlight === 0, () => "asked for an identity with batches in flight");
    this.#term++;
    this.#isConfirmed = this.#isRenewing = false;
    this.#carryOut(this.#machine.adopt(this.#identity));
  }

  #identityArrives(): void {
    if (!this.#isIdAwaited) return;
    this.#isIdAwaited = false;
    this.#identity = { producerId: this.#identity.producerId + 1n, producerEpoch: 0 };
    if (this.#machine.inFlight === 0) this.#adopt();
  }

  #siblingBumps(choice: number): void {
    const { producerId, producerEpoch } = this.#identity;
    if (choice % 2 === 0 && producerEpoch < 32767) this.#identity = { producerId, producerEpoch: producerEpoch + 1 };
  }

  #refresh(): void {
    if (this.#knownLeaderEpoch !== this.#leaderEpoch) {
      this.#knownLeader = this.#leader;
      this.#knownLeaderEpoch = this.#leaderEpoch;
      this.#changeLeader();
    }
    if (this.#knownTopicId !== this.#topicId) {
      this.#knownTopicId = this.#topicId;
      this.#carryOut(this.#machine.topicRecreated());
    }
  }

  #changeLeader(): void {
    this.#term++;
    this.#isConfirmed = false;
    this.#machine.leaderChanged();
  }

  #abandon(choice: number): void {
    const candidates = this.#machine.unsettled.filter((sent) => !sent.isAbandoned);
    const sent = candidates[choice % candidates.length];
    if (sent === undefined) return;
    this.#books.tell(sent.batch.records, { type: "failed", verdict: this.#machine.verdict(sent) });
    this.#carryOut(this.#machine.abandoned(sent));
  }

  // The network

  /** One of the connections that have requests or answers, -1 when there is none. */
  #busy(what: "requests" | "answers", choice: number): number {
    const busy = [...this.#connections.keys()].filter((broker) => this.#connections[broker]![what].length > 0);
    return busy[choice % busy.length] ?? -1;
  }

  #close(broker: number, choice: number): void {
    const { requests, answers } = this.#connections[broker]!;
    this.#connections[broker] = { requests: [], answers: [] };
    // The broker may have been away for long: whoever is there next is a new leader.
    if (broker === this.#knownLeader) this.#changeLeader();
    for (const { request } of answers) this.#carryOut(this.#machine.unknown(request.sent, this.#nowMs + 100));
    // What was handed over last may not have left the client.
    const unwrittenFrom = choice % 3 === 0 ? choice % (requests.length + 1) : requests.length;
    requests.forEach((request, i) => {
      if (i >= unwrittenFrom) {
        request.transmission.isRefused = true;
        this.#carryOut(this.#machine.unwritten(request.sent, this.#nowMs));
        return;
      }
      if (choice % 2 === 0) this.#late.push({ broker, request });
      this.#carryOut(this.#machine.unknown(request.sent, this.#nowMs + 100));
    });
    if (answers.length + requests.length > 0) this.#isSettling = this.#machine.inFlight > 0;
  }

  #processLate(choice: number): void {
    const [late] = this.#late.splice(choice % Math.max(1, this.#late.length), 1);
    if (late !== undefined && late.broker === this.#leader && late.request.topicId === this.#topicId) {
      this.#log.append(late.request.transmission.bytes);
    }
  }

  #processAllLate(): void {
    while (this.#late.length > 0) this.#processLate(0);
  }

  // The brokers

  /** Has a broker process the next request; `choice` below 0: without a fault. */
  #process(broker: number, choice: number): void {
    const connection = this.#connections[broker];
    const request = connection?.requests.shift();
    if (request === undefined) return;
    connection!.answers.push({ request, answer: this.#answer(broker, request, choice) });
  }

  #answer(broker: number, request: Request, choice: number): Answer {
    if (broker !== this.#leader || request.topicId !== this.#topicId) return { type: "refused" };
    const isFaulty = choice >= 0 && choice % 100 < this.#profile.faultPercent;
    const fault = isFaulty ? Math.floor(choice / 100) : -1;
    const refusal = this.#refusal(fault, request);
    if (refusal !== null) return { type: refusal, logStartOffset: this.#log.startOffset };
    const verdict = this.#log.append(request.transmission.bytes);
    if (verdict.type !== "appended" && verdict.type !== "duplicate") {
      return { type: "sequence", logStartOffset: this.#log.startOffset };
    }
    // Appended here, and then: replicas were slow (7, 20), or the broker lost its leadership (6, with an offset).
    if (isFaulty) return { type: fault % 4 === 0 ? "failedUnknown" : "unknown" };
    this.#log.commit(verdict.entry);
    if (verdict.type === "duplicate" && this.#profile.isOldBroker && !request.isFirst) return { type: "duplicate" };
    return { type: "done", baseOffset: verdict.entry.baseOffset };
  }

  /** What a broker refuses a batch with before it looks at the log; null when it appends. */
  #refusal(fault: number, request: Request): Exclude<Answer["type"], "done"> | null {
    const refusals = ["refused", "refused", "unknown", "failed", "failedUnknown", "tooLarge", "invalid", "sequence"];
    const answers = [...refusals, "newId", "duplicate", null, null, null] as (Exclude<Answer["type"], "done"> | null)[];
    const answer = fault < 0 ? null : answers[fault % answers.length]!;
    if (answer === "sequence" || answer === "newId") {
      if (!this.#profile.idempotent) return "refused";
      this.#books.maySeeLoss = true;
    }
    if (answer === "duplicate") return this.#profile.idempotent && request.isFirst ? "duplicate" : "refused";
    return answer;
  }

  #move(choice: number, dropCount: number): void {
    this.#leader = (this.#leader + 1 + choice % (BROKER_COUNT - 1)) % BROKER_COUNT;
    this.#leaderEpoch++;
    this.#log.truncate(dropCount, false);
    // The new leader has all that is left from the old one.
    if (this.#log.entries.length > 0) this.#log.commit(this.#log.entries.at(-1)!);
  }

  #lose(choice: number, dropCount: number): void {
    this.#books.maySeeLoss = true;
    this.#books.lost(this.#log.truncate(dropCount, true));
    this.#move(choice, 0);
    // It takes the end of all brokers that had everything, and of their connections.
    this.#connections.forEach((_, broker) => this.#close(broker, choice));
  }

  #restart(): void {
    this.#log.restart();
    // A batch that is not remembered is out of order when sent again, as after a loss.
    this.#books.maySeeLoss = true;
  }

  /** Takes a day in which nothing is on its way. */
  #expire(isRetained: boolean): void {
    if (this.#late.length > 0 || this.#machine.inFlight > 0) return;
    this.#nowMs += MS_PER_DAY;
    this.#log.expireProducers();
    if (!isRetained) this.#log.startOffset = this.#log.endOffset;
    else if (this.#profile.isOldBroker) this.#books.maySeeLoss = true;
    this.#isConfirmed = false;
    this.#term++;
  }

  #recreate(): void {
    this.#archive.push(...this.#log.entries);
    this.#log = new ModelLog(this.#profile.isOldBroker);
    this.#topicId++;
  }
}
