/**
 * What a command sees of the process it runs in. Tests give it another one.
 *
 * @module
 */

import { platformTimers, type Timers } from "../timers.ts";

/** Something to read records from. */
export interface InputSource {
  /** As the user wrote it, or `stdin`. */
  readonly name: string;
  /** Its size where that is known: that of a regular file. */
  readonly sizeBytes: number | null;
  /** Whether it has no end of its own: what has not come yet is not missed when reading is left off. */
  readonly isLive: boolean;
  /** Resolves with the next bytes, null at the end. The memory is the caller's. */
  read(): Promise<Uint8Array | null>;
  /** Lets go of it. */
  close(): void;
}

/** A file that was found, not opened yet. */
export interface InputFile {
  /** As the user wrote it. */
  readonly name: string;
  /** Its size where that is known. */
  readonly sizeBytes: number | null;
  /** Opens it. */
  open(): Promise<InputSource>;
}

/** The process around a command. */
export interface Shell {
  /** Writes to standard output. */
  print(text: string): void;
  /** Writes to standard error, as it is. */
  printError(text: string): void;
  /** Standard input. */
  readonly stdin: InputSource;
  /** Whether somebody types the input. */
  readonly isInputTerminal: boolean;
  /** Whether standard error is a terminal that can go back to the beginning of a line. */
  readonly canRedraw: boolean;
  /** Width of that terminal now. */
  readonly columns: number;
  /** Clock and timers. */
  readonly timers: Timers;
  /** A variable of the environment; undefined also where it may not be read. */
  environment(name: string): string | undefined;
  /**
   * Finds a file and makes sure it can be read.
   *
   * @throws {Error} When it cannot; the message names it.
   */
  find(path: string): Promise<InputFile>;
  /** Calls `listener` at each SIGINT and SIGTERM until what is returned is disposed of. */
  onInterrupt(listener: () => void): Disposable;
  /** Ends the process at once. */
  exit(code: number): never;
}

/** Bytes read at a time: large enough that a chunk costs nothing beside its records. */
const READ_BYTES = 256 * 1024;
const DEFAULT_COLUMNS = 80;
/** Under `deno task`, Ctrl-C comes twice: from the terminal, and from the task, which passes on what it gets itself. */
const ECHO_MS = 100;

/** The shell of this very process. */
export class ProcessShell implements Shell {
  /** Implements `Shell`. */
  readonly timers: Timers = platformTimers;

  /** Implements `Shell`. */
  print(text: string): void {
    writeAll(Deno.stdout, text);
  }

  /** Implements `Shell`. */
  printError(text: string): void {
    try {
      writeAll(Deno.stderr, text);
    } catch {
      // Nobody reads it, or the disk is full: no reason to leave off sending, and nobody is left to be told.
    }
  }

  /** Implements `Shell`. */
  get stdin(): InputSource {
    const reader = new ChunkReader(Deno.stdin);
    return { name: "stdin", sizeBytes: null, isLive: true, read: () => reader.read(), close: () => {} };
  }

  /** Implements `Shell`. */
  get isInputTerminal(): boolean {
    return Deno.stdin.isTerminal();
  }

  /** Implements `Shell`. */
  get canRedraw(): boolean {
    return Deno.stderr.isTerminal() && terminalType() !== "dumb";
  }

  /** Implements `Shell`. */
  get columns(): number {
    try {
      return Deno.consoleSize().columns || DEFAULT_COLUMNS;
    } catch {
      return DEFAULT_COLUMNS; // A terminal that does not tell.
    }
  }

  /** Implements `Shell`. */
  environment(name: string): string | undefined {
    const { state } = Deno.permissions.querySync({ name: "env", variable: name });
    return state === "granted" ? Deno.env.get(name) : undefined;
  }

  /** Implements `Shell`. */
  async find(path: string): Promise<InputFile> {
    const { isFile, isDirectory, size } = await describe(path, () => Deno.stat(path));
    if (isDirectory) throw new Error(`Cannot read ${JSON.stringify(path)}: it is a directory`);
    // Whoever may not read the last of ten files shall know before the first is sent. A pipe can be opened only once.
    if (isFile) (await describe(path, () => Deno.open(path))).close();
    const sizeBytes = isFile ? size : null;
    return { name: path, sizeBytes, open: () => openFile(path, sizeBytes) };
  }

  /** Implements `Shell`. */
  onInterrupt(listener: () => void): Disposable {
    let lastMs = -Infinity;
    const onCtrlC = () => {
      const nowMs = this.timers.now();
      const isEcho = nowMs - lastMs < ECHO_MS;
      lastMs = nowMs;
      if (!isEcho) listener();
    };
    Deno.addSignalListener("SIGINT", onCtrlC);
    const hasTerm = Deno.build.os !== "windows";
    if (hasTerm) Deno.addSignalListener("SIGTERM", listener);
    return {
      [Symbol.dispose]: () => {
        Deno.removeSignalListener("SIGINT", onCtrlC);
        if (hasTerm) Deno.removeSignalListener("SIGTERM", listener);
      },
    };
  }

  /** Implements `Shell`. */
  exit(code: number): never {
    Deno.exit(code);
  }
}

async function openFile(path: string, sizeBytes: number | null): Promise<InputSource> {
  const file = await describe(path, () => Deno.open(path));
  const reader = new ChunkReader(file);
  return {
    name: path,
    sizeBytes,
    isLive: false,
    read: () => describe(path, () => reader.read()),
    close: () => file.close(),
  };
}

/** Reads chunks whose memory belongs to whoever gets them. */
class ChunkReader {
  readonly #reader: { read(into: Uint8Array): Promise<number | null> };
  #buffer = new Uint8Array(0);

  constructor(reader: { read(into: Uint8Array): Promise<number | null> }) {
    this.#reader = reader;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(READ_BYTES);
    const buffer = this.#buffer;
    const count = await this.#reader.read(buffer);
    if (count === null) return null;
    // Lines are views of their chunk, and some wait long: a few bytes typed must not hold a whole buffer each.
    if (count <= READ_BYTES / 2) return buffer.slice(0, count);
    this.#buffer = new Uint8Array(0);
    return buffer.subarray(0, count);
  }
}

/** Names the file in what goes wrong with it. */
async function describe<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new Error(`Cannot read ${JSON.stringify(path)}: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "there is no such file";
  if (cause instanceof Deno.errors.PermissionDenied) return "the system does not allow it";
  if (cause instanceof Deno.errors.NotCapable) return "Deno was not given --allow-read for it";
  return cause instanceof Error ? cause.message : String(cause);
}

function writeAll(writer: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += writer.writeSync(bytes.subarray(written));
}

/** `TERM`, undefined where it may not be asked for: a terminal is then taken for an ordinary one. */
function terminalType(): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state === "granted" ? Deno.env.get("TERM") : undefined;
}
