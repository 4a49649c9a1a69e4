/**
 * One run of `ekaf produce`: lines in, records out, and a count of what became of them.
 *
 * @module
 */

import type { Outcome, Producer, RecordInput } from "@ekaf/ekaf";
import { LineSplitter } from "@ekaf/ekaf/lines";
import { abortable } from "@std/async/abortable";
import { checkInput } from "../producer/record_encoder.ts";
import type { Timers } from "../timers.ts";
import type { RecordFormat } from "./record_format.ts";
import type { InputFile, InputSource } from "./shell.ts";
import { Tally } from "./tally.ts";

/** What a run is made of. */
export interface ProduceRunOptions {
  /** Who sends. */
  readonly producer: Producer;
  /** Where to. */
  readonly topic: string;
  /** How a line becomes a record. */
  readonly format: RecordFormat;
  /** Longest line. */
  readonly maxLineBytes: number;
  /** Most bytes of an encoded batch, and so of a record. */
  readonly batchMaxBytes: number;
  /** How long a record may take. */
  readonly timeoutMs: number;
  /** Ends the reading; what was read is still sent. */
  readonly stop: AbortSignal;
  /** Clock and timers. */
  readonly timers: Timers;
  /** Called whenever the tally has changed. */
  readonly onProgress: () => void;
}

/** What is there already comes within this time. */
const PEEK_MS = 100;

type Writer = WritableStreamDefaultWriter<RecordInput | readonly RecordInput[]>;

/**
 * Reads files in turn and sends their lines. It reads no further once a line cannot be sent or a record has failed: what
 * was handed over before is still awaited, so that the run ends with everything up to there settled.
 */
export class ProduceRun {
  /** The count. */
  readonly tally: Tally = new Tally();
  readonly #options: ProduceRunOptions;
  /** Aborted when there is no point in reading on. */
  readonly #hasFailed = new AbortController();
  readonly #stopReading: AbortSignal;
  #inputError: Error | null = null;
  #streamError: unknown = null;
  #stoppedAt: string | null = null;
  /** A read that was under way when reading stopped. */
  #reading: Promise<Uint8Array | null> | null = null;

  /**
   * Reads nothing yet.
   *
   * @param options See {@linkcode ProduceRunOptions}.
   */
  constructor(options: ProduceRunOptions) {
    this.#options = options;
    this.#stopReading = AbortSignal.any([options.stop, this.#hasFailed.signal]);
  }

  /** Why a line could not be sent or a file not be read; it names both. Null if nothing of the kind happened. */
  get inputError(): Error | null {
    return this.#inputError;
  }

  /** What ended the run before everything was settled, null if nothing did. */
  get streamError(): unknown {
    return this.#streamError;
  }

  /** Where reading was left off with something still unread; null if all was read. */
  get stoppedAt(): string | null {
    return this.#stoppedAt;
  }

  /** Whether every line of the input is in Kafka. */
  get isComplete(): boolean {
    return this.#inputError === null && this.#stoppedAt === null && this.tally.acknowledged === this.tally.submitted;
  }

  /**
   * Resolves when everything that was read is settled. Never rejects: the getters tell.
   *
   * @param files What to read.
   */
  async run(files: readonly InputFile[]): Promise<void> {
    const { producer, topic, timeoutMs } = this.#options;
    const { writable, readable } = producer.delivery(topic, { outcomes: "arrays", timeoutMs });
    const settled = this.#settle(readable);
    const writer = writable.getWriter();
    writer.closed.catch(() => {}); // What became of the records is told by the other end.
    try {
      await this.#readAll(files, writer);
      await writer.close();
    } catch (error) {
      this.#streamError ??= error;
    }
    await settled;
  }

  async #readAll(files: readonly InputFile[], writer: Writer): Promise<void> {
    for (const file of files) {
      this.tally.begin(file.name);
      let source: InputSource;
      try {
        source = await file.open();
      } catch (error) {
        this.#inputError = error as Error;
        return;
      }
      try {
        if (!await this.#readSource(source, writer)) return;
      } finally {
        source.close();
      }
    }
  }

