import { assert, assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { formatDuration, layOut, ProgressBar, type ProgressFigures } from "../../src/cli/progress_bar.ts";
import { Tally } from "../../src/cli/tally.ts";
import { FakeShell } from "./fake_shell.ts";

const FIGURES: ProgressFigures = {
  progress: 0.5,
  recordsPerSecond: 81_234.5,
  bytesPerSecond: 24_250_000,
  acknowledged: 1_234_567,
  buffered: 54_321,
  secondsLeft: 65,
};

Deno.test("layOut() shows everything where there is room", () => {
  assertEquals(
    layOut(FIGURES, 120),
    "████████████░░░░░░░░░░░░   50%  1,234,567 acknowledged  54,321 buffered  81,235 records/s  24.3 MB/s  ETA 1m05s",
  );
});

Deno.test("layOut() leaves out bar, percentage and time left where the size is not known", () => {
  assertEquals(
    layOut({ ...FIGURES, progress: null, secondsLeft: null }, 120),
    "1,234,567 acknowledged  54,321 buffered  81,235 records/s  24.3 MB/s",
  );
});

Deno.test("layOut() fits every width and leaves the last column free", () => {
  for (const figures of [FIGURES, { ...FIGURES, progress: null }]) {
    for (let columns = 1; columns <= 150; columns++) {
      const line = layOut(figures, columns);
      assertLessOrEqual(line.length, columns - 1);
      assert(columns < 12 || line.length > 0, `nothing at ${columns} columns`);
    }
  }
});

Deno.test("layOut() keeps the percentage to the last", () => {
  assertEquals(layOut(FIGURES, 30), " 50%  1,234,567 acked");
  assertEquals(layOut(FIGURES, 8), " 50%");
});

Deno.test("formatDuration() gives two units at most", () => {
  const texts = [0, 0.2, 59, 60, 61, 3_599, 3_600, 7_325].map(formatDuration);

  assertEquals(texts, ["0s", "1s", "59s", "1m00s", "1m01s", "59m59s", "1h00m", "2h02m"]);
  assertEquals([null, Infinity, NaN].map(formatDuration), ["--", "--", "--"]);
});

Deno.test("ProgressBar draws in one line, prints above it, and leaves nothing behind", async () => {
  const shell = new FakeShell({ terminalColumns: 100 });
  const tally = new Tally();
  tally.begin("a");
  tally.submit(10, 100);

  const bar = await ProgressBar.start(shell, { tally, totalBytes: 200 });
  const atFirst = shell.stderr;
  tally.settle(Array.from({ length: 10 }, () => ({ topic: "t", partition: 0, offset: 0n, timestamp: 0 })));
  bar.tick();
  bar.printAbove("ekaf: a warning\n");
  bar.stop();

  assertStringIncludes(atFirst, "  0%  0 acknowledged  10 buffered");
  assertStringIncludes(shell.stderr, "\r\x1b[Kekaf: a warning\n");
  assertStringIncludes(shell.stderr, " 50%  10 acknowledged  0 buffered");
  assertEquals(shell.stderr.match(/\n/g)!.length, 1, "only the warning ends a line");
  assertStringIncludes(shell.stderr, "\x1b[?25l"); // hides the cursor
  assertStringIncludes(shell.stderr.slice(shell.stderr.lastIndexOf(" 50%")), "\x1b[?25h"); // and shows it again
  assert(shell.stderr.endsWith("\x1b[2K"), "the line is cleared");
});

Deno.test("ProgressBar uses no colours and does not touch the terminal's settings", async () => {
  const shell = new FakeShell({ terminalColumns: 100 });
  const bar = await ProgressBar.start(shell, { tally: new Tally(), totalBytes: null });

  bar.tick();
  bar.stop();

  // deno-lint-ignore no-control-regex
  const sequences = new Set(shell.stderr.match(/\x1b(\[[?\d;]*[a-zA-Z]|.)/g));
  assertEquals(sequences, new Set(["\x1b[?25l", "\x1b[1G", "\x1b[0K", "\x1b[2K", "\x1b[?25h"]));
});

Deno.test("ProgressBar is a plain line where cli-progress cannot be loaded", async () => {
  const shell = new FakeShell({ terminalColumns: 100 });
  const tally = new Tally();
  tally.begin("a");
  tally.submit(10, 100);
  const load = () => Promise.reject(new TypeError("not in the cache"));

  const bar = await ProgressBar.start(shell, { tally, totalBytes: 200, load });
  const atFirst = shell.stderr;
  tally.settle(Array.from({ length: 10 }, () => ({ topic: "t", partition: 0, offset: 0n, timestamp: 0 })));
  bar.tick();
  bar.printAbove("a line\n");
  const later = shell.stderr.slice(atFirst.length);
  bar.stop();

  assertStringIncludes(atFirst, "  0%  0 acknowledged");
  assertStringIncludes(later, " 50%  10 acknowledged");
  assertStringIncludes(later, "\r\x1b[Ka line\n\r");
  assert(shell.stderr.endsWith("\r\x1b[K"));
});
