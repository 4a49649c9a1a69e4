import { assert, assertEquals } from "@std/assert";
import { GATEWAY_ERRORS } from "../../src/gateway/gateway_error.ts";
import { gatewayRig } from "./gateway_rig.ts";

interface Operation {
  operationId: string;
  description?: string;
  parameters?: { name: string; in: string; required: boolean; schema: unknown }[];
  requestBody?: { content: Record<string, { example?: unknown }> };
  responses: Record<string, { description: string; content?: Record<string, unknown> }>;
}
type Paths = Record<string, Record<string, Operation>>;

const ROUTES = [
  "POST /async/{topic}",
  "POST /batch/async/{topic}",
  "POST /sync/{topic}",
  "POST /batch/sync/{topic}",
  "POST /stream/{topic}",
  "GET /disco",
  "GET /healthz",
  "GET /readyz",
  "GET /metrics",
  "GET /openapi.json",
  "POST /in/{topic}",
];

Deno.test("/openapi.json has every route, and every route of it answers", async () => {
  await using rig = await gatewayRig({ gateway: { routes: { async: ["/in/:topic"] } } });

  const document = await (await rig.get("/openapi.json")).json();

  const paths: Paths = document.paths;
  const routes = Object.entries(paths).flatMap(([path, methods]) => {
    return Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`);
  });
  assertEquals(document.openapi, "3.1.0");
  assertEquals(ROUTES.filter((route) => !routes.includes(route)), []);
  for (const [path, methods] of Object.entries(paths)) {
    const response = await rig.gateway.fetch(
      new Request(`http://localhost${path.replace("{topic}", "t").replace("{partition}", "0")}`, { method: "PATCH" }),
    );
    const allow = Object.keys(methods).map((method) => method.toUpperCase()).join(", ");
    assertEquals([path, response.status, response.headers.get("allow")], [path, 405, allow]);
    await response.body?.cancel();
  }
});

