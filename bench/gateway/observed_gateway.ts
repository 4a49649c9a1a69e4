/**
 * A gateway's process and what it holds, seen from outside as far as that can be.
 *
 * @module
 */

import { GatewayProcess } from "../../test/kafka/gateway_process.ts";
import { SELF_PREFIX, type SelfReport } from "./self_report.ts";

/** One look at the process. */
export interface GatewaySample {
  /** Live objects, after a collection. */
  heapMib: number;
  /** Memory outside of V8's heap that its objects hold: buffers. */
  externalMib: number;
  rssMib: number;
  /** Open files, sockets among them. */
  descriptors: number;
  timers: number;
  /** Accepted and not settled. */
  bufferedRecords: number;
  /** Records that Kafka has acknowledged so far. */
  delivered: number;
  /** Seconds of CPU so far, user and system, all threads. */
  cpuSeconds: number;
}

const MIB = 2 ** 20;
/** What `/proc/PID/stat` counts in, on every Linux of today. */
const TICKS_A_SECOND = 100;

/** A gateway that reports on itself; see `self_report.ts`. */
export class ObservedGateway implements AsyncDisposable {
  readonly #process: GatewayProcess;
  readonly #reports: ((report: SelfReport) => void)[];

  private constructor(process: GatewayProcess, reports: ((report: SelfReport) => void)[]) {
    this.#process = process;
    this.#reports = reports;
  }

  /** Starts one over brokers. */
  static async start(bootstrap: string): Promise<ObservedGateway> {
    const reports: ((report: SelfReport) => void)[] = [];
    const process = await GatewayProcess.start({
      args: ["--bootstrap", bootstrap, "--pre-stop-ms", "0"],
      runFlags: [`--preload=${new URL("self_report.ts", import.meta.url).pathname}`, "--v8-flags=--expose-gc"],
      onLine: (line) => {
        if (!line.startsWith(SELF_PREFIX)) return false;
        reports.shift()?.(JSON.parse(line.slice(SELF_PREFIX.length)));
        return true;
      },
    });
    return new ObservedGateway(process, reports);
  }

  /** Where it listens. */
  get url(): string {
    return this.#process.url;
  }

  /** Takes a sample. */
  async sample(): Promise<GatewaySample> {
    const process = this.#process;
    const { promise: reported, resolve } = Promise.withResolvers<SelfReport>();
    this.#reports.push(resolve);
    process.kill("SIGUSR2");
    const { heapBytes, externalBytes, timers } = await reported;
    return {
      heapMib: heapBytes / MIB,
      externalMib: externalBytes / MIB,
      rssMib: await process.residentBytes() / MIB,
      descriptors: [...Deno.readDirSync(`/proc/${process.pid}/fd`)].length,
      timers,
      bufferedRecords: await process.metric("ekaf_buffered_records{"),
      delivered: await process.metric("ekaf_records_delivered_total{"),
      cpuSeconds: this.#cpuSeconds(),
    };
  }

  /** Ends it in peace; resolves with its exit code. */
  async end(): Promise<number> {
    this.#process.kill("SIGTERM");
    return (await this.#process.ended()).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  #cpuSeconds(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.#process.pid}/stat`);
    const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13).map(Number);
    return (user! + system!) / TICKS_A_SECOND;
  }
}
