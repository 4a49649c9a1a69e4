/**
 * A producer and an embedded cluster for one test.
 *
 * @module
 */

import { EmbeddedCluster, type EmbeddedClusterOptions } from "@ekaf/ekaf/embedded";
import { Producer, type ProducerOptions } from "@ekaf/ekaf";

/** A producer, its cluster, and what it warned of. */
export interface Rig extends AsyncDisposable {
  readonly cluster: EmbeddedCluster;
  readonly producer: Producer;
  /** Warnings, in order. */
  readonly warnings: string[];
}

/** Pauses short enough for tests. */
export const QUICK = { retryBackoffMs: { initial: 1, max: 5 } } as const;

/**
 * Starts a cluster with a topic `t` of three partitions, and a producer for it.
 *
 * @param cluster Options of the cluster.
 * @param producer Options of the producer.
 */
export async function rig(
  cluster: EmbeddedClusterOptions = {},
  producer: Partial<ProducerOptions> = {},
): Promise<Rig> {
  const embedded = await EmbeddedCluster.listen({ topics: { t: 3 }, ...cluster });
  const warnings: string[] = [];
  const made = new Producer({
    bootstrap: embedded.bootstrap,
    ...QUICK,
    logger: { warn: (message) => void warnings.push(message) },
    ...producer,
  });
  return {
    cluster: embedded,
    producer: made,
    warnings,
    async [Symbol.asyncDispose]() {
      await made.abort();
      await embedded[Symbol.asyncDispose]();
    },
  };
}

/** Details of the events of a type, as they come. */
export function heard(target: EventTarget, type: string): Record<string, unknown>[] {
  const details: Record<string, unknown>[] = [];
  target.addEventListener(type, (event) => void details.push((event as CustomEvent).detail));
  return details;
}

/** The values of records, as text. */
export function texts(records: Iterable<{ text(): string }>): string[] {
  return [...records].map((record) => record.text());
}

/** Waits, a task at a time, until `condition` holds; the test's own time-out bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Texts `prefix0`, `prefix1`, …. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

/** Has every Produce request wait; returns what lets them go on. */
export function holdProduce(cluster: EmbeddedCluster): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  const hook = cluster.intercept("Produce", async (request, next) => {
    await promise;
    return await next(request);
  });
  return () => {
    hook[Symbol.dispose]();
    resolve();
  };
}

/** The next Produce request is refused, naming records 1 and 3. */
export function refuseTwo(cluster: EmbeddedCluster): void {
  const hook = cluster.intercept("Produce", (request) => {
    hook[Symbol.dispose]();
    const recordErrors = [1, 3].map((batchIndex) => ({ batchIndex, batchIndexErrorMessage: `bad ${batchIndex}` }));
    const { name, topicId, partitionData } = request.body.topicData[0]!;
    const partitionResponses = partitionData.map(({ index }) => ({
      index,
      errorCode: 87,
      baseOffset: -1n,
      logAppendTimeMs: -1n,
      logStartOffset: 0n,
      recordErrors,
      errorMessage: "invalid",
    }));
    return { responses: [{ name, topicId, partitionResponses }], throttleTimeMs: 0 };
  });
}
