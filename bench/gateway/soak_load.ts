/**
 * A constant load for a gateway, in a process of its own: lines by schedule, whether those before were taken or not, over
 * a few long streams and many short POSTs.
 *
 * Its argument is a {@linkcode LoadPlan} in JSON. It writes a {@linkcode LoadSecond} in JSON each second, and a
 * {@linkcode LoadEnd} as its last line.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { delay } from "@std/async/delay";
import { type HttpAnswer, HttpSocket } from "./http_socket.ts";
import { NumberedLines } from "./numbered_lines.ts";

/** What to send. */
export interface LoadPlan {
  url: string;
  topic: string;
  /** Lines a second, half of them in streams. */
  rate: number;
  seconds: number;
  /** Connections with a stream each that is as long as the load. */
  streams: number;
  /** Connections for POSTs; a POST that is due waits for a free one. */
  posters: number;
  linesAPost: number;
  lineBytes: number;
}

/** What happened since the second before. */
export interface LoadSecond {
  /** Lines that the sockets took. */
  sent: number;
  /** How far the slowest stream or the next POST was behind its schedule, at most. */
  lagMs: number;
  /** Time from when each POST was due to its answer. */
  postMs: number[];
}

/** What it came to. */
export interface LoadEnd {
  /** Lines of each stream of numbers: those of the streams, then those of the connections for POSTs. */
  lineCounts: number[];
  /** How often each status came. */
  statuses: Record<string, number>;
  /** Answers that were not as they should be, the first few. */
  wrongs: string[];
}

const TICK_MS = 20;
const CHUNK_LINES = 512;
const STREAM_SHARE = 0.5;
const MAX_WRONGS = 10;

/** Both kinds of POSTs, in turn: each says that Kafka has all of its lines. */
const POST_ROUTES = [
  { path: "/stream/", bodyOf: summaryOf },
  { path: "/batch/sync/", bodyOf: () => '{"ok":1}' },
] as const;

function summaryOf(count: number): string {
  return JSON.stringify({ accepted: count, acked: count, failed: [] });
}

/** The load while it runs. */
class Load {
  readonly #plan: LoadPlan;
  readonly #end: LoadEnd;
  readonly #startMs: number;
  #second: LoadSecond = { sent: 0, lagMs: 0, postMs: [] };
  #nextPost = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#startMs = performance.now();
    this.#end = { lineCounts: Array<number>(plan.streams + plan.posters).fill(0), statuses: {}, wrongs: [] };
  }

  async run(): Promise<LoadEnd> {
    const { streams, posters } = this.#plan;
    const telling = setInterval(() => this.#tell(), 1000);
    await Promise.all([
      ...Array.from({ length: streams }, (_, i) => this.#stream(i)),
      ...Array.from({ length: posters }, (_, i) => this.#post(streams + i)),
    ]);
    clearInterval(telling);
    this.#tell();
    return this.#end;
  }

  async #stream(index: number): Promise<void> {
    const { url, topic, rate, seconds, streams, lineBytes } = this.#plan;
    using socket = await HttpSocket.connect(url);
    await socket.begin(`/stream/${topic}`);
    const lines = new NumberedLines(index, lineBytes);
    const ownRate = rate * STREAM_SHARE / streams;
    const total = Math.round(ownRate * seconds);
    let sent = 0;
    while (sent < total) {
      await delay(TICK_MS);
      // From here on until the socket has taken all that is due, however much that has become.
      for (let due = this.#due(ownRate, total); sent < due; due = this.#due(ownRate, total)) {
        const count = Math.min(CHUNK_LINES, due - sent);
        await socket.send(lines.bytes(sent, count));
        sent += count;
        this.#second.sent += count;
        this.#late(this.#elapsedMs() - sent / ownRate * 1000);
      }
    }
    this.#end.lineCounts[index] = total;
    this.#note(await socket.end(), summaryOf(total));
  }

  async #post(index: number): Promise<void> {
    const { url, topic, rate, seconds, linesAPost, lineBytes } = this.#plan;
    using socket = await HttpSocket.connect(url);
    const lines = new NumberedLines(index, lineBytes);
    const total = Math.floor(rate * (1 - STREAM_SHARE) * seconds / linesAPost);
    const everyMs = seconds * 1000 / total;
    for (let own = 0; this.#nextPost < total; own++) {
      const number = this.#nextPost++;
      const dueMs = number * everyMs;
      if (dueMs > this.#elapsedMs()) await delay(dueMs - this.#elapsedMs());
      this.#late(this.#elapsedMs() - dueMs);
      const { path, bodyOf } = POST_ROUTES[number % POST_ROUTES.length]!;
      const answer = await socket.post(path + topic, lines.bytes(own * linesAPost, linesAPost));
      this.#second.postMs.push(this.#elapsedMs() - dueMs);
      this.#second.sent += linesAPost;
      this.#end.lineCounts[index] = (own + 1) * linesAPost;
      this.#note(answer, bodyOf(linesAPost));
    }
  }

  #note({ status, body }: HttpAnswer, expected: string): void {
    const { statuses, wrongs } = this.#end;
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (body !== expected && wrongs.length < MAX_WRONGS) wrongs.push(`${status} ${body} instead of ${expected}`);
  }

  #due(ownRate: number, total: number): number {
    return Math.min(total, Math.floor(this.#elapsedMs() * ownRate / 1000));
  }

  #elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  #late(ms: number): void {
    this.#second.lagMs = Math.max(this.#second.lagMs, ms);
  }

  #tell(): void {
    console.log(JSON.stringify(this.#second));
    this.#second = { sent: 0, lagMs: 0, postMs: [] };
  }
}

if (import.meta.main) console.log(JSON.stringify(await new Load(JSON.parse(Deno.args[0]!)).run()));
