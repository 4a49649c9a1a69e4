import { assertEquals, assertRejects } from "@std/assert";
import { DemoServer } from "../../src/cli/demo_input.ts";
import { CLICKS, demoBytes } from "../../src/cli/demo_lines.ts";

const LINE_COUNT = 2_500;

Deno.test("DemoServer serves a text, and says how long it is", async () => {
  await using server = new DemoServer(CLICKS, LINE_COUNT);

  const response = await fetch(server.url);
  const body = await response.bytes();

  const chunks = [...demoBytes(CLICKS, LINE_COUNT)];
  assertEquals(body.length, server.sizeBytes);
  assertEquals(response.headers.get("content-length"), String(body.length));
  assertEquals(new TextDecoder().decode(body), chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""));
});

Deno.test("DemoServer ends although a download was given up", async () => {
  const controller = new AbortController();
  {
    await using server = new DemoServer(CLICKS, 500_000);
    const response = await fetch(server.url, { signal: controller.signal });
    const reader = response.body!.getReader();
    await reader.read();

    controller.abort();

    await assertRejects(async () => {
      while (!(await reader.read()).done);
    }, DOMException);
  }
});
