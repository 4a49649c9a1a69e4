/**
 * Where embedded brokers and proxies are.
 *
 * @module
 */

/** The only address they listen on. */
export const BROKER_HOST = "127.0.0.1";
/** How many ports are tried before it counts as an error that all were taken. */
export const PORT_ATTEMPTS = 100;

/** Ports outside the range that systems hand out by themselves: nothing takes the port of a stopped broker. */
const FIRST_PORT = 15_000;
const LAST_PORT = 31_999;

/** A port that may be free. */
export function randomPort(): number {
  return FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
}
