/**
 * Where a JSON value ends, byte by byte: the grammar of RFC 8259, without making anything of the value. So what is
 * forwarded are the bytes that came: long numbers, their spelling, the order of keys, all as it was.
 *
 * Hot path: the bench is `bench/gateway_body_bench.ts`.
 *
 * @module
 */

import { BodyError } from "./body_error.ts";

/** Deepest nesting of arrays and objects; the limit protects whoever reads the records. */
export const MAX_JSON_DEPTH = 100;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

// What is expected, or what the scanner is within.
const VALUE = 0;
const VALUE_OR_END = 1;
const KEY = 2;
const KEY_OR_END = 3;
const AFTER_KEY = 4;
const AFTER_VALUE = 5;
const STRING = 6;
const ESCAPE = 7;
const HEX = 8;
const LITERAL = 9;
/** Numbers from here to `POWER`; they end at the first byte that is not theirs. */
const SIGNED = 10;
const LEADING_ZERO = 11;
const INTEGER = 12;
const POINT = 13;
const FRACTION = 14;
const EXPONENT = 15;
const EXPONENT_SIGN = 16;
const POWER = 17;

/** Whether `byte` is white space to JSON. */
export function isJsonSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Finds the ends of values, one after another; a value may come in any number of pieces. */
export class JsonScanner {
  /** Position in the body of the first byte of the piece; for messages. */
  base = 0;
  /** Line or element that errors name. */
  place: number | undefined = undefined;
  readonly #maxDepth: number;
  /** For each open container, whether it is an object. */
  readonly #isObject: Uint8Array;
  #depth = 0;
  #state: number = VALUE;
  /** Whether the string is a key. */
  #isKey = false;
  /** What has still to come: of a literal its bytes, of an escape how many hex digits. */
  #rest = "";
  #hexCount = 0;

  /** @param maxDepth Deepest nesting of the values. */
  constructor(maxDepth: number = MAX_JSON_DEPTH) {
    this.#maxDepth = maxDepth;
    this.#isObject = new Uint8Array(maxDepth + 1);
  }

  /** Begins with another value. */
  begin(): void {
    this.#depth = 0;
    this.#state = VALUE;
  }

  /**
   * Goes on with the value.
   *
   * @param bytes The piece; scanned from `from`.
   * @returns Where the value ends, -1 when it goes on after the piece. What follows a value is not looked at.
   * @throws {BodyError} At a byte that no JSON has there, naming its position.
   */
  scan(bytes: Uint8Array, from: number): number {
    let index = from;
    while (index < bytes.length) {
      if (this.#state === STRING) {
        index = this.#string(bytes, index);
        if (index === -1) return -1;
        if (this.#isComplete()) return index;
        continue;
      }
      const byte = bytes[index]!;
      if (this.#state >= SIGNED) {
        if (this.#number(byte)) {
          index++;
          continue;
        }
        if (!this.#mayNumberEnd() || !mayFollowNumber(byte)) throw this.unexpected(index);
        this.#state = AFTER_VALUE;
        if (this.#depth === 0) return index; // The byte is not the number's.
      }
      if (!this.#take(byte)) throw this.unexpected(index);
      index++;
      if (this.#isComplete()) return index;
    }
    return -1;
  }

  /** Whether the value may end with the input: only a number does not tell its end by itself. */
  mayEnd(): boolean {
    return this.#depth === 0 && this.#state >= SIGNED && this.#mayNumberEnd();
  }

  /** The error for a byte of the piece. */
  unexpected(index: number): BodyError {
    return this.#error("MALFORMED_BODY", `unexpected byte at position ${this.base + index}`);
  }

  /** The error for an input that ends too early. */
  endsEarly(position: number): BodyError {
    return this.#error("MALFORMED_BODY", `it ends too early, at position ${position}`);
  }

  #isComplete(): boolean {
    return this.#depth === 0 && this.#state === AFTER_VALUE;
  }

  #error(code: "MALFORMED_BODY" | "JSON_TOO_DEEP", reason: string): BodyError {
    return new BodyError(code, `Cannot read the body as JSON: ${reason}`, { line: this.place });
  }

  /** Goes through a string up to its end, an escape, or the end of the piece (-1). */
  #string(bytes: Uint8Array, from: number): number {
    for (let index = from; index < bytes.length; index++) {
      const byte = bytes[index]!;
      if (byte === QUOTE) {
        this.#state = this.#isKey ? AFTER_KEY : AFTER_VALUE;
        return index + 1;
      }
      if (byte === BACKSLASH) {
        this.#state = ESCAPE;
        return index + 1;
      }
      if (byte < 0x20) throw this.unexpected(index);
    }
    return -1;
  }

  /** Takes a byte outside of strings and numbers; false where it cannot be. */
  #take(byte: number): boolean {
    switch (this.#state) {
      case VALUE:
        return isJsonSpace(byte) || this.#beginValue(byte);
      case VALUE_OR_END:
        return isJsonSpace(byte) || this.#closes(byte, CLOSE_BRACKET) || this.#beginValue(byte);
      case KEY_OR_END:
        return isJsonSpace(byte) || this.#closes(byte, CLOSE_BRACE) || this.#beginKey(byte);
      case KEY:
        return isJsonSpace(byte) || this.#beginKey(byte);
      case AFTER_KEY:
        if (byte === COLON) this.#state = VALUE;
        return byte === COLON || isJsonSpace(byte);
      case AFTER_VALUE:
        return isJsonSpace(byte) || this.#afterValue(byte);
      case ESCAPE:
        return this.#escape(byte);
      case HEX:
        if (--this.#hexCount === 0) this.#state = STRING;
        return isHexDigit(byte);
      default: // LITERAL
        return this.#literal(byte);
    }
  }

  #beginValue(byte: number): boolean {
    if (byte === QUOTE) {
      this.#isKey = false;
      this.#state = STRING;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#open(byte === OPEN_BRACE);
    else if (byte === MINUS) this.#state = SIGNED;
    else if (byte === ZERO) this.#state = LEADING_ZERO;
    else if (byte > ZERO && byte <= NINE) this.#state = INTEGER;
    else return this.#beginLiteral(byte);
    return true;
  }

  #beginKey(byte: number): boolean {
    this.#isKey = true;
    this.#state = STRING;
    return byte === QUOTE;
  }

  #open(isObject: boolean): void {
    if (this.#depth === this.#maxDepth) {
      throw this.#error("JSON_TOO_DEEP", `it is nested more than ${MAX_JSON_DEPTH} levels deep`);
    }
    this.#isObject[this.#depth++] = isObject ? 1 : 0;
    this.#state = isObject ? KEY_OR_END : VALUE_OR_END;
  }

