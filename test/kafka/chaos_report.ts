/**
 * A chaos run in text.
 *
 * @module
 */

import type { ChaosReport } from "./chaos_run.ts";

/** The counts of a run, a line each. */
export function describeReport(report: ChaosReport): string {
  const { seed, fates, faults, remarks, brokers, network, watched, memory } = report;
  const rate = (records: number, seconds: number) => {
    return `${records} records in ${seconds.toFixed(0)} s (${Math.round(records / Math.max(1, seconds))}/s)`;
  };
  return [
    `seed ${seed}`,
    `paced: ${rate(report.pacedRecords, report.pacedSeconds)}`,
    `burst: ${rate(report.burstRecords, report.burstSeconds)}`,
    ...Object.entries(fates).map(([caller, counts]) => `told to ${caller}: ${listed(counts)}`),
    `brokers: ${listed(brokers)}`,
    `network: ${listed(network)}`,
    `producers: ${listed(watched)}, recognisedDuplicates ${report.recognisedDuplicates}`,
    `memory: ${listed(memory)}`,
    `log: ${listed(remarks)}`,
    `FAULTS: ${listed(faults)}`,
    ...report.examples,
  ].join("\n");
}

function listed(counts: object): string {
  return Object.entries(counts).map(([name, count]) => `${name} ${Math.round(count)}`).join(", ");
}
