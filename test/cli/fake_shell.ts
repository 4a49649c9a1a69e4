/**
 * A shell without a process: files and input from memory, output kept, signals on demand.
 *
 * @module
 */

import { platformTimers, type Timers } from "../../src/timers.ts";
import type { InputFile, InputSource, Shell } from "../../src/cli/shell.ts";

/** What a test starts a command with. */
export interface FakeShellOptions {
  /** Standard input: all of it, or chunks as they come. */
  stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Files by path. */
  files?: Record<string, string | Uint8Array>;
  /** Width of the terminal that standard error is; no terminal if left out. */
  terminalColumns?: number;
  /** The environment. */
  environment?: Record<string, string>;
  /** Clock and timers, by default the platform's. */
  timers?: Timers;
}

/** Thrown where a process would have ended. */
export class Exited extends Error {
  constructor(readonly code: number) {
    super(`exited with ${code}`);
  }
}

const encoder = new TextEncoder();
/** Small, so that lines span chunks. */
const CHUNK_BYTES = 1_000;

/** See the module comment. */
export class FakeShell implements Shell {
  /** What was written to standard output. */
  stdout = "";
  /** What was written to standard error. */
  stderr = "";
  readonly stdin: InputSource;
  readonly isInputTerminal = false;
  readonly timers: Timers;
  columns: number;
  /** Paths of files that were opened, and not closed. */
  readonly open = new Set<string>();
  readonly #files: Record<string, string | Uint8Array>;
  readonly #environment: Record<string, string>;
  readonly #isTerminal: boolean;
  readonly #listeners = new Set<() => void>();

  constructor(
    { stdin = "", files = {}, terminalColumns, environment = {}, timers = platformTimers }: FakeShellOptions = {},
  ) {
    const isWhole = typeof stdin === "string" || stdin instanceof Uint8Array;
    this.stdin = sourceOf("stdin", isWhole ? chunksOf(bytesOf(stdin)) : stdin, { sizeBytes: null });
    this.timers = timers;
    this.columns = terminalColumns ?? 0;
    this.#isTerminal = terminalColumns !== undefined;
    this.#files = files;
    this.#environment = environment;
  }

  get canRedraw(): boolean {
    return this.#isTerminal;
  }

  /** How many listen to signals. */
  get listenerCount(): number {
    return this.#listeners.size;
  }

  print(text: string): void {
    this.stdout += text;
  }

  printError(text: string): void {
    this.stderr += text;
  }

  environment(name: string): string | undefined {
    return this.#environment[name];
  }

  find(path: string): Promise<InputFile> {
    if (!Object.hasOwn(this.#files, path)) {
      return Promise.reject(new Error(`Cannot read "${path}": there is no such file`));
    }
    const bytes = bytesOf(this.#files[path]!);
    const sizeBytes = bytes.length;
    const open = () => {
      this.open.add(path);
      return Promise.resolve(sourceOf(path, chunksOf(bytes), { sizeBytes, onClose: () => this.open.delete(path) }));
    };
    return Promise.resolve({ name: path, sizeBytes, open });
  }

  onInterrupt(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** As Ctrl-C does. */
  interrupt(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  exit(code: number): never {
    throw new Exited(code);
  }
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? encoder.encode(content) : content;
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  // Each chunk has memory of its own, as promised by InputSource.
  for (let begin = 0; begin < bytes.length; begin += CHUNK_BYTES) yield bytes.slice(begin, begin + CHUNK_BYTES);
}

function sourceOf(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  { sizeBytes, onClose = () => {} }: { sizeBytes: number | null; onClose?: () => void },
): InputSource {
  const iterator = chunks[Symbol.asyncIterator]();
  const read = async () => {
    const { done, value } = await iterator.next();
    return done ? null : value;
  };
  return { name, sizeBytes, isLive: sizeBytes === null, read, close: onClose };
}
