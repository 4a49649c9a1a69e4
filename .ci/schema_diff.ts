/**
 * Compares the tables of `protocol/` with Kafka's own: every message with its definition inside the `kafka-clients` jar,
 * every error code with the enum in it. Prints a line a difference and exits with 1; prints nothing when there is none.
 *
 *     deno task schema:diff
 *
 * The jars come from Maven Central and stay in `test/kafka/.jars`.
 *
 * @module
 */

// deno-lint-ignore-file no-console

import { errorCodes } from "../protocol/error_codes.ts";
import * as messages from "../protocol/messages/mod.ts";
import { type Field, type MessageSchema, parseVersions, type VersionRange } from "../protocol/schema.ts";
import { readZipEntry } from "./zip_entry.ts";

/** The Kafka release the tables mirror. */
const KAFKA_VERSION = "4.3.1";
/** The last release that speaks the versions that Kafka 4 has dropped (KIP-896). */
const OLD_KAFKA_VERSION = "3.9.1";
const SLF4J_VERSION = "1.7.36";

/** A field of a definition of Kafka's. */
export interface KafkaField {
  /** Its name, starting in upper case. */
  name: string;
  /** Its type, e.g. `"int32"` or `"[]TopicProduceData"`. */
  type: string;
  /** Versions that have it. */
  versions: string;
  /** Fields it is made of. */
  fields?: KafkaField[];
  /** Versions, defaults and marks. */
  [attribute: string]: unknown;
}

/** A definition of Kafka's. */
export interface KafkaMessage {
  /** Its name. */
  name: string;
  /** Number of the call. */
  apiKey?: number;
  /** Versions Kafka speaks. */
  validVersions: string;
  /** Versions with compact lengths and tagged fields. */
  flexibleVersions: string;
  /** Whether clients should not use the last version yet. */
  latestVersionUnstable?: boolean;
  /** Fields it is made of. */
  fields: KafkaField[];
  /** Structures that several fields share. */
  commonStructs?: { name: string; fields: KafkaField[] }[];
}

/** A row of Kafka's enum of error codes. */
export interface KafkaErrorCode {
  /** Number on the wire. */
  code: number;
  /** Name. */
  name: string;
  /** Whether its exception is retriable. */
  retriable: boolean;
  /** Whether its exception says that metadata is out of date. */
  invalidMetadata: boolean;
}

/** Attributes of Kafka's fields that neither change a byte nor a value. */
const SILENT_ATTRIBUTES = ["about", "entityType", "zeroCopy"];

/**
 * Compares a table with the definition it mirrors. Fields of versions that are not spoken here may be missing.
 *
 * @param schema The table.
 * @param definition The definition.
 * @returns A line a difference.
 */
export function diffMessage(schema: MessageSchema, definition: KafkaMessage): string[] {
  const ours = parseVersions(schema.versions);
  const theirs = parseVersions(definition.validVersions);
  const differences = [
    ...diffValue(`${schema.name} name`, schema.name, definition.name),
    ...diffValue(`${schema.name} apiKey`, schema.apiKey, definition.apiKey),
    ...diffValue(`${schema.name} flexible`, schema.flexible, definition.flexibleVersions),
  ];
  const last = definition.latestVersionUnstable === true ? theirs.max - 1 : theirs.max;
  if (ours.min < theirs.min || ours.max > last) {
    differences.push(`${schema.name} versions: here ${schema.versions}, in Kafka ${theirs.min}-${last} are stable`);
  }
  const commonStructs = new Map(definition.commonStructs?.map(({ name, fields }) => [name, fields]));
  const context = { path: schema.name, spoken: ours, commonStructs };
  return [...differences, ...diffFields(schema.fields, definition.fields, context)];
}

/**
 * Compares the versions of a table that Kafka has dropped with the definition of a release that still had them.
 *
 * @param schema The table.
 * @param definition Kafka's definition.
 * @param older That of the earlier release.
 * @returns The table and the definition to compare for the versions that Kafka still has; and a line a difference for
 * the others.
 */
