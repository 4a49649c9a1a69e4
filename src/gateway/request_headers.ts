/**
 * The headers of a request that mean something here, found in one pass: asking for each by its name would read all of
 * them as many times.
 *
 * @module
 */

/** The headers that few requests have, and whether they say something about the record. */
const RARE_HEADERS = {
  "accept": false,
  "x-forwarded-for": false,
  "traceparent": true,
  "tracestate": true,
  "idempotency-key": true,
  "x-kafka-key": true,
  "x-kafka-key-base64": true,
  "x-kafka-partition": true,
  "x-kafka-timestamp": true,
} as const;

/** Name of such a header. */
export type RareHeader = keyof typeof RARE_HEADERS;

const RARE: ReadonlyMap<string, boolean> = new Map(Object.entries(RARE_HEADERS));

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
  /** `content-type`. */
  contentType: string | undefined = undefined;
  /** `content-length`. */
  contentLength: string | undefined = undefined;
  /** `content-encoding`. */
  contentEncoding: string | undefined = undefined;
  /** `host`. */
  host: string | undefined = undefined;
  /** `origin`. */
  origin: string | undefined = undefined;
  /** `x-request-id`. */
  requestId: string | undefined = undefined;
  /** Headers that the record is to have, null for none. */
  given: GivenHeader[] | null = null;
  /** Whether any header says something about the record. */
  isAboutRecord = false;
  /** The others that mean something; null without any. */
  #others: Map<string, string> | null = null;

  /** @param headers The request's. */
  constructor(headers: Headers) {
    headers.forEach(this.#take, this);
  }

  /** How many bytes the body is said to have, null where nothing is said. */
  get bodyBytes(): number | null {
    const text = this.contentLength;
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
  }

  /** The value of a header that few requests have, undefined where this one has not. */
  get(name: RareHeader): string | undefined {
    return this.#others?.get(name);
  }

  /** What every request has, or is asked for, has a field of its own: a table would be an object more for each. */
  #take(value: string, name: string): void {
    switch (name) {
      case "content-type":
        this.contentType = value;
        return;
      case "content-length":
        this.contentLength = value;
        return;
      case "host":
        this.host = value;
        return;
      case "content-encoding":
        this.contentEncoding = value;
        return;
      case "origin":
        this.origin = value;
        return;
      case "x-request-id":
        this.requestId = value;
        return;
      default:
        this.#takeRare(value, name);
    }
  }

  #takeRare(value: string, name: string): void {
    const isAboutRecord = RARE.get(name);
    if (isAboutRecord !== undefined) {
      (this.#others ??= new Map()).set(name, value);
      this.isAboutRecord ||= isAboutRecord;
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
