import { assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import { GatewayProcess } from "./gateway_process.ts";
import { requireTool } from "./harness.ts";

const CONNECTIONS = 100;
const TEST_SECONDS = 6;

/** Runs slowhttptest; resolves with how it ended and whether others were served until then. */
async function slowHttpTest(url: string, ...args: string[]): Promise<{ stdout: string }> {
  await requireTool("slowhttptest");
  const load = ["-c", String(CONNECTIONS), "-r", String(CONNECTIONS), "-i", "1", "-l", String(TEST_SECONDS), "-p", "3"];
  const { stdout } = await new Deno.Command("slowhttptest", { args: [...args, ...load, "-u", url] }).output();
  // deno-lint-ignore no-control-regex -- it writes in colours
  return { stdout: new TextDecoder().decode(stdout).replaceAll(/\x1b\[[\d;]*[A-Za-z]/g, "") };
}

Deno.test("a gateway without a proxy before it bears slow clients", async (t) => {
  await using gateway = await GatewayProcess.start({ args: ["--embedded", "--body-timeout-ms", "1000"] });

  await t.step("slow bodies are answered 408, others are served meanwhile", async () => {
    const { stdout } = await slowHttpTest(`${gateway.url}/sync/t`, "-B", "-t", "POST");

    assertStringIncludes(stdout, "service available:   YES");
    assertEquals(await gateway.metric("ekaf_http_requests_total", 'code="408"'), CONNECTIONS);
    assertEquals(await gateway.metric("ekaf_http_reading_bytes "), 0);
  });

  await t.step("slow readers keep nobody from being served", async () => {
    const { stdout } = await slowHttpTest(`${gateway.url}/openapi.json`, "-X", "-w", "10", "-y", "20", "-z", "5");

    assertStringIncludes(stdout, "service available:   YES");
    assertGreaterOrEqual(await gateway.metric("ekaf_http_requests_total", 'route="openapi_json"'), CONNECTIONS);
  });

  await t.step("slow heads are not its to see: they stay open, and others are served", async () => {
    const before = await gateway.metric("ekaf_http_requests_total", 'code="408"');
    const { stdout } = await slowHttpTest(`${gateway.url}/sync/t`, "-H", "-t", "POST");

    assertStringIncludes(stdout, "service available:   YES");
    assertEquals(await gateway.metric("ekaf_http_requests_total", 'code="408"'), before);
  });

  const response = await fetch(`${gateway.url}/sync/t`, { method: "POST", body: "hello" });
  assertEquals(await response.text(), '[{"ok":true}]');
  gateway.kill("SIGTERM");
  assertEquals((await gateway.ended()).code, 0);
});
