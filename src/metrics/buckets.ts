/**
 * Where the buckets of histograms end.
 *
 * @module
 */

/** Of durations, in seconds: the steps that OpenTelemetry recommends for messaging, and two finer ones. */
export const SECONDS: readonly number[] = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.075,
  0.1,
  0.25,
  0.5,
  0.75,
  1,
  2.5,
  5,
  7.5,
  10,
];

/** Of records in a batch. */
export const RECORDS: readonly number[] = [1, 10, 100, 500, 1_000, 2_500, 5_000, 10_000];

/** Of bytes in a batch. */
export const BYTES: readonly number[] = [256, 1_024, 4_096, 16_384, 65_536, 262_144, 524_288, 1_048_576];
