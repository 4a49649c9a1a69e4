import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ByteReader } from "../../protocol/byte_reader.ts";
import { DIRECT_WRITE_MIN_BYTES } from "../../protocol/byte_writer.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  peekCorrelationId,
} from "../../protocol/frame.ts";

function produceBody(records: Uint8Array) {
  return { acks: -1, timeoutMs: 100, topicData: [{ name: "clicks", partitionData: [{ index: 0, records }] }] };
}

/** The frame without its size. */
function joined(segments: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(segments.flatMap((segment) => [...segment])).subarray(4);
}

function apiVersionsRequest(version: number): Uint8Array {
  return joined(encodeRequest("ApiVersions", version, { correlationId: 5, clientId: "ekaf", body: {} }));
}

Deno.test("encodeRequest() puts size and header in front", () => {
  const [frame] = encodeRequest("ApiVersions", 0, { correlationId: 258, clientId: "me", body: {} });

  assertEquals([...frame!], [0, 0, 0, 12, 0, 18, 0, 0, 0, 0, 1, 2, 0, 2, 109, 101]);
});

Deno.test("encodeRequest() writes the client's name in the old way in flexible versions too", () => {
  const body = { clientSoftwareName: "a", clientSoftwareVersion: "1" };

  const [frame] = encodeRequest("ApiVersions", 3, { correlationId: 1, clientId: null, body });

  assertEquals([...frame!.subarray(12)], [255, 255, 0, 2, 97, 2, 49, 0]);
});

Deno.test("decodeRequest() undoes encodeRequest()", () => {
  const records = Uint8Array.of(1, 2, 3);
  const segments = encodeRequest("Produce", 9, { correlationId: 7, clientId: null, body: produceBody(records) });

  const request = decodeRequest(joined(segments));

  assertEquals(segments.length, 1);
  assertEquals([request.api, request.version, request.correlationId, request.clientId], ["Produce", 9, 7, null]);
  if (request.api !== "Produce") throw new Error("unreachable");
  assertEquals(request.body.topicData[0]!.partitionData[0]!.records, records);
});

Deno.test("encodeRequest() does not copy large records", () => {
  const records = new Uint8Array(DIRECT_WRITE_MIN_BYTES);

  const segments = encodeRequest("Produce", 9, { correlationId: 7, clientId: "me", body: produceBody(records) });

  assertEquals(segments.length, 3);
  assertStrictEquals(segments[1], records);
  const totalBytes = segments.reduce((sum, { length }) => sum + length, 0);
  assertEquals(new ByteReader(segments[0]!).readInt32(), totalBytes - 4);
});

Deno.test("encodeRequest() takes its memory from allocate", () => {
  const buffers: Uint8Array[] = [];
  const allocate = (minBytes: number) => (buffers.push(new Uint8Array(minBytes)), buffers.at(-1)!);
  const body = produceBody(new Uint8Array(1000));

  const [frame] = encodeRequest("Produce", 9, { correlationId: 7, clientId: "me", body, allocate, initialBytes: 2000 });

  assertEquals(buffers.length, 1);
  assertStrictEquals(frame!.buffer, buffers[0]!.buffer);
});

Deno.test("decodeResponse() undoes encodeResponse() in old and flexible versions", () => {
  const responses = [{ name: "clicks", partitionResponses: [{ index: 2, errorCode: 0, baseOffset: 7n }] }];
  for (const version of [3, 8, 9, 12]) {
    const frame = joined(encodeResponse("Produce", version, 9, { responses, throttleTimeMs: 3 }));

    const { correlationId, body } = decodeResponse("Produce", version, frame);

    assertEquals([correlationId, body.throttleTimeMs, body.responses[0]!.name], [9, 3, "clicks"]);
    assertEquals(body.responses[0]!.partitionResponses[0]!.baseOffset, 7n);
  }
});

Deno.test("encodeResponse() never puts a flexible header in front of ApiVersions", () => {
  const frame = joined(encodeResponse("ApiVersions", 3, 1, { errorCode: 35, apiKeys: [] }));

  assertEquals([...frame.subarray(0, 7)], [0, 0, 0, 1, 0, 35, 1]);
});

Deno.test("decodeResponse() and decodeRequest() refuse bytes that follow", () => {
  const response = joined(
    encodeResponse("InitProducerId", 0, 1, { throttleTimeMs: 0, errorCode: 0, producerEpoch: 0 }),
  );

  const error = assertThrows(() => decodeResponse("InitProducerId", 0, Uint8Array.of(...response, 0)), ProtocolError);

  assertEquals(error.message, "Cannot read InitProducerIdResponse v0: 1 bytes follow its end (offset 20)");
  assertThrows(() => decodeRequest(Uint8Array.of(...apiVersionsRequest(0), 0)), ProtocolError, "ApiVersionsRequest v0");
});

Deno.test("peekCorrelationId() reads the first four bytes", () => {
  assertEquals(peekCorrelationId(Uint8Array.of(255, 255, 255, 254, 1)), -2);
  assertThrows(() => peekCorrelationId(Uint8Array.of(0, 0, 1)), ProtocolError);
});

Deno.test("decodeRequestHeader() reads the header of calls and versions not spoken here", () => {
  const unknownCall = Uint8Array.of(0, 77, 0, 2, 0, 0, 0, 5, 0, 2, 109, 101, 1, 2, 3);
  const unknownVersion = apiVersionsRequest(4);
  unknownVersion[3] = 99;

  const first = decodeRequestHeader(unknownCall);
  const second = decodeRequestHeader(unknownVersion);

  assertEquals([first.apiKey, first.apiVersion, first.correlationId, first.clientId], [77, 2, 5, "me"]);
  assertEquals([second.apiKey, second.apiVersion, second.correlationId, second.clientId], [18, 99, 5, "ekaf"]);
  assertThrows(() => decodeRequest(unknownCall), ProtocolError, "api 77 v2 is not spoken here");
  assertThrows(() => decodeRequest(second), ProtocolError, "ApiVersions v99 is not spoken here");
});

Deno.test("decodeRequest() takes a header decoded before", () => {
  const header = decodeRequestHeader(apiVersionsRequest(4));

  const request = decodeRequest(header);

  assertEquals([request.api, request.version, request.correlationId], ["ApiVersions", 4, 5]);
});
