/**
 * The OpenAPI document, made of the routes that the router has.
 *
 * @module
 */

import { CONFLUENT_REPLY_TYPES } from "./body/confluent_body.ts";
import type { ResolvedGatewayOptions } from "./options.ts";
import type { Route } from "./route.ts";

/** Kafka numbers them with 32 bits. */
const PARTITION = { type: "integer", minimum: 0, maximum: 2 ** 31 - 1 };

const TOPIC_PARAMETER = {
  name: "topic",
  in: "path",
  required: true,
  description: "Name of the topic",
  schema: { type: "string", pattern: "^[a-zA-Z0-9._-]{1,249}$" },
};
const PARTITION_PARAMETER = {
  name: "partition",
  in: "path",
  required: true,
  description: "Number of the partition",
  schema: PARTITION,
};

/** A parameter that may be left out: what it means, and which values it has. */
type Parameter = readonly [description: string, schema: object];

const KEY = { type: "string" };
const TIMESTAMP = {
  anyOf: [{ type: "integer", minimum: 0, maximum: 8.64e15 }, { type: "string", format: "date-time" }],
};

/** What follows `?` and says something about the record. */
const RECORD_QUERY: Readonly<Record<string, Parameter>> = {
  key: ["Key of the record, for clients that can set no headers", KEY],
  partition: ["Partition of the record", PARTITION],
  timestamp: ["Timestamp of the record", TIMESTAMP],
};

/** Headers that say something about the record. */
const RECORD_HEADERS: Readonly<Record<string, Parameter>> = {
  "x-kafka-key": ["Key of the record; records of one key keep their order", KEY],
  "x-kafka-key-base64": ["The key in base64", {
    type: "string",
    contentEncoding: "base64",
    pattern: "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
  }],
  "x-kafka-partition": ["Partition, where it shall not be chosen by the key", PARTITION],
  "x-kafka-timestamp": ["When it happened: milliseconds since 1970, or ISO 8601 with a zone, from 1970 on", TIMESTAMP],
  "traceparent": ["W3C trace context; it becomes a header of the record, unless it is malformed", { type: "string" }],
  "idempotency-key": [
    "Names the request, so that it can be sent again; it becomes a header of the record",
    { type: "string", pattern: "^[!-~]{1,255}$" },
  ],
};
const RECORD_HEADERS_TEXT = "A header `x-kafka-header-NAME` becomes the header NAME of the record, and so does " +
  "`x-kafka-header64-NAME`, given in base64. `content-encoding` may be gzip or deflate.";

/** What a route may answer beside its own, by what it does. */
const FAILURES: Readonly<Record<number, string>> = {
  400: "The topic, a parameter or the body makes no sense",
  401: "Who is asking has not shown who they are",
  403: "The topic is not allowed, or a page of another origin is asking",
  404: "Kafka has no such topic",
  405: "There is another method here",
  406: "No answer is of a type that the client accepts",
  408: "The body did not come in time",
  409: "A request with the same idempotency-key is under way; see retry-after",
  413: "The body, a record or its headers are too large",
  415: "Nothing here reads a body of that type or coding",
  422: "Kafka or a hook does not accept the record, or the idempotency-key came with another request",
  429: "The client sends more than its share; see retry-after",
  500: "Something in here broke",
  502: "Kafka does not accept the gateway",
  503: "There is no room, or Kafka cannot be reached; see retry-after",
  504: "No answer of Kafka in time: the records may be stored",
};
const OPERATION_FAILURES: readonly number[] = [403, 405, 500];
const PAGE_FAILURES: readonly number[] = [403, 405, 500, 503];
/** Not of every route: it says so itself. */
const RARE_FAILURES: readonly number[] = [406, 409];

