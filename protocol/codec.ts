/**
 * Makes an encoder and a decoder of a table, for one version of its message.
 *
 * Hot path: `bench/codec_bench.ts`.
 *
 * @module
 */

import type { ByteReader } from "./byte_reader.ts";
import { ByteWriter } from "./byte_writer.ts";
import { type Body, type Field, hasVersion, type Input, type MessageSchema, type Primitive } from "./schema.ts";
import { ZERO_UUID } from "./uuid.ts";
import { arrayCodec, primitiveCodec, type ValueCodec } from "./value_codec.ts";

/** Writes and reads one version of a message. */
export interface Codec<M extends MessageSchema> {
  /**
   * Writes a message.
   *
   * @param body Its fields. What may be left out has its default then.
   * @param writer Where to.
   * @throws {TypeError} If a field the version lacks has a value other than its default and may not be ignored.
   */
  encode(body: Input<M>, writer: ByteWriter): void;
  /**
   * Reads a message. Unknown tagged fields are skipped; bytes behind the message are left to the caller.
   *
   * @param reader Where from.
   * @returns Every field of the table: those the version lacks have their defaults.
   * @throws {ProtocolError} If the bytes are no such message.
   */
  decode(reader: ByteReader): Body<M>;
}

/** A message while nobody knows its type. */
type Struct = Record<string, unknown>;

/** A field with what its version makes of it. */
interface CompiledField {
  name: string;
  codec: ValueCodec;
  /** What it is when left out. Structures get a fresh one each. */
  makeDefault: () => unknown;
  isDefault: (value: unknown) => boolean;
}

interface TaggedField extends CompiledField {
  tag: number;
}

/** What stays the same throughout one compilation. */
interface Target {
  message: string;
  version: number;
  isFlexible: boolean;
}

const codecs = new WeakMap<MessageSchema, (Codec<MessageSchema> | undefined)[]>();

/**
 * The codec of one version of a message. Made once, then kept.
 *
 * @param schema The table. It must not change afterwards.
 * @param version The version.
 * @returns Its codec.
 * @throws {RangeError} If the table does not have the version.
 */
export function compile<M extends MessageSchema>(schema: M, version: number): Codec<M> {
  let versions = codecs.get(schema);
  if (versions === undefined) codecs.set(schema, versions = []);
  return (versions[version] ??= compileMessage(schema, version)) as unknown as Codec<M>;
}

function compileMessage(schema: MessageSchema, version: number): Codec<MessageSchema> {
  if (!Number.isInteger(version) || !hasVersion(schema.versions, version)) {
    throw new RangeError(`Cannot encode or decode ${schema.name} v${version}: versions ${schema.versions} are known`);
  }
  const target = { message: schema.name, version, isFlexible: hasVersion(schema.flexible, version) };
  const struct = compileStruct(schema.fields, target);
  return {
    encode: (body, writer) => struct.write(writer, body),
    decode: (reader) => struct.read(reader) as Body<MessageSchema>,
  };
}

function compileStruct(fields: readonly Field[], target: Target): ValueCodec {
  const present: CompiledField[] = [];
  const tagged: TaggedField[] = [];
  const refused: CompiledField[] = [];
  const template: Struct = {};
  const structs: CompiledField[] = [];
  for (const field of fields) {
    const compiled = compileField(field, target);
    const tag = tagOf(field, target);
    const isPresent = hasVersion(field.versions ?? "0+", target.version);
    if (isPresent && tag === undefined) present.push(compiled);
    else if (isPresent && tag !== undefined) tagged.push({ ...compiled, tag });
    else if (!field.ignorable) refused.push(compiled);
    template[field.name] = compiled.makeDefault();
    // Only structures can be changed by whoever gets them; they are not shared between messages.
    if (isStruct(field) && (!isPresent || tag !== undefined)) structs.push(compiled);
  }
  tagged.sort((a, b) => a.tag - b.tag);
  const tags = target.isFlexible ? compileTags(tagged) : undefined;
  const minBytes = present.reduce((sum, field) => sum + field.codec.minBytes, target.isFlexible ? 1 : 0);
  return {
    write: structWriter({ present, refused, tags, target }),
    read: structReader({ present, structs, template, tags }),
    minBytes,
  };
}

function structWriter(
  { present, refused, tags, target }: {
    present: CompiledField[];
    refused: CompiledField[];
    tags: TagsCodec | undefined;
    target: Target;
  },
): ValueCodec["write"] {
  const names = present.map((field) => field.name);
  const writes = present.map((field) => field.codec.write);
  return (writer, value) => {
    const struct = value as Struct;
    for (let index = 0; index < refused.length; index++) refuse(struct, refused[index]!, target);
    for (let index = 0; index < names.length; index++) {
      const fieldValue = struct[names[index]!];
      writes[index]!(writer, fieldValue === undefined ? present[index]!.makeDefault() : fieldValue);
    }
    tags?.write(writer, struct);
  };
}

