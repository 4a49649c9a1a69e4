/**
 * A program under load: started, awaited, measured from outside by what Linux says of its process, and ended.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { cpuSecondsOf, peakRssBytesOf } from "../process_usage.ts";

/** How a server is started. */
export interface ServerCommand {
  /** Program. */
  command: string;
  /** Its arguments. */
  args: string[];
  /** Working directory, the present one by default. */
  cwd?: string;
}

const START_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 30_000;

/** A running server. Disposing of it sends SIGTERM, and SIGKILL to one that does not end. */
export class Server implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }

  /** Starts it; resolves when its port takes connections. */
  static async start({ command, args, cwd }: ServerCommand, port: number): Promise<Server> {
    const child = new Deno.Command(command, {
      args,
      ...(cwd === undefined ? {} : { cwd }),
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const server = new Server(child);
    const end = Date.now() + START_TIMEOUT_MS;
    while (true) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return server;
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionRefused && Date.now() < end) await delay(20);
        else {
          await server[Symbol.asyncDispose]();
          throw new Error(`Cannot start ${command}: nothing listens on port ${port}`, { cause: error });
        }
      }
    }
  }

  /** Seconds of CPU so far, user and system, all threads. */
  cpuSeconds(): number {
    return cpuSecondsOf(this.#child.pid);
  }

  /** Most memory it has held at once, in bytes. */
  peakRssBytes(): number {
    return peakRssBytesOf(this.#child.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#kill("SIGKILL"), END_TIMEOUT_MS);
    this.#kill("SIGTERM");
    await this.#child.status;
    clearTimeout(timer);
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }
}
