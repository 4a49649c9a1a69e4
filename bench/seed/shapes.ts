/**
 * The shapes in which the seed was measured, with this producer: what is called, and how long it took until the calls had
 * returned and until the broker had acknowledged all.
 *
 * @module
 */

import { Producer } from "@ekaf/ekaf";

/** Shapes in which records are handed over. */
export const SHAPES = ["list", "batched", "unbatched", "sync"] as const;

/** One of {@linkcode SHAPES}. */
export type Shape = typeof SHAPES[number];

/** What each shape is, for the table. */
export const SHAPE_TEXTS: Readonly<Record<Shape, { seed: string; ours: string }>> = {
  list: { seed: "one produce_async_batched of a list", ours: "one enqueue of an array" },
  batched: { seed: "produce_async_batched, one message each", ours: "enqueue, one record each" },
  unbatched: { seed: "produce_async, one message each", ours: "enqueue, one record each, flush: true" },
  sync: { seed: "produce_sync, one after the other", ours: "awaited send, one after the other" },
};

/** How long something took. */
export interface ShapeTimes {
  /** Until the calls had returned, in milliseconds. */
  calledMs: number;
  /** Until the broker had acknowledged the last record, in milliseconds. */
  deliveredMs: number;
}

/** Who is measured. */
export interface ShapeRunner extends AsyncDisposable {
  /** Hands over `count` records, the decimal numbers from 1, in a shape. */
  run(shape: Shape, count: number): Promise<ShapeTimes>;
}

/** This producer: acks 1, as the seed has it. */
export function openOurs(bootstrap: string, topic: string): ShapeRunner {
  const producer = new Producer({ bootstrap, acks: 1, logger: null });
  return {
    run: async (shape, count) => {
      const values = Array.from({ length: count }, (_, i) => String(i + 1));
      await producer.prepare(topic);
      const start = performance.now();
      await hand(producer, topic, { shape, values });
      const calledMs = performance.now() - start;
      await producer.flush();
      return { calledMs, deliveredMs: performance.now() - start };
    },
    [Symbol.asyncDispose]: () => producer.close(),
  };
}

async function hand(
  producer: Producer,
  topic: string,
  { shape, values }: { shape: Shape; values: readonly string[] },
): Promise<void> {
  if (shape === "list") {
    await producer.enqueue(topic, values);
  } else if (shape === "sync") {
    for (const value of values) await producer.send(topic, value);
  } else {
    // The seed's calls are casts: nothing is waited for between them. Ours have room when the last has resolved.
    const options = { flush: shape === "unbatched" };
    await Promise.all(values.map((value) => producer.enqueue(topic, value, options)));
  }
}
