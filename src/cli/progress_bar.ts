/**
 * The progress of a run in the last line of a terminal.
 *
 * Drawn by cli-progress (npm), the library most command lines of this platform use: it redraws ten times a second at
 * most, estimates the time left from the last seconds, hides the cursor and cleans up behind itself. Compared with the
 * progress bar of `@std/cli`: that one is in an unstable module, so that any release may change it, exists on JSR only,
 * redraws once a second, and knows no time left. It is run when there is a terminal, never for pipes and services. What it
 * writes goes through {@linkcode Shell}; the layout is made here, since it has to fit any width.
 *
 * @module
 */

import { PlainBar } from "./plain_bar.ts";
import type { Shell } from "./shell.ts";
import { formatCount } from "./text_table.ts";

/** A count that goes on, such as `Tally`. */
export interface ProgressTally {
  /** Records acknowledged. */
  readonly acknowledged: number;
  /** Records on their way. */
  readonly buffered: number;
  /** Bytes of the input that are settled. */
  readonly settledBytes: number;
}

/** What a bar shows. */
export interface ProgressBarOptions {
  /** The count that it follows. */
  readonly tally: ProgressTally;
  /** Size of the whole input, null where nobody knows: then there is no bar and no time left, only figures. */
  readonly totalBytes: number | null;
  /** Loads cli-progress: by default from where Deno has it. */
  readonly load?: () => Promise<unknown>;
}

/** Drawn at most so often. */
const FRAME_MS = 100;
/** Rates and the time left are those of about the last 5 s: 50 frames. */
const WINDOW_FRAMES = 50;
const BAR_COLUMNS = 24;
const NARROW_BAR_COLUMNS = 10;
const SEPARATOR = "  ";

/** The part of cli-progress that is used. */
interface LibraryBar {
  start(total: number, startValue: number, payload: object): void;
  update(value: number): void;
  stop(): void;
}

/** The same: the package carries no types, and those of DefinitelyTyped would bring all of Node's. */
interface Library {
  readonly SingleBar: new (options: object) => LibraryBar;
}

/** What cli-progress passes to a formatter. */
interface Frame {
  progress: number;
  eta: number | string;
}

/** A bar on a terminal. */
export class ProgressBar {
  readonly #shell: Shell;
  readonly #options: ProgressBarOptions;
  readonly #bar: LibraryBar;
  readonly #rates: Rates;
  #drawnAtMs = -Infinity;

  private constructor(shell: Shell, options: ProgressBarOptions, { SingleBar }: Library) {
    this.#shell = shell;
    this.#options = options;
    this.#rates = new Rates(options.tally);
    this.#bar = new SingleBar({
      format: (_options: unknown, frame: Frame) => this.#draw(frame),
      stream: terminalStream(shell),
      fps: 1000 / FRAME_MS,
      etaBuffer: WINDOW_FRAMES,
      etaAsynchronousUpdate: true, // While nothing goes on, the time left grows.
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false, // Ctrl-C is the command's business.
      linewrap: true, // Trims; otherwise it would change the terminal's settings.
      forceRedraw: true,
    });
  }

  /**
   * Draws a bar from now on. It keeps the process alive until {@linkcode stop}.
   *
   * @param shell The terminal.
   * @param options What to show.
   */
  static async start(shell: Shell, options: ProgressBarOptions): Promise<ProgressBar> {
    const bar = new ProgressBar(shell, options, await loadLibrary(options.load));
    bar.#bar.start(options.totalBytes ?? 0, 0, {});
    return bar;
  }

  /** Tells that the tally has changed; cheap, and meant to be called often. */
  tick(): void {
    const now = this.#shell.timers.now();
    if (now - this.#drawnAtMs < FRAME_MS) return;
    this.#drawnAtMs = now;
    this.#bar.update(this.#options.tally.settledBytes);
  }

  /**
   * Writes lines above the bar.
   *
   * @param text The lines, each with its end.
   */
  printAbove(text: string): void {
    this.#shell.printError(`\r\x1b[K${text}`);
    this.#bar.update(this.#options.tally.settledBytes);
  }

  /** Takes the bar off the terminal. */
  stop(): void {
    this.#bar.stop();
  }

  #draw({ progress, eta }: Frame): string {
    const { tally, totalBytes } = this.#options;
    const rates = this.#rates.at(this.#shell.timers.now());
    return layOut({
      progress: totalBytes === null ? null : progress,
      recordsPerSecond: rates.records,
      bytesPerSecond: rates.bytes,
      acknowledged: tally.acknowledged,
      buffered: tally.buffered,
      secondsLeft: typeof eta === "number" ? eta : null,
    }, this.#shell.columns);
  }
}

