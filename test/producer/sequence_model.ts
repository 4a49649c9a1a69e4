/**
 * A sequence machine with a caller before it and a cluster behind it, and a lane's part in between.
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
import { check, type ModelBatch, ModelBooks } from "./sequence_model_books.ts";
import { type Answer, BROKER_COUNT, ModelCluster } from "./sequence_model_cluster.ts";
import type { SentBytes } from "./sequence_model_log.ts";
import type { ModelEvent, ModelEventKind, ModelProfile, Schedule } from "./sequence_model_schedule.ts";

/** The machine, or one with a fault built in. */
export type MachineClass = new (options: SequenceOptions) => SequenceMachine<ModelBatch>;

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
  readonly #cluster: ModelCluster;
  readonly #queue: ModelBatch[] = [];
  #nowMs = 0;
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
    this.#cluster = new ModelCluster(profile, this.#books);
    this.#identity = { producerId: 1n, producerEpoch: profile.firstEpoch };
    if (idempotent) this.#adopt();
    if (profile.isNearWrap) this.#approachWrap();
  }

  readonly #steps: Record<ModelEventKind, (event: ModelEvent) => void> = {
    submit: ({ a }) => this.#queue.push(this.#books.batch(1 + a % 3, 0)),
    send: ({ a }) => this.#send(a % 8 === 0),
    process: ({ a, b }) => this.#cluster.process(this.#cluster.busy("requests", a), a * 7 + b),
    answer: ({ a }) => this.#readAnswer(this.#cluster.busy("answers", a)),
    close: ({ a, b }) => this.#close(a % BROKER_COUNT, b),
    late: ({ a }) => this.#cluster.processLate(a),
    metadata: () => this.#refresh(),
    wait: ({ a }) => this.#nowMs += a,
    abandon: ({ a }) => this.#abandon(a),
    move: ({ a, b }) => this.#cluster.move(a, b % 4),
    sibling: ({ a }) => this.#siblingBumps(a),
    identity: () => this.#identityArrives(),
    restart: () => this.#cluster.restart(),
    expire: ({ a }) => this.#expire(a % 2 === 0),
    recreate: () => this.#cluster.recreate(),
    unclean: ({ a, b }) => this.#lose(a, 1 + b % 4),
  };

  step(event: ModelEvent): void {
    this.#steps[event.kind](event);
  }

  /** Ends all faults and sees that every batch is settled and every promise kept. */
  heal(): void {
    if (!this.#profile.isLateLast) this.#cluster.processAllLate();
    for (let round = 0; !this.#isDone(); round++) {
      check(round < HEALING_ROUNDS, () => `left ${this.#machine.unsettled.length} batches unsettled`);
      this.#refresh();
      this.#identityArrives();
      this.#nowMs += 1000;
      while (this.#send(false));
      for (let busy; (busy = this.#cluster.busy("requests", 0)) !== -1;) this.#cluster.process(busy, -1);
      for (let busy; (busy = this.#cluster.busy("answers", 0)) !== -1;) this.#readAnswer(busy);
    }
    this.#cluster.processAllLate();
    this.#books.verify(this.#cluster.entries);
  }

  #isDone(): boolean {
    return this.#queue.length === 0 && this.#machine.unsettled.length === 0 && this.#cluster.isIdle;
  }

  /** Has the leader acknowledge batches that take nearly all numbers there are. */
  #approachWrap(): void {
    for (const padding of [2 ** 29, 2 ** 29, 2 ** 29, 2 ** 29 - 12]) {
      this.#queue.push(this.#books.batch(1, padding));
      this.#send(false);
      this.#cluster.process(0, -1);
      this.#readAnswer(0);
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
    this.#cluster.send(this.#knownLeader, request);
    return true;
  }

  #readAnswer(broker: number): void {
    const next = this.#cluster.nextAnswer(broker);
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
        const baseOffset = BigInt(answer.baseOffset);
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
        const { knowsProducer } = answer;
        const needsNewId = answer.type === "newId";
        return machine.outOfSequence(sent, { retryAtMs, logStartOffset, needsNewId, knowsProducer });
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
    if (this.#knownLeaderEpoch !== this.#cluster.leaderEpoch) {
      this.#knownLeader = this.#cluster.leader;
      this.#knownLeaderEpoch = this.#cluster.leaderEpoch;
      this.#changeLeader();
    }
    if (this.#knownTopicId !== this.#cluster.topicId) {
      this.#knownTopicId = this.#cluster.topicId;
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

  #close(broker: number, choice: number): void {
    // What was handed over last may not have left the client.
    const waiting = this.#cluster.waiting(broker);
    const unwrittenFrom = choice % 3 === 0 ? choice % (waiting + 1) : waiting;
    const { requests, answers } = this.#cluster.close(broker, { unwrittenFrom, isLate: choice % 2 === 0 });
    // The broker may have been away for long: whoever is there next is a new leader.
    if (broker === this.#knownLeader) this.#changeLeader();
    for (const { request } of answers) this.#carryOut(this.#machine.unknown(request.sent, this.#nowMs + 100));
    requests.forEach((request, i) => {
      const isWritten = i < unwrittenFrom;
      request.transmission.isRefused = !isWritten;
      const retryAtMs = this.#nowMs + 100;
      const { sent } = request;
      this.#carryOut(isWritten ? this.#machine.unknown(sent, retryAtMs) : this.#machine.unwritten(sent, retryAtMs));
    });
    if (answers.length + requests.length > 0) this.#isSettling = this.#machine.inFlight > 0;
  }

  #lose(choice: number, dropCount: number): void {
    this.#cluster.lose(choice, dropCount);
    // It takes the end of all brokers that had everything, and of their connections.
    for (let broker = 0; broker < BROKER_COUNT; broker++) this.#close(broker, choice);
  }

  /** Takes a day in which nothing is on its way. */
  #expire(isRetained: boolean): void {
    if (this.#machine.inFlight > 0 || !this.#cluster.expire(isRetained)) return;
    this.#nowMs += MS_PER_DAY;
    this.#isConfirmed = false;
    this.#term++;
  }
}
