/**
 * How bytes reach a broker by the platform's TCP.
 *
 * @module
 */

import type { Duplex, Transport } from "../transport.ts";

export type { Duplex, Transport } from "../transport.ts";

/**
 * TCP by `Deno.connect`. The addresses of a name are tried as RFC 8305 (Happy Eyeballs) says, by the platform.
 *
 * @param to Where to.
 * @param options A signal that ends the attempt.
 */
export const denoTransport: Transport = async (to: { host: string; port: number }, options: {
  signal: AbortSignal;
}): Promise<Duplex> => {
  options.signal.throwIfAborted();
  try {
    const connection = await Deno.connect({ hostname: to.host, port: to.port, signal: options.signal });
    connection.setNoDelay(true); // Requests are written whole: waiting for more only delays them.
    connection.setKeepAlive(true); // An idle connection behind a firewall that forgot it is found out.
    return connection;
  } catch (error) {
    throw options.signal.aborted ? options.signal.reason : error;
  }
};
