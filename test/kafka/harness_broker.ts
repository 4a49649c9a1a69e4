/**
 * One broker of a cluster under test: its ports, its configuration, and its process while it runs.
 *
 * @module
 */

/** A broker of a running cluster. */
export interface KafkaBroker {
  readonly id: number;
  readonly port: number;
  /** Of its present process. */
  readonly pid: number;
}

/** Where clients enter a broker that stands behind a proxy. */
export interface Entrance {
  readonly id: number;
  /** `host:port` that the broker tells clients: where the proxy has to listen. */
  readonly advertised: string;
  /** `host:port` where the broker listens for it. */
  readonly listener: string;
}

/** What the configuration of a broker depends on. */
export interface BrokerSettings {
  /** All brokers of the cluster. */
  readonly brokers: readonly Broker[];
  readonly directory: string;
  readonly replication: number;
  readonly minInsync: number;
  readonly isProxied: boolean;
  readonly config: Readonly<Record<string, string | number | boolean>>;
}

const PORTS_EACH = 4;

/** One broker: its ports, and its process while it runs. */
export class Broker implements KafkaBroker {
  process: Deno.ChildProcess | null = null;
  isFrozen = false;
  readonly port: number;
  readonly controllerPort: number;
  readonly #proxiedPort: number;
  readonly #advertisedPort: number;

  constructor(readonly id: number, ports: readonly number[]) {
    [this.port, this.controllerPort, this.#proxiedPort, this.#advertisedPort] = ports as [
      number,
      number,
      number,
      number,
    ];
  }

  /** Brokers 1 to `count`, on ports of their own. */
  static several(count: number): Broker[] {
    const ports = freePorts(PORTS_EACH * count);
    return Array.from(
      { length: count },
      (_, i) => new Broker(i + 1, ports.slice(PORTS_EACH * i, PORTS_EACH * (i + 1))),
    );
  }

  get pid(): number {
    return this.process?.pid ?? -1;
  }

  get name(): string {
    return `broker-${this.id}`;
  }

  get entrance(): Entrance {
    return {
      id: this.id,
      advertised: `127.0.0.1:${this.#advertisedPort}`,
      listener: `127.0.0.1:${this.#proxiedPort}`,
    };
  }

  /** The text of its `server.properties`. */
  propertiesOf({ brokers, directory, replication, minInsync, isProxied, config }: BrokerSettings): string {
    const voters = brokers.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`);
    const properties: Record<string, string | number | boolean> = {
      "process.roles": "broker,controller",
      "node.id": this.id,
      "controller.quorum.voters": voters.join(","),
      ...this.#listeners(isProxied),
      "log.dirs": `${directory}/${this.name}`,
      "auto.create.topics.enable": false,
      "default.replication.factor": replication,
      "min.insync.replicas": minInsync,
      "offsets.topic.replication.factor": 1,
      "offsets.topic.num.partitions": 1,
      "transaction.state.log.replication.factor": brokers.length,
      "transaction.state.log.num.partitions": 1,
      "transaction.state.log.min.isr": 1,
      "group.initial.rebalance.delay.ms": 0,
      // Records may carry timestamps of years ago; by default a log of such records is deleted once it is looked at.
      "log.retention.ms": -1,
      // A dead broker is noticed in seconds, a busy one is not taken for dead.
      "broker.session.timeout.ms": 6_000,
      "broker.heartbeat.interval.ms": 500,
      ...config,
    };
    return Object.entries(properties).map(([name, value]) => `${name}=${value}\n`).join("");
  }

  #listeners(isProxied: boolean): Record<string, string> {
    const listeners = [`PLAINTEXT://127.0.0.1:${this.port}`, `CONTROLLER://127.0.0.1:${this.controllerPort}`];
    const names = {
      "controller.listener.names": "CONTROLLER",
      "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT",
    };
    if (!isProxied) return { ...names, "listeners": listeners.join(",") };
    const { advertised, listener } = this.entrance;
    // The brokers among themselves, and those who read back, go past the proxy.
    return {
      ...names,
      "listeners": [...listeners, `PROXIED://${listener}`].join(","),
      "advertised.listeners": `PLAINTEXT://127.0.0.1:${this.port},PROXIED://${advertised}`,
      "inter.broker.listener.name": "PLAINTEXT",
    };
  }
}

/**
 * Ports nobody listens on. They lie below the range that outgoing connections use (32768 and up), so that none of these
 * can take the port of a broker that is being restarted.
 */
export function freePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      ports.add(port);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  return [...ports];
}
