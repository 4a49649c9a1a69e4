/**
 * The seed itself, ekaf for Erlang, compiled from checkouts of its sources and driven line by line.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { TextLineStream } from "@std/streams/text-line-stream";
import type { ShapeRunner } from "./shapes.ts";

const here = new URL("./", import.meta.url).pathname;
const work = `${here}.work`;
const DELIVERY_TIMEOUT_MS = 60_000;

/** Where the sources are. */
export interface SeedSources {
  /** A checkout of github.com/helpshift/ekaf. */
  ekaf: string;
  /** A checkout of github.com/uwiger/gproc, which it needs. */
  gproc: string;
}

/**
 * Compiles the seed and starts it with one worker a partition.
 *
 * @param place The broker's port on 127.0.0.1, and a topic of one partition.
 * @param endOffset Asks the broker where the topic ends: how it is seen what was delivered.
 * @throws {Error} If `erl` or `erlc` is missing or fails.
 */
export async function openSeed(
  sources: SeedSources,
  place: { port: number; topic: string; endOffset: () => Promise<number> },
): Promise<ShapeRunner> {
  await compile(sources);
  const child = new Deno.Command("erl", {
    args: ["-noshell", "-pa", work, "-eval", `ekaf_bench:main(["${place.port}", "${place.topic}"]).`],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
  const control = child.stdin.getWriter();
  while ((await readLine(lines)) !== "ready");
  return {
    run: async (shape, count) => {
      const goal = await place.endOffset() + count;
      const start = performance.now();
      await control.write(new TextEncoder().encode(`${shape} ${count}\n`));
      const calledMs = Number(await readLine(lines)) / 1_000;
      while (await place.endOffset() < goal) {
        if (performance.now() - start > DELIVERY_TIMEOUT_MS) throw new Error(`Cannot see ${count} records arrive`);
        await delay(5);
      }
      return { calledMs, deliveredMs: performance.now() - start };
    },
    [Symbol.asyncDispose]: async () => {
      await control.close();
      await lines.cancel();
      await child.status;
    },
  };
}

async function readLine(lines: ReadableStreamDefaultReader<string>): Promise<string> {
  const { value, done } = await lines.read();
  if (done) throw new Error("Cannot drive ekaf: Erlang has ended");
  return value.trim();
}

async function compile({ ekaf, gproc }: SeedSources): Promise<void> {
  const library = `${work}/eunit-0`;
  await Deno.mkdir(`${library}/include`, { recursive: true });
  await Deno.mkdir(`${library}/ebin`, { recursive: true });
  // Its modules include the test library's macros, which erlang-base does not have, and use none of them.
  await Deno.writeTextFile(`${library}/include/eunit.hrl`, "");
  const sourcesOf = (folder: string) =>
    [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`).filter((path) => path.endsWith(".erl"));
  const include = ["-I", `${ekaf}/include`, "-I", `${gproc}/include`, "-o", work];
  await run("erlc", [...include, ...sourcesOf(`${gproc}/src`), ...sourcesOf(here)]);
  await run("erlc", [...include, ...sourcesOf(`${ekaf}/src`)]);
  await Deno.copyFile(`${ekaf}/src/ekaf.app.src`, `${work}/ekaf.app`);
  await Deno.copyFile(`${gproc}/src/gproc.app.src`, `${work}/gproc.app`);
}

async function run(command: string, args: string[]): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, env: { ERL_LIBS: work } }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  // Some modules of gproc need a library that ekaf does not use.
  const isVital = /ekaf[^\n]*: (error|can't)/.test(said);
  if (code !== 0 && isVital) throw new Error(`Cannot compile ekaf: ${command} ended with code ${code}:\n${said}`);
}
