/**
 * Brokers with one partition's log, and the connections to them.
 *
 * A connection delivers in order and loses nothing while it lives. One that ends takes the answers under way with it; what
 * the broker has not taken from it yet is lost, or processed at any later time.
 *
 * @module
 */

import type { SentBatch } from "../../src/producer/sequence.ts";
import type { ModelBatch, ModelBooks, Transmission } from "./sequence_model_books.ts";
import { type LogEntry, ModelLog } from "./sequence_model_log.ts";
import type { ModelProfile } from "./sequence_model_schedule.ts";

/** What an answer says, in the terms of the lane's window. */
export type Answer =
  | { readonly type: "done"; readonly baseOffset: number }
  | { readonly type: "sequence" | "newId"; readonly logStartOffset: number; readonly knowsProducer: boolean }
  | { readonly type: "duplicate" | "refused" | "unknown" | "failed" | "failedUnknown" | "tooLarge" | "invalid" };

/** A batch on its way. */
export interface Request {
  /** What the machine knows of the batch. */
  readonly sent: SentBatch<ModelBatch>;
  /** What the books know of this sending. */
  readonly transmission: Transmission;
  /** The topic as the client knows it. */
  readonly topicId: number;
  /** Which time the client knows a leader, or begins an epoch. */
  readonly term: number;
  /** Whether the same bytes cannot be in the log already. */
  readonly isFirst: boolean;
}

/** A request and what the broker says to it. */
export interface Answered {
  /** The request. */
  readonly request: Request;
  /** What became of it. */
  readonly answer: Answer;
}

interface ModelConnection {
  requests: Request[];
  answers: Answered[];
}

/** Brokers of a cluster. */
export const BROKER_COUNT = 3;

/** How requests are refused, or answered although nobody knows. */
const REFUSALS = [
  "refused",
  "refused",
  "unknown",
  "failed",
  "failedUnknown",
  "tooLarge",
  "invalid",
  "sequence",
  "newId",
  "duplicate",
  // Appended first.
  null,
  null,
  null,
] as const;

/** See the module comment. */
export class ModelCluster {
  /** Which broker leads the partition. */
  leader = 0;
  /** Raised with each change of leader. */
  leaderEpoch = 0;
  /** Raised each time the topic is made again. */
  topicId = 0;
  readonly #profile: ModelProfile;
  readonly #books: ModelBooks;
  readonly #connections: ModelConnection[] = [];
  readonly #late: { readonly broker: number; readonly request: Request }[] = [];
  readonly #archive: LogEntry[] = [];
  #log: ModelLog;

  /**
   * @param profile How brokers behave.
   * @param books Where losses are noted.
   */
  constructor(profile: ModelProfile, books: ModelBooks) {
    this.#profile = profile;
    this.#books = books;
    this.#log = new ModelLog(profile.isOldBroker);
    for (let broker = 0; broker < BROKER_COUNT; broker++) this.#connections.push({ requests: [], answers: [] });
  }