/** A bar is not worth failing for: without the package a plain one does. */
async function loadLibrary(load: () => Promise<unknown> = () => import("cli-progress")): Promise<Library> {
  try {
    return await load() as Library;
  } catch {
    return { SingleBar: PlainBar };
  }
}

/** Figures of one frame. */
export interface ProgressFigures {
  /** From 0 to 1, null where nobody knows. */
  readonly progress: number | null;
  /** Records acknowledged a second. */
  readonly recordsPerSecond: number;
  /** Bytes acknowledged a second. */
  readonly bytesPerSecond: number;
  /** Records acknowledged. */
  readonly acknowledged: number;
  /** Records on their way. */
  readonly buffered: number;
  /** Time left, null where nobody knows. */
  readonly secondsLeft: number | null;
}

/**
 * Lays out a frame: what does not fit is left out, the least telling first, and nothing ever wraps.
 *
 * @param figures What to show.
 * @param columns Width of the terminal.
 */
export function layOut(figures: ProgressFigures, columns: number): string {
  const { progress, secondsLeft } = figures;
  const hasBar = progress !== null;
  const acknowledged = formatCount(figures.acknowledged);
  const rate = `${formatCount(figures.recordsPerSecond)} records/s`;
  const megabytes = `${(figures.bytesPerSecond / 1e6).toFixed(1)} MB/s`;
  const buffered = `${formatCount(figures.buffered)} buffered`;
  const percent = hasBar ? [`${Math.floor(progress * 100).toString().padStart(3)}%`] : [];
  const bar = hasBar ? [drawBar(progress, BAR_COLUMNS)] : [];
  const narrowBar = hasBar ? [drawBar(progress, NARROW_BAR_COLUMNS)] : [];
  const eta = hasBar ? [`ETA ${formatDuration(secondsLeft)}`] : [];
  const candidates = [
    [...bar, ...percent, `${acknowledged} acknowledged`, buffered, rate, megabytes, ...eta],
    [...narrowBar, ...percent, `${acknowledged} acknowledged`, buffered, rate, megabytes, ...eta],
    [...percent, `${acknowledged} acked`, buffered, rate, megabytes, ...eta],
    [...percent, `${acknowledged} acked`, rate, megabytes, ...eta],
    [...percent, `${acknowledged} acked`, rate, ...eta],
    [...percent, `${acknowledged} acked`, ...eta],
    [...percent, `${acknowledged} acked`],
    hasBar ? percent : [acknowledged],
  ];
  // The last column stays free: some terminals wrap as soon as it is written.
  const room = columns - 1;
  const line = candidates.map((parts) => parts.join(SEPARATOR)).find((line) => line.length <= room);
  return line ?? candidates.at(-1)!.join(SEPARATOR).slice(0, Math.max(room, 0));
}

/**
 * A time in the form of `1h02m`, `3m05s` or `12s`.
 *
 * @param seconds The time, null for one that nobody knows.
 */
export function formatDuration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "--";
  const whole = Math.ceil(seconds);
  const padded = (value: number) => Math.floor(value).toString().padStart(2, "0");
  if (whole >= 3600) return `${Math.floor(whole / 3600)}h${padded((whole % 3600) / 60)}m`;
  return whole >= 60 ? `${Math.floor(whole / 60)}m${padded(whole % 60)}s` : `${whole}s`;
}

function drawBar(progress: number, columns: number): string {
  const full = Math.round(progress * columns);
  return "█".repeat(full) + "░".repeat(columns - full);
}

/** Rates over the last frames. */
class Rates {
  readonly #tally: ProgressTally;
  readonly #samples: { atMs: number; records: number; bytes: number }[] = [];

  constructor(tally: ProgressTally) {
    this.#tally = tally;
  }

  at(atMs: number): { records: number; bytes: number } {
    const { acknowledged: records, settledBytes: bytes } = this.#tally;
    this.#samples.push({ atMs, records, bytes });
    if (this.#samples.length > WINDOW_FRAMES) this.#samples.shift();
    const first = this.#samples[0]!;
    const seconds = (atMs - first.atMs) / 1000;
    if (seconds <= 0) return { records: 0, bytes: 0 };
    return { records: (records - first.records) / seconds, bytes: (bytes - first.bytes) / seconds };
  }
}

/** Saving and restoring the place of the cursor: the place has moved when lines were written above the bar. */
const CURSOR_PLACE = ["\x1b7", "\x1b8"];

/** The shell's terminal as the stream that cli-progress writes to. */
function terminalStream(shell: Shell): object {
  return {
    isTTY: true,
    get columns(): number {
      return shell.columns;
    },
    write(text: string): boolean {
      if (!CURSOR_PLACE.includes(text)) shell.printError(text);
      return true;
    },
  };
}
