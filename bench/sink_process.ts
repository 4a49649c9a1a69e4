/**
 * Starts and questions a sink (`sink.ts`) from another process.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import type { SinkFigures } from "./sink/counters.ts";

export type { SinkFigures } from "./sink/counters.ts";

/** A sink in a process of its own. */
export class SinkProcess implements AsyncDisposable {
  /** `host:port` to give to clients. */
  readonly bootstrap: string;
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #control: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(child: Deno.ChildProcess, lines: ReadableStreamDefaultReader<string>, port: number) {
    this.#child = child;
    this.#lines = lines;
    this.#control = child.stdin.getWriter();
    this.bootstrap = `127.0.0.1:${port}`;
  }

  /**
   * Starts a sink and waits until it listens.
   *
   * @param flags Flags of `sink.ts`, e.g. `["--partitions", "12"]`.
   */
  static async start(flags: readonly string[] = []): Promise<SinkProcess> {
    const script = new URL("./sink.ts", import.meta.url);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script.href, ...flags],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
    const { value, done } = await lines.read();
    if (done) throw new Error("Cannot start the sink: it ended at once");
    return new SinkProcess(child, lines, JSON.parse(value).port);
  }

  /** What it has counted since the last {@linkcode reset}. */
  figures(): Promise<SinkFigures> {
    return this.#ask("figures");
  }

  /** Starts counting anew. */
  async reset(): Promise<void> {
    await this.#ask("reset");
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    await this.#lines.cancel();
    await this.#control.close().catch(() => {}); // Its other end is gone.
  }

  async #ask(command: string): Promise<SinkFigures> {
    await this.#control.write(new TextEncoder().encode(`${command}\n`));
    const { value, done } = await this.#lines.read();
    if (done) throw new Error(`Cannot ask the sink for "${command}": it has ended`);
    return JSON.parse(value);
  }
}
