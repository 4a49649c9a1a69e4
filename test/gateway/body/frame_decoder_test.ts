import { assertEquals } from "@std/assert";
import { FrameDecoder } from "../../../src/gateway/body/frame_decoder.ts";
import { SeededRandom } from "../../protocol/seeded_random.ts";
import { bytesOf, decodeAnyhow, decodeAt, latin1 } from "./decoding.ts";

/** Values as frames. */
function frames(...values: (string | Uint8Array)[]): Uint8Array {
  const parts = values.map((value) => typeof value === "string" ? bytesOf(value) : value);
  return Uint8Array.from(parts.flatMap(({ length, ...bytes }) => [
    length >>> 24,
    (length >>> 16) & 255,
    (length >>> 8) & 255,
    length & 255,
    ...Object.values(bytes),
  ]));
}

Deno.test("FrameDecoder makes a record of each frame, with any bytes and none", () => {
  const body = frames("one", "", Uint8Array.of(0xff, 0x00, 0x0a), "x".repeat(600));

  const decoded = decodeAnyhow(() => new FrameDecoder(), body);

  assertEquals(decoded, { records: ["one", "", "\xff\0\n", "x".repeat(600)], lines: [1, 2, 3, 4], fault: null });
});

Deno.test("FrameDecoder names a frame that the body ends within", () => {
  const body = frames("one", "two");

  for (const cut of [1, 3, 4, 6]) {
    const decoded = decodeAnyhow(() => new FrameDecoder(), body.subarray(0, 7 + cut));
    assertEquals(decoded.records, ["one"]);
    assertEquals(decoded.fault, {
      code: "MALFORMED_BODY",
      line: 2,
      message: "Cannot read frame 2: the body ends within it",
    });
  }
});

Deno.test("FrameDecoder takes a frame at the limit and no larger one, however much it promises", () => {
  const small = () => new FrameDecoder({ maxRecordBytes: 3, maxRecords: 2 });

  assertEquals(decodeAnyhow(small, frames("abc", "")).fault, null);
  assertEquals(decodeAnyhow(small, frames("a", "abcd")).fault, {
    code: "RECORD_TOO_LARGE",
    line: 2,
    message: 'Cannot take frame 2: it has 4 bytes, more than "maxRecordBytes" 3',
  });
  assertEquals(decodeAnyhow(small, Uint8Array.of(0xff, 0xff, 0xff, 0xff)).fault?.message.includes("4294967295"), true);
  assertEquals(decodeAnyhow(small, frames("a", "b", "c")).fault?.code, "TOO_MANY_RECORDS");
});

Deno.test("FrameDecoder gives back random values cut anywhere", () => {
  const random = new SeededRandom(3);
  for (let round = 0; round < 50; round++) {
    const values = Array.from({ length: random.below(6) }, () => random.bytes(random.below(40)));

    const decoded = decodeAnyhow(() => new FrameDecoder(), frames(...values), round + 1);

    assertEquals(decoded.records, values.map((value) => latin1(value)));
    decodeAt(new FrameDecoder(), random.bytes(50));
  }
});
