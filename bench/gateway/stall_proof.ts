/**
 * A client that sends more than fits anywhere, a broker that stalls, and what is seen of it from outside.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { GatewayProcess } from "../../test/kafka/gateway_process.ts";
import type { LongRunBroker } from "./brokers.ts";
import { type HttpAnswer, HttpSocket } from "./http_socket.ts";
import { isWhole, type LedgerReport, LineLedger, NumberedLines } from "./numbered_lines.ts";

/** What is sent, and how long nobody takes it. */
export interface StallOptions {
  broker: LongRunBroker;
  /** A gateway over it, with a buffer of the default size. */
  gateway: GatewayProcess;
  /** Bytes of all lines; more than the buffer and the sockets between hold. */
  totalBytes: number;
  /** Length of a line. */
  lineBytes: number;
  /** How long the broker stalls, at least: it ends when the client's socket has blocked for a while. */
  stallMs: number;
  /** Whether the body comes in chunks instead of with its length; Deno 2.9.6 does not hold such a client back. */
  isChunked?: boolean;
  /** What the gateway's memory may grow by, beside the buffer. @default 64 MiB */
  marginBytes?: number;
}

/** What was seen. */
export interface StallReport {
  lineCount: number;
  elapsedMs: number;
  stalledMs: number;
  /** What the client's socket took. */
  sent: {
    totalBytes: number;
    /** During the stall. */
    inStallBytes: number;
    /** Time from the beginning of the stall to the last byte that was taken in it. */
    blockedAfterMs: number;
    /** Time from then to the end of the stall. */
    silentMs: number;
  };
  /** Memory of the gateway's process. */
  rss: { baseBytes: number; stalledBytes: number; peakBytes: number; boundBytes: number };
  answer: HttpAnswer;
  ledger: LedgerReport;
}

const MIB = 2 ** 20;
const TOPIC = "stalled";
const PARTITION_COUNT = 3;
/** The producer's buffer as it is by default. */
const BUFFER_BYTES = 32 * MIB;
/** What may come on top of it, if nothing else is said: sockets, the chunk that waits, copies, garbage. */
const MARGIN_BYTES = 64 * MIB;
/**
 * The same for a short run among other tests: when V8 collects, and what malloc gives back, depends on what else runs. 256 MiB
 * that were not held back would be over it by far.
 */
export const SHARED_MACHINE_MARGIN_BYTES = 96 * MIB;
/** Of the whole, what is sent before the stall. */
const BEFORE_SHARE = 1 / 16;
const CHUNK_BYTES = 64 * 1024;
const SAMPLE_MS = 20;
/** A socket that takes nothing for so long is blocked. */
const SILENCE_MS = 1_000;

/** Sends, stalls, and reads back. */
export async function proveStall(options: StallOptions): Promise<StallReport> {
  const { broker, gateway, lineBytes, marginBytes = MARGIN_BYTES } = options;
  const lineCount = Math.floor(options.totalBytes / lineBytes);
  await broker.createTopic(TOPIC, PARTITION_COUNT);
  using socket = await HttpSocket.connect(gateway.url);
  const lines = new NumberedLines(0, lineBytes);
  const first = await socket.post(`/sync/${TOPIC}`, lines.bytes(0, 1)); // connects and compiles
  if (first.status !== 200) throw new Error(`Cannot begin: the gateway answers ${first.status} ${first.body}`);
  const baseBytes = await gateway.residentBytes();
  using watch = new RssWatch(gateway);
  const startMs = performance.now();
  const stalling = Promise.withResolvers<Stall>();
  stalling.promise.catch(() => {}); // Awaited below.
  const answer = await sendLines(socket, {
    lines,
    lineCount,
    isChunked: options.isChunked ?? false,
    // Within the sender: while its socket takes all, nothing else has a turn.
    onSent: (sentLines) => {
      if (sentLines >= lineCount * BEFORE_SHARE && watch.stalledBytes === null) {
        watch.stalledBytes = 0;
        stalling.resolve(stallWhile(broker, { socket, watch, leastMs: options.stallMs }));
      }
    },
  });
  const stall = await stalling.promise;
  const elapsedMs = performance.now() - startMs;
  const { peakBytes } = watch;
  if (peakBytes === 0) throw new Error("Cannot tell the memory of the gateway: nobody looked");
  const ledger = new LineLedger([lineCount], lineBytes);
  for await (const records of broker.read(TOPIC)) for (const record of records) ledger.note(record);
  return {
    lineCount,
    elapsedMs,
    stalledMs: stall.stalledMs,
    sent: { totalBytes: lineCount * lineBytes, ...stall.sent },
    rss: { baseBytes, stalledBytes: stall.rssBytes, peakBytes, boundBytes: baseBytes + BUFFER_BYTES + marginBytes },
    answer,
    ledger: ledger.report(),
  };
}

