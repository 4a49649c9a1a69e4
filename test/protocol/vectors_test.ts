import { assert, assertEquals } from "@std/assert";
import { type ApiName, apis } from "../../protocol/apis.ts";
import { errorCode } from "../../protocol/error_codes.ts";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "../../protocol/frame.ts";
import { type Vector, vectors } from "../vectors/mod.ts";

const apiNames = Object.keys(apis) as ApiName[];

Deno.test("vectors hold a request and a response of every version of every call", () => {
  const captured = new Set(vectors.map(({ api, version, direction }) => `${api} v${version} ${direction}`));

  const missing = apiNames.flatMap(versionsOf).filter((name) => !captured.has(name));

  assertEquals(missing, []);
});

for (const api of apiNames) {
  Deno.test(`decodeRequest() reads and encodeRequest() repeats each captured ${api} request`, () => {
    for (const vector of select(api, "request")) {
      const frame = Uint8Array.fromBase64(vector.bytes);

      const { version, correlationId, clientId, body } = decodeRequest(frame);
      const again = encodeRequest(api, version, { correlationId, clientId, body: body as never });

      assertEquals(join(again).subarray(4), frame, describe(vector));
    }
  });

  Deno.test(`decodeResponse() reads and encodeResponse() repeats each captured ${api} response`, () => {
    for (const vector of select(api, "response")) {
      const frame = Uint8Array.fromBase64(vector.bytes);

      const { correlationId, body } = decodeResponse(api, vector.version, frame);
      const again = encodeResponse(api, vector.version, correlationId, body as never);

      assertEquals(join(again).subarray(4), frame, describe(vector));
    }
  });
}

Deno.test("encodeRequest() is understood by a real broker in every version", () => {
  for (const vector of vectors.filter(({ client, direction }) => client === "ekaf" && direction === "response")) {
    const { body } = decodeResponse(vector.api, vector.version, Uint8Array.fromBase64(vector.bytes));

    const answers = errorCodesIn(body).map((code) => errorCode(code).name).filter((name) => name !== "NONE");

    assertEquals(answers, expectedErrors(vector), describe(vector));
  }
});

Deno.test("decodeResponse() tells which record a real broker refused", () => {
  const about = "append without a key to a compacted topic";
  const vector = select("Produce", "response").find((found) => found.about === about && found.version === 9)!;

  const { body } = decodeResponse("Produce", 9, Uint8Array.fromBase64(vector.bytes));

  const [error] = body.responses[0]!.partitionResponses[0]!.recordErrors;
  assertEquals(error!.batchIndex, 0);
  assert(error!.batchIndexErrorMessage!.includes("without key"));
});

/** What a broker has to object to, and nothing else. */
function expectedErrors({ about, version }: Vector): string[] {
  switch (about) {
    case "append to an unknown topic":
      return [version >= 13 ? "UNKNOWN_TOPIC_ID" : "UNKNOWN_TOPIC_OR_PARTITION"];
    case "append without a key to a compacted topic":
      return ["INVALID_RECORD"];
    case "new topics and one that exists":
      return ["TOPIC_ALREADY_EXISTS"];
    case "unknown partition":
    case "end and unknown partition":
    case "topic and unknown topic":
      return ["UNKNOWN_TOPIC_OR_PARTITION"];
    case "version 99":
      return ["UNSUPPORTED_VERSION"];
    default:
      return [];
  }
}

function versionsOf(api: ApiName): string[] {
  const { minVersion, maxVersion } = apis[api];
  return Array.from({ length: maxVersion - minVersion + 1 }, (_, index) => minVersion + index)
    .flatMap((version) => [`${api} v${version} request`, `${api} v${version} response`]);
}

function select(api: ApiName, direction: Vector["direction"]): Vector[] {
  return vectors.filter((vector) => vector.api === api && vector.direction === direction);
}

function describe({ api, version, direction, client, about }: Vector): string {
  return `${client}: ${api} v${version} ${direction} ${about}`;
}

function join(segments: Uint8Array[]): Uint8Array {
  return new Uint8Array(segments.flatMap((segment) => [...segment]));
}

/** Every error code of a response, however deep. */
function errorCodesIn(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(errorCodesIn);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    return name === "errorCode" ? [inner as number] : errorCodesIn(inner);
  });
}
