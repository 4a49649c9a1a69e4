/**
 * How each type of the tables stands on the wire: plain, compact (KIP-482), nullable or not.
 *
 * @see {@link https://kafka.apache.org/protocol#protocol_types}
 * @see {@link https://cwiki.apache.org/confluence/display/KAFKA/KIP-482%3A+The+Kafka+Protocol+should+Support+Optional+Tagged+Fields}
 * @module
 */

import type { ByteReader } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import type { Primitive } from "./schema.ts";
import { readUuid, writeUuid } from "./uuid.ts";

/** Writes and reads values of one type. */
export interface ValueCodec {
  /** Writes a value. */
  write(writer: ByteWriter, value: unknown): void;
  /** Reads a value. */
  read(reader: ByteReader): unknown;
  /** The least bytes a value takes. */
  readonly minBytes: number;
}

/** How a value stands on the wire. */
export interface ValueForm {
  /** Whether lengths are compact. */
  isCompact: boolean;
  /** Whether null is a value. */
  isNullable: boolean;
}

const MAX_STRING_BYTES = 32_767;

/** Types of a fixed size look the same in every form. */
const fixed: Partial<Record<Primitive, ValueCodec>> = {
  bool: { write: (w, v) => w.writeBoolean(v as boolean), read: (r) => r.readBoolean(), minBytes: 1 },
  int8: { write: (w, v) => w.writeInt8(v as number), read: (r) => r.readInt8(), minBytes: 1 },
  int16: { write: (w, v) => w.writeInt16(v as number), read: (r) => r.readInt16(), minBytes: 2 },
  int32: { write: (w, v) => w.writeInt32(v as number), read: (r) => r.readInt32(), minBytes: 4 },
  int64: { write: (w, v) => w.writeInt64(v as bigint), read: (r) => r.readInt64(), minBytes: 8 },
  uuid: { write: (w, v) => writeUuid(w, v as string), read: readUuid, minBytes: 16 },
};

/**
 * The codec of a primitive type.
 *
 * @param type The type.
 * @param form How its values stand on the wire.
 * @returns Its codec.
 */
export function primitiveCodec(type: Primitive, form: ValueForm): ValueCodec {
  const codec = fixed[type];
  if (codec !== undefined) return codec;
  return type === "string" ? stringCodec(form) : bytesCodec(type, form);
}

/**
 * The codec of an array.
 *
 * @param element The codec of its elements.
 * @param form How it stands on the wire.
 * @returns Its codec.
 */
export function arrayCodec(element: ValueCodec, form: ValueForm): ValueCodec {
  const { isCompact } = form;
  return {
    write(writer, value) {
      if (value === null) return writeNull(writer, form, "an array", 4);
      const elements = value as readonly unknown[];
      if (isCompact) writer.writeUnsignedVarint(elements.length + 1);
      else writer.writeInt32(elements.length);
      for (let index = 0; index < elements.length; index++) element.write(writer, elements[index]);
    },
    read(reader) {
      const count = isCompact ? reader.readUnsignedVarint() - 1 : reader.readInt32();
      if (count === -1) return readNull(reader, form, "an array");
      reader.checkCount(count, element.minBytes);
      const elements: unknown[] = [];
      for (let index = 0; index < count; index++) elements.push(element.read(reader));
      return elements;
    },
    minBytes: isCompact ? 1 : 4,
  };
}

function stringCodec(form: ValueForm): ValueCodec {
  const { isCompact } = form;
  return {
    write(writer, value) {
      if (value === null) return writeNull(writer, form, "a string", 2);
      writer.writeString(value as string, isCompact);
    },
    read(reader) {
      const length = isCompact ? reader.readUnsignedVarint() - 1 : reader.readInt16();
      if (length === -1) return readNull(reader, form, "a string");
      if (length > MAX_STRING_BYTES) {
        throw reader.error(`a string has ${length} bytes, ${MAX_STRING_BYTES} are allowed`);
      }
      return reader.readUtf8(length);
    },
    minBytes: isCompact ? 1 : 2,
  };
}

function bytesCodec(type: Primitive, form: ValueForm): ValueCodec {
  const { isCompact } = form;
  const isRecords = type === "records";
  return {
    write(writer, value) {
      if (value === null) return writeNull(writer, form, type, 4);
      const bytes = value as Uint8Array;
      if (isCompact) writer.writeUnsignedVarint(bytes.length + 1);
      else writer.writeInt32(bytes.length);
      if (isRecords) writer.writeRecords(bytes);
      else writer.writeBytes(bytes);
    },
    read(reader) {
      const length = isCompact ? reader.readUnsignedVarint() - 1 : reader.readInt32();
      if (length === -1) return readNull(reader, form, type);
      return reader.readBytes(length);
    },
    minBytes: isCompact ? 1 : 4,
  };
}

function readNull(reader: ByteReader, form: ValueForm, what: string): null {
  if (!form.isNullable) throw reader.error(`${what} is null`);
  return null;
}

/** Null is length -1 in the old form, a varint 0 in the compact one. */
function writeNull(writer: ByteWriter, form: ValueForm, what: string, lengthBytes: 2 | 4): void {
  if (!form.isNullable) throw new TypeError(`Cannot encode ${what}: it is null, which this version does not allow`);
  if (form.isCompact) writer.writeInt8(0);
  else if (lengthBytes === 2) writer.writeInt16(-1);
  else writer.writeInt32(-1);
}