export function splitByRelease(
  schema: MessageSchema,
  definition: KafkaMessage,
  older: KafkaMessage,
): { current: MessageSchema; differences: string[] } {
  const ours = parseVersions(schema.versions);
  const firstKept = parseVersions(definition.validVersions).min;
  if (ours.min >= firstKept) return { current: schema, differences: [] };
  const dropped = { min: ours.min, max: firstKept - 1 };
  const kept = { min: firstKept, max: ours.max };
  const current = { ...schema, versions: `${kept.min}-${kept.max}`, fields: fieldsOf(schema.fields, kept) };
  const old = { ...schema, versions: `${dropped.min}-${dropped.max}`, fields: clipFields(schema.fields, dropped) };
  return {
    current,
    differences: diffMessage(old, {
      ...older,
      fields: clipFields(older.fields, dropped),
      commonStructs: older.commonStructs?.map(({ name, fields }) => ({ name, fields: clipFields(fields, dropped) })),
    } as KafkaMessage),
  };
}

/** The fields that some version of a range has. */
function fieldsOf(fields: readonly Field[], range: VersionRange): Field[] {
  return fields.filter((field) => meets(field.versions, range)).map((field) => {
    return field.fields === undefined ? field : { ...field, fields: fieldsOf(field.fields, range) };
  });
}

/** The fields that some version of a range has, with nothing said of other versions. */
function clipFields<F extends Field | KafkaField>(fields: readonly F[], range: VersionRange): F[] {
  return fields.filter(({ versions }) => meets(versions, range)).map((field) => {
    const clipped: Record<string, unknown> = { ...field };
    for (const name of ["versions", "nullable", "nullableVersions", "taggedVersions"]) {
      const versions = clipped[name] as string | undefined ?? (name === "versions" ? "0+" : undefined);
      delete clipped[name];
      if (meets(versions ?? "none", range)) clipped[name] = clip(versions!, range);
    }
    if (clipped.taggedVersions === undefined) delete clipped.tag;
    delete clipped.ignorable; // Whether another version drops a value is of no concern here.
    if (field.fields !== undefined) clipped.fields = clipFields(field.fields, range);
    return clipped as unknown as F;
  });
}

function meets(versions: string | undefined, range: VersionRange): boolean {
  const { min, max } = parseVersions(versions ?? "0+");
  return min <= range.max && max >= range.min;
}

function clip(versions: string, range: VersionRange): string {
  const { min, max } = parseVersions(versions);
  return `${Math.max(min, range.min)}-${Math.min(max, range.max)}`;
}

/**
 * Compares the table of error codes with Kafka's.
 *
 * @param theirs Kafka's rows.
 * @returns A line a difference.
 */
export function diffErrorCodes(theirs: readonly KafkaErrorCode[]): string[] {
  const ours = new Map(errorCodes.map((row) => [row.code, row]));
  const differences = theirs.flatMap(({ code, name, retriable, invalidMetadata }) => {
    const row = ours.get(code);
    if (row === undefined) return [`error code ${code}: missing here, in Kafka ${name}`];
    return [
      ...diffValue(`error code ${code} name`, row.name, name),
      ...diffValue(`error code ${code} retriable`, row.retriable, retriable),
      // Some codes say more about leaders to a producer than to Kafka's Java client; none may say less.
      ...(invalidMetadata ? diffValue(`error code ${code} refreshMetadata`, row.refreshMetadata, true) : []),
    ];
  });
  const known = new Set(theirs.map(({ code }) => code));
  const invented = errorCodes.filter(({ code }) => !known.has(code));
  return [...differences, ...invented.map(({ code, name }) => `error code ${code}: here ${name}, missing in Kafka`)];
}

interface DiffContext {
  path: string;
  spoken: VersionRange;
  commonStructs: ReadonlyMap<string, KafkaField[]>;
}

function diffFields(ours: readonly Field[], theirs: readonly KafkaField[], context: DiffContext): string[] {
  const { path, spoken } = context;
  const relevant = theirs.filter(({ versions }) => {
    const { min, max } = parseVersions(versions);
    return min <= spoken.max && max >= spoken.min;
  });
  const ourNames = ours.map(({ name }) => name);
  const theirNames = relevant.map(({ name }) => lowerFirst(name));
  if (ourNames.join() !== theirNames.join()) return [`${path} fields: here ${ourNames}, in Kafka ${theirNames}`];
  return ours.flatMap((field, index) =>
    diffField(field, relevant[index]!, { ...context, path: `${path}.${field.name}` })
  );
}