  /** Resolves with whether it was read to its end. */
  async #readSource(source: InputSource, writer: Writer): Promise<boolean> {
    const splitter = new LineSplitter({ maxLineBytes: this.#options.maxLineBytes });
    while (true) {
      const chunk = await this.#nextChunk(source);
      if (chunk === undefined) {
        const isInLine = splitter.carriedBytes > 0;
        if (isInLine || !source.isLive || await this.#hasMore(source)) this.#stoppedAt ??= this.tally.nextPlace;
        return false;
      }
      const lines = chunk === null ? lastLine(splitter) : splitter.push(chunk);
      if (!await this.#send(lines, { newlineBytes: chunk === null ? 0 : 1, writer })) return false;
      if (splitter.failure !== null) return this.#refuse(this.tally.nextPlace, this.#tooLong(splitter.failure));
      if (chunk === null) return true;
    }
  }

  /** The next bytes, null at the end, undefined when reading has to stop. */
  async #nextChunk(source: InputSource): Promise<Uint8Array | null | undefined> {
    if (this.#stopReading.aborted) return undefined;
    this.#reading = source.read();
    try {
      const chunk = await abortable(this.#reading, this.#stopReading);
      this.#reading = null;
      return chunk;
    } catch (error) {
      if (this.#stopReading.aborted) return undefined;
      this.#inputError = error as Error;
      return undefined;
    }
  }

  /** Whether something was there to be read when reading stopped: of a stream without end only that is missed. */
  async #hasMore(source: InputSource): Promise<boolean> {
    if (this.#inputError !== null || this.#hasFailed.signal.aborted) return true;
    const { timers } = this.#options;
    const nothing = Promise.withResolvers<null>();
    const timer = timers.set(() => nothing.resolve(null), PEEK_MS);
    try {
      return await Promise.race([this.#reading ?? source.read(), nothing.promise]) !== null;
    } catch {
      return true;
    } finally {
      timers.clear(timer);
    }
  }

  /** Resolves, once they are accepted, with whether all could be made records. Those before the first that could not go out. */
  async #send(
    lines: readonly Uint8Array[],
    { newlineBytes, writer }: { newlineBytes: number; writer: Writer },
  ): Promise<boolean> {
    const { format, batchMaxBytes } = this.#options;
    const inputs: RecordInput[] = [];
    let bytes = 0;
    try {
      for (const line of lines) {
        const input = format(line);
        checkInput(input, batchMaxBytes);
        inputs.push(input);
        bytes += line.length + newlineBytes;
      }
    } catch (error) {
      this.#refuse(this.tally.placeOf(this.tally.submitted + inputs.length), error as Error);
    }
    this.tally.submit(inputs.length, bytes);
    if (inputs.length > 0) await writer.write(inputs);
    return this.#inputError === null;
  }

  #refuse(place: string, cause: Error): false {
    this.#inputError = new Error(`${place}: ${cause.message}`, { cause });
    return false;
  }

  #tooLong(cause: RangeError): RangeError {
    const { maxLineBytes, batchMaxBytes } = this.#options;
    return new RangeError(
      `Cannot accept a line of more than ${maxLineBytes} bytes: a record fits no batch of "batchMaxBytes" ${batchMaxBytes}`,
      { cause },
    );
  }

  /** Never rejects. */
  async #settle(outcomes: ReadableStream<Outcome[]>): Promise<void> {
    try {
      for await (const run of outcomes) {
        this.tally.settle(run);
        if (this.tally.failed > 0) this.#hasFailed.abort();
        this.#options.onProgress();
      }
    } catch (error) {
      this.#streamError ??= error;
      this.#hasFailed.abort();
    }
  }
}

function lastLine(splitter: LineSplitter): Uint8Array[] {
  const last = splitter.end();
  return last === null ? [] : [last];
}
