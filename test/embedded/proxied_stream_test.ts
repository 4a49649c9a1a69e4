import { assertEquals } from "@std/assert";
import { ProxiedStream } from "../../src/embedded/proxied_stream.ts";
import { StreamFaults } from "../../src/embedded/stream_faults.ts";
import type { Duplex } from "../../src/transport.ts";
import { ManualTimers } from "../manual_timers.ts";

/** A socket that gives so many answers of three bytes, and notes what it is given. */
class Socket implements Duplex {
  readonly written: Uint8Array[] = [];
  #left: number;

  constructor(left = 0) {
    this.#left = left;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#left-- <= 0) return Promise.resolve(null);
    into.set([this.#left, 2, 3]);
    return Promise.resolve(3);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.written.push(bytes);
    return Promise.resolve(bytes.length);
  }

  close(): void {}
}

Deno.test("ProxiedStream keeps no more memory for what is delayed than its bytes take", async () => {
  const timers = new ManualTimers();
  const faults = new StreamFaults();
  faults.delayMs = 1_000;
  const sink = new Socket();
  const stream = new ProxiedStream({
    source: new Socket(100),
    sink,
    faults,
    timers,
    signal: new AbortController().signal,
    isDeaf: () => false,
    onCut: () => {},
  });

  const running = stream.run();
  await timers.advance(1_000);
  await running;

  assertEquals(sink.written.map(([first]) => first), Array.from({ length: 100 }, (_, i) => 99 - i));
  assertEquals(Math.max(...sink.written.map(({ buffer }) => buffer.byteLength)), 3);
});