Deno.test("/openapi.json names each operation once, with its parameters and the answers to what goes wrong", async () => {
  await using rig = await gatewayRig();

  const { paths }: { paths: Paths } = await (await rig.get("/openapi.json")).json();

  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  assertEquals(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
  const sync = paths["/sync/{topic}"]!["post"]!;
  assert(sync.parameters!.some(({ name, in: place, required }) => name === "topic" && place === "path" && required));
  assert(sync.parameters!.some(({ name, in: place }) => name === "x-kafka-key" && place === "header"));
  assertEquals(["200", "207", "400", "403", "404", "413", "503", "504"].filter((s) => !(s in sync.responses)), []);
});

Deno.test("/openapi.json: each example body of a produce route is taken as it stands there", async () => {
  await using rig = await gatewayRig();
  const { paths }: { paths: Paths } = await (await rig.get("/openapi.json")).json();

  for (const [path, methods] of Object.entries(paths)) {
    const content = methods["post"]?.requestBody?.content ?? {};
    if (!path.includes("{topic}") || path.includes("{partition}")) continue;
    for (const [type, { example }] of Object.entries(content)) {
      if (example === undefined) continue;
      const body = typeof example === "string" ? example : JSON.stringify(example);
      const response = await rig.post(path.replace("{topic}", "t"), body, { headers: { "content-type": type } });
      assertEquals([path, type, response.status], [path, type, 200]);
      await response.body?.cancel();
    }
  }
});

/** Requests that are answered in all sorts of ways, by path, and what the answer is. */
const ANSWERED: [path: string, type: string, body: string, headers: Record<string, string>, status: number][] = [
  ["/async/{topic}", "text/plain", "a", {}, 200],
  ["/async/{topic}", "text/plain", "", {}, 400],
  ["/async/{topic}", "text/plain", "a", { "content-encoding": "br" }, 415],
  ["/sync/{topic}", "application/x-ndjson", `1\n${"x".repeat(60)}\n`, {}, 413],
  ["/sync/{topic}", "text/plain", "a", { "idempotency-key": "once" }, 200],
  ["/sync/{topic}", "text/plain", "b", { "idempotency-key": "once" }, 422],
  ["/sync/{topic}", "text/plain", "a", { "idempotency-key": "under way" }, 400],
  ["/sync/{topic}", "text/plain", "a", { "x-kafka-partition": "7" }, 404],
  ["/sync/{topic}", "text/plain", "a", { "origin": "http://evil.example" }, 403],
  ["/stream/{topic}", "application/x-ndjson", "1\n2\n", {}, 200],
  ["/stream/{topic}", "application/x-ndjson", "1\n", { accept: "application/x-ndjson" }, 200],
  ["/stream/{topic}", "application/x-ndjson", "1\n", { accept: "text/html" }, 406],
  ["/stream/{topic}", "application/vnd.ekaf.record+x-ndjson", '{"value":1}\n{"value":1,"partition":9}\n', {}, 207],
  ["/topics/{topic}", "application/x-ndjson", "1\n2\n", {}, 200],
  ["/topics/{topic}", "application/x-ndjson", "1\n", { accept: "application/x-ndjson" }, 200],
  ["/topics/{topic}", "application/x-ndjson", "1\n", { accept: "text/html" }, 406],
  ["/topics/{topic}", "application/vnd.ekaf.record+x-ndjson", '{"value":1}\n{"value":1,"partition":9}\n', {}, 207],
  ["/topics/{topic}", "image/png", "1", {}, 415],
  ["/topics/{topic}", "application/vnd.kafka.json.v2+json", '{"records":[{"value":1}]}', {}, 200],
  ["/topics/{topic}", "application/vnd.kafka.json.v2+json", '{"records":[]}', {}, 422],
  ["/topics/{topic}", "application/vnd.kafka.avro.v2+json", '{"records":[]}', {}, 415],
  ["/topics/{topic}", "application/vnd.kafka.json.v2+json", "{}", { accept: "application/json" }, 422],
  ["/topics/{topic}", "application/vnd.kafka.json.v2+json", "{}", { accept: "text/html" }, 406],
  ["/topics/{topic}?async=1", "application/vnd.kafka.json.v2+json", '{"records":[{"value":1}]}', {}, 204],
];

Deno.test("/openapi.json has the status and the type of every answer", async () => {
  await using rig = await gatewayRig({ gateway: { recordMaxBytes: 50 } });
  const { paths }: { paths: Paths } = await (await rig.get("/openapi.json")).json();

  const undocumented: string[] = [];
  for (const [path, type, body, headers, status] of ANSWERED) {
    const init = { headers: { "content-type": type, host: "localhost", ...headers } };
    const response = await rig.post(path.replace("{topic}", "t"), body, init);
    await response.body?.cancel();
    const name = `${path} ${type} ${JSON.stringify(headers)}`;
    assertEquals([name, response.status], [name, status]);
    const answer = paths[path.split("?")[0]!]!["post"]!.responses[status];
    const answerType = response.headers.get("content-type")?.split(";")[0];
    const isTold = answer !== undefined && (answerType === undefined || answerType in (answer.content ?? {}));
    if (!isTold) undocumented.push(`${name}: ${status} ${answerType}`);
  }

  assertEquals(undocumented, []);
});

Deno.test("/openapi.json names every failure there is, each for some route", async () => {
  const authenticate = () => ({ name: "a" });
  await using rig = await gatewayRig({ gateway: { authenticate, handOff: { peers: ["http://peer"] } } });
  const { paths }: { paths: Paths } = await (await rig.get("/openapi.json")).json();

  const told = new Set(
    Object.values(paths).flatMap((methods) => Object.values(methods)).flatMap(({ responses }) => {
      return Object.keys(responses).map(Number);
    }),
  );

  assertEquals(Object.values(GATEWAY_ERRORS).filter(({ status }) => !told.has(status)), []);
  assert("307" in paths["/sync/{topic}"]!["post"]!.responses);
});

Deno.test("/openapi.json says which values parameters have", async () => {
  await using rig = await gatewayRig();
  const { paths }: { paths: Paths } = await (await rig.get("/openapi.json")).json();

  const { parameters = [], description = "" } = paths["/sync/{topic}"]!["post"]!;
  const partition = parameters.filter(({ name }) => name.endsWith("partition"));
  assertEquals(partition.map(({ name, in: place, schema }) => [name, place, schema]), [
    ["partition", "query", { type: "integer", minimum: 0, maximum: 2_147_483_647 }],
    ["x-kafka-partition", "header", { type: "integer", minimum: 0, maximum: 2_147_483_647 }],
  ]);
  assert(parameters.some(({ name, in: place }) => name === "timestamp" && place === "query"));
  assert(description.includes("x-kafka-header-NAME") && description.includes("content-encoding"), description);
});
