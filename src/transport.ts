/**
 * How bytes reach a broker: what a connection needs of a socket.
 *
 * @module
 */

/** A stream of bytes both ways, as `Deno.Conn` is one. */
export interface Duplex {
  /** Reads at most `into.length` bytes; resolves with how many, or null at the end. Rejects once closed. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes`; resolves with how many. The memory must not change until then. Rejects once closed. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both ways; pending reads and writes settle. */
  close(): void;
  /** Keeps the process alive while a read or write is pending. The state of a new duplex. */
  ref?(): void;
  /** Takes {@linkcode ref} back. */
  unref?(): void;
}

/**
 * Opens a {@linkcode Duplex}. Rejects when it cannot, and with the signal's reason when that aborts first.
 *
 * @param to Where to.
 * @param options A signal that ends the attempt.
 */
export type Transport = (
  to: { host: string; port: number },
  options: { signal: AbortSignal },
) => Promise<Duplex>;
