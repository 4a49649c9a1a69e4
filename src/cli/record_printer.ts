/**
 * Prints the records that arrive at an embedded cluster.
 *
 * @module
 */

import type { EmbeddedCluster, InterceptedRequest, ResponseInput } from "@ekaf/ekaf/embedded";
import { type DecodedRecord, readRecords, splitBatches } from "../../protocol/record_batch_reader.ts";
import type { Shell } from "./shell.ts";

/** How records are printed. */
export interface RecordPrinterOptions {
  /** As JSON, a record a line; otherwise as text. */
  readonly isJson: boolean;
}

/** Versions of Produce with record batches, and names rather than ids of topics. */
export const PRINTABLE_PRODUCE_VERSIONS = [3, 12] as const;

/** Where a record is. */
interface Place {
  topic: string;
  partition: number;
  offset: bigint;
}

const decoder = new TextDecoder();

/** Prints records as they are appended. */
export class RecordPrinter {
  readonly #shell: Shell;
  readonly #options: RecordPrinterOptions;
  /** Offset behind the last record printed, by topic and partition: a batch sent twice is appended once. */
  readonly #printedTo = new Map<string, bigint>();

  /**
   * Prints nothing yet.
   *
   * @param shell Where to.
   * @param options In which form.
   */
  constructor(shell: Shell, options: RecordPrinterOptions) {
    this.#shell = shell;
    this.#options = options;
  }

  /**
   * Prints what arrives from now on, until what is returned is disposed of.
   *
   * @param cluster The cluster.
   * @param onGone Nobody reads what is printed any more.
   */
  follow(cluster: EmbeddedCluster, onGone: () => void): Disposable {
    return cluster.intercept("Produce", async (request, next) => {
      const answer = await next(request);
      try {
        this.#printAppended(request, answer);
      } catch (error) {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
        onGone();
      }
      return answer;
    });
  }

  #printAppended({ body }: InterceptedRequest<"Produce">, answer: ResponseInput<"Produce">): void {
    for (const { name, partitionData } of body.topicData) {
      const rows = answer.responses?.find((topic) => topic.name === name)?.partitionResponses ?? [];
      for (const { index, records } of partitionData) {
        const row = rows.find((row) => row.index === index);
        if (row === undefined || records === null || (row.errorCode ?? 0) !== 0) continue;
        this.#printRecords(records, { topic: name, partition: index, offset: row.baseOffset ?? 0n });
      }
    }
  }

  #printRecords(records: Uint8Array, first: Place): void {
    const key = `${first.topic}/${first.partition}`;
    if (first.offset < (this.#printedTo.get(key) ?? 0n)) return;
    let { offset } = first;
    let text = "";
    for (const batch of splitBatches(records)) {
      for (const record of readRecords(batch)) {
        const place = { ...first, offset: offset++ };
        text += `${this.#options.isJson ? jsonOf(place, record) : textOf(place, record)}\n`;
      }
    }
    this.#printedTo.set(key, offset);
    this.#shell.print(text);
  }
}

function textOf({ topic, partition, offset }: Place, { key, value, headers }: DecodedRecord): string {
  const parts = [`${topic}/${partition}@${offset}`];
  if (headers.length > 0) {
    parts.push(`{${headers.map(([name, value]) => `${readable(name)}=${show(value)}`).join(", ")}}`);
  }
  if (key !== null) parts.push(`${show(key)}:`);
  return [...parts, show(value)].join(" ");
}

function jsonOf(place: Place, { key, value, headers, timestamp }: DecodedRecord): string {
  return JSON.stringify({
    topic: place.topic,
    partition: place.partition,
    offset: Number(place.offset),
    timestamp,
    key: textOrNull(key),
    value: textOrNull(value),
    headers: headers.map(([name, value]) => [name, textOrNull(value)]),
  });
}

function textOrNull(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : decoder.decode(bytes);
}

function show(bytes: Uint8Array | null): string {
  return bytes === null ? "(null)" : readable(decoder.decode(bytes));
}

/** Control characters as escapes: a record must not be able to speak to the terminal, nor to look like two. */
function readable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, (char) => {
    const code = char.charCodeAt(0);
    return char === "\t"
      ? "\\t"
      : char === "\r"
      ? "\\r"
      : char === "\n"
      ? "\\n"
      : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
