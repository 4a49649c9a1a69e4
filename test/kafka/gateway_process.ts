/**
 * `ekaf gateway` in a process of its own, as it is run in earnest.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";

const root = new URL("../../", import.meta.url).pathname;

/** Flags of Deno's that the gateway is deployed with: what each is for stands in bench/README.md. */
export const GATEWAY_V8_FLAGS: readonly string[] = [
  "--v8-flags=--no-allocation-site-pretenuring,--max-semi-space-size=8",
];

/** How to start one. */
export interface GatewayProcessOptions {
  /** What is written behind `ekaf gateway`. Without `--bootstrap` and `--embedded` it does not start. */
  readonly args: readonly string[];
  /** Further flags of Deno's. */
  readonly runFlags?: readonly string[];
  /** Called with each line that it writes to standard error; returns whether it need not be kept. */
  readonly onLine?: (line: string) => boolean;
}

/** A running gateway. Disposing of it kills it. */
export class GatewayProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #told: Promise<void>;
  #output = "";
  /** Where it listens. */
  readonly url: string;

  private constructor(child: Deno.ChildProcess, told: { url: string; rest: Promise<void>; output: () => string }) {
    this.#child = child;
    this.url = told.url;
    this.#told = told.rest.then(() => {
      this.#output = told.output();
    });
  }

  /** Starts one on a free port; resolves when it listens, rejects with what it said when it does not. */
  static async start({ args, runFlags = [], onLine }: GatewayProcessOptions): Promise<GatewayProcess> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-check", "--no-prompt", "--allow-net=127.0.0.1", "--allow-env=TERM,EKAF_*"],
        ...[...runFlags, "src/cli/main.ts", "gateway", "--port", "0", ...args],
      ],
      cwd: root,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const lines: string[] = [];
    const listening = Promise.withResolvers<string>();
    const rest = (async () => {
      const told = child.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
      for await (const line of told) {
        if (onLine?.(line)) continue;
        lines.push(line);
        const url = line.match(/listening on (http:\/\/[\d.]+:\d+)/)?.[1];
        if (url !== undefined) listening.resolve(url);
      }
      listening.reject(new Error(`Cannot start the gateway: it said ${JSON.stringify(lines.join("\n"))}`));
    })();
    const url = await listening.promise;
    return new GatewayProcess(child, { url, rest, output: () => lines.join("\n") });
  }

  /** Of its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** How it ended, and all that it wrote to standard error. */
  async ended(): Promise<{ code: number; stderr: string }> {
    const { code } = await this.#child.status;
    await this.#told;
    return { code, stderr: this.#output };
  }

  /** The memory it has in use now: its resident set. */
  async residentBytes(): Promise<number> {
    const [, pages] = (await Deno.readTextFile(`/proc/${this.pid}/statm`)).split(" ");
    return Number(pages) * 4096;
  }

  /** One of its figures, summed over the labels that begin with `labels`; 0 where there is none. */
  async metric(name: string, labels = ""): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return text.split("\n").filter((line) => line.startsWith(name) && line.includes(labels))
      .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.ended();
  }
}