/** What is wrong with it; nothing when it is as it should be. */
export function wrongs({ lineCount, sent, rss, answer, ledger }: StallReport): string[] {
  const summary = JSON.stringify({ accepted: lineCount - 1, acked: lineCount - 1, failed: [] });
  const mib = (bytes: number) => Math.round(bytes / MIB);
  return [
    answer.status === 200 && answer.body === summary ? "" : `the answer is ${answer.status} ${answer.body}`,
    sent.inStallBytes < BUFFER_BYTES + MARGIN_BYTES ? "" : `the stalled gateway took ${mib(sent.inStallBytes)} MiB`,
    rss.peakBytes <= rss.boundBytes ? "" : `${mib(rss.peakBytes)} MiB resident, bound ${mib(rss.boundBytes)}`,
    isWhole(ledger) ? "" : `the topic has ${JSON.stringify(ledger)}`,
  ].filter((text) => text !== "");
}

/** A stall as it was seen. */
interface Stall {
  stalledMs: number;
  rssBytes: number;
  sent: Omit<StallReport["sent"], "totalBytes">;
}

/** Line 0 was sent before. */
async function sendLines(
  socket: HttpSocket,
  { lines, lineCount, isChunked, onSent }: {
    lines: NumberedLines;
    lineCount: number;
    isChunked: boolean;
    onSent: (lineCount: number) => void;
  },
): Promise<HttpAnswer> {
  const chunkLines = Math.max(1, Math.floor(CHUNK_BYTES / lines.lineBytes));
  await socket.begin(`/stream/${TOPIC}`, isChunked ? null : (lineCount - 1) * lines.lineBytes);
  for (let n = 1; n < lineCount; n += chunkLines) {
    await socket.send(lines.bytes(n, Math.min(chunkLines, lineCount - n)));
    onSent(n);
  }
  return await socket.end();
}

/** Stalls the broker for a while, and until the client's socket is blocked. */
async function stallWhile(
  broker: LongRunBroker,
  { socket, watch, leastMs }: { socket: HttpSocket; watch: RssWatch; leastMs: number },
): Promise<Stall> {
  const startMs = performance.now();
  const startBytes = socket.sentBytes;
  broker.stall();
  let lastBytes = startBytes;
  let lastMs = startMs;
  let nowMs = startMs;
  while (nowMs - startMs < leastMs || nowMs - lastMs < SILENCE_MS) {
    await delay(SAMPLE_MS);
    nowMs = performance.now();
    if (socket.sentBytes === lastBytes) continue;
    lastBytes = socket.sentBytes;
    lastMs = nowMs;
  }
  broker.resume();
  return {
    stalledMs: nowMs - startMs,
    rssBytes: watch.stalledBytes ?? NaN,
    sent: { inStallBytes: lastBytes - startBytes, blockedAfterMs: lastMs - startMs, silentMs: nowMs - lastMs },
  };
}

/** Looks at the gateway's memory all the time. */
class RssWatch implements Disposable {
  peakBytes = 0;
  /** The most since it was set to 0. */
  stalledBytes: number | null = null;
  #isOver = false;

  constructor(gateway: GatewayProcess) {
    this.#watch(gateway).catch(() => {}); // It has ended, which others notice.
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
  }

  async #watch(gateway: GatewayProcess): Promise<void> {
    for (; !this.#isOver; await delay(SAMPLE_MS)) {
      const bytes = await gateway.residentBytes();
      this.peakBytes = Math.max(this.peakBytes, bytes);
      if (this.stalledBytes !== null) this.stalledBytes = Math.max(this.stalledBytes, bytes);
    }
  }
}
