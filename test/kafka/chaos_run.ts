/**
 * The chaos run: a cluster, callers, everything that goes wrong, and what came of it.
 *
 * @module
 */

import { Producer } from "@ekaf/ekaf";
import { Random } from "../protocol/random_messages.ts";
import { Audit, type Faults, type Remarks } from "./chaos_audit.ts";
import { BrokerChaos, type BrokerCounts, type BrokerStep, shuffled } from "./chaos_brokers.ts";
import { SendCaller, StreamCaller } from "./chaos_callers.ts";
import type { Fate } from "./chaos_ledger.ts";
import { type Memory, MemoryWatch } from "./chaos_memory.ts";
import { NetworkChaos, type NetworkCounts } from "./chaos_network.ts";
import { Watch, type Watched } from "./chaos_watch.ts";
import { type Kafka, type KafkaVersion, startKafka } from "./harness.ts";

/** How large a run is. */
export interface ChaosOptions {
  /** The run is made of these random choices; moments are the machine's. */
  seed: number;
  /** Records to send at the given pace. It goes on until all steps are done, too. */
  records: number;
  recordsPerSecond: number;
  /** Fewest brokers killed, those of the blackout included. */
  kills: number;
  /** How long one caller sends at full speed after that. */
  burstSeconds: number;
  version: KafkaVersion;
  /** Told of each step. */
  log: (line: string) => void;
}

/** What came of it. */
export interface ChaosReport {
  seed: number;
  faults: Faults;
  remarks: Remarks;
  /** Fates by caller. */
  fates: Record<string, Record<Fate, number>>;
  brokers: BrokerCounts;
  network: NetworkCounts;
  watched: Watched;
  memory: Memory;
  /** Records whose duplicates brokers recognised by their sequence numbers. */
  recognisedDuplicates: number;
  pacedRecords: number;
  pacedSeconds: number;
  burstRecords: number;
  burstSeconds: number;
  /** The first faults in words, and the first error of each caller. */
  examples: string[];
}

const TOPIC = "chaos";
const PARTITION_COUNT = 12;
const PROGRESS_MS = 5_000;
const IMPATIENT_MS = 1_500;
/** Every run has each kind of step; the seed chooses their order. */
const FIRST_STEPS: readonly BrokerStep[] = [
  ...["kill", "kill", "killTwo", "blackout", "freeze", "freeze", "roll", "move", "move", "grow"] as const,
];
/** And then again and again: a kill about every 10 s. */
const LATER_STEPS: readonly BrokerStep[] = [
  "kill",
  "move",
  "kill",
  "killTwo",
  "freeze",
  "kill",
  "move",
  "kill",
  "grow",
];
const MOST_PARTITIONS_ADDED = 12;

type Caller = StreamCaller | SendCaller;

/** Runs it. Rejects only when a tool or a broker fails: what the producer did wrong is in the report. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, version, log } = options;
  await using kafka = await startKafka(version, {
    ...{ brokers: 3, replication: 3, minInsync: 2, isProxied: true },
  });
  await kafka.createTopic(TOPIC, PARTITION_COUNT);
  await using network = await NetworkChaos.listen(kafka.entrances, new Random(seed + 1));
  const random = new Random(seed);
  const brokers = new BrokerChaos({ kafka, topic: TOPIC, partitionCount: PARTITION_COUNT, random, log });
  const run = new ChaosRun(options, { network, brokers, random });
  await run.send();
  await kafka.awaitInSync(TOPIC);
  log("read back");
  const audit = await run.audit(kafka);
  return run.report(audit);
}

/** One run between the start and the end of its cluster. */
class ChaosRun {
  readonly #options: ChaosOptions;
  readonly #parts: { network: NetworkChaos; brokers: BrokerChaos; random: Random };
  readonly #callers: Record<string, Caller>;
  readonly #patient: StreamCaller;
  readonly #producers: readonly Producer[];
  readonly #watch: Watch;
  readonly #memory = new MemoryWatch();
  readonly #paced = { records: 0, seconds: 0 };
  readonly #burst = { records: 0, seconds: 0 };

