/**
 * The connections to the brokers of a cluster, by broker id and lane number.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { ConnectionError } from "../errors.ts";
import { formatAddress } from "../net/address.ts";
import { backoffMs } from "../net/backoff.ts";
import { Connection } from "../net/connection.ts";
import type { Liveness } from "./liveness.ts";
import type { BrokerAddress, ClusterMetadata } from "./metadata.ts";
import { type ClusterOptions, reconnectBackoff } from "./options.ts";
import { pause } from "./pause.ts";

/** A connection that ends sooner than that counts as a failed attempt: the next one waits longer. */
const STABLE_AFTER_MS = 1_000;

/** Whom {@linkcode BrokerConnections} asks and tells. */
export interface BrokerConnectionsHost {
  /** What is known of the cluster now. */
  metadata(): ClusterMetadata;
  /** A connection stands. */
  onOpened(): void;
  /** A connection takes no more requests. */
  onClosed(brokerId: number, lane: number, cause: unknown): void;
  /** An attempt failed: what is known of the broker may be out of date. */
  onDialFailed(): void;
}

/** One broker and lane: the connection, or the attempt to make it. */
interface Slot {
  readonly brokerId: number;
  readonly lane: number;
  /** Aborted when the slot is given up: the broker moved or went, or the cluster closes. */
  readonly retired: AbortController;
  connection: Connection | undefined;
  dialing: Promise<Connection> | undefined;
  /** Attempts that failed since the last connection that lasted. */
  attempt: number;
  notBeforeMs: number;
  /** Where it leads, or where the attempt under way goes. */
  address: BrokerAddress | undefined;
}

/** Dials on demand, one attempt shared by all who ask, with a backoff between attempts. */
export class BrokerConnections {
  readonly #options: ClusterOptions;
  readonly #liveness: Liveness;
  readonly #host: BrokerConnectionsHost;
  readonly #slots = new Map<string, Slot>();

  /**
   * Opens nothing.
   *
   * @param options Of the cluster.
   * @param parts What it shares with the rest of the cluster.
   */
  constructor(options: ClusterOptions, parts: { liveness: Liveness; host: BrokerConnectionsHost }) {
    this.#options = options;
    this.#liveness = parts.liveness;
    this.#host = parts.host;
  }

  /**
   * The connection if it is open.
   *
   * @param brokerId Which broker.
   * @param lane Which lane.
   */
  get(brokerId: number, lane: number): Connection | undefined {
    const connection = this.#slots.get(slotKey(brokerId, lane))?.connection;
    return connection === undefined || connection.isClosed ? undefined : connection;
  }

  /** All open connections, the least busy first. */
  open(): Connection[] {
    const connections: Connection[] = [];
    for (const { connection } of this.#slots.values()) {
      if (connection !== undefined && !connection.isClosed) connections.push(connection);
    }
    return connections.sort((a, b) => a.inFlight - b.inFlight);
  }

  /**
   * The connection, made if need be.
   *
   * @param brokerId Which broker.
   * @param lane Which lane.
   * @param signal Ends the wait, not the attempt.
   * @throws {ConnectionError} If this attempt failed.
   */
  connect(brokerId: number, lane: number, signal?: AbortSignal): Promise<Connection> {
    const open = this.get(brokerId, lane);
    if (open !== undefined) return Promise.resolve(open);
    const slot = this.#slot(brokerId, lane);
    slot.dialing ??= this.#dial(slot).finally(() => slot.dialing = undefined);
    return signal === undefined ? slot.dialing : abortable(slot.dialing, signal);
  }

  /**
   * Takes a connection made elsewhere as a broker's first, if it leads to where a broker listens and that broker has
   * none yet.
   *
   * @param connection The connection.
   * @returns Whether it was taken.
   */
  adopt(connection: Connection): boolean {
    const where = formatAddress(connection.address);
    for (const broker of this.#host.metadata().brokers.values()) {
      if (formatAddress(broker) !== where) continue;
      const slot = this.#slot(broker.id, 0);
      if (slot.connection !== undefined || slot.dialing !== undefined) return false;
      this.#use(slot, connection, broker);
      return true;
    }
    return false;
  }

