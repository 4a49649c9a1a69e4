/**
 * A place where statsd's datagrams arrive.
 *
 * @module
 */

import { createSocket } from "node:dgram";

/** A UDP socket that keeps what it gets. */
export interface Listener extends AsyncDisposable {
  readonly port: number;
  /** Datagrams so far. */
  readonly datagrams: string[];
  /** Lines so far. */
  lines(): string[];
  /** Waits until so many datagrams have come. */
  until(count: number): Promise<void>;
}

/** Listens at a free port of 127.0.0.1. */
export async function listen(): Promise<Listener> {
  const socket = createSocket("udp4");
  const datagrams: string[] = [];
  let onDatagram = () => {};
  socket.on("message", (message) => {
    datagrams.push(new TextDecoder().decode(message));
    onDatagram();
  });
  await new Promise<void>((resolve) => socket.bind({ address: "127.0.0.1", port: 0 }, resolve));
  return {
    port: socket.address().port,
    datagrams,
    lines: () => datagrams.flatMap((datagram) => datagram.split("\n")),
    until: (count) =>
      new Promise((resolve) => {
        onDatagram = () => datagrams.length >= count && resolve();
        onDatagram();
      }),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void socket.close(() => resolve())),
  };
}
