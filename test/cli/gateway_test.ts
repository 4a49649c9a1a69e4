import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { Settings } from "../../src/cli/gateway_settings.ts";
import { FakeShell } from "./fake_shell.ts";

/** A shell that tells when the gateway listens. */
class ListeningShell extends FakeShell {
  readonly #listening = Promise.withResolvers<string[]>();

  /** Addresses of the gateway. */
  get addresses(): Promise<string[]> {
    return this.#listening.promise;
  }

  readonly #warned = Promise.withResolvers<void>();

  /** Resolves when the producer has warned. */
  get warned(): Promise<void> {
    return this.#warned.promise;
  }

  override printError(text: string): void {
    super.printError(text);
    if (text.includes('"warn"')) this.#warned.resolve();
    const urls = text.includes("listening on") ? text.match(/http:\/\/[\d.:[\]]+\d/g) : null;
    if (urls !== null) this.#listening.resolve(urls);
  }
}

const QUICK = ["--port", "0", "--pre-stop-ms", "0"];

Deno.test("ekaf gateway --embedded takes a record, and ends with 0 at the first signal", async () => {
  const shell = new ListeningShell();
  const ended = runCommandLine(shell, ["gateway", "--embedded", "--print", ...QUICK]);
  const [url] = await shell.addresses;

  const response = await fetch(`${url}/sync/greetings`, { method: "POST", body: "hello" });
  const text = await response.text();
  const metrics = await (await fetch(`${url}/metrics`)).text();
  shell.interrupt();

  assertEquals([text, await ended], ['[{"ok":true}]', 0]);
  assertMatch(metrics, /^ekaf_http_requests_total\{route="sync",method="POST",code="200"\} 1$/m);
  assertMatch(metrics, /^ekaf_records_delivered_total\{topic="greetings"\} 1$/m);
  assertEquals(shell.stdout, "greetings/0@0 hello\n");
  assertEquals(shell.listenerCount, 0);
});

Deno.test("ekaf gateway takes what it is told from the environment, and flags before it", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const environment = {
    EKAF_BOOTSTRAP: cluster.bootstrap[0]!,
    EKAF_TOPICS: "t",
    EKAF_ECHO_POST: "1",
    EKAF_NODE_NAME: "environment",
    EKAF_BODY_MAX_BYTES: "10",
    EKAF_OPERATION_PORT: "0",
  };
  const shell = new ListeningShell({ environment });
  const ended = runCommandLine(shell, ["gateway", ...QUICK, "--node-name", "flag"]);
  const [url, operation] = await shell.addresses;

  const post = async (path: string, body: string) => {
    const response = await fetch(`${url}${path}`, { method: "POST", body });
    await response.body?.cancel();
    return response.status;
  };
  const statuses = [await post("/sync/t", "a"), await post("/sync/u", "a"), await post("/sync/t", "x".repeat(11))];
  const node = await (await fetch(`${url}/disco`)).text();
  const health = await (await fetch(`${operation}/healthz`)).text();
  shell.interrupt();

  assertEquals(statuses, [200, 403, 413]);
  assertEquals([node, health, await ended], ["flag", "ok", 0]);
});

Deno.test("ekaf gateway takes records of recordMaxBytes on every route, headers and all, and answers 413 one byte above", async () => {
  const shell = new ListeningShell();
  const ended = runCommandLine(shell, ["gateway", "--embedded", ...QUICK]);
  const [url] = await shell.addresses;
  const ndjson = { "content-type": "application/x-ndjson" };
  const confluent = { "content-type": "application/vnd.kafka.text.v2+json" };
  const manyHeaders = Object.fromEntries(
    Array.from({ length: 64 }, (_, i) => [`x-kafka-header-${i}`, "x".repeat(250)]),
  );
  const posts: [path: string, around: (value: string) => string, headers: Record<string, string>][] = [
    ["/async/t", (value) => value, {}],
    ["/sync/t", (value) => value, { "x-kafka-key": "k".repeat(2_000), ...manyHeaders }],
    ["/stream/t", (value) => `${value}\n`, ndjson],
    ["/topics/t", (value) => `{"records":[{"value":"${value}"}]}`, confluent],
  ];

  const statuses = [];
  for (const [path, around, headers] of posts) {
    for (const bytes of [1_000_000, 1_000_001]) {
      const response = await fetch(`${url}${path}`, { method: "POST", body: around("x".repeat(bytes)), headers });
      statuses.push(response.status);
      await response.body?.cancel();
    }
  }
  shell.interrupt();

  assertEquals(statuses, [200, 413, 200, 413, 200, 413, 200, 413]);
  assertEquals(await ended, 0);
});

Deno.test("ekaf gateway answers only its own host names on a loopback address", async () => {
  const shell = new ListeningShell();
  const ended = runCommandLine(shell, ["gateway", "--embedded", ...QUICK]);
  const [url] = await shell.addresses;
  const { hostname, port } = new URL(url!);

  const conn = await Deno.connect({ hostname, port: Number(port) });
  await conn.write(
    new TextEncoder().encode("GET /healthz HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n"),
  );
  const text = await new Response(conn.readable).text();
  shell.interrupt();

  assertMatch(text, /^HTTP\/1.1 403 /);
  assertEquals(await ended, 0);
});

