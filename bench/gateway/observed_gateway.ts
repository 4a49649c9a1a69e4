/**
 * A gateway's process and what it holds, seen from outside as far as that can be.
 *
 * @module
 */

import { GatewayProcess } from "../../test/kafka/gateway_process.ts";
import { cpuSecondsOf } from "../process_usage.ts";
import type { Sample } from "../soak/samples.ts";
import { SELF_PREFIX, type SelfReport } from "./self_report.ts";

/** One look at the process. */
export interface GatewaySample extends Omit<Sample, "inFlightRequests"> {
  /** Records that Kafka has acknowledged so far. */
  delivered: number;
  /** Seconds of CPU so far, user and system, all threads. */
  cpuSeconds: number;
}

const MIB = 2 ** 20;

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
      cpuSeconds: cpuSecondsOf(process.pid),
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
}
