/**
 * The input of the demo: lines of NDJSON, the same on every run.
 *
 * @module
 */

/** What is expected of a record: its key, null for none, and its value. */
export interface ExpectedRecord {
  /** Key, null for none. */
  readonly key: string | null;
  /** Value. */
  readonly value: string;
}

/** Keys in use: every user has some of the lines. */
const USER_COUNT = 1_000;
/** Lines per user in a row of three; the third has no user and becomes a record without a key. */
const KEYED_OF_THREE = 2;
/** Scatters the users over the lines; odd, so that none is left out. */
const STRIDE = 7_919;
const PAGES = ["/", "/search", "/cart", "/checkout", "/orders"];
/** Lines per chunk of {@linkcode demoBytes}. */
const CHUNK_LINES = 1_000;

/**
 * A line of the input, without its end.
 *
 * @param index Its place, from 0; it is part of the line, so that no two are equal.
 */
export function demoLine(index: number): string {
  const page = PAGES[index % PAGES.length];
  const click = { id: index, page, ms: (index * STRIDE) % 2_000 };
  if (index % 3 >= KEYED_OF_THREE) return JSON.stringify(click);
  return JSON.stringify({ ...click, user: `user-${(index * STRIDE) % USER_COUNT}` });
}

/**
 * The record that a line becomes: its user is the key.
 *
 * @param line A line of NDJSON.
 */
export function demoRecord(line: string): ExpectedRecord {
  const { user } = JSON.parse(line) as { user?: string };
  return { key: user ?? null, value: line };
}

/**
 * The whole input as bytes.
 *
 * @param lineCount How many lines.
 */
export function* demoBytes(lineCount: number): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
  const encoder = new TextEncoder();
  for (let from = 0; from < lineCount; from += CHUNK_LINES) {
    let text = "";
    for (let i = from; i < Math.min(from + CHUNK_LINES, lineCount); i++) text += demoLine(i) + "\n";
    yield encoder.encode(text);
  }
}

/**
 * The records that must be found afterwards, in the order of the input.
 *
 * @param lineCount How many lines.
 */
export function* demoRecords(lineCount: number): Generator<ExpectedRecord, void, undefined> {
  for (let i = 0; i < lineCount; i++) yield demoRecord(demoLine(i));
}