Deno.test("ekaf gateway has a page on a loopback address, unless told otherwise", async () => {
  const pageStatus = async (args: readonly string[], environment: Record<string, string> = {}) => {
    const shell = new ListeningShell({ environment });
    const ended = runCommandLine(shell, ["gateway", "--embedded", ...QUICK, ...args]);
    const [url] = await shell.addresses;
    const response = await fetch(url!);
    await response.body?.cancel();
    shell.interrupt();
    await ended;
    return response.status;
  };

  assertEquals(await pageStatus([]), 200);
  assertEquals(await pageStatus(["--page", "off"]), 404);
  assertEquals(await pageStatus([], { EKAF_PAGE: "0" }), 404);
});

Deno.test("ekaf gateway has no page on a public address, unless told otherwise", () => {
  const hasPage = (page: string | undefined, hostname: string) =>
    new Settings({ page }, () => undefined).hasPage(hostname);
  const everywhere = ["0.0.0.0", "::", "192.168.0.1", "gateway.internal"];

  assertEquals(everywhere.map((hostname) => hasPage(undefined, hostname)), [false, false, false, false]);
  assertEquals(everywhere.map((hostname) => hasPage("on", hostname)), [true, true, true, true]);
  assertEquals(["127.0.0.1", "localhost", "::1"].map((hostname) => hasPage(undefined, hostname)), [true, true, true]);
});

/** A body that is written to while it is sent. */
function upload(url: string): { writer: WritableStreamDefaultWriter<Uint8Array>; response: Promise<Response> } {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const headers = { "content-type": "application/x-ndjson" };
  const response = fetch(`${url}/stream/t`, { method: "POST", body: readable, headers });
  return { writer: writable.getWriter(), response };
}

Deno.test("ekaf gateway takes the rest of a body that is under way when it is told to end", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const shell = new ListeningShell();
  const ended = runCommandLine(shell, ["gateway", "--bootstrap", cluster.bootstrap[0]!, ...QUICK]);
  const [url] = await shell.addresses;
  const { writer, response } = upload(url!);
  await writer.write(new TextEncoder().encode("before\n"));
  await cluster.waitFor("t", 1);

  shell.interrupt();
  await writer.write(new TextEncoder().encode("after\n"));
  await writer.close();

  assertEquals(await (await response).json(), { accepted: 2, acked: 2, failed: [] });
  assertEquals([await ended, cluster.records("t").map((record) => record.text())], [0, ["before", "after"]]);
});

Deno.test("ekaf gateway breaks off a body after --drain-requests-ms, and tells what became of what had come", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const shell = new ListeningShell();
  const args = ["gateway", "--bootstrap", cluster.bootstrap[0]!, ...QUICK, "--drain-requests-ms", "20"];
  const ended = runCommandLine(shell, args);
  const [url] = await shell.addresses;
  const { writer, response } = upload(url!);
  await writer.write(new TextEncoder().encode("before\n"));
  await cluster.waitFor("t", 1);

  shell.interrupt();

  const { status, accepted, acked } = await (await response).json();
  assertEquals([status, accepted, acked, await ended], [400, 1, 1, 0]);
  await writer.abort().catch(() => {}); // fetch has given it up by itself, or not.
});

Deno.test("ekaf gateway ends with 1 and a number when Kafka has not got all", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using _silence = cluster.intercept("Produce", () => "silent");
  const shell = new ListeningShell();
  const args = ["gateway", "--bootstrap", cluster.bootstrap[0]!, ...QUICK, "--drain-flush-ms", "20"];
  const ended = runCommandLine(shell, args);
  const [url] = await shell.addresses;

  await (await fetch(`${url}/async/t`, { method: "POST", body: "a" })).body?.cancel();
  shell.interrupt();

  assertEquals(await ended, 1);
  assertStringIncludes(shell.stderr, "ekaf: 1 records were accepted and not acknowledged\n");
});

