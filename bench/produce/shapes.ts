/**
 * The ways to hand records to a producer, each as a loop that runs until told to stop and then waits for every
 * acknowledgement.
 *
 * @module
 */

import type { Producer } from "@ekaf/ekaf";

/** What a shape produces, and where. */
export interface ShapeContext {
  /** The producer under test. */
  producer: Producer;
  /** Topic to produce to. */
  topic: string;
  /** Values, taken in turn; as many as an array holds. */
  values: readonly (string | Uint8Array)[];
  /** Whether time is up: asked once every {@linkcode values} records or call. */
  isOver(): boolean;
  /** Told how long each call took, by the shapes that wait for each. */
  onLatency(ms: number): void;
}

/** Produces until time is up. Resolves with the number of records once all are acknowledged. */
export type Shape = (context: ShapeContext) => Promise<number>;

/** Arrays through `writable`: one write and one promise an array. */
async function writableArrays({ producer, topic, values, isOver }: ShapeContext): Promise<number> {
  const writer = producer.writable(topic).getWriter();
  let count = 0;
  while (!isOver()) {
    await writer.ready;
    writer.write([...values]); // A caller's arrays are new ones, so copying the references is part of the job.
    count += values.length;
  }
  await writer.close();
  return count;
}

/** One chunk a record; waits where the stream says it is full. */
async function write({ producer, topic, values, isOver }: ShapeContext): Promise<number> {
  const writer = producer.writable(topic).getWriter();
  let count = 0;
  while (!isOver()) {
    for (const value of values) {
      if (writer.desiredSize! <= 0) await writer.ready;
      writer.write(value);
    }
    count += values.length;
  }
  await writer.close();
  return count;
}

/** One chunk a record; each write is awaited. */
async function writeAwaited({ producer, topic, values, isOver }: ShapeContext): Promise<number> {
  const writer = producer.writable(topic).getWriter();
  let count = 0;
  while (!isOver()) {
    for (const value of values) await writer.write(value);
    count += values.length;
  }
  await writer.close();
  return count;
}

/** A source for `pipeTo` that gives one record a chunk. */
function recordSource({ values, isOver }: ShapeContext, onChunk: () => void): ReadableStream<string | Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller): void {
      if (at === values.length) {
        at = 0;
        if (isOver()) return controller.close();
      }
      controller.enqueue(values[at++]!);
      onChunk();
    },
  });
}

/** `pipeTo` of one record a chunk. */
async function pipeTo(context: ShapeContext): Promise<number> {
  let count = 0;
  await recordSource(context, () => count++).pipeTo(context.producer.writable(context.topic));
  return count;
}

/** The same `pipeTo` into a stream that does nothing: what {@linkcode pipeTo} is measured against. */
async function pipeToEmpty(context: ShapeContext): Promise<number> {
  let count = 0;
  await recordSource(context, () => count++).pipeTo(new WritableStream());
  return count;
}

/** Feeds a delivery stream arrays while its outcomes are read. */
async function delivery(context: ShapeContext, outcomes: "each" | "arrays"): Promise<number> {
  const { producer, topic, values, isOver } = context;
  let delivered = 0;
  const source = new ReadableStream<(string | Uint8Array)[]>({
    pull: (controller) => isOver() ? controller.close() : controller.enqueue([...values]),
  });
  for await (const outcome of source.pipeThrough(producer.delivery(topic, { outcomes }))) {
    delivered += Array.isArray(outcome) ? outcome.length : 1;
  }
  return delivered;
}

/** Feeds a delivery stream one record a chunk and reads one outcome a chunk. */
async function deliveryOfEach(context: ShapeContext): Promise<number> {
  let delivered = 0;
  const outcomes = recordSource(context, () => {}).pipeThrough(context.producer.delivery(context.topic));
  for await (const _ of outcomes) delivered++;
  return delivered;
}

/** One awaited `send` after another. */
async function send({ producer, topic, values, isOver, onLatency }: ShapeContext): Promise<number> {
  let count = 0;
  while (!isOver()) {
    const start = performance.now();
    await producer.send(topic, values[count++ % values.length]!);
    onLatency(performance.now() - start);
  }
  return count;
}

/** One awaited `send` of an array after another. */
async function sendArrays({ producer, topic, values, isOver, onLatency }: ShapeContext): Promise<number> {
  let count = 0;
  while (!isOver()) {
    const start = performance.now();
    await producer.send(topic, [...values]);
    onLatency(performance.now() - start);
    count += values.length;
  }
  return count;
}

/** `Promise.all` of single sends, again and again. */
async function sendAll({ producer, topic, values, isOver, onLatency }: ShapeContext): Promise<number> {
  let count = 0;
  while (!isOver()) {
    const start = performance.now();
    await Promise.all(values.map((value) => producer.send(topic, value)));
    onLatency(performance.now() - start);
    count += values.length;
  }
  return count;
}

/** Arrays accepted by `enqueue`, awaited each. */
async function enqueueArrays({ producer, topic, values, isOver }: ShapeContext): Promise<number> {
  let count = 0;
  while (!isOver()) {
    await producer.enqueue(topic, [...values]);
    count += values.length;
  }
  await producer.flush();
  return count;
}

/** Every shape by its name on the command line. */
export const shapes: Readonly<Record<string, Shape>> = {
  "writable-arrays": writableArrays,
  "write": write,
  "write-awaited": writeAwaited,
  "pipeto": pipeTo,
  "pipeto-empty": pipeToEmpty,
  "delivery-arrays": (context) => delivery(context, "arrays"),
  "delivery-each": (context) => delivery(context, "each"),
  "delivery-of-each": deliveryOfEach,
  "enqueue-arrays": enqueueArrays,
  "send": send,
  "send-arrays": sendArrays,
  "send-all": sendAll,
};
