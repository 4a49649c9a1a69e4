/**
 * Bounds of what a client may say about a record.
 *
 * @module
 */

import { BodyError } from "./body_error.ts";

/** How many headers a record may have, and how large they may be. */
export interface HeaderLimits {
  /**
   * Most headers of a record.
   *
   * @default {64}
   */
  maxHeaders?: number | undefined;
  /**
   * Most bytes of a record's headers, names and values.
   *
   * @default {16_384}
   */
  maxHeaderBytes?: number | undefined;
}

/** {@linkcode HeaderLimits.maxHeaders} unless told otherwise. */
export const DEFAULT_MAX_HEADERS = 64;
/** {@linkcode HeaderLimits.maxHeaderBytes} unless told otherwise. */
export const DEFAULT_MAX_HEADER_BYTES = 16_384;
/** The largest number a partition can have. */
export const MAX_PARTITION = 2 ** 31 - 1;

const NAME = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * Makes sure that a record may have `headers`.
 *
 * @param headers Names and values.
 * @param limits What is allowed.
 * @param line Where the record is, for errors.
 * @returns The headers.
 * @throws {BodyError} For a name that is none, for too many headers, and for too many bytes of them.
 */
export function checkRecordHeaders<H extends readonly (readonly [string, Uint8Array | null])[]>(
  headers: H,
  { maxHeaders = DEFAULT_MAX_HEADERS, maxHeaderBytes = DEFAULT_MAX_HEADER_BYTES }: HeaderLimits,
  line?: number,
): H {
  if (headers.length > maxHeaders) {
    const reason = `a record may have ${maxHeaders} of them, not ${headers.length}`;
    throw new BodyError("HEADERS_TOO_LARGE", `Cannot take the headers: ${reason}`, { line });
  }
  let bytes = 0;
  for (const [name, value] of headers) {
    if (!NAME.test(name)) {
      const reason = "names are 1 to 128 of the characters A-Z a-z 0-9 . _ -";
      throw new BodyError("INVALID_METADATA", `Cannot take the headers: ${reason}`, { line });
    }
    bytes += name.length + (value?.length ?? 0);
  }
  if (bytes > maxHeaderBytes) {
    const reason = `those of a record may have ${maxHeaderBytes} bytes, not ${bytes}`;
    throw new BodyError("HEADERS_TOO_LARGE", `Cannot take the headers: ${reason}`, { line });
  }
  return headers;
}
