/**
 * Where embedded brokers are.
 *
 * @module
 */

/** The only address they listen on. */
export const BROKER_HOST = "127.0.0.1";
