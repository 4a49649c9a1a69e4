import { assert, assertEquals } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { Producer } from "@ekaf/ekaf";
import { createGateway } from "@ekaf/ekaf/gateway";

const TOPIC = "first-try";

/** The parts of an OpenAPI document that are needed to call what it describes. */
interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required: boolean; schema: Schema; example?: unknown }[];
  requestBody?: { content: Record<string, MediaType> };
  responses: Record<string, unknown>;
}
interface Schema {
  type?: string;
  pattern?: string;
  minimum?: number;
  format?: string;
}
interface MediaType {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
}

/** A value for a parameter that has to be given. */
function valueOf({ schema, example }: { schema: Schema; example?: unknown }): string {
  if (example !== undefined) return String(example);
  if (schema.type === "integer") return String(schema.minimum ?? 1);
  assert(schema.pattern === undefined || new RegExp(schema.pattern).test(TOPIC), schema.pattern);
  return TOPIC;
}

/** The bytes of an example in its media type; null where there is none that could be posted. */
function bodiesOf(type: string, { schema, example, examples = {} }: MediaType): BodyInit[] {
  const given = example !== undefined ? [example] : Object.values(examples).map(({ value }) => value);
  if (given.length === 0 && schema?.format === "binary") return [Uint8Array.of(0xff, 0x00, 0xfe)];
  return given.map((value) => {
    if (typeof value === "string") return value;
    if (type === "application/x-www-form-urlencoded") return new URLSearchParams(value as Record<string, string>);
    return JSON.stringify(value);
  });
}

/** What a newcomer would send who knows the document alone: each example of each body. */
function* firstTries(url: string, { paths }: Document) {
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const { operationId, parameters = [], requestBody, responses } = operation;
      if (requestBody === undefined) continue;
      const filled = parameters.filter((parameter) => parameter.in === "path")
        .reduce((filled, parameter) => filled.replace(`{${parameter.name}}`, valueOf(parameter)), path);
      const needed = parameters.filter(({ in: place, required }) => required && place !== "path");
      const query = needed.filter((parameter) => parameter.in === "query").map((p) => [p.name, valueOf(p)]);
      const headers = needed.filter((parameter) => parameter.in === "header").map((p) => [p.name, valueOf(p)]);
      for (const [type, media] of Object.entries(requestBody.content)) {
        const bodies = bodiesOf(type, media);
        assert(bodies.length > 0, `${operationId} takes ${type} and has no example of it`);
        for (const body of bodies) {
          const search = query.length === 0 ? "" : `?${new URLSearchParams(query as [string, string][])}`;
          const init = { method: method.toUpperCase(), body, headers: [...headers, ["content-type", type]] };
          yield { name: `${operationId} with ${type}`, url: `${url}${filled}${search}`, init, responses };
        }
      }
    }
  }
}

Deno.test("whoever knows /openapi.json alone gets a record into Kafka at the first try, by each route and type", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { [TOPIC]: 1 } });
  await using producer = new Producer({ bootstrap: cluster.bootstrap });
  const gateway = createGateway({ producer });
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, gateway.fetch);
  const url = `http://127.0.0.1:${server.addr.port}`;
  const document = await (await fetch(`${url}/openapi.json`)).json() as Document;

  const failures: string[] = [];
  let tries = 0;
  for (const { name, url: target, init, responses } of firstTries(url, document)) {
    const before = cluster.records(TOPIC).length;
    const response = await fetch(target, init as RequestInit);
    const text = await response.text();
    await producer.flush();
    const stored = cluster.records(TOPIC).length - before;
    const isFine = response.ok && stored > 0 && String(response.status) in responses;
    if (!isFine) failures.push(`${name}: ${response.status} ${text}, ${stored} records`);
    tries++;
  }

  assertEquals(failures, []);
  assert(tries >= 20, `only ${tries} tries`);
});
