import { assert, assertEquals } from "@std/assert";
import { gatewayRig } from "./gateway_rig.ts";

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required: boolean }[];
  requestBody?: { content: Record<string, { example?: unknown }> };
  responses: Record<string, { description: string }>;
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
