/**
 * `ekaf gateway`: HTTP in, Kafka out.
 *
 * @module
 */

import { Producer } from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { createGateway, type Gateway } from "@ekaf/ekaf/gateway";
import { prometheus } from "@ekaf/ekaf/metrics";
import { parseAddresses } from "../net/address.ts";
import { EXIT_FAILED, EXIT_OK } from "./exit_code.ts";
import { describeFlags, parseFlags, refuseOperands, UsageError } from "./flags.ts";
import { FailureLog } from "./gateway_log.ts";
import { GATEWAY_FLAGS, isLoopback, Settings, variableOf } from "./gateway_settings.ts";
import { Interruption } from "./interruption.ts";
import { PRINTABLE_PRODUCE_VERSIONS, RecordPrinter } from "./record_printer.ts";
import type { Shell } from "./shell.ts";

const HELP = `Usage: ekaf gateway --bootstrap LIST [OPTION…]
       ekaf gateway --embedded [OPTION…]

Takes records over HTTP and sends them to Kafka, until Ctrl-C or SIGTERM: then
it takes no more, and ends when Kafka has all. A second signal ends it at once.

  curl -d hello http://localhost:8080/sync/greetings

Options:
${describeFlags(GATEWAY_FLAGS)}

Each option but --help has an environment variable, used where the option is not
given: ${variableOf("bootstrap")} for --bootstrap, ${variableOf("body-max-bytes")} for --body-max-bytes, and
so on; a switch is on with 1.

Exit codes: 0 when Kafka has every record that was accepted, 1 when not.
`;

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 8080;
const MAX_PORT = 65_535;
/** A request to Kafka for each of many small ones to the gateway would cost more than these. */
const DEFAULT_LINGER_MS = 5;
const MAX_LINGER_MS = 60_000;
const LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"];
/** The part of the buffer above which it counts as full. */
const HIGH_WATER_SHARE = 0.75;
/** A partition's share has to fit. */
const MIN_BUFFER_BYTES = 8 * 1024 * 1024;

/** What the arguments come to. */
interface Plan {
  readonly settings: Settings;
  readonly hostname: string;
  readonly port: number;
  readonly operationPort: number | undefined;
  readonly topics: "*" | readonly string[];
  readonly bootstrap: readonly string[] | null;
}

/**
 * Runs the command.
 *
 * @param shell The process around it.
 * @param args What was written behind `gateway`.
 * @returns The exit code, after a signal.
 * @throws {UsageError} When the arguments make no sense.
 */
export async function gateway(shell: Shell, args: readonly string[]): Promise<number> {
  const { flags, operands }: { flags: Readonly<Record<string, unknown>>; operands: readonly string[] } = parseFlags(
    GATEWAY_FLAGS,
    args,
  );
  if (flags["help"] === true) {
    shell.print(HELP);
    return EXIT_OK;
  }
  refuseOperands(operands, "there is no such operand");
  const plan = makePlan(new Settings(flags, (name) => shell.environment(name)));
  if (plan.bootstrap !== null) return await run(shell, plan, plan.bootstrap);
  return await runEmbedded(shell, plan);
}

function makePlan(settings: Settings): Plan {
  const bootstrap = bootstrapOf(settings);
  const isEmbedded = settings.isOn("embedded");
  if (bootstrap === null && !isEmbedded) {
    throw new UsageError(`Cannot go on without --bootstrap or ${variableOf("bootstrap")}; --embedded needs neither`);
  }
  if (bootstrap !== null && isEmbedded) throw new UsageError("Cannot use --embedded: there is --bootstrap as well");
  if (settings.isOn("print") && !isEmbedded) {
    throw new UsageError("Cannot use --print without --embedded: records are printed by the embedded Kafka");
  }
  const hostname = settings.text("host") ?? DEFAULT_HOST;
  const topics = settings.list("topics");
  if (topics === undefined && !isLoopback(hostname)) {
    throw new UsageError(
      `Cannot listen on ${hostname} without --topics: name the topics that everybody there may write to, or "*" for all`,
    );
  }
  const ports = { min: 0, max: MAX_PORT };
  const port = settings.count("port", ports) ?? DEFAULT_PORT;
  const operationPort = settings.count("operation-port", ports);
  if (operationPort === port && port !== 0) {
    throw new UsageError(`Cannot use ${settings.originOf("operation-port")} ${port}: it is the port of the records`);
  }
  return {
    settings,
    hostname,
    topics: topics === undefined || topics.includes("*") ? "*" : topics,
    port,
    operationPort,
    bootstrap,
  };
}

function bootstrapOf(settings: Settings): readonly string[] | null {
  const bootstrap = settings.list("bootstrap");
  if (bootstrap === undefined) return null;
  try {
    parseAddresses(bootstrap);
  } catch (cause) {
    const what = `${settings.originOf("bootstrap")} ${JSON.stringify(bootstrap.join(","))}`;
    throw new UsageError(`Cannot use ${what}: ${reasonOf(cause)}`, { cause });
  }
  return bootstrap;
}

async function runEmbedded(shell: Shell, plan: Plan): Promise<number> {
  const isPrinting = plan.settings.isOn("print");
  await using cluster = await EmbeddedCluster.listen({
    autoCreateTopics: true,
    ...(isPrinting ? { versions: { Produce: PRINTABLE_PRODUCE_VERSIONS } } : {}),
  });
  // Whoever read the records has left: no reason to end.
  using _printing = isPrinting ? new RecordPrinter(shell, { isJson: false }).follow(cluster, () => {}) : null;
  return await run(shell, plan, cluster.bootstrap);
}