  /** All that was appended and is left, in deleted topics first. */
  get entries(): LogEntry[] {
    return [...this.#archive, ...this.#log.entries];
  }

  /** Whether nothing is on its way but what is late. */
  get isIdle(): boolean {
    return this.#connections.every(({ requests, answers }) => requests.length + answers.length === 0);
  }

  /** Puts a request on a broker's connection. */
  send(broker: number, request: Request): void {
    this.#connections[broker]!.requests.push(request);
  }

  /** One of the brokers whose connection has requests or answers, -1 when there is none. */
  busy(what: "requests" | "answers", choice: number): number {
    const busy = [...this.#connections.keys()].filter((broker) => this.#connections[broker]![what].length > 0);
    return busy[choice % busy.length] ?? -1;
  }

  /** Takes the next answer of a broker. */
  nextAnswer(broker: number): Answered | undefined {
    return this.#connections[broker]?.answers.shift();
  }

  /** Ends a connection; `isLate`: what the broker has not taken from it may still be processed. */
  close(broker: number, { unwrittenFrom, isLate }: { unwrittenFrom: number; isLate: boolean }): ModelConnection {
    const ended = this.#connections[broker]!;
    this.#connections[broker] = { requests: [], answers: [] };
    if (isLate) ended.requests.slice(0, unwrittenFrom).forEach((request) => this.#late.push({ broker, request }));
    return ended;
  }

  /** How many requests a broker has not taken from its connection. */
  waiting(broker: number): number {
    return this.#connections[broker]!.requests.length;
  }

  /** Has a broker process the next request; `choice` below 0: without a fault. */
  process(broker: number, choice: number): void {
    const connection = this.#connections[broker];
    const request = connection?.requests.shift();
    if (request === undefined) return;
    connection!.answers.push({ request, answer: this.#answer(broker, request, choice) });
  }

  /** Has a broker process a request of a connection that has ended. */
  processLate(choice: number): void {
    const [late] = this.#late.splice(choice % Math.max(1, this.#late.length), 1);
    if (late !== undefined && late.broker === this.leader && late.request.topicId === this.topicId) {
      this.#log.append(late.request.transmission.bytes);
    }
  }

  /** Has brokers process all such requests. */
  processAllLate(): void {
    while (this.#late.length > 0) this.processLate(0);
  }

  /** Has another broker lead, which lacks up to `dropCount` of the batches that were not committed. */
  move(choice: number, dropCount: number): void {
    this.leader = (this.leader + 1 + choice % (BROKER_COUNT - 1)) % BROKER_COUNT;
    this.leaderEpoch++;
    this.#log.truncate(dropCount, false);
    // All replicas have what is left.
    if (this.#log.entries.length > 0) this.#log.commit(this.#log.entries.at(-1)!);
  }

  /** Has another broker lead, which lacks batches that were acknowledged. */
  lose(choice: number, dropCount: number): void {
    this.#books.maySeeLoss = true;
    this.#books.lost(this.#log.truncate(dropCount, true));
    this.move(choice, 0);
  }

  /** Restarts the leader. */
  restart(): void {
    this.#log.restart();
  }

  /** Lets a day pass, unless something is late. */
  expire(isRetained: boolean): boolean {
    if (this.#late.length > 0) return false;
    this.#log.expireProducers();
    if (!isRetained) this.#log.startOffset = this.#log.endOffset;
    else if (this.#profile.isOldBroker) this.#books.maySeeLoss = true;
    return true;
  }

  /** Deletes the topic and makes it again. */
  recreate(): void {
    this.#archive.push(...this.#log.entries);
    this.#log = new ModelLog(this.#profile.isOldBroker);
    this.topicId++;
  }

  #answer(broker: number, request: Request, choice: number): Answer {
    if (broker !== this.leader || request.topicId !== this.topicId) return { type: "refused" };
    const isFaulty = choice >= 0 && choice % 100 < this.#profile.faultPercent;
    const fault = Math.floor(choice / 100);
    const refusal = isFaulty ? this.#refusal(fault, request) : null;
    if (refusal !== null) return refusal;
    const verdict = this.#log.append(request.transmission.bytes);
    if (verdict.type !== "appended" && verdict.type !== "duplicate") {
      return this.#sequenceError("sequence", verdict.type === "outOfOrder");
    }
    // Appended here, and then: replicas were slow (7, 20), or the broker lost its leadership (6, with an offset).
    if (isFaulty) return { type: fault % 4 === 0 ? "failedUnknown" : "unknown" };
    this.#log.commit(verdict.entry);
    if (verdict.type === "duplicate" && this.#profile.isOldBroker && !request.isFirst) return { type: "duplicate" };
    return { type: "done", baseOffset: verdict.entry.baseOffset };
  }

  /** What a broker refuses a batch with before it looks at the log; null when it appends. */
  #refusal(fault: number, { isFirst }: Request): Answer | null {
    const type = REFUSALS[fault % REFUSALS.length]!;
    if (type === null) return null;
    if (type === "duplicate") return { type: this.#profile.idempotent && isFirst ? "duplicate" : "refused" };
    if (type !== "sequence" && type !== "newId") return { type };
    if (!this.#profile.idempotent) return { type: "refused" };
    this.#books.maySeeLoss = true;
    // A broker out of its mind: it does not say that it knows us, which is what is built upon.
    return this.#sequenceError(type, false);
  }

  #sequenceError(type: "sequence" | "newId", knowsProducer: boolean): Answer {
    return { type, logStartOffset: this.#log.startOffset, knowsProducer };
  }
}
