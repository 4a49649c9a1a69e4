/**
 * One connection to one broker.
 *
 * Hot path: `bench/pipeline_bench.ts`.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import type { ApiName, RequestInput, ResponseOf } from "../../protocol/apis.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { decodeResponse, peekCorrelationId } from "../../protocol/frame.ts";
import { ConnectionError } from "../errors.ts";
import type { Timers } from "../timers.ts";
import { type Address, formatAddress } from "./address.ts";
import { BrokerEras } from "./broker_eras.ts";
import {
  CLIENT_SOFTWARE,
  fixedVersions,
  negotiateVersions,
  type ProtocolEra,
  type VersionTable,
} from "./api_negotiation.ts";
import { connectError, foreignPeerError, reasonText } from "./connect_error.ts";
import { FrameSplitter } from "./frame_stream.ts";
import { PendingRequest } from "./pending_request.ts";
import { RequestDeadlines } from "./request_deadlines.ts";
import { RequestWriter } from "./request_writer.ts";
import { dial, type Duplex, type Transport } from "./transport.ts";

/** Size of the one buffer all answers are read into. */
const READ_BUFFER_BYTES = 32_768;

/** How to open a {@linkcode Connection}. */
export interface ConnectionOptions {
  /** Opens the socket. */
  transport: Transport;
  /** Name of the client, for the broker's logs and quotas. */
  clientId: string;
  /** Time for the socket and the agreement on versions together. */
  connectTimeoutMs: number;
  /** Time for each request, from the call to the answer. */
  requestTimeoutMs: number;
  /** Largest answer accepted, 64 MiB by default. */
  maxFrameBytes?: number | undefined;
  /** Clock and timers. */
  timers: Timers;
  /** Ends the attempt to open; of no effect on an open connection. */
  signal?: AbortSignal | undefined;
  /** What to call the peer in errors; its address by default. */
  label?: string | undefined;
  /** Whether the broker can be asked for its versions. */
  protocol: ProtocolEra;
  /** What other connections of the cluster have learnt of that; nothing if left out. */
  eras?: BrokerEras | undefined;
  /** Whether the connection keeps the process alive, until {@linkcode Connection.unref}. */
  ref: boolean;
}

/** How to make one request. */
export interface RequestOptions {
  /** Version to use, by default the one agreed on. */
  version?: number;
  /** Time for this request, by default the connection's. */
  timeoutMs?: number;
  /** The broker sends no answer (Produce with acks 0): resolves with undefined once written. */
  noResponse?: boolean;
  /** Called when the socket has taken the whole request. Must not throw. */
  onWritten?: () => void;
}

/**
 * A connection on which any number of requests may be under way; answers are matched in the order of the requests, as
 * Kafka gives them. A request that gets no answer in time closes the connection: an answer that came late would be
 * taken for another request's.
 */
export class Connection {
  /** Where it leads. */
  readonly address: Address;
  /** Resolves when the connection ends, with the cause; with undefined when {@linkcode close} was called without. */
  readonly closed: Promise<unknown>;
  readonly #label: string;
  readonly #duplex: Duplex;
  readonly #timers: Timers;
  readonly #requestTimeoutMs: number;
  readonly #writer: RequestWriter;
  readonly #deadlines: RequestDeadlines;
  readonly #splitter: FrameSplitter;
  readonly #resolveClosed: (cause: unknown) => void;
  /** Every request that has not settled, in order. */
  #pending: PendingRequest[] = [];
  #versions: VersionTable = new Map();
  #correlationId = 0;
  #isClosed = false;
  /** Whether a byte has come. */
  #isAnswered = false;
  /** Set when it is to end as soon as nothing is under way. */
  #retirement: { cause: unknown } | undefined;

