/**
 * What Kafka's own Java clients say of a cluster: the other end of `Witness.java`.
 *
 * @module
 */

import type { KafkaVersion } from "./harness_jars.ts";
import { launchJava } from "./harness_java.ts";

/** A record as Kafka's own consumer read it. */
export interface ReadRecord {
  partition: number;
  offset: bigint;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: [string, Uint8Array | null][];
  timestamp: number;
}

/** First offset of a partition and the one after its last. */
export interface PartitionRange {
  partition: number;
  begin: bigint;
  end: bigint;
}

const END_OK = -1;
const END_ERROR = -2;

/** A running `Witness.java`. Commands are carried out one after another. */
export class Witness implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ExactReader;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#input = process.stdin.getWriter();
    this.#output = new ExactReader(process.stdout);
  }

  /** Starts one with the clients of `version`. It deletes `directory` when it ends, however the test ends. */
  static async start(version: KafkaVersion, options: { bootstrap: string; directory: string }): Promise<Witness> {
    const { bootstrap, directory } = options;
    return new Witness(
      await launchJava(version, {
        args: [new URL("Witness.java", import.meta.url).pathname, bootstrap, directory],
        directory,
        name: "witness",
        isPiped: true,
      }),
    );
  }

  /** Lets the witness kill a process when the test ends in whatever way. */
  async watch(pid: number): Promise<void> {
    await this.#ask("watch", pid);
  }

  /** Takes {@linkcode watch} back. */
  async forget(pid: number): Promise<void> {
    await this.#ask("forget", pid);
  }

  /** Resolves when the cluster lists all brokers of `ids`. */
  async awaitBrokers(ids: readonly number[], timeoutMs: number): Promise<void> {
    await this.#ask("await", timeoutMs, ...ids);
  }

  /** Creates a topic; resolves when all its partitions have a leader and all replicas in sync. */
  async createTopic(
    topic: string,
    options: { partitions: number; replicationFactor: number; config: Record<string, string | number> },
  ): Promise<void> {
    const config = Object.entries(options.config).map(([name, value]) => `${name}=${value}`);
    await this.#ask("create", topic, options.partitions, options.replicationFactor, ...config);
  }

  /** Gives a topic more partitions: `count` in all. */
  async addPartitions(topic: string, count: number): Promise<void> {
    await this.#ask("grow", topic, count);
  }

  /** Makes a broker the preferred replica of partitions, then has preferred leaders elected. */
  async moveLeaders(topic: string, brokerId: number, partitions: readonly number[]): Promise<void> {
    await this.#ask("move", topic, brokerId, ...partitions);
  }

  /** Resolves when all partitions of a topic have a leader that answers and all replicas in sync. */
  async awaitInSync(topic: string, timeoutMs: number): Promise<void> {
    await this.#ask("sync", topic, timeoutMs);
  }

  /** Where each partition's log begins and ends. */
  async ranges(topic: string): Promise<PartitionRange[]> {
    const frames = await this.#ask("ends", topic);
    return frames.map((frame) => {
      const view = new DataView(frame.buffer);
      return { partition: view.getInt32(0), begin: view.getBigInt64(4), end: view.getBigInt64(12) };
    });
  }

  /** All records of a topic in runs of about 1 MiB; those of one partition come in the order of its log. */
  async *read(topic: string): AsyncGenerator<ReadRecord[]> {
    const release = await this.#take();
    await this.#write(`read\t${topic}\n`);
    const frames = this.#frames();
    try {
      for (let next = await frames.next(); !next.done; next = await frames.next()) yield decodeRecords(next.value);
    } finally {
      // A caller that stops early leaves frames behind, which the next command must not find.
      while (!(await frames.next()).done);
      release();
    }
  }

  /** Sends one small record a key with Kafka's own producer at its defaults, and tells where each went. */
  async produce(topic: string, keys: readonly (Uint8Array | null)[]): Promise<{ partition: number; offset: bigint }[]> {
    const lines = keys.map((key) => key === null ? "-" : key.toBase64());
    const frames = await this.#ask("produce", topic, [keys.length, ...lines].join("\n"));
    return frames.map((frame) => {
      const view = new DataView(frame.buffer);
      return { partition: view.getInt32(0), offset: view.getBigInt64(4) };
    });
  }

  /** Ends the process, and with it the brokers it watches. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {}); // It may have died already, which its log tells.
    await this.#output.cancel();
    await this.#process.status;
  }

  async #ask(...words: (string | number)[]): Promise<Uint8Array<ArrayBuffer>[]> {
    const release = await this.#take();
    try {
      await this.#write(`${words.join("\t")}\n`);
      return await Array.fromAsync(this.#frames());
    } finally {
      release();
    }
  }

  /** Waits for the command before; resolves with what lets the next one in. */
  async #take(): Promise<() => void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    return resolve;
  }

  async #write(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  async *#frames(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    while (true) {
      const length = await this.#output.readInt32();
      if (length === END_OK) return;
      if (length === END_ERROR) {
        const reason = await this.#output.read(await this.#output.readInt32());
        throw new Error(`Cannot carry out the command: Kafka's client says ${new TextDecoder().decode(reason)}`);
      }
      yield await this.#output.read(length);
    }
  }
}

/** Reads exactly as many bytes as asked for. */
class ExactReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  async read(byteCount: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(byteCount);
    let filled = 0;
    while (filled < byteCount) {
      if (this.#chunk.length === 0) {
        const { value, done } = await this.#reader.read();
        if (done) throw new Error("Cannot read from Witness.java: it has ended, see witness.log");
        this.#chunk = value;
      }
      const part = this.#chunk.subarray(0, byteCount - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return bytes;
  }

  async readInt32(): Promise<number> {
    return new DataView((await this.read(4)).buffer).getInt32(0);
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}

/** The inverse of `write` in `Witness.java`. Keys and values are views into `frame`. */
function decodeRecords(frame: Uint8Array<ArrayBuffer>): ReadRecord[] {
  const view = new DataView(frame.buffer);
  const decoder = new TextDecoder();
  const records: ReadRecord[] = [];
  let at = 0;
  const readBytes = () => {
    const length = view.getInt32(at);
    at += 4;
    if (length < 0) return null;
    at += length;
    return frame.subarray(at - length, at);
  };
  while (at < frame.length) {
    const partition = view.getInt32(at);
    const offset = view.getBigInt64(at + 4);
    const timestamp = Number(view.getBigInt64(at + 12));
    at += 20;
    const key = readBytes();
    const value = readBytes();
    const headerCount = view.getInt32(at);
    at += 4;
    const headers = Array.from(
      { length: headerCount },
      (): [string, Uint8Array | null] => [decoder.decode(readBytes()!), readBytes()],
    );
    records.push({ partition, offset, key, value, headers, timestamp });
  }
  return records;
}
