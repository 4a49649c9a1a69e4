import { assertEquals, assertGreater } from "@std/assert";
import { Producer } from "@ekaf/ekaf";
import { createGateway } from "@ekaf/ekaf/gateway";
import { load, type LoadReport } from "./gateway_load.ts";
import { GatewayProcess } from "./gateway_process.ts";
import { type Kafka, requireTool, startKafka } from "./harness.ts";

const REQUESTS = 30_000;
const CONNECTIONS = 100;
/** Answers after which the gateway is told to end, under load. */
const ANSWERS_BEFORE_END = 5_000;
const JSON_TYPE = "application/json; charset=utf-8";

/** A gateway over Kafka that serves on for `preStopMs` when it is to end. */
function gatewayOver(kafka: Kafka, preStopMs = 0): Promise<GatewayProcess> {
  return GatewayProcess.start({ args: ["--bootstrap", kafka.bootstrap.join(), "--pre-stop-ms", String(preStopMs)] });
}

/** How often each number is in a topic, as Kafka's own consumer reads it. */
async function countNumbers(kafka: Kafka, topic: string): Promise<Map<number, number>> {
  const decoder = new TextDecoder();
  const counts = new Map<number, number>();
  for await (const records of kafka.read(topic)) {
    for (const { value } of records) {
      const n = Number(decoder.decode(value!));
      counts.set(n, (counts.get(n) ?? 0) + 1);
    }
  }
  return counts;
}

/** What was answered 200 and is not in Kafka once. */
function audit({ accepted }: LoadReport, counts: ReadonlyMap<number, number>) {
  return {
    missing: accepted.filter((n) => !counts.has(n)).length,
    doubled: [...counts.values()].filter((count) => count > 1).length,
  };
}