  constructor(options: ChaosOptions, parts: { network: NetworkChaos; brokers: BrokerChaos; random: Random }) {
    this.#options = options;
    this.#parts = parts;
    this.#watch = new Watch(options.log);
    // Two producers: in the second, records that are given up leave holes between those that are not.
    const [alone, mixed] = this.#producers = ["alone", "mixed"].map((name) => {
      const producer = new Producer({ bootstrap: parts.network.bootstrap, requestTimeoutMs: 10_000, logger: null });
      this.#watch.listen(producer, name);
      return producer;
    }) as [Producer, Producer];
    const of = (caller: number, producer: Producer, share: number) => {
      return { caller, producer, topic: TOPIC, recordsPerSecond: options.recordsPerSecond * share };
    };
    this.#patient = new StreamCaller({ ...of(0, alone, 0.5), timeoutMs: Infinity });
    this.#callers = {
      "delivery, alone": this.#patient,
      "delivery, mixed": new StreamCaller({ ...of(1, mixed, 0.1), timeoutMs: Infinity }),
      [`delivery, ${IMPATIENT_MS} ms`]: new StreamCaller({ ...of(2, mixed, 0.3), timeoutMs: IMPATIENT_MS }),
      "send, 0 to 3 s": new SendCaller({ ...of(3, mixed, 0.1), random: new Random(options.seed + 2) }),
    };
  }

  /** Sends, in peace for a moment, then in chaos, and lets everything settle in peace. */
  async send(): Promise<void> {
    const { network } = this.#parts;
    const { log, burstSeconds } = this.#options;
    const callers = Object.values(this.#callers);
    const running = Promise.all(callers.map((caller) => caller.run()));
    const spoiling = network.run();
    const reporting = setInterval(() => {
      log(`  acknowledged: ${this.#watch.progress()}; live memory ${this.#liveMib.toFixed(0)} MiB`);
    }, PROGRESS_MS);
    const startMs = performance.now();
    await Promise.race([this.#untilPaced(), running]); // It ends first only when it fails.
    this.#paced.seconds = (performance.now() - startMs) / 1000;
    this.#paced.records = this.#sentCount;
    log(`${this.#paced.records} records in ${this.#paced.seconds.toFixed(0)} s; burst of ${burstSeconds} s`);
    await Promise.race([this.#sendBurst(), running]);
    network.stop();
    await spoiling;
    for (const caller of callers) caller.stop();
    log("settle");
    await running;
    clearInterval(reporting);
    this.#watch.note(this.#producers, TOPIC);
    this.#memory.seen.settledMib = this.#liveMib;
    await Promise.all(this.#producers.map((producer) => producer.close()));
  }

  /** Reads everything back. */
  async audit(kafka: Kafka): Promise<Audit> {
    const ledgers = Object.values(this.#callers).map(({ ledger }) => ledger);
    const audit = new Audit(ledgers, this.#parts.brokers.partitionCounts);
    for await (const records of kafka.read(TOPIC)) audit.read(records);
    audit.finish();
    return audit;
  }

  report(audit: Audit): ChaosReport {
    const callers = Object.entries(this.#callers);
    const errors = callers.flatMap(([name, { ledger: { firstError } }]) => firstError ? `${name}: ${firstError}` : []);
    return {
      seed: this.#options.seed,
      faults: audit.faults,
      remarks: audit.remarks,
      fates: Object.fromEntries(callers.map(([name, { ledger }]) => [name, ledger.tally()])),
      brokers: this.#parts.brokers.counts,
      network: this.#parts.network.counts,
      watched: this.#watch.seen,
      memory: this.#memory.seen,
      recognisedDuplicates: callers.reduce((sum, [, { ledger }]) => sum + ledger.recognisedCount, 0),
      pacedRecords: this.#paced.records,
      pacedSeconds: this.#paced.seconds,
      burstRecords: this.#burst.records,
      burstSeconds: this.#burst.seconds,
      examples: [...audit.examples, ...errors],
    };
  }

  get #sentCount(): number {
    return Object.values(this.#callers).reduce((sum, { ledger }) => sum + ledger.count, 0);
  }

  get #liveMib(): number {
    return this.#memory.look(Object.values(this.#callers).reduce((sum, { ledger }) => sum + ledger.byteLength, 0));
  }

  async #untilPaced(): Promise<void> {
    const { brokers, random } = this.#parts;
    const { records, kills } = this.#options;
    for (const step of shuffled(FIRST_STEPS, random)) await brokers.step(step);
    for (const step of this.#laterSteps()) {
      if (this.#sentCount >= records && brokers.counts.kills >= kills) return;
      await brokers.step(step);
    }
  }

  async #sendBurst(): Promise<void> {
    const { burstSeconds } = this.#options;
    const startMs = performance.now();
    const before = this.#sentCount;
    this.#patient.pace.recordsPerSecond = Infinity;
    for (const step of this.#laterSteps()) {
      if (performance.now() - startMs >= burstSeconds * 1000) break;
      await this.#parts.brokers.step(step);
    }
    this.#burst.records = this.#sentCount - before;
    this.#burst.seconds = (performance.now() - startMs) / 1000;
  }

  *#laterSteps(): Generator<BrokerStep> {
    const { brokers, random } = this.#parts;
    while (true) {
      for (const step of shuffled(LATER_STEPS, random)) {
        if (step !== "grow" || brokers.counts.partitionsAdded < MOST_PARTITIONS_ADDED) yield step;
      }
    }
  }
}
