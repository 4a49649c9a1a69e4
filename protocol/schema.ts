/**
 * The shape of the tables in `messages/`: Kafka's own message definitions as data, with the types of the messages
 * inferred from them.
 *
 * Names, version ranges and the rest are Kafka's (`nullableVersions` and `flexibleVersions` shortened to `nullable` and
 * `flexible`, names starting in lower case), so that `.ci/schema_diff.ts` can compare every table with the definition it
 * mirrors.
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/README.md}
 * @module
 */

/** Types of a field that are not made of other fields. */
export type Primitive =
  | "bool"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "string"
  | "uuid"
  | "bytes"
  | "records";

/** Versions of a message: `"3+"`, `"0-8"`, `"4"` or `"none"`. */
export type Versions = string;

/** A value a field may have by default. */
export type DefaultValue = boolean | number | bigint | string | null;

/** What every field has. */
export interface FieldBase {
  /** Kafka's name of it, starting in lower case. */
  readonly name: string;
  /** Versions that have it, `"0+"` if left out. */
  readonly versions?: Versions;
  /** Versions in which it may be null, none if left out. */
  readonly nullable?: Versions;
  /** Its tag where it is a tagged field. */
  readonly tag?: number;
  /** Versions in which it is a tagged field. */
  readonly taggedVersions?: Versions;
  /** Its value when left out or in a version without it; else the type's zero: `0`, `""`, `[]`, `false`. */
  readonly default?: DefaultValue;
  /** Whether a value may be dropped silently when the version has no such field. */
  readonly ignorable?: true;
  /** Whether it is the key by which Kafka keeps the array as a map. Nothing on the wire. */
  readonly mapKey?: true;
  /** `"none"`: written in the old way in flexible versions too. */
  readonly flexible?: "none";
}

/** A field of a primitive type, or an array of these. */
export interface PrimitiveField extends FieldBase {
  /** E.g. `"int32"` or `"[]int32"`. */
  readonly type: Primitive | `[]${Primitive}`;
  /** Never: primitives have none. */
  readonly fields?: never;
}

/** A field made of other fields, or an array of these. */
export interface StructField extends FieldBase {
  /** Kafka's name of the structure, e.g. `"LeaderIdAndEpoch"` or `"[]TopicProduceData"`. */
  readonly type: string;
  /** What it is made of. */
  readonly fields: readonly Field[];
}

/** One row of a table. */
export type Field = PrimitiveField | StructField;

/** A request, a response or a header. */
export interface MessageSchema {
  /** Kafka's name of it, e.g. `"ProduceRequest"`. */
  readonly name: string;
  /** Number of the api; headers have none. */
  readonly apiKey?: number;
  /** Versions spoken here. */
  readonly versions: Versions;
  /** Versions with compact lengths and tagged fields (KIP-482). */
  readonly flexible: Versions;
  /** What it is made of, in wire order. */
  readonly fields: readonly Field[];
}

/** What stands for each primitive type. */
export interface PrimitiveValues {
  /** True or false. */
  bool: boolean;
  /** -128 to 127. */
  int8: number;
  /** -32768 to 32767. */
  int16: number;
  /** -2147483648 to 2147483647. */
  int32: number;
  /** All of 64 bits. */
  int64: bigint;
  /** At most 32767 bytes of UTF-8. */
  string: string;
  /** 22 characters of base64url, as Kafka prints ids. */
  uuid: string;
  /** Any bytes. */
  bytes: Uint8Array;
  /** Record batches, one after the other. */
  records: Uint8Array;
}

/** The value of one field. */
export type FieldValue<F extends Field> =
  | (F extends { type: `[]${infer T}` }
    ? F extends { fields: infer Fs extends readonly Field[] } ? readonly StructValue<Fs>[]
    : T extends Primitive ? readonly PrimitiveValues[T][]
    : never
    : F extends { fields: infer Fs extends readonly Field[] } ? StructValue<Fs>
    : F extends { type: infer T extends Primitive } ? PrimitiveValues[T]
    : never)
  | (F extends { nullable: string } ? null : F extends { type: "records" } ? null : never);

/** The value of several fields. */
export type StructValue<Fs extends readonly Field[]> = { [F in Fs[number] as F["name"]]: FieldValue<F> };

/** A decoded message: every field of the table, those its version lacks with their defaults. */
export type Body<M extends MessageSchema> = StructValue<M["fields"]>;

/** The value of one field to encode. */
export type FieldInput<F extends Field> =
  | (F extends { fields: infer Fs extends readonly Field[] }
    ? F extends { type: `[]${string}` } ? readonly StructInput<Fs>[] : StructInput<Fs>
    : FieldValue<F>)
  | (F extends { nullable: string } ? null : never);

/** Whether a field may be left out of what is encoded: it has a default, or some version lacks it. */
export type IsOptional<F extends Field> = F extends { default: DefaultValue } | { tag: number } | { versions: string }
  ? true
  : false;

/** The value of several fields to encode. */
export type StructInput<Fs extends readonly Field[]> =
  & { readonly [F in Fs[number] as IsOptional<F> extends true ? never : F["name"]]: FieldInput<F> }
  & { readonly [F in Fs[number] as IsOptional<F> extends true ? F["name"] : never]?: FieldInput<F> | undefined };

/** A message to encode: what may be left out has its default then. */
export type Input<M extends MessageSchema> = StructInput<M["fields"]>;

/** First and last version of a range, both included. */
export interface VersionRange {
  /** First version. */
  readonly min: number;
  /** Last version; `Infinity` if open. */
  readonly max: number;
}

/**
 * Reads Kafka's notation of versions.
 *
 * @param versions `"3+"`, `"0-8"`, `"4"` or `"none"` (an empty range).
 * @returns The range.
 * @throws {RangeError} On anything else.
 */
export function parseVersions(versions: Versions): VersionRange {
  if (versions === "none") return { min: 0, max: -1 };
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(versions);
  if (match === null) throw new RangeError(`Cannot read a version range: ${JSON.stringify(versions)} is none`);
  const min = Number(match[1]);
  const max = match[2] !== undefined ? Infinity : Number(match[3] ?? min);
  return { min, max };
}

/**
 * Whether a range has a version.
 *
 * @param versions The range, in Kafka's notation.
 * @param version The version.
 * @returns Whether it is in the range.
 */
export function hasVersion(versions: Versions, version: number): boolean {
  const { min, max } = parseVersions(versions);
  return version >= min && version <= max;
}