/** What curl says of an answer: status, type, and the body byte for byte. */
async function curl(...args: string[]): Promise<string> {
  await requireTool("curl");
  const format = "\n%{http_code} %{content_type}";
  const { code, stdout, stderr } = await new Deno.Command("curl", { args: ["-sS", "-w", format, ...args] }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function checkCurls(kafka: Kafka): Promise<void> {
  await kafka.createTopic("ekaf", 1);
  await using producer = new Producer({ bootstrap: kafka.bootstrap });
  // As the callback of kafboy's demo does.
  const gateway = createGateway({
    producer,
    editJson: ({ topic, fields }) => {
      if (fields.length === 0) return { error: `${topic}.insufficient` };
      if (fields[0]![0] === "test") return { status: 200, body: '{"ok":"fast reply"}' };
      return { value: JSON.stringify(Object.fromEntries(fields)) };
    },
  });
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, gateway.fetch);
  const url = `http://127.0.0.1:${server.addr.port}`;

  const told = [
    await curl("-X", "POST", "-d", "test=a", `${url}/async/ekaf`),
    await curl("-X", "POST", "-d", "hello=a", `${url}/async/ekaf`),
    await curl("-X", "POST", "-d", "hello=b", `${url}/batch/async/ekaf`),
    await curl("-X", "POST", "-d", "hello=c", `${url}/sync/ekaf`),
    await curl("-X", "POST", "-d", "hello=d", `${url}/batch/sync/ekaf`),
    await curl("-X", "POST", "-d", "hello=e", `${url}/safe/batch/async/ekaf`),
    await curl("-X", "POST", `${url}/async/ekaf`),
    await curl(`${url}/disco`),
  ];
  await producer.flush();

  const ok = `{"ok":1}\n200 ${JSON_TYPE}`;
  assertEquals(told, [
    `{"ok":"fast reply"}\n200 ${JSON_TYPE}`,
    ok,
    ok,
    `[{"ok":true}]\n200 ${JSON_TYPE}`,
    ok,
    ok,
    `{"error":"ekaf.insufficient"}\n400 ${JSON_TYPE}`,
    "ekaf\n200 text/plain;charset=utf-8",
  ]);
  const values = (await kafka.kcatRead("ekaf")).map(({ value }) => new TextDecoder().decode(value!));
  assertEquals(values.toSorted(), ["a", "b", "c", "d", "e"].map((value) => `{"hello":"${value}"}`));
}

async function checkBytes(kafka: Kafka, gateway: GatewayProcess): Promise<void> {
  await kafka.createTopic("bytes", 1);
  const encoder = new TextEncoder();
  const bodies = [
    Uint8Array.of(0xff, 0x00, 0xfe, 0x0a, 0x0d),
    encoder.encode("\u{feff}with a mark"),
    encoder.encode("a\r\nb\r\n"),
    encoder.encode('{"2":12345678901234567890,"10":1.0e400,"1":1.0,"__proto__":{}}'),
  ];
  for (const body of bodies) {
    const headers = { "content-type": "application/json", "x-kafka-key": "007", "x-kafka-header64-raw": "/wA=" };
    const response = await fetch(`${gateway.url}/sync/bytes`, { method: "POST", body, headers });
    assertEquals(await response.text(), '[{"ok":true}]');
  }

  for (const records of [await kafka.readAll("bytes"), await kafka.kcatRead("bytes")]) {
    assertEquals(records.map(({ value }) => value), bodies);
    assertEquals(records.map(({ key }) => new TextDecoder().decode(key!)), bodies.map(() => "007"));
  }
  const [record] = await kafka.readAll("bytes");
  assertEquals(record!.headers, [["raw", Uint8Array.of(0xff, 0)]]);
}

async function checkLoad(kafka: Kafka): Promise<void> {
  const paths = ["async", "sync", "batch/async", "batch/sync"];
  for (const path of paths) await kafka.createTopic(path.replace("/", "-"), 3);
  const reports: LoadReport[] = [];
  await using gateway = await gatewayOver(kafka);
  for (const path of paths) {
    const startMs = performance.now();
    const target = `/${path}/${path.replace("/", "-")}`;
    const report = await load({ url: gateway.url, path: () => target, connections: CONNECTIONS, requests: REQUESTS });
    const rate = Math.round(REQUESTS / (performance.now() - startMs) * 1_000);
    const [p50, p99] = [0.5, 0.99].map((share) => report.within(share).toFixed(1));
    // deno-lint-ignore no-console -- figures for whoever reads the log; nothing depends on them
    console.log(`    ${path}: ${rate} requests/s, p50 ${p50} ms, p99 ${p99} ms`);
    reports.push(report);
  }
  gateway.kill("SIGTERM");
  const { code, stderr } = await gateway.ended();

  assertEquals(code, 0, stderr);
  for (const [i, path] of paths.entries()) {
    assertEquals(reports[i]!.statuses, { 200: REQUESTS }, path);
    const counts = await countNumbers(kafka, path.replace("/", "-"));
    assertEquals([path, counts.size, audit(reports[i]!, counts)], [path, REQUESTS, { missing: 0, doubled: 0 }]);
  }
}

async function checkEnd(kafka: Kafka): Promise<void> {
  await kafka.createTopic("end", 3);
  await using gateway = await gatewayOver(kafka, 100);
  const report = await load({
    url: gateway.url,
    path: (n) => n % 2 === 0 ? "/sync/end" : "/async/end",
    connections: CONNECTIONS,
    requests: Infinity,
    onAnswer: (answers) => {
      if (answers === ANSWERS_BEFORE_END) gateway.kill("SIGTERM");
    },
  });
  const { code, stderr } = await gateway.ended();

  assertEquals(code, 0, stderr);
  assertEquals(Object.keys(report.statuses).filter((status) => status !== "200" && status !== "503"), []);
  assertGreater(report.accepted.length, ANSWERS_BEFORE_END, "it serves on for a while");
  assertEquals(audit(report, await countNumbers(kafka, "end")), { missing: 0, doubled: 0 });
}

async function checkSecondSignal(kafka: Kafka): Promise<void> {
  await using gateway = await gatewayOver(kafka, 600_000);
  gateway.kill("SIGTERM");
  while (true) {
    const { reasons } = await (await fetch(`${gateway.url}/readyz`)).json();
    if (reasons?.includes("draining")) break;
  }
  gateway.kill("SIGTERM");

  assertEquals((await gateway.ended()).code, 130);
}

Deno.test("ekaf gateway over Kafka 4.3.1", async (t) => {
  await using kafka = await startKafka("4.3.1");
  await t.step("answers kafboy's documented curls byte for byte", () => checkCurls(kafka));
  await t.step("passes bytes on as they are", async () => {
    await using gateway = await gatewayOver(kafka);
    await checkBytes(kafka, gateway);
  });
  await t.step(`loses none of ${REQUESTS} requests on each route`, () => checkLoad(kafka));
  await t.step(
    "has in Kafka what it answered 200 when it is ended under load, and exits with 0",
    () => checkEnd(kafka),
  );
  await t.step("ends at once at a second signal", () => checkSecondSignal(kafka));
});
