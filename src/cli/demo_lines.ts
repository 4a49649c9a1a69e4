/**
 * The input of the demo: clicks as NDJSON, and a log of plain text. The same on every run.
 *
 * @module
 */

/** What is expected of a record: its key, null for none, and its value. */
export interface ExpectedRecord {
  /** Where it comes from: records without a key keep their order within one source only. */
  readonly source: string;
  /** Key, null for none. */
  readonly key: string | null;
  /** Value. */
  readonly value: string;
}

/** A text whose lines become records. */
export interface DemoText {
  /** What to call it. */
  readonly name: string;
  /**
   * A line, without its end.
   *
   * @param index Its place, from 0; it is part of the line, so that no two are equal.
   */
  line(index: number): string;
  /**
   * The key of the record that a line becomes, null for none.
   *
   * @param line A line.
   */
  keyOf(line: string): string | null;
}

/** Keys in use: every user has some of the lines. */
const USER_COUNT = 1_000;
/** Lines per user in a row of three; the third has no user and becomes a record without a key. */
const KEYED_OF_THREE = 2;
/** Scatters the users over the lines; odd, so that none is left out. */
const STRIDE = 7_919;
const PAGES = ["/", "/search", "/cart", "/checkout", "/orders"];
const MAX_MS = 2_000;
/** Lines per chunk of {@linkcode demoBytes}. */
const CHUNK_LINES = 1_000;

/** Lines of JSON, most of them with a user, who is the key. */
export const CLICKS: DemoText = {
  name: "clicks",
  line(index: number): string {
    const click = { id: index, page: PAGES[index % PAGES.length], ms: (index * STRIDE) % MAX_MS };
    if (index % 3 >= KEYED_OF_THREE) return JSON.stringify(click);
    return JSON.stringify({ ...click, user: `user-${(index * STRIDE) % USER_COUNT}` });
  },
  keyOf(line: string): string | null {
    return (JSON.parse(line) as { user?: string }).user ?? null;
  },
};

/** Lines of text, without a key. */
export const LOG: DemoText = {
  name: "log",
  line(index: number): string {
    return `${index} GET ${PAGES[index % PAGES.length]} 200 ${(index * STRIDE) % MAX_MS}ms`;
  },
  keyOf(): null {
    return null;
  },
};

/**
 * A whole text as bytes.
 *
 * @param text Whose lines.
 * @param lineCount How many.
 */
export function* demoBytes(text: DemoText, lineCount: number): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
  const encoder = new TextEncoder();
  for (let from = 0; from < lineCount; from += CHUNK_LINES) {
    let lines = "";
    for (let i = from; i < Math.min(from + CHUNK_LINES, lineCount); i++) lines += text.line(i) + "\n";
    yield encoder.encode(lines);
  }
}

/**
 * The records that must be found afterwards, in the order of the text.
 *
 * @param text Whose lines.
 * @param lineCount How many.
 */
export function* demoRecords(text: DemoText, lineCount: number): Generator<ExpectedRecord, void, undefined> {
  for (let i = 0; i < lineCount; i++) {
    const value = text.line(i);
    yield { source: text.name, key: text.keyOf(value), value };
  }
}
