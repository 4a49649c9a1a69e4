/**
 * The OpenAPI document, made of the routes that the router has.
 *
 * @module
 */

import type { ResolvedGatewayOptions } from "./options.ts";
import type { Route, RouteDescription } from "./route.ts";

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
  schema: { type: "integer", minimum: 0 },
};

/** Headers that say something about the record. */
const RECORD_HEADERS: Readonly<Record<string, string>> = {
  "x-kafka-key": "Key of the record; records of one key keep their order",
  "x-kafka-key-base64": "The key in base64",
  "x-kafka-partition": "Partition, where it shall not be chosen by the key",
  "x-kafka-timestamp": "When it happened: milliseconds since 1970, or ISO 8601",
  "traceparent": "W3C trace context; it becomes a header of the record",
  "idempotency-key": "Names the request, so that it can be sent again; it becomes a header of the record",
};

/** What a route may answer beside its own, by what it does. */
const FAILURES: Readonly<Record<number, string>> = {
  400: "The topic, a parameter or the body makes no sense",
  401: "Who is asking has not shown who they are",
  403: "The topic is not allowed, or a page of another origin is asking",
  404: "Kafka has no such topic",
  405: "There is another method here",
  408: "The body did not come in time",
  413: "The body, a record or its headers are too large",
  415: "Nothing here reads a body of that type or coding",
  422: "Kafka or a hook does not accept the record",
  429: "The client sends more than its share; see retry-after",
  500: "Something in here broke",
  502: "Kafka does not accept the gateway",
  503: "There is no room, or Kafka cannot be reached; see retry-after",
  504: "No answer of Kafka in time: the records may be stored",
};
const OPERATION_FAILURES: readonly number[] = [403, 405, 500];
const PAGE_FAILURES: readonly number[] = [403, 405, 500, 503];

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
const FAILURE_TYPES = {
  kafboy: "application/json",
  confluent: "application/vnd.kafka.v2+json",
  problem: "application/problem+json",
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

function operationOf(route: Route, { authenticate }: ResolvedGatewayOptions): object {
  const { describe } = route;
  const parameters = parametersOf(route);
  return {
    operationId: route.id,
    summary: describe.summary,
    ...(describe.description === undefined ? {} : { description: describe.description }),
    tags: [describe.tag],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(describe.body === undefined ? {} : { requestBody: { required: true, content: describe.body } }),
    responses: { ...describe.answers, ...failuresOf(route, { isGuarded: authenticate !== undefined }) },
  };
}

function parametersOf({ path, describe }: Route): object[] {
  const parameters: object[] = [];
  if (path.includes(":topic")) parameters.push(TOPIC_PARAMETER);
  if (path.includes(":partition")) parameters.push(PARTITION_PARAMETER);
  const named = (place: "query" | "header", names: Readonly<Record<string, string>> = {}) => {
    for (const [name, description] of Object.entries(names)) {
      parameters.push({ name, in: place, required: false, description, schema: { type: "string" } });
    }
  };
  named("query", queryOf(describe));
  if (describe.takesRecordHeaders === true) named("header", RECORD_HEADERS);
  return parameters;
}

function queryOf({ query, takesRecordHeaders }: RouteDescription): Readonly<Record<string, string>> {
  return takesRecordHeaders === true ? { key: "Key of the record", ...query } : query ?? {};
}

function failuresOf({ style, isOperation, describe }: Route, { isGuarded }: { isGuarded: boolean }): object {
  const schema = { $ref: `#/components/schemas/${style}` };
  const content = { [FAILURE_TYPES[style]]: { schema } };
  const told = Object.entries(FAILURES).filter(([status]) => {
    if (isOperation) return OPERATION_FAILURES.includes(Number(status));
    if (status === "401") return isGuarded;
    return describe.tag !== "page" || PAGE_FAILURES.includes(Number(status));
  });
  return Object.fromEntries(told.map(([status, description]) => [status, { description, content }]));
}
