/**
 * The end of the time that a record had.
 *
 * @module
 */

/** A reason in words. */
export function textOf(reason: unknown): string {
  return reason instanceof Error || reason instanceof DOMException ? reason.message : String(reason);
}

/**
 * Cause of a failure whose time was over. A class of its own because it explains nothing: a report says what stood in the
 * way as well, which is not wanted of a caller's own signal although its reason may be a `TimeoutError` too.
 */
export class Expiry extends DOMException {
  /** What stood in the way last, undefined when nothing is known of it. */
  override readonly cause: unknown;

  /**
   * @param message Which time is over.
   * @param cause What stood in the way last.
   */
  constructor(message = "the time for it is over", cause?: unknown) {
    super(message, "TimeoutError");
    this.cause = cause;
  }

  /** The same with what stood in the way. */
  because(obstacle: unknown): Expiry {
    return new Expiry(`${this.message}; last: ${textOf(obstacle)}`, obstacle);
  }
}
