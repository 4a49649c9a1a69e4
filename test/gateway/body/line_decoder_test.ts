import { assertEquals, assertThrows } from "@std/assert";
import { BodyError } from "../../../src/gateway/body/body_decoder.ts";
import { LineDecoder } from "../../../src/gateway/body/line_decoder.ts";
import { SeededRandom } from "../../protocol/seeded_random.ts";
import { bytesOf, decodeAnyhow, decodeAt } from "./decoding.ts";

Deno.test("LineDecoder makes a record of each line, whatever its end, wherever chunks end", () => {
  const body = bytesOf('\ufeff{"a":1}\n\r\n \r\r\n\n{"b":\t12345678901234567890}');

  const decoded = decodeAnyhow(() => new LineDecoder(), body);

  assertEquals(decoded, {
    records: ['\xef\xbb\xbf{"a":1}', "", " \r", "", '{"b":\t12345678901234567890}'],
    lines: [1, 2, 3, 4, 5],
    fault: null,
  });
});

Deno.test("LineDecoder passes over blank lines when told to, and tells the lines of the others", () => {
  const body = bytesOf("one\ntwo\n\n \t\r\nfive\n\nseven\n\n");

  const decoded = decodeAnyhow(() => new LineDecoder({ skipBlank: true }), body);

  assertEquals(decoded, { records: ["one", "two", "five", "seven"], lines: [1, 2, 5, 7], fault: null });
});

Deno.test("LineDecoder keeps bytes that are no UTF-8", () => {
  const decoded = decodeAnyhow(() => new LineDecoder(), Uint8Array.of(0xff, 0xfe, 0x00, 0x0a, 0xc3));

  assertEquals(decoded.records, ["\xff\xfe\0", "\xc3"]);
});

Deno.test("LineDecoder takes a line at the limit, and names one beyond it after the lines before", () => {
  const make = () => new LineDecoder({ maxRecordBytes: 4 });

  assertEquals(decodeAnyhow(make, bytesOf("abcd\nabcd\r\nabcd")).fault, null);
  for (const body of ["a\nb\nabcde\nc\n", "a\nb\nabcde\r\nc", "a\nb\nabcde", "a\nb\nabcdef"]) {
    assertEquals(decodeAnyhow(make, bytesOf(body)), {
      records: ["a", "b"],
      lines: [1, 2],
      fault: {
        code: "RECORD_TOO_LARGE",
        line: 3,
        message: 'Cannot take line 3: it is longer than "maxRecordBytes" 4',
      },
    });
  }
});

Deno.test("LineDecoder takes as many records as allowed and no more", () => {
  const make = () => new LineDecoder({ maxRecords: 3, skipBlank: true });

  assertEquals(decodeAnyhow(make, bytesOf("1\n2\n\n3\n\n")).fault, null);
  const decoded = decodeAnyhow(make, bytesOf("1\n2\n\n3\n4\n5"));

  assertEquals(decoded.records, ["1", "2", "3"]);
  assertEquals(decoded.fault?.code, "TOO_MANY_RECORDS");
});

Deno.test("LineDecoder gives the same records for random bytes cut anywhere", () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 200; round++) {
    const alphabet = [0x0a, 0x0a, 0x0d, 0x20, 0x61, 0xff];
    const body = Uint8Array.from({ length: random.below(60) }, () => alphabet[random.below(alphabet.length)]!);
    const skipBlank = random.below(2) === 0;

    const decoded = decodeAnyhow(() => new LineDecoder({ skipBlank, maxRecordBytes: 12 }), body, round + 1);

    const text = Array.from(body, (byte) => String.fromCharCode(byte)).join("");
    const lines = text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    const numbered = lines.map((line, index) => ({ line: line.replace(/\r$/, ""), number: index + 1 }));
    const tooLong = numbered.findIndex(({ line }) => line.length > 12);
    const good = numbered.slice(0, tooLong === -1 ? undefined : tooLong)
      .filter(({ line }) => !skipBlank || /[^ \t\r]/.test(line));
    assertEquals(decoded.records, good.map(({ line }) => line));
    assertEquals(decoded.lines, good.map(({ number }) => number));
    assertEquals(decoded.fault?.line, tooLong === -1 ? undefined : tooLong + 1);
  }
});

Deno.test("LineDecoder.push() throws the fault again, and refuses bytes after the end", () => {
  const failed = new LineDecoder({ maxRecordBytes: 1 });
  const ended = new LineDecoder();

  assertEquals(failed.push(bytesOf("a\nbc\n")).length, 1);
  ended.end();

  assertThrows(() => failed.push(bytesOf("d\n")), BodyError, "line 2");
  assertThrows(() => failed.end(), BodyError, "line 2");
  assertThrows(() => ended.push(bytesOf("a")), TypeError, "has ended");
  assertEquals(decodeAt(new LineDecoder(), new Uint8Array(0)).records, []);
});

Deno.test("LineDecoder refuses limits that are none", () => {
  for (const limits of [{ maxRecordBytes: 0 }, { maxRecordBytes: NaN }, { maxRecords: 0 }]) {
    assertThrows(() => new LineDecoder(limits), RangeError, Object.keys(limits)[0]);
  }
});