  private constructor(address: Address, duplex: Duplex, options: ConnectionOptions) {
    this.address = address;
    this.#label = options.label ?? formatAddress(address);
    this.#duplex = duplex;
    this.#timers = options.timers;
    this.#requestTimeoutMs = options.requestTimeoutMs;
    this.#deadlines = new RequestDeadlines(options.timers, {
      pending: () => this.#pending,
      onExpired: ({ api, timeoutMs }) => this.close(timeoutError(`no answer to ${api} within ${timeoutMs} ms`)),
    });
    this.#splitter = new FrameSplitter({ maxFrameBytes: options.maxFrameBytes });
    this.#writer = new RequestWriter(duplex, {
      clientId: options.clientId,
      events: {
        onWritten: (request) => {
          if (request.noResponse) this.#settle(request, () => request.resolve(undefined));
        },
        onUnencodable: (request, error) => this.#settle(request, () => request.reject(error)),
        onFailed: (error) => this.close(error),
      },
    });
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    if (!options.ref) this.unref();
  }

  /**
   * Connects and agrees on versions.
   *
   * @param address Where to.
   * @param options How.
   * @throws {ConnectionError} If there is no broker, or none that answers in time.
   */
  static async open(address: Address, options: ConnectionOptions): Promise<Connection> {
    const { timers, connectTimeoutMs } = options;
    const attempt = new AbortController();
    let stage = "no connection";
    let hint = "";
    const timer = timers.set(
      () => attempt.abort(timeoutError(`${stage} within ${connectTimeoutMs} ms${hint}`)),
      connectTimeoutMs,
    );
    const signal = options.signal === undefined ? attempt.signal : AbortSignal.any([attempt.signal, options.signal]);
    const eras = options.eras ?? new BrokerEras();
    let connection: Connection | undefined;
    let question: "versions" | "oldest" | undefined = "versions";
    try {
      while (true) {
        connection = new Connection(address, await dial(address, options.transport, signal), options);
        stage = "a connection, but no answer";
        if (options.protocol === "auto" && !eras.isAnyNew) hint = `; if it is of Kafka 0.9, protocol must be "0.9"`;
        connection.#read(); // Never rejects: failures close the connection.
        try {
          connection.#versions = options.protocol === "auto"
            ? await abortable(connection.#learnVersions(question, eras), signal)
            : fixedVersions(options.protocol);
          return connection;
        } catch (error) {
          const isHangUp = !connection.#isAnswered && !signal.aborted;
          question = question === "versions" && isHangUp ? eras.hungUp(address) : undefined;
          if (question === undefined) throw error;
          connection.close(error);
        }
      }
    } catch (error) {
      connection?.close(error);
      // The failed request only repeats why the connection ended.
      const cause = error instanceof ConnectionError && error.cause !== undefined ? error.cause : error;
      throw connectError(address, { label: options.label ?? formatAddress(address), cause });
    } finally {
      timers.clear(timer);
    }
  }

  /** How many requests have not settled. */
  get inFlight(): number {
    return this.#pending.length;
  }

  /** For how long the oldest request has been waiting for its answer, in milliseconds. */
  get silentMs(): number {
    const oldest = this.#pending[0];
    return oldest === undefined ? 0 : this.#timers.now() - (oldest.deadlineMs - oldest.timeoutMs);
  }

  /** Whether the connection has ended, or takes no more requests. */
  get isClosed(): boolean {
    return this.#isClosed || this.#retirement !== undefined;
  }

  /**
   * The version of a call agreed on.
   *
   * @param api The call.
   * @returns The version, null if the broker does not know the call in any version spoken here.
   */
  version(api: ApiName): number | null {
    return this.#versions.get(api) ?? null;
  }

  /**
   * Sends a request and resolves with the answer. Memory that the body refers to must not change until the promise has
   * settled.
   *
   * @param api The call.
   * @param body Its body.
   * @param options How.
   * @throws {ConnectionError} If the connection ends first; its `written` tells whether the broker may have seen any of it.
   * @throws {ProtocolError} If the answer makes no sense.
   * @throws {TypeError} If the body cannot be encoded.
   */
  request<A extends ApiName>(api: A, body: RequestInput<A>, options: RequestOptions = {}): Promise<ResponseOf<A>> {
    const version = options.version ?? this.version(api);
    if (version === null) return Promise.reject(this.#unsupported(api));
    const decode = (frame: Uint8Array) => decodeResponse(api, version, ownFrame(api, frame)).body;
    return this.#send(api, { ...options, version, body, decode }) as Promise<ResponseOf<A>>;
  }

  /** Keeps the process alive while the connection is open. */
  ref(): void {
    this.#duplex.ref?.();
    this.#deadlines.ref();
  }

  /** Lets the process end although the connection is open. */
  unref(): void {
    this.#duplex.unref?.();
    this.#deadlines.unref();
  }

  /**
   * Ends the connection at once. Requests under way reject with a {@linkcode ConnectionError}. Of no effect when closed.
   *
   * @param cause Why, if not just because it is of no more use.
   */
  close(cause?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#deadlines.stop();
    this.#writer.stop();
    const pending = this.#pending;
    this.#pending = [];
    for (const request of pending) request.reject(this.#lost(request, cause));
    this.#duplex.close();
    this.#resolveClosed(cause);
  }

  /**
   * Takes no more requests, and ends the connection as soon as those under way are settled.
   *
   * @param cause Why.
   */
  closeWhenIdle(cause?: unknown): void {
    this.#retirement ??= { cause };
    if (this.#pending.length === 0) this.close(this.#retirement.cause);
  }

  /**
   * Asks for the versions; or, of a broker that hangs up on that, whether it answers to what every broker does. That it
   * does so is taken to be true of this connection only: the next one may lead to a newer broker.
   */
  async #learnVersions(question: "versions" | "oldest", eras: BrokerEras): Promise<VersionTable> {
    if (question === "versions") {
      const versions = await this.#negotiate();
      eras.answered();
      return versions;
    }
    // Without names it asks for all topics, and can create none.
    await this.request("Metadata", { topics: [] }, { version: 0 });
    eras.foundOld(this.address);
    return fixedVersions("0.8");
  }

  #negotiate(): Promise<VersionTable> {
    return negotiateVersions((version) =>
      this.#send("ApiVersions", {
        version,
        body: version >= 3 ? CLIENT_SOFTWARE : {},
        decode: (frame) => frame.slice(), // It is read later, when the buffer may hold other bytes.
      }) as Promise<Uint8Array>
    );
  }

  #send(
    api: ApiName,
    options: RequestOptions & { version: number; body: unknown; decode: (frame: Uint8Array) => unknown },
  ): Promise<unknown> {
    if (this.isClosed) {
      return Promise.reject(
        new ConnectionError(`Cannot send ${api} to ${this.#label}: the connection is closed`, this.#where),
      );
    }
    const timeoutMs = options.timeoutMs ?? this.#requestTimeoutMs;
    const request = new PendingRequest({
      api,
      version: options.version,
      body: options.body,
      correlationId: this.#correlationId,
      deadlineMs: this.#timers.now() + timeoutMs,
      timeoutMs,
      noResponse: options.noResponse ?? false,
      decode: options.decode,
      onWritten: options.onWritten,
    });
    this.#correlationId = (this.#correlationId + 1) & 0x7fff_ffff;
    this.#pending.push(request);
    this.#deadlines.add(request.deadlineMs);
    this.#writer.push(request);
    return request.promise;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    try {
      while (!this.#isClosed) {
        const count = await this.#duplex.read(buffer);
        if (count === null) return this.close(this.#endOfStream());
        this.#isAnswered = true;
        for (const frame of this.#splitter.push(buffer.subarray(0, count))) this.#answer(frame);
      }
    } catch (error) {
      const refused = this.#splitter.refused;
      if (refused !== undefined) this.close(foreignPeerError(refused) ?? error);
      else this.close(error instanceof ProtocolError ? error : this.#endOfStream(error));
    }
  }

  /** Gives an answer to the request it belongs to. Whatever is wrong with it ends the connection. */
  #answer(frame: Uint8Array): void {
    if (this.#isClosed) return;
    const request = this.#pending.find((candidate) => !candidate.noResponse);
    try {
      const correlationId = peekCorrelationId(frame);
      if (request === undefined || request.state === "queued") {
        throw new ProtocolError(`Cannot use an answer with correlation id ${correlationId}: no request awaits one`);
      }
      if (correlationId !== request.correlationId) {
        throw new ProtocolError(
          `Cannot use an answer with correlation id ${correlationId}: ${request.correlationId} is next`,
          { api: request.api, version: request.version, offset: 0 },
        );
      }
      const body = request.decode(frame);
      this.#settle(request, () => request.resolve(body));
    } catch (error) {
      if (request !== undefined && request.state !== "queued") this.#settle(request, () => request.reject(error));
      this.close(error);
    }
  }

  #settle(request: PendingRequest, settle: () => void): void {
    const index = this.#pending.indexOf(request);
    if (index === -1) return; // Settled when the connection closed.
    this.#pending.splice(index, 1);
    settle();
    if (this.#retirement !== undefined && this.#pending.length === 0) this.close(this.#retirement.cause);
  }

  get #where(): { address: string } {
    return { address: formatAddress(this.address) };
  }

  /** Told apart because a broker that wants TLS, or cannot be asked for versions, just hangs up. */
  #endOfStream(cause?: unknown): Error {
    if (this.#versions.size > 0) return new Error(`the broker closed the connection${causeText(cause)}`, { cause });
    const hint = "it may expect TLS, or be older than 0.10";
    return new Error(`it closed the connection before it told its versions${causeText(cause)}; ${hint}`, { cause });
  }

  #lost(request: PendingRequest, cause: unknown): ConnectionError {
    const reason = cause === undefined ? "the connection was closed" : reasonText(cause);
    return new ConnectionError(`Cannot get an answer to ${request.api} from ${this.#label}: ${reason}`, {
      ...this.#where,
      written: request.state !== "queued",
      cause,
    });
  }

  #unsupported(api: ApiName): ConnectionError {
    return new ConnectionError(`Cannot send ${api} to ${this.#label}: the broker knows no version of it spoken here`, {
      ...this.#where,
      retriable: false,
    });
  }
}

function causeText(cause: unknown): string {
  return cause === undefined ? "" : ` (${reasonText(cause)})`;
}

function timeoutError(message: string): DOMException {
  return new DOMException(message, "TimeoutError");
}

/** Answers with byte arrays are given memory of their own: the read buffer is filled anew. */
function ownFrame(api: ApiName, frame: Uint8Array): Uint8Array {
  return api === "Fetch" ? frame.slice() : frame;
}