function diffField(ours: Field, theirs: KafkaField, context: DiffContext): string[] {
  const { path, commonStructs } = context;
  const { name: _name, type, versions, fields, nullableVersions, flexibleVersions, ...rest } = theirs;
  const mine: Record<string, unknown> = {
    tag: ours.tag,
    taggedVersions: ours.taggedVersions,
    default: ours.default,
    ignorable: ours.ignorable,
    mapKey: ours.mapKey,
  };
  const differences = [
    ...diffValue(`${path} type`, ours.type, type),
    ...diffValue(`${path} versions`, ours.versions ?? "0+", versions),
    ...diffValue(`${path} nullable`, ours.nullable, nullableVersions),
    ...diffValue(`${path} flexible`, ours.flexible, flexibleVersions),
    ...Object.keys({ ...mine, ...rest }).filter((key) => !SILENT_ATTRIBUTES.includes(key))
      .flatMap((key) => diffValue(`${path} ${key}`, mine[key], normalize(key, theirs))),
  ];
  const theirFields = fields ?? commonStructs.get(type.replace("[]", "")) ?? [];
  return [...differences, ...diffFields(ours.fields ?? [], theirFields, context)];
}

/** Kafka writes defaults as text and spells out what is the case anyway; brings both to the form of our tables. */
function normalize(key: string, field: KafkaField): unknown {
  const value = field[key];
  if (value === undefined) return undefined;
  if (key === "ignorable" || key === "mapKey") return value === true ? true : undefined;
  if (key !== "default") return value;
  if (value === "null") return null;
  if (field.type === "bool") return String(value) === "true";
  if (field.type === "int64") return BigInt(String(value));
  return field.type.startsWith("int") ? Number(value) : value;
}

function diffValue(what: string, ours: unknown, theirs: unknown): string[] {
  return ours === theirs ? [] : [`${what}: here ${show(ours)}, in Kafka ${show(theirs)}`];
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** Kafka's definitions are JSON with comments on lines of their own. */
function parseDefinition(bytes: Uint8Array): KafkaMessage {
  const lines = new TextDecoder().decode(bytes).split("\n");
  return JSON.parse(lines.filter((line) => !line.trimStart().startsWith("//")).join("\n"));
}

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, stdout: "piped", stderr: "piped" })
    .output();
  if (success) return new TextDecoder().decode(stdout);
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr); // Maven complains on the former
  throw new Error(`Cannot run ${command} ${args.join(" ")}: ${output}`);
}

async function fetchJar(artifact: string, directory: string): Promise<string> {
  const [, name, version] = artifact.split(":");
  const path = `${directory}/${name}-${version}.jar`;
  const isPresent = await Deno.stat(path).then(() => true, () => false);
  if (!isPresent) {
    await run("mvn", ["-q", "-B", "dependency:copy", `-Dartifact=${artifact}`, `-DoutputDirectory=${directory}`]);
  }
  return path;
}

async function readErrorCodes(classPath: string[], root: string): Promise<KafkaErrorCode[]> {
  const output = await run("java", ["-cp", classPath.join(":"), `${root}/.ci/ErrorCodes.java`]);
  return output.trim().split("\n").map((line) => {
    const [code, name, retriable, invalidMetadata] = line.split(" ");
    return {
      code: Number(code),
      name: name!,
      retriable: retriable === "true",
      invalidMetadata: invalidMetadata === "true",
    };
  });
}

async function main(): Promise<number> {
  const root = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
  const directory = `${root}/test/kafka/.jars`;
  const jar = await fetchJar(`org.apache.kafka:kafka-clients:${KAFKA_VERSION}`, directory);
  const logging = await fetchJar(`org.slf4j:slf4j-api:${SLF4J_VERSION}`, directory);
  const bytes = await Deno.readFile(jar);
  const oldBytes = await Deno.readFile(
    await fetchJar(`org.apache.kafka:kafka-clients:${OLD_KAFKA_VERSION}`, directory),
  );
  const differences: string[] = [];
  for (const schema of Object.values(messages)) {
    const path = `common/message/${schema.name}.json`;
    const definition = parseDefinition(await readZipEntry(bytes, path));
    const older = parseDefinition(await readZipEntry(oldBytes, path));
    const split = splitByRelease(schema, definition, older);
    differences.push(...split.differences, ...diffMessage(split.current, definition));
  }
  differences.push(...diffErrorCodes(await readErrorCodes([jar, logging], root)));
  for (const difference of differences) console.log(difference);
  return differences.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