/** A version that cannot say something is refused, rather than the something dropped. */
function refuse(struct: Struct, { name, isDefault }: CompiledField, { message, version }: Target): void {
  const value = struct[name];
  if (value === undefined || isDefault(value)) return;
  throw new TypeError(`Cannot encode ${message} v${version}: this version has no field "${name}"`);
}

function structReader(
  { present, structs, template, tags }: {
    present: CompiledField[];
    structs: CompiledField[];
    template: Struct;
    tags: TagsCodec | undefined;
  },
): ValueCodec["read"] {
  const names = present.map((field) => field.name);
  const reads = present.map((field) => field.codec.read);
  return (reader) => {
    const struct = { ...template };
    for (let index = 0; index < names.length; index++) struct[names[index]!] = reads[index]!(reader);
    for (let index = 0; index < structs.length; index++) struct[structs[index]!.name] = structs[index]!.makeDefault();
    tags?.read(reader, struct);
    return struct;
  };
}

/** The section of tagged fields that ends every structure of a flexible version (KIP-482). */
interface TagsCodec {
  write(writer: ByteWriter, struct: Struct): void;
  read(reader: ByteReader, struct: Struct): void;
}

function compileTags(fields: readonly TaggedField[]): TagsCodec {
  return {
    write(writer, struct) {
      const set = fields.filter(({ name, isDefault }) => struct[name] !== undefined && !isDefault(struct[name]));
      writer.writeUnsignedVarint(set.length);
      for (const { tag, codec, name } of set) {
        const value = new ByteWriter();
        codec.write(value, struct[name]);
        writer.writeUnsignedVarint(tag);
        writer.writeUnsignedVarint(value.byteLength);
        writer.writeBytes(value.toBytes());
      }
    },
    read(reader, struct) {
      // A tagged field takes two bytes at least: its tag and its size.
      const count = reader.checkCount(reader.readUnsignedVarint(), 2);
      for (let index = 0; index < count; index++) readTagged(reader, struct, fields);
    },
  };
}

function readTagged(reader: ByteReader, struct: Struct, fields: readonly TaggedField[]): void {
  const tag = reader.readUnsignedVarint();
  const size = reader.readUnsignedVarint();
  const start = reader.offset;
  const field = fields.find((candidate) => candidate.tag === tag);
  if (field === undefined) return reader.skip(size);
  struct[field.name] = field.codec.read(reader);
  const read = reader.offset - start;
  if (read !== size) throw reader.error(`tagged field "${field.name}" has ${read} bytes and claims ${size}`, start);
}

function compileField(field: Field, target: Target): CompiledField {
  const form = {
    isCompact: target.isFlexible && field.flexible !== "none",
    isNullable: field.nullable !== undefined && hasVersion(field.nullable, target.version),
  };
  const isArray = field.type.startsWith("[]");
  const elementType = (isArray ? field.type.slice(2) : field.type) as Primitive;
  const element = field.fields !== undefined
    ? compileStruct(field.fields, target)
    : primitiveCodec(elementType, isArray ? { ...form, isNullable: false } : form);
  const codec = isArray ? arrayCodec(element, form) : element;
  return { name: field.name, codec, ...compileDefault(field) };
}

/** Tag of a field, undefined where it is written in its place. */
function tagOf(field: Field, target: Target): number | undefined {
  if (field.tag === undefined || !hasVersion(field.taggedVersions ?? "none", target.version)) return undefined;
  return field.tag;
}

function isStruct(field: Field): boolean {
  return field.fields !== undefined && !field.type.startsWith("[]");
}

const EMPTY_ARRAY: readonly never[] = Object.freeze([]);
const EMPTY_BYTES = new Uint8Array(0);

const zeros: Record<Primitive, unknown> = {
  bool: false,
  int8: 0,
  int16: 0,
  int32: 0,
  int64: 0n,
  string: "",
  uuid: ZERO_UUID,
  bytes: EMPTY_BYTES,
  records: null,
};

function compileDefault(field: Field): Pick<CompiledField, "makeDefault" | "isDefault"> {
  if (isStruct(field)) return structDefault(field.fields!);
  const isArray = field.type.startsWith("[]");
  const value = field.default !== undefined ? field.default : isArray ? EMPTY_ARRAY : zeros[field.type as Primitive];
  const isEmptyByDefault = value === EMPTY_ARRAY || value === EMPTY_BYTES;
  return {
    makeDefault: () => value,
    isDefault: isEmptyByDefault
      ? (given) => given !== null && (given as { length: number }).length === 0
      : (given) => given === value,
  };
}

/** A structure is what its fields are; left out, each has its own default. */
function structDefault(fields: readonly Field[]): Pick<CompiledField, "makeDefault" | "isDefault"> {
  const defaults = fields.map((field) => ({ name: field.name, ...compileDefault(field) }));
  return {
    makeDefault: () => Object.fromEntries(defaults.map(({ name, makeDefault }) => [name, makeDefault()])),
    isDefault: (given) =>
      defaults.every(({ name, isDefault }) => {
        const value = (given as Struct)[name];
        return value === undefined || isDefault(value);
      }),
  };
}
