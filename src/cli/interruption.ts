/**
 * Ctrl-C and SIGTERM: the first ends in peace, the second at once.
 *
 * @module
 */

import type { TimerHandle } from "../timers.ts";
import { EXIT_INTERRUPTED } from "./exit_code.ts";
import type { Shell } from "./shell.ts";

/** What is done when. */
export interface InterruptionOptions {
  /** How long there is between the first signal and {@linkcode onTimeout}. */
  readonly drainMs: number;
  /** The first signal has come. */
  readonly onFirst: () => void;
  /** The time is over. */
  readonly onTimeout: () => void;
  /** The second signal has come; the process ends when this returns. */
  readonly onSecond: () => void;
}

/** Watches signals until it is disposed of. */
export class Interruption implements Disposable {
  readonly #shell: Shell;
  readonly #options: InterruptionOptions;
  readonly #stop = new AbortController();
  readonly #subscription: Disposable;
  #timer: TimerHandle | null = null;

  /**
   * Watches from now on.
   *
   * @param shell Where signals come from.
   * @param options What they do.
   */
  constructor(shell: Shell, options: InterruptionOptions) {
    this.#shell = shell;
    this.#options = options;
    this.#subscription = shell.onInterrupt(() => this.#onSignal());
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Watches no more. */
  [Symbol.dispose](): void {
    if (this.#timer !== null) this.#shell.timers.clear(this.#timer);
    this.#timer = null;
    this.#subscription[Symbol.dispose]();
  }

  #onSignal(): void {
    const { drainMs, onFirst, onTimeout, onSecond } = this.#options;
    if (this.#stop.signal.aborted) {
      onSecond();
      this.#shell.exit(EXIT_INTERRUPTED);
    }
    this.#timer = this.#shell.timers.set(onTimeout, drainMs);
    onFirst();
    this.#stop.abort(new DOMException("interrupted", "AbortError"));
  }
}
