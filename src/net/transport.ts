/**
 * How bytes reach a broker by the platform's TCP.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import type { Duplex, Transport } from "../transport.ts";
import type { Address } from "./address.ts";

export type { Duplex, Transport } from "../transport.ts";

/**
 * TCP by `Deno.connect`, which resolves a name anew at every call and tries its addresses in turn as RFC 8305 (Happy
 * Eyeballs) says: after one that refuses, the next at once; after one that is silent, the next 250 ms later as well. So
 * a name with a dead and a live address leads to the live one. Tried with Deno 2.9.6.
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

/**
 * Opens a socket by any transport, also one that does not heed its signal: what it opens too late is closed.
 *
 * @param address Where to.
 * @param transport Opens it.
 * @param signal Ends the attempt.
 */
export async function dial(address: Address, transport: Transport, signal: AbortSignal): Promise<Duplex> {
  signal.throwIfAborted();
  const dialing = transport(address, { signal });
  try {
    return await abortable(dialing, signal);
  } catch (error) {
    dialing.then((late) => late.close(), () => {}); // Its failure is no news: the signal's reason is thrown.
    throw error;
  }
}
