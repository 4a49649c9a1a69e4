/**
 * The members of a JSON object as the ranges of bytes they came in.
 *
 * @module
 */

import { BodyError } from "./body_error.ts";
import { isJsonSpace, JsonScanner, MAX_JSON_DEPTH } from "./json_scanner.ts";

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_N = 0x6e;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Where a value is, for errors. */
export interface JsonPlace {
  /** Line or element of the body, counted from 1. */
  line?: number | undefined;
  /** Levels of nesting around the value. */
  depth?: number;
}

/** Whether a JSON value, without white space around it, is null. */
export function isJsonNull(value: Uint8Array): boolean {
  return value[0] === LETTER_N;
}

/** Whether a JSON value, without white space around it, is a string. */
export function isJsonString(value: Uint8Array): boolean {
  return value[0] === QUOTE;
}

/**
 * The members of an object.
 *
 * @param bytes The object, white space around it allowed.
 * @param what What it is, for errors: `"the record"`.
 * @param place Where it is, for errors.
 * @returns Each member's value as it was written. Of two with one name the later holds.
 * @throws {BodyError} When it is no object, or no JSON.
 */
export function jsonMembers(bytes: Uint8Array, what: string, place: JsonPlace = {}): Map<string, Uint8Array> {
  const members = new Map<string, Uint8Array>();
  const reader = new JsonReader(bytes, place);
  if (reader.next() !== OPEN_BRACE) {
    throw new BodyError("MALFORMED_BODY", `Cannot read ${what}: it must be a JSON object`, place);
  }
  reader.items(0x7d, () => {
    const name = jsonText(reader.value(true), "a name", place);
    reader.expect(0x3a);
    members.set(name, reader.value());
  });
  return members;
}

/**
 * The elements of an array.
 *
 * @param bytes The array, white space around it allowed.
 * @param what What it is, for errors.
 * @param place Where it is, for errors.
 * @returns Each element as it was written.
 * @throws {BodyError} When it is no array, or no JSON.
 */
export function jsonElements(bytes: Uint8Array, what: string, place: JsonPlace = {}): Uint8Array[] {
  const elements: Uint8Array[] = [];
  const reader = new JsonReader(bytes, place);
  if (reader.next() !== OPEN_BRACKET) {
    throw new BodyError("MALFORMED_BODY", `Cannot read ${what}: it must be a JSON array`, place);
  }
  reader.items(0x5d, () => elements.push(reader.value()));
  return elements;
}

/**
 * The text of a JSON string.
 *
 * @param value The string with its quotes.
 * @param what What it is, for errors.
 * @param place Where it is, for errors.
 * @throws {BodyError} When it is no string, or has no UTF-8.
 */
export function jsonText(value: Uint8Array, what: string, { line }: JsonPlace = {}): string {
  if (!isJsonString(value)) throw new BodyError("MALFORMED_BODY", `Cannot read ${what}: it must be a text`, { line });
  let text: string;
  try {
    text = utf8.decode(value);
  } catch (cause) {
    throw new BodyError("MALFORMED_BODY", `Cannot read ${what}: it is not UTF-8`, { line, cause });
  }
  if (!value.includes(BACKSLASH)) return text.slice(1, -1);
  const parsed = JSON.parse(text) as string;
  if (parsed.isWellFormed()) return parsed;
  throw new BodyError("MALFORMED_BODY", `Cannot read ${what}: it holds half of a surrogate pair`, { line });
}

/**
 * The bytes of a JSON string's text: of one without escapes those it came in, also if they are no UTF-8.
 *
 * @param value The string with its quotes.
 * @param what What it is, for errors.
 * @param place Where it is, for errors.
 * @throws {BodyError} When it is no string, or an escape of it stands for no character.
 */
export function jsonTextBytes(value: Uint8Array, what: string, place: JsonPlace = {}): Uint8Array {
  if (isJsonString(value) && !value.includes(BACKSLASH)) return value.subarray(1, value.length - 1);
  return encoder.encode(jsonText(value, what, place));
}

/**
 * A JSON value as a whole number.
 *
 * @param value The number.
 * @param what What it is, for errors.
 * @param place Where it is, for errors.
 * @throws {BodyError} When it is none from 0 to 2^53 - 1.
 */
export function jsonWholeNumber(value: Uint8Array, what: string, { line }: JsonPlace = {}): number {
  const text = String.fromCharCode(...value.subarray(0, 30));
  const number = /^(0|[1-9]\d*)$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new BodyError("INVALID_METADATA", `Cannot use ${what}: it must be a whole number of at least 0`, { line });
}

/** Goes through one array or object. */
class JsonReader {
  readonly #bytes: Uint8Array;
  readonly #scanner: JsonScanner;
  #index = 0;

  constructor(bytes: Uint8Array, { line, depth = 0 }: JsonPlace) {
    this.#bytes = bytes;
    this.#scanner = new JsonScanner(MAX_JSON_DEPTH - 1 - depth);
    this.#scanner.place = line;
  }

  /** The next byte that is no white space, which is then passed; -1 at the end. */
  next(): number {
    this.#skipSpace();
    return this.#bytes[this.#index++] ?? -1;
  }

  /** Passes a byte that has to be there. */
  expect(byte: number): void {
    if (this.next() !== byte) throw this.#unexpected();
  }

  /** Reads what is between brackets, separated by commas, up to the end of the bytes. */
  items(close: number, read: () => void): void {
    this.#skipSpace();
    if (this.#bytes[this.#index] === close) this.#index++;
    else {
      for (let byte = 0x2c; byte === 0x2c;) {
        read();
        byte = this.next();
        if (byte !== 0x2c && byte !== close) throw this.#unexpected();
      }
    }
    if (this.next() !== -1) throw this.#unexpected();
  }

  /** Passes a value; returns it without the white space around it. */
  value(isKey = false): Uint8Array {
    this.#skipSpace();
    const begin = this.#index;
    if (isKey && this.#bytes[begin] !== QUOTE) {
      this.#index++;
      throw this.#unexpected();
    }
    this.#scanner.begin();
    const end = this.#scanner.scan(this.#bytes, begin);
    if (end === -1) throw this.#scanner.endsEarly(this.#bytes.length);
    this.#index = end;
    return this.#bytes.subarray(begin, end);
  }

  #skipSpace(): void {
    while (this.#index < this.#bytes.length && isJsonSpace(this.#bytes[this.#index]!)) this.#index++;
  }

  /** The error for the byte passed last. */
  #unexpected(): BodyError {
    if (this.#index > this.#bytes.length) return this.#scanner.endsEarly(this.#bytes.length);
    return this.#scanner.unexpected(this.#index - 1);
  }
}