/** The schemas of what goes wrong, by style. */
const SCHEMAS = {
  kafboy: { type: "object", required: ["error"], properties: { error: { type: "string" } } },
  confluent: {
    type: "object",
    required: ["error_code", "message"],
    properties: { error_code: { type: "integer" }, message: { type: "string" } },
  },
  problem: {
    type: "object",
    required: ["type", "title", "status", "detail", "code", "retriable", "request_id"],
    properties: {
      type: { type: "string" },
      title: { type: "string" },
      status: { type: "integer" },
      detail: { type: "string" },
      code: { type: "string" },
      retriable: { type: "boolean" },
      request_id: { type: "string" },
    },
  },
};
/** The answer to what goes wrong, by style; the REST Proxy's routes take bodies of other types as well. */
const FAILURE_CONTENT = {
  kafboy: { "application/json": schemaNamed("kafboy") },
  confluent: {
    ...Object.fromEntries(CONFLUENT_REPLY_TYPES.map((type) => [type, schemaNamed("confluent")])),
    "application/problem+json": schemaNamed("problem"),
  },
  problem: { "application/problem+json": schemaNamed("problem") },
};

/**
 * The document, as JSON.
 *
 * @param routes All routes.
 * @param options What is needed to call them.
 */
export function openApi(routes: readonly Route[], options: ResolvedGatewayOptions): string {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route, options);
  }
  return JSON.stringify({
    openapi: "3.1.0",
    info: {
      title: "ekaf gateway",
      version: "1",
      description: "Sends records to Kafka. The body of a request is the value of a record, byte for byte.",
    },
    paths,
    components: { schemas: SCHEMAS },
  });
}

function schemaNamed(name: keyof typeof SCHEMAS): object {
  return { schema: { $ref: `#/components/schemas/${name}` } };
}

function operationOf(route: Route, { authenticate, handOff }: ResolvedGatewayOptions): object {
  const { describe, path } = route;
  const parameters = parametersOf(route);
  return {
    operationId: route.id,
    summary: describe.summary,
    ...descriptionOf(route),
    tags: [describe.tag],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(describe.body === undefined ? {} : { requestBody: { required: true, content: describe.body } }),
    responses: {
      ...describe.answers,
      ...(handOff === undefined || !path.includes(":topic")
        ? {}
        : { 307: { description: "To a peer, while overloaded" } }),
      ...failuresOf(route, { isGuarded: authenticate !== undefined }),
    },
  };
}

function descriptionOf({ describe: { description, takesRecordHeaders } }: Route): { description?: string } {
  const texts = [description, takesRecordHeaders === true ? RECORD_HEADERS_TEXT : undefined];
  const told = texts.filter((text) => text !== undefined);
  return told.length === 0 ? {} : { description: told.join(" ") };
}

function parametersOf({ path, describe }: Route): object[] {
  const parameters: object[] = [];
  if (path.includes(":topic")) parameters.push(TOPIC_PARAMETER);
  if (path.includes(":partition")) parameters.push(PARTITION_PARAMETER);
  const named = (place: "query" | "header", names: Readonly<Record<string, Parameter>>) => {
    for (const [name, [description, schema]] of Object.entries(names)) {
      parameters.push({ name, in: place, required: false, description, schema });
    }
  };
  if (describe.takesRecordHeaders === true) {
    const { partition: _, ...others } = RECORD_QUERY;
    named("query", path.includes(":partition") ? others : RECORD_QUERY);
    named("header", RECORD_HEADERS);
  }
  const own = Object.entries(describe.query ?? {});
  named("query", Object.fromEntries(own.map(([name, description]) => [name, [description, { type: "string" }]])));
  return parameters;
}

function failuresOf({ style, isOperation, describe }: Route, { isGuarded }: { isGuarded: boolean }): object {
  const content = FAILURE_CONTENT[style];
  const told = Object.entries(FAILURES).filter(([status]) => {
    if (isOperation) return OPERATION_FAILURES.includes(Number(status));
    if (status === "401") return isGuarded;
    if (RARE_FAILURES.includes(Number(status))) return describe.rareFailures?.includes(Number(status)) === true;
    return describe.tag !== "page" || PAGE_FAILURES.includes(Number(status));
  });
  return Object.fromEntries(told.map(([status, description]) => [status, { description, content }]));
}