  #closes(byte: number, bracket: number): boolean {
    if (byte !== bracket) return false;
    this.#depth--;
    this.#state = AFTER_VALUE;
    return true;
  }

  #afterValue(byte: number): boolean {
    const isObject = this.#isObject[this.#depth - 1] === 1;
    if (byte !== COMMA) return this.#closes(byte, isObject ? CLOSE_BRACE : CLOSE_BRACKET);
    this.#state = isObject ? KEY : VALUE;
    return true;
  }

  #escape(byte: number): boolean {
    this.#state = STRING;
    if (byte === 0x75) { // u
      this.#state = HEX;
      this.#hexCount = 4;
      return true;
    }
    return '"\\/bfnrt'.includes(String.fromCharCode(byte));
  }

  #beginLiteral(byte: number): boolean {
    const literal = byte === 0x74 ? "true" : byte === 0x66 ? "false" : byte === 0x6e ? "null" : "";
    this.#rest = literal.slice(1);
    this.#state = LITERAL;
    return literal !== "";
  }

  #literal(byte: number): boolean {
    if (this.#rest.charCodeAt(0) !== byte) return false;
    this.#rest = this.#rest.slice(1);
    if (this.#rest === "") this.#state = AFTER_VALUE;
    return true;
  }

  /** Takes a byte of a number; false when it is none of it. */
  #number(byte: number): boolean {
    const next = byte >= ZERO && byte <= NINE ? this.#digit(byte) : this.#numberSign(byte);
    if (next !== -1) this.#state = next;
    return next !== -1;
  }

  #digit(byte: number): number {
    switch (this.#state) {
      case SIGNED:
        return byte === ZERO ? LEADING_ZERO : INTEGER;
      case LEADING_ZERO:
        return -1;
      case POINT:
        return FRACTION;
      case EXPONENT:
      case EXPONENT_SIGN:
        return POWER;
      default:
        return this.#state;
    }
  }

  #numberSign(byte: number): number {
    const state = this.#state;
    const isWhole = state === LEADING_ZERO || state === INTEGER;
    if (byte === 0x2e && isWhole) return POINT;
    if ((byte === 0x65 || byte === 0x45) && (isWhole || state === FRACTION)) return EXPONENT;
    if ((byte === 0x2b || byte === MINUS) && state === EXPONENT) return EXPONENT_SIGN;
    return -1;
  }

  #mayNumberEnd(): boolean {
    const state = this.#state;
    return state === LEADING_ZERO || state === INTEGER || state === FRACTION || state === POWER;
  }
}

function mayFollowNumber(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_BRACKET || byte === CLOSE_BRACE || isJsonSpace(byte);
}

function isHexDigit(byte: number): boolean {
  const lower = byte | 0x20;
  return (byte >= ZERO && byte <= NINE) || (lower >= 0x61 && lower <= 0x66);
}
