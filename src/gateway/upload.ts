/**
 * A streamed body on its way to the producer: a delivery pair of its own, chunk by chunk, no faster than the buffer
 * takes it.
 *
 * @module
 */

import type { DeliveryPair, Outcome } from "../producer/delivery_stream.ts";
import type { ProducerRecord, RecordInput } from "../record.ts";
import type { BodyDecoder } from "./body/body_decoder.ts";
import type { ChunkSource } from "./body/inflation.ts";
import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";
import { recordMetadata, withMetadata } from "./record_metadata.ts";
import type { StreamTally } from "./stream_tally.ts";

/** What an upload is made of. */
export interface UploadOptions {
  /** Makes records of the body. */
  readonly decoder: BodyDecoder;
  /** Counts what becomes of them. */
  readonly tally: StreamTally;
  /** Most records whose outcomes have not been read. */
  readonly maxUnread?: number | undefined;
}

/**
 * Writing and reading go on at once: {@linkcode run} does the one, whoever has {@linkcode outcomes} the other.
 *
 * Where the body turns out to be wrong, what stood before the fault is delivered all the same. Where the client breaks
 * off, what was not sent yet is taken back: nobody will learn what became of it.
 */
export class Upload {
  /** What was wrong with the body, null while nothing is. */
  failure: Error | null = null;
  /** Outcomes in the order of the records. */
  readonly outcomes: ReadableStreamDefaultReader<Outcome[]>;
  readonly #exchange: Exchange;
  readonly #options: UploadOptions;
  readonly #pair: DeliveryPair<RecordInput, Outcome[]>;
  readonly #writer: WritableStreamDefaultWriter<RecordInput | readonly RecordInput[]>;
  readonly #metadata: ReturnType<typeof recordMetadata>;
  readonly #chunks: ChunkSource;
  #isCutOff = false;

  /**
   * @param exchange The request.
   * @param options What it is made of.
   * @throws {GatewayError} For headers of the request that make no sense.
   */
  constructor(exchange: Exchange, options: UploadOptions) {
    this.#exchange = exchange;
    this.#options = options;
    this.#metadata = recordMetadata(exchange);
    this.#chunks = exchange.bodyChunks({ isAnswered: options.maxUnread !== undefined });
    const { producer } = exchange.gateway.options;
    this.#pair = producer.delivery(exchange.topic!.name, {
      outcomes: "arrays",
      ...(options.maxUnread === undefined ? {} : { maxUnread: options.maxUnread }),
    });
    this.#writer = this.#pair.writable.getWriter();
    this.#writer.closed.catch(() => {}); // write() and close() tell.
    this.outcomes = this.#pair.readable.getReader();
    this.outcomes.closed.catch(() => {}); // read() tells.
  }

  /** Writes the whole body and counts every outcome. */
  async drain(): Promise<void> {
    const { tally } = this.#options;
    const written = this.run();
    try {
      for (let next = await this.outcomes.read(); !next.done; next = await this.outcomes.read()) {
        tally.settledAll(next.value);
      }
    } catch (error) {
      this.failure ??= toError(error);
    }
    await written;
    this.#count();
  }

  /** Writes the whole body. Never rejects: {@linkcode failure} tells. */
  async run(): Promise<void> {
    const { decoder } = this.#options;
    const chunks = this.#chunks;
    try {
      for (let chunk = await chunks.next(); chunk !== null; chunk = await chunks.next()) {
        await this.#write(decoder.push(chunk));
      }
      for (let records = decoder.end(); records.length > 0; records = decoder.end()) await this.#write(records);
    } catch (error) {
      this.failure ??= toError(error);
    }
    try {
      if (this.failure !== null) await chunks.cancel();
      if (this.#isCutOff || chunks.isBrokenOff) await this.#writer.abort(this.failure);
      else await this.#writer.close();
    } catch (error) {
      this.failure ??= toError(error);
    }
  }

  /** Ends it before its time: what was not sent yet is taken back. */
  async cutOff(reason: GatewayError): Promise<void> {
    this.#isCutOff = true;
    this.failure ??= reason;
    await this.#chunks.cancel();
    await this.#writer.abort(reason).catch(() => {}); // It has ended already.
  }

  async #write(records: ProducerRecord[]): Promise<void> {
    if (records.length === 0) return;
    const { decoder, tally } = this.#options;
    const metadata = this.#metadata;
    tally.sent(records.length, decoder.lines);
    const inputs = metadata === null ? records : records.map((record) => withMetadata(record, metadata));
    await this.#writer.write(inputs);
  }

  #count(): void {
    this.#options.tally.count(this.#exchange.topic!.records);
  }
}

function toError(error: unknown): Error {
  return error instanceof Error
    ? error
    : new GatewayError("INTERNAL", "Cannot go on with the stream: it ended", { cause: error });
}
