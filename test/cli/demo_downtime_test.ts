import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runDowntimeDemo } from "../../src/cli/demo_downtime.ts";
import { platformTimers } from "../../src/timers.ts";

Deno.test("runDowntimeDemo() brings all 20 records into the log, in order, with the events on screen", async () => {
  const lines: string[] = [];

  const isWhole = await runDowntimeDemo({ print: (line) => void lines.push(line), timers: platformTimers, pauseMs: 2 });

  const text = lines.join("\n");
  const types = lines.filter((line) => line.startsWith(" ")).map((line) => line.trim().split(" ")[0]!);
  const firstAt = (type: string) => types.indexOf(type);
  assert(isWhole, text);
  assertStringIncludes(lines.at(-1)!, "read back: 20 of 20, in order");
  assertEquals(types.filter((type) => type === "downtimesaved").length, 20);
  for (const type of ["bootstrapunreachable", "timetoconnect", "laneup", "flush", "flushreplied"]) {
    assert(firstAt(type) !== -1, text);
  }
  assert(firstAt("laneup") < firstAt("timedown") && firstAt("timedown") < firstAt("downtimereplayed"), text);
  assert(lines.some((line) => line.includes("downtimereplayed") && line.includes(" 20 of ")), text);
});

Deno.test("deno task demo:downtime ends with code 0", async () => {
  const args = ["run", "--no-check", "--quiet", "--allow-net=127.0.0.1", "src/cli/demo_downtime.ts"];

  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();

  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  assertStringIncludes(new TextDecoder().decode(stdout), "read back: 20 of 20, in order");
});
