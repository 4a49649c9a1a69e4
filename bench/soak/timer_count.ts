/**
 * Counts the timers of this process. Import it before anything that sets one.
 *
 * @module
 */

const pending = new Set<unknown>();
const { setTimeout: set, clearTimeout: clear, setInterval: repeat, clearInterval: stop } = globalThis;

/** How many timers are pending. */
export function timerCount(): number {
  return pending.size;
}

Object.assign(globalThis, {
  setTimeout: (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
    const timer = set(() => {
      pending.delete(timer);
      callback(...args);
    }, ms);
    pending.add(timer);
    return timer;
  },
  clearTimeout: (timer?: number) => {
    pending.delete(timer);
    clear(timer);
  },
  setInterval: (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
    const timer = repeat(callback, ms, ...args);
    pending.add(timer);
    return timer;
  },
  clearInterval: (timer?: number) => {
    pending.delete(timer);
    stop(timer);
  },
});
