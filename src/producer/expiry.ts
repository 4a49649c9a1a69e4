/**
 * The end of the time that a record had.
 *
 * @module
 */

/**
 * Cause of a failure whose time was over. A class of its own because it explains nothing: a report says what stood in the
 * way as well, which is not wanted of a caller's own signal although its reason may be a `TimeoutError` too.
 */
export class Expiry extends DOMException {
  /** @param message Which time is over. */
  constructor(message = "the time for it is over") {
    super(message, "TimeoutError");
  }

  /** The same with what stood in the way. */
  because(obstacle: string): Expiry {
    return new Expiry(`${this.message}; last: ${obstacle}`);
  }
}
