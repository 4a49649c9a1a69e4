/**
 * The headers of a request that mean something here, found in one pass: asking for each by its name would read all of
 * them as many times.
 *
 * @module
 */

const NAMES = [
  "content-type",
  "content-length",
  "content-encoding",
  "accept",
  "host",
  "origin",
  "x-request-id",
  "traceparent",
  "tracestate",
  "idempotency-key",
  "x-kafka-key",
  "x-kafka-key-base64",
  "x-kafka-partition",
  "x-kafka-timestamp",
  "x-forwarded-for",
] as const;

/** Name of a header that is looked for. */
export type KnownHeader = typeof NAMES[number];

const NUMBERS: ReadonlyMap<string, number> = new Map(NAMES.map((name, index) => [name, index]));
/** From here on a known header says something about the record. */
const FIRST_OF_RECORD = NUMBERS.get("traceparent")!;
const LAST_OF_RECORD = NUMBERS.get("x-kafka-timestamp")!;

/** A record's header as text, or in base64. */
export interface GivenHeader {
  /** Its name, in lower case. */
  readonly name: string;
  /** Its value as it was sent. */
  readonly value: string;
  /** Whether that is base64. */
  readonly isBase64: boolean;
}

/** See the module comment. */
export class RequestHeaders {
  readonly #values: (string | undefined)[] = new Array(NAMES.length).fill(undefined);
  /** Headers that the record is to have, null for none. */
  given: GivenHeader[] | null = null;
  /** Whether any header says something about the record. */
  isAboutRecord = false;

  /** @param headers The request's. */
  constructor(headers: Headers) {
    headers.forEach(this.#take, this);
  }

  /** The value of a header, undefined where the request has none. */
  get(name: KnownHeader): string | undefined {
    return this.#values[NUMBERS.get(name)!];
  }

  #take(value: string, name: string): void {
    const number = NUMBERS.get(name);
    if (number !== undefined) {
      this.#values[number] = value;
      if (number >= FIRST_OF_RECORD && number <= LAST_OF_RECORD) this.isAboutRecord = true;
    } else if (name.startsWith("x-kafka-header-")) {
      this.#give({ name: name.slice("x-kafka-header-".length), value, isBase64: false });
    } else if (name.startsWith("x-kafka-header64-")) {
      this.#give({ name: name.slice("x-kafka-header64-".length), value, isBase64: true });
    }
  }

  #give(header: GivenHeader): void {
    (this.given ??= []).push(header);
    this.isAboutRecord = true;
  }
}

/** Types as they were sent, and what they name: clients send the same few again and again. */
const mediaTypes = new Map<string, string>();
const MAX_TYPES_KNOWN = 100;

/** What `content-type` names, in lower case and without parameters; empty for nothing. */
export function mediaType(contentType: string | undefined): string {
  if (contentType === undefined) return "";
  const known = mediaTypes.get(contentType);
  if (known !== undefined) return known;
  const type = parseMediaType(contentType);
  if (mediaTypes.size < MAX_TYPES_KNOWN) mediaTypes.set(contentType, type);
  return type;
}

function parseMediaType(contentType: string): string {
  const end = contentType.indexOf(";");
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}