const MISUSE: [args: string[], message: string][] = [
  [[], "Cannot go on without --bootstrap or EKAF_BOOTSTRAP; --embedded needs neither"],
  [["--embedded", "--bootstrap", "a"], "Cannot use --embedded: there is --bootstrap as well"],
  [["--embedded", "--host", "0.0.0.0"], "Cannot listen on 0.0.0.0 without --topics: "],
  [["--embedded", "x"], 'Cannot use "x": there is no such operand'],
  [
    ["--embedded", "--port", "0", "--max-requests", "0"],
    'Cannot use --max-requests "0": it must be a whole number from 1',
  ],
  [["--embedded", "--port", "0", "--page", "yes"], 'Cannot use --page "yes": it must be on or off'],
  [["--embedded", "--port", "0", "--origins", "shop"], 'Cannot use --origins "shop": it must be like'],
  [["--embedded", "--hand-off-peers", "shop"], 'Cannot use --hand-off-peers "shop": it must be like'],
  [["--embedded", "--async-paths", "/in"], 'Cannot use --async-paths "/in": it must be a path with ":topic"'],
  [["--embedded", "--topics", "a b"], 'Cannot use --topics "a b": it must be the name of a topic, or the beginning'],
  [["--embedded", "--topics", "a*b"], 'Cannot use --topics "a*b": it must be the name of a topic, or the beginning'],
  [["--embedded", "--topics", ","], 'Cannot use --topics ",": it holds nothing'],
  [["--bootstrap", "a:b"], 'Cannot use --bootstrap "a:b": Cannot read the bootstrap address "a:b": the port must'],
  [["--bootstrap", "a", "--print"], "Cannot use --print without --embedded: "],
  [["--embedded", "--port", "81", "--operation-port", "81"], "Cannot use --operation-port 81: it is the port of"],
  [["--embedded", "--record-max-bytes", "8388608"], "Cannot use --record-max-bytes 8388608: with "],
  [["--embedded", "--body-max-bytes", "1k"], 'Cannot use --body-max-bytes "1k": it must be a whole number'],
];

for (const [args, message] of MISUSE) {
  Deno.test(`ekaf gateway ${args.join(" ")} ends with 64 and says why`, async () => {
    const shell = new FakeShell();

    const code = await runCommandLine(shell, ["gateway", ...args]);

    assertEquals(code, 64, shell.stderr);
    assertStringIncludes(shell.stderr, message);
  });
}

const WRONG_VARIABLES: [name: string, value: string, message: string][] = [
  ["EKAF_ECHO_POST", "yes", 'Cannot use EKAF_ECHO_POST "yes": it must be 1 or 0'],
  ["EKAF_PORT", "http", 'Cannot use EKAF_PORT "http": it must be a whole number'],
  ["EKAF_MAX_REQUESTS", "0", 'Cannot use EKAF_MAX_REQUESTS "0": it must be a whole number from 1'],
  ["EKAF_RECORD_MAX_BYTES", "9000000", "Cannot use EKAF_RECORD_MAX_BYTES 9000000: with "],
  ["EKAF_PAGE", "yes", 'Cannot use EKAF_PAGE "yes": it must be on or off'],
  ["EKAF_ORIGINS", "shop", 'Cannot use EKAF_ORIGINS "shop": it must be like'],
  ["EKAF_HAND_OFF_PEERS", "shop", 'Cannot use EKAF_HAND_OFF_PEERS "shop": it must be like'],
  ["EKAF_TOPICS", ",", 'Cannot use EKAF_TOPICS ",": it holds nothing'],
];

for (const [name, value, message] of WRONG_VARIABLES) {
  Deno.test(`ekaf gateway names the variable when ${name} is ${JSON.stringify(value)}`, async () => {
    const shell = new FakeShell({ environment: { [name]: value } });

    assertEquals(await runCommandLine(shell, ["gateway", "--embedded"]), 64, shell.stderr);
    assertStringIncludes(shell.stderr, message);
  });
}

Deno.test("ekaf gateway says that a host name leads nowhere", async () => {
  const shell = new FakeShell();
  const args = ["--embedded", "--host", "127.0.0.300", "--topics", "a", "--port", "0"];

  const code = await runCommandLine(shell, ["gateway", ...args]);

  assertEquals(code, 1);
  assertMatch(shell.stderr, /^ekaf: Cannot listen on 127\.0\.0\.300 port 0: .*\n$/);
});

Deno.test("ekaf gateway writes a line of JSON for each thing that goes wrong", async () => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const bootstrap = `127.0.0.1:${closed.addr.port}`;
  closed.close();
  const shell = new ListeningShell();
  const ended = runCommandLine(shell, ["gateway", "--bootstrap", bootstrap, ...QUICK]);
  const [url] = await shell.addresses;

  const response = await fetch(`${url}/readyz`);
  await response.body?.cancel();
  await shell.warned;
  shell.interrupt();

  assertEquals([response.status, await ended], [503, 0]);
  const lines = shell.stderr.trimEnd().split("\n").filter((line) => !/^ekaf: (listening|interrupted)/.test(line));
  const told = lines.map((line) => JSON.parse(line)).map(({ level, message }) => `${level}: ${message}`);
  assert(told.some((line) => line.startsWith(`warn: Cannot connect to ${bootstrap}: `)), told.join("\n"));
  assert(told.includes("error: Cannot take records: no metadata"), told.join("\n"));
});

Deno.test("ekaf gateway says that a port is taken", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const shell = new FakeShell();

  const code = await runCommandLine(shell, ["gateway", "--embedded", "--port", String(listener.addr.port)]);

  assertEquals(code, 1);
  assertMatch(shell.stderr, /Cannot listen on 127\.0\.0\.1 port \d+: another program listens there/);
});
