/**
 * What a proxy does to the bytes of one direction, on all of its connections.
 *
 * @module
 */

/** How a connection ends that a proxy cuts. */
export type CutEnd = "close" | "reset" | "halfOpen";

/** A cut that waits for its connection. */
export interface Cut {
  /** How many bytes are let through before it. */
  readonly afterBytes: number;
  /** What becomes of the connection. */
  readonly end: CutEnd;
  /** How many bytes had passed when the cut was planned, on connections that were open by then. */
  readonly passedBefore: ReadonlyMap<object, number>;
}

/** How far a stream may go. */
export interface StreamRoom {
  /** Bytes until the cut. */
  readonly bytes: number;
  /** The cut that is next. */
  readonly cut: Cut;
}

/** The faults of one direction. Streams look at them before each write, so that a change acts at once. */
export class StreamFaults {
  /** How much later bytes arrive, in milliseconds. */
  delayMs = 0;
  /** How many bytes a second are read at most. */
  bytesPerSecond: number = Infinity;

  readonly #cuts = new Set<Cut>();
  #gate: PromiseWithResolvers<void> | undefined;

  /** Plans a cut of the first stream that gets so far; returned is what takes it back. */
  cut(cut: Cut): Disposable {
    this.#cuts.add(cut);
    return { [Symbol.dispose]: () => void this.#cuts.delete(cut) };
  }

  /** The next cut of a stream, or undefined. */
  roomOf(stream: object, passedBytes: number): StreamRoom | undefined {
    let nearest: StreamRoom | undefined;
    for (const cut of this.#cuts) {
      const bytes = Math.max(0, (cut.passedBefore.get(stream) ?? 0) + cut.afterBytes - passedBytes);
      if (nearest === undefined || bytes < nearest.bytes) nearest = { bytes, cut };
    }
    return nearest;
  }

  /** Forgets a cut that has been made. */
  used(cut: Cut): void {
    this.#cuts.delete(cut);
  }

  /** Lets nothing pass until {@linkcode resume}. */
  stall(): void {
    this.#gate ??= Promise.withResolvers();
  }

  /** Lets everything pass again. */
  resume(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** Pending while nothing may pass; undefined otherwise. */
  get gate(): Promise<void> | undefined {
    return this.#gate?.promise;
  }
}