async function run(shell: Shell, plan: Plan, bootstrap: readonly string[]): Promise<number> {
  const { settings } = plan;
  const isEmbedded = plan.bootstrap === null;
  const bufferMaxBytes = settings.count("buffer-max-bytes", { min: MIN_BUFFER_BYTES, max: Number.MAX_SAFE_INTEGER });
  const clientId = settings.text("client-id");
  const log = new FailureLog(shell);
  const producer = new Producer({
    bootstrap,
    logger: log,
    autoCreateTopics: isEmbedded,
    lingerMs: settings.count("linger-ms", { min: 0, max: MAX_LINGER_MS }) ?? DEFAULT_LINGER_MS,
    batchMaxBytes: settings.batchMaxBytes(),
    ...(clientId === undefined ? {} : { clientId }),
    ...(bufferMaxBytes === undefined ? {} : { bufferMaxBytes }),
  });
  using _failures = log.follow(producer);
  using metrics = prometheus(producer);
  const made = makeGateway(plan, { producer, bufferMaxBytes, log, metrics: () => metrics.text() });
  const ended = Promise.withResolvers<void>();
  using _interruption = new Interruption(shell, {
    drainMs: Infinity,
    onFirst: () => ended.resolve(),
    onTimeout: () => {},
    onSecond: () => {},
  });
  const servers = listen(plan, made);
  const addresses = servers.map(({ addr: { hostname, port } }) => `http://${bracketed(hostname)}:${port}`);
  shell.printError(
    `ekaf: listening on ${addresses.join(" and ")}, over ${
      isEmbedded ? "an embedded Kafka" : bootstrap.join(",")
    }; Ctrl-C ends it\n`,
  );
  await ended.promise;
  shell.printError("ekaf: interrupted: no more requests are taken soon; interrupt again to end at once\n");
  const onClosed = () => Promise.all(servers.map((server) => server.shutdown()));
  const { isFlushed } = await made.drain({ onClosed });
  return await end(shell, { producer, isFlushed, lostCount: log.lostCount });
}

function makeGateway(
  { settings, topics, operationPort, hostname, bootstrap }: Plan,
  { producer, bufferMaxBytes, log, metrics }: {
    producer: Producer;
    bufferMaxBytes: number | undefined;
    log: FailureLog;
    metrics: () => Promise<string>;
  },
): Gateway {
  const hosts = settings.list("hosts") ?? (isLoopback(hostname) ? LOOPBACK_HOSTS : ["*"]);
  const peers = settings.list("hand-off-peers");
  try {
    return createGateway({
      producer,
      metrics,
      topics,
      ...(hosts.includes("*") ? {} : { hosts }),
      ...(peers === undefined ? {} : { handOff: { peers } }),
      origins: settings.list("origins") ?? [],
      trustedProxies: settings.list("trusted-proxies") ?? [],
      nodeName: settings.text("node-name") ?? "ekaf",
      echoPost: settings.isOn("echo-post"),
      requestIdHeader: settings.isOn("request-id-header"),
      page: settings.hasPage(hostname),
      operation: operationPort === undefined,
      routes: {
        async: settings.list("async-paths") ?? [],
        asyncBatch: settings.list("async-batch-paths") ?? [],
        sync: settings.list("sync-paths") ?? [],
        syncBatch: settings.list("sync-batch-paths") ?? [],
      },
      compat: {
        status400: settings.isOn("compat-status-400"),
        formAsKeyed: settings.isOn("compat-form-as-keyed"),
      },
      onError: (failure) => log.note(failure),
      ...(bufferMaxBytes === undefined ? {} : { highWaterBytes: Math.floor(bufferMaxBytes * HIGH_WATER_SHARE) }),
      // There is no balancer that would have to notice.
      ...(bootstrap === null ? { preStopMs: 0 } : {}),
      ...settings.limits(),
    });
  } catch (error) {
    // What was said makes no sense: no fault of the program's.
    if (error instanceof RangeError || error instanceof TypeError) throw new UsageError(settings.retold(error.message));
    throw error;
  }
}

function listen({ hostname, port, operationPort }: Plan, made: Gateway): Deno.HttpServer<Deno.NetAddr>[] {
  const servers = [serve({ hostname, port }, made.fetch)];
  if (operationPort !== undefined) servers.push(serve({ hostname, port: operationPort }, made.fetchOperation));
  return servers;
}

function serve({ hostname, port }: { hostname: string; port: number }, fetch: Gateway["fetch"]) {
  try {
    return Deno.serve({ hostname, port, onListen: () => {} }, fetch);
  } catch (cause) {
    throw new Error(`Cannot listen on ${hostname} port ${port}: ${whyNot(cause)}`, { cause });
  }
}

function whyNot(cause: unknown): string {
  if (cause instanceof Deno.errors.AddrInUse) return "another program listens there; use another --port";
  if (cause instanceof Deno.errors.PermissionDenied) return `${cause.message}; use another --port`;
  return cause instanceof Deno.errors.NotCapable ? cause.message : `${reasonOf(cause)}; use another --host`;
}

/** Ends the producer; tells what Kafka has not got. */
async function end(
  shell: Shell,
  { producer, isFlushed, lostCount }: { producer: Producer; isFlushed: boolean; lostCount: number },
): Promise<number> {
  const left = isFlushed ? [] : await producer.abort();
  if (isFlushed) await producer.close();
  if (left.length > 0) shell.printError(`ekaf: ${left.length} records were accepted and not acknowledged\n`);
  if (lostCount > 0) shell.printError(`ekaf: ${lostCount} records were accepted and lost before\n`);
  return left.length === 0 && lostCount === 0 ? EXIT_OK : EXIT_FAILED;
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