  /** Gives up connections to brokers that moved or are gone: they end when the requests under way are answered. */
  reconcile(): void {
    const { brokers } = this.#host.metadata();
    for (const slot of [...this.#slots.values()]) {
      if (slot.address === undefined) continue;
      const broker = brokers.get(slot.brokerId);
      if (broker !== undefined && formatAddress(broker) === formatAddress(slot.address)) continue;
      const news = broker === undefined ? "it left the cluster" : `it moved to ${formatAddress(broker)}`;
      const error = new Error(`Cannot stay connected to broker ${slot.brokerId}: ${news}`);
      this.#slots.delete(slotKey(slot.brokerId, slot.lane));
      slot.retired.abort(error);
      if (slot.connection === undefined) continue;
      const isNews = !slot.connection.isClosed;
      slot.connection.closeWhenIdle(error);
      if (isNews) this.#host.onClosed(slot.brokerId, slot.lane, error);
    }
  }

  /**
   * Closes everything at once.
   *
   * @param cause Why.
   */
  close(cause: unknown): void {
    const slots = [...this.#slots.values()];
    this.#slots.clear();
    for (const slot of slots) {
      slot.retired.abort(cause);
      slot.connection?.close();
    }
  }

  #slot(brokerId: number, lane: number): Slot {
    const key = slotKey(brokerId, lane);
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = {
        brokerId,
        lane,
        retired: new AbortController(),
        connection: undefined,
        dialing: undefined,
        attempt: 0,
        notBeforeMs: -Infinity,
        address: undefined,
      };
      this.#slots.set(key, slot);
    }
    return slot;
  }

  async #dial(slot: Slot): Promise<Connection> {
    const { timers } = this.#liveness;
    const waitMs = slot.notBeforeMs - timers.now();
    if (waitMs > 0) await this.#unlessRetired(slot, pause(waitMs, { timers, signal: slot.retired.signal }));
    const broker = this.#host.metadata().brokers.get(slot.brokerId);
    if (broker === undefined) {
      this.#backOff(slot); // Who asks again and again would leave no time for the answer that tells.
      this.#host.onDialFailed();
      throw new ConnectionError(`Cannot connect to broker ${slot.brokerId}: the cluster does not tell where it is`, {
        address: "",
      });
    }
    slot.address = broker;
    const startMs = timers.now();
    let connection: Connection;
    try {
      connection = await Connection.open(broker, {
        ...this.#options,
        label: brokerLabel(broker, this.#host.metadata().advertisedBy),
        signal: slot.retired.signal,
        ref: this.#liveness.isHeld,
      });
    } catch (error) {
      this.#backOff(slot);
      if (!slot.retired.signal.aborted) this.#host.onDialFailed();
      throw error;
    }
    if (slot.retired.signal.aborted) {
      connection.close();
      await this.#unlessRetired(slot, Promise.reject(slot.retired.signal.reason));
    }
    const address = formatAddress(broker);
    this.#options.emit("timetoconnect", { broker: broker.id, address, ms: timers.now() - startMs });
    this.#liveness.add(connection);
    this.#use(slot, connection, broker);
    return connection;
  }

  /** Turns the reason for which a slot was given up into the error its callers are promised. */
  async #unlessRetired(slot: Slot, wait: Promise<void>): Promise<void> {
    try {
      await wait;
    } catch (cause) {
      throw new ConnectionError(`Cannot connect to broker ${slot.brokerId}: ${(cause as Error).message}`, {
        address: slot.address === undefined ? "" : formatAddress(slot.address),
        cause,
      });
    }
  }

  #use(slot: Slot, connection: Connection, broker: BrokerAddress): void {
    const openedMs = this.#liveness.timers.now();
    slot.address = broker;
    slot.connection = connection;
    // Never rejects.
    connection.closed.then((cause) => {
      this.#liveness.remove(connection);
      if (slot.connection !== connection) return;
      slot.connection = undefined;
      if (this.#liveness.timers.now() - openedMs >= STABLE_AFTER_MS) slot.attempt = 0;
      else this.#backOff(slot);
      if (!slot.retired.signal.aborted) this.#host.onClosed(slot.brokerId, slot.lane, cause);
    });
    this.#host.onOpened();
  }

  #backOff(slot: Slot): void {
    const waitMs = backoffMs(
      reconnectBackoff(this.#options),
      slot.attempt++,
      this.#options.random ?? Math.random,
    );
    slot.notBeforeMs = this.#liveness.timers.now() + waitMs;
  }
}

function slotKey(brokerId: number, lane: number): string {
  return `${brokerId}/${lane}`;
}

/** What errors call a broker: the address in the metadata is often not the one its user knows. */
function brokerLabel(broker: BrokerAddress, advertisedBy: string | null): string {
  const where = formatAddress(broker);
  const source = advertisedBy === null || advertisedBy === where ? "" : ` (advertised by ${advertisedBy})`;
  return `broker ${broker.id} at ${where}${source}`;
}
