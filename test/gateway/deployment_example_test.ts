import { assert, assertEquals, assertGreater } from "@std/assert";
import { GATEWAY_FLAGS, variableOf } from "../../src/cli/gateway_settings.ts";
import { LIMIT_DEFAULTS } from "../../src/gateway/options.ts";
import { GATEWAY_V8_FLAGS } from "../kafka/gateway_process.ts";

const FOLDER = ".github/examples/gateway/";
const NAMES = ["Dockerfile", "README.md", "ekaf-gateway.service", "kubernetes.yaml", "nginx.conf"];

const texts = new Map<string, string>();
for (const name of NAMES) texts.set(name, Deno.readTextFileSync(`${FOLDER}${name}`));
const textOf = (name: string): string => texts.get(name)!;

/** What `pattern` finds first in a file. */
function found(name: string, pattern: RegExp): string {
  const match = textOf(name).match(pattern);
  assert(match !== null, `${name} has nothing like ${pattern}`);
  return match[1]!;
}

/** The milliseconds that a drain may take by the limits' defaults. */
const { preStopMs, drainRequestsMs, drainFlushMs } = LIMIT_DEFAULTS;
const DRAIN_SECONDS = (preStopMs + drainRequestsMs + drainFlushMs) / 1_000;

Deno.test("the examples of the gateway are these", async () => {
  const names = await Array.fromAsync(Deno.readDir(FOLDER), ({ name }) => name);

  assertEquals(names.toSorted(), NAMES);
});

for (const name of NAMES) {
  Deno.test(`${name} sets variables and flags that there are`, () => {
    const variables = new Set(Object.keys(GATEWAY_FLAGS).map(variableOf));
    const used = textOf(name).match(/\bEKAF_[A-Z][A-Z_]*[A-Z]\b/g) ?? [];
    const flags = textOf(name).match(/(?<![\w-])--[a-z-]+-ms|--(trusted-proxies|hand-off-peers|[a-z-]+-bytes)/g) ?? [];

    assertEquals(used.filter((variable) => !variables.has(variable)), []);
    assertEquals(flags.filter((flag) => !(flag.slice(2) in GATEWAY_FLAGS)), []);
  });
}

Deno.test("the gateway is started with the flags of V8's that it is measured with, wherever it is told how to start it", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync("deno.json"));
  const readme = Deno.readTextFileSync("README.md");
  const told = [...["Dockerfile", "README.md", "ekaf-gateway.service"].map(textOf), readme, tasks.gateway.command];

  const flags = told.map((text: string) => Array.from(new Set(text.match(/--v8-flags=[\w,=-]+/g))));

  assertEquals(flags, flags.map(() => GATEWAY_V8_FLAGS));
});

Deno.test("nginx.conf has the limits of the gateway", () => {
  const limits = [...textOf("nginx.conf").matchAll(/client_max_body_size (\d+)m?;/g)].map(([, limit]) => Number(limit));
  const { bodyMaxBytes, batchBodyMaxBytes, streamMaxMs, streamIdleMs, bodyTimeoutMs } = LIMIT_DEFAULTS;
  const seconds = (pattern: RegExp) => Number(found("nginx.conf", pattern)) * 1_000;

  assertEquals(limits.map((limit) => limit * 1024 * 1024), [bodyMaxBytes, batchBodyMaxBytes, batchBodyMaxBytes, 0]);
  assertEquals(seconds(/client_body_timeout (\d+)s;/), bodyTimeoutMs);
  assertEquals(seconds(/client_body_timeout (\d+)s; # --stream-idle-ms/), streamIdleMs);
  assertEquals(seconds(/proxy_read_timeout (\d+)s; # --stream-max-ms/), streamMaxMs);
  assertGreater(seconds(/proxy_read_timeout (\d+)s;/), LIMIT_DEFAULTS.requestTimeoutMs);
});

Deno.test("kubernetes.yaml gives a gateway more time than its drain needs", () => {
  const graceSeconds = Number(found("kubernetes.yaml", /terminationGracePeriodSeconds: (\d+)/));
  const drainMs = textOf("kubernetes.yaml").matchAll(/name: EKAF_(?:PRE_STOP|DRAIN_\w+)_MS\n\s+value: "(\d+)"/g);
  const parts = [...drainMs].map(([, ms]) => Number(ms));

  assertEquals(parts.length, 3);
  assertGreater(graceSeconds * 1_000, parts.reduce((sum, ms) => sum + ms));
});

Deno.test("ekaf-gateway.service gives a gateway more time than its drain needs, and runs what the container runs", () => {
  const command = found("ekaf-gateway.service", /^ExecStart=\/usr\/local\/bin\/(.+)$/m);
  const entry = JSON.parse(found("Dockerfile", /^ENTRYPOINT (.+)$/m)) as string[];

  assertGreater(Number(found("ekaf-gateway.service", /TimeoutStopSec=(\d+)s/)), DRAIN_SECONDS);
  assertEquals(command, entry.join(" "));
});

Deno.test("Dockerfile uses the Deno that CI uses, and no root", () => {
  const version = Deno.readTextFileSync(".ci/run").match(/DENO="deno@(.+)"/)![1]!;

  assertEquals(found("Dockerfile", /^FROM denoland\/deno:(.+)$/m), version);
  assertEquals(found("Dockerfile", /^USER (.+)$/m), "deno");
});
