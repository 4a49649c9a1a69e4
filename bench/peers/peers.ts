/**
 * The clients that ekaf is measured beside, and how each is fetched and started. Nothing of theirs is kept in the
 * repository: it goes into `.work`, which git ignores.
 *
 * @module
 */

import type { Contestant } from "../comparison.ts";
import { shapeContestant } from "../produce.ts";

/** PyPI package whose wheel carries a current librdkafka as a shared library. */
const LIBRDKAFKA_WHEEL = "confluent-kafka==2.16.1";
/** @platformatic/kafka asks for Node 22.19 or later, so Node comes from npm as well. */
const NPM_PACKAGES = ["kafkajs@2.2.4", "@platformatic/kafka@2.12.1", "node@22.23.3"];

const here = new URL("./", import.meta.url).pathname;
const work = `${here}.work`;

/** Where what npm fetches lies. */
export const peersFolder = work;

/** What every client is told. */
export interface PeerFlags {
  /** Topic to produce to. */
  topic: string;
  /** Seconds the clock runs. */
  seconds: number;
  /** Seconds before it starts. */
  warmup: number;
  /** Length of a value. */
  valueBytes: number;
  /** `all` (with idempotence), `1` or `0`. */
  acks: string;
  /** Linger time; -1 for 5 with librdkafka and "auto" with ekaf. */
  lingerMs: number;
}

type PeerFactory = (flags: PeerFlags) => Contestant | Promise<Contestant>;

const factories: Record<string, PeerFactory> = {
  "ekaf": (flags) => ekaf("writable-arrays", flags),
  "ekaf-write": (flags) => ekaf("write", flags),
  "ekaf-delivery": (flags) => ekaf("delivery-arrays", flags),
  "ekaf-send": (flags) => ekaf("send-arrays", flags),
  "librdkafka": (flags) => librdkafka("each", flags),
  "librdkafka-batch": (flags) => librdkafka("batch", flags),
  "kafkajs": (flags) => javascript("kafkajs", "arrays", flags),
  "platformatic": (flags) => javascript("platformatic", "arrays", flags),
  "kafkajs-each": (flags) => javascript("kafkajs", "each", flags),
  "platformatic-each": (flags) => javascript("platformatic", "each", flags),
};

/** Names to choose from. */
export const peerNames: readonly string[] = Object.keys(factories);

/**
 * Fetches and builds what the named peers need, once.
 *
 * @throws {RangeError} If there is no such peer.
 * @throws {Error} If a tool is missing or fails; its output goes to stderr.
 */
export async function peerContestants(names: readonly string[], flags: PeerFlags): Promise<Contestant[]> {
  await Deno.mkdir(work, { recursive: true });
  const contestants: Contestant[] = [];
  for (const name of names) {
    const factory = factories[name];
    if (factory === undefined) throw new RangeError(`Cannot run the peer "${name}": only ${peerNames.join(", ")}`);
    contestants.push({ ...await factory(flags), name });
  }
  return contestants;
}

function ekaf(shape: string, flags: PeerFlags): Contestant {
  const options = flags.lingerMs >= 0 ? JSON.stringify({ lingerMs: flags.lingerMs }) : "{}";
  return shapeContestant(shape, { ...flags, values: "bytes", options });
}

async function librdkafka(mode: string, flags: PeerFlags): Promise<Contestant> {
  const { topic, seconds, warmup, valueBytes, acks } = flags;
  const settings = [
    `linger.ms=${flags.lingerMs < 0 ? 5 : flags.lingerMs}`,
    "batch.size=1000000",
    "batch.num.messages=100000",
    `enable.idempotence=${acks === "all"}`,
  ];
  return {
    name: "librdkafka",
    command: await buildLibrdkafkaPeer(),
    args: (bootstrap) => [bootstrap, topic, `${seconds}`, `${warmup}`, `${valueBytes}`, acks, mode, ...settings],
  };
}

async function javascript(library: string, mode: string, flags: PeerFlags): Promise<Contestant> {
  const { topic, seconds, warmup, valueBytes, acks } = flags;
  await installNpmPackages();
  return {
    name: library,
    command: `${work}/node_modules/.bin/node`,
    args: (bootstrap) => [
      `${here}javascript.mjs`,
      ...[library, bootstrap, topic, `${seconds}`, `${warmup}`, `${valueBytes}`, acks, mode],
    ],
    cwd: work,
  };
}

/** Links `librdkafka.c` to the wheel's library, or to the system's where there is no pip. */
async function buildLibrdkafkaPeer(): Promise<string> {
  const wheel = `${work}/${LIBRDKAFKA_WHEEL.replace("==", "-")}`;
  const library = await findLibrdkafka(wheel) ?? await fetchLibrdkafka(wheel);
  const program = `${work}/librdkafka`;
  const linkage = library === null
    ? ["-lrdkafka"]
    : [library, `-Wl,-rpath,${library.slice(0, library.lastIndexOf("/"))}`];
  // The header is the system's (Debian: librdkafka-dev); the functions used here are the same since 1.0.
  await runTool("gcc", ["-O2", `${here}librdkafka.c`, "-o", program, ...linkage]);
  return program;
}

async function fetchLibrdkafka(wheel: string): Promise<string | null> {
  try {
    await runTool("python3", ["-m", "pip", "install", "--quiet", "--no-deps", "--target", wheel, LIBRDKAFKA_WHEEL]);
  } catch {
    return null; // The version is printed with the figures, so a fallback cannot go unnoticed.
  }
  return await findLibrdkafka(wheel);
}

async function findLibrdkafka(wheel: string): Promise<string | null> {
  try {
    for await (const { name } of Deno.readDir(`${wheel}/confluent_kafka.libs`)) {
      if (name.startsWith("librdkafka")) return `${wheel}/confluent_kafka.libs/${name}`;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return null;
}

/** Fetches the clients that come from npm, and Node, once. */
export async function installNpmPackages(): Promise<void> {
  const manifest = JSON.stringify({ private: true, dependencies: Object.fromEntries(NPM_PACKAGES.map(splitVersion)) });
  const path = `${work}/package.json`;
  await Deno.mkdir(work, { recursive: true });
  const present = await Deno.readTextFile(path).catch(() => "");
  if (present === manifest) return;
  await Deno.writeTextFile(`${work}/.npmrc`, "fund=false\naudit=false\n");
  await Deno.writeTextFile(path, manifest);
  try {
    await runTool("npm", ["install", "--silent"], work);
  } catch (error) {
    await Deno.remove(path); // Otherwise the next run would take the packages to be there.
    throw error;
  }
}

function splitVersion(specifier: string): [string, string] {
  const at = specifier.lastIndexOf("@");
  return [specifier.slice(0, at), specifier.slice(at + 1)];
}

async function runTool(command: string, args: string[], cwd?: string): Promise<void> {
  const { success } = await new Deno.Command(command, {
    args,
    ...cwd !== undefined && { cwd },
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot run "${command} ${args.join(" ")}": it failed`);
}
