import { assertEquals } from "@std/assert";
import { CsvDecoder } from "../../../src/gateway/body/csv_decoder.ts";
import { SeededRandom } from "../../protocol/seeded_random.ts";
import { bytesOf, decodeAnyhow, latin1 } from "./decoding.ts";

const rows = () => new CsvDecoder();
const objects = () => new CsvDecoder({ hasHeader: true });

/** A field, quoted where it has to be, or by chance. */
function field(random: SeededRandom, text: string): string {
  return /[",\r\n]/.test(text) || random.below(4) === 0 ? `"${text.replaceAll('"', '""')}"` : text;
}

Deno.test("CsvDecoder makes a record of each row with the bytes it came in, lines in quotes included", () => {
  const body = bytesOf('a,"b, ""c""\r\nd",\r\n\n"",x\r\n\r\n1.0,é\n"last\n"');

  const decoded = decodeAnyhow(rows, body);

  assertEquals(decoded, {
    records: ['a,"b, ""c""\r\nd",', '"",x', latin1("1.0,é"), '"last\n"'],
    lines: [1, 4, 6, 7],
    fault: null,
  });
});

Deno.test("CsvDecoder with names makes JSON objects of texts", () => {
  const body = bytesOf('\ufeff"id, no.",name,"a ""b"""\r\n12345678901234567890,"Ada\nL.",\n,"é","x"\n');

  const decoded = decodeAnyhow(objects, body);

  assertEquals(decoded, {
    records: [
      '{"id, no.":"12345678901234567890","name":"Ada\\nL.","a \\"b\\"":""}',
      latin1('{"id, no.":"","name":"é","a \\"b\\"":"x"}'),
    ],
    lines: [2, 4],
    fault: null,
  });
});

Deno.test("CsvDecoder keeps a byte order mark of rows, and finds the quote behind it", () => {
  assertEquals(decodeAnyhow(rows, bytesOf('\ufeff"a\n",b\n')).records, [latin1('\ufeff"a\n",b')]);
});

Deno.test("CsvDecoder names the line of what is no CSV, after the rows before", () => {
  const faults: [make: () => CsvDecoder, row: string, reason: string][] = [
    [rows, 'a"b,c', "a quote stands in a field without quotes"],
    [rows, '"a"b,c', "something follows the quote that ends a field"],
    [rows, "a\rb,c", "a carriage return stands in a field without quotes"],
    [rows, '"a', "a quoted field has no end"],
    [objects, "1,2,3", "it has 3 fields, and there are 2 names"],
    [objects, "1", "it has 1 fields, and there are 2 names"],
  ];
  for (const [make, row, reason] of faults) {
    const decoded = decodeAnyhow(make, bytesOf(`x,y\n1,2\n${row}\n`));

    assertEquals(decoded.records.length, make === rows ? 2 : 1);
    assertEquals(decoded.fault?.message, `Cannot read the row on line 3: ${reason}`);
    assertEquals(decoded.fault?.line, 3);
  }
  assertEquals(
    decodeAnyhow(objects, bytesOf("a,a\n")).fault?.message,
    "Cannot read the row on line 1: two fields have the same name",
  );
  assertEquals(
    decodeAnyhow(objects, Uint8Array.of(0x61, 0x0a, 0xff, 0x0a)).fault?.message,
    "Cannot read the row on line 2: it is not UTF-8",
  );
});

Deno.test("CsvDecoder takes a row at the limit and no longer one, also one that never ends", () => {
  const small = () => new CsvDecoder({ maxRecordBytes: 5, maxRecords: 3 });

  assertEquals(decodeAnyhow(small, bytesOf('a,b,c\r\n"a,b"\n12345')).fault, null);
  for (const row of ["abcdef", "abcdef\r\n", '"abcdefghi', '"\n\n\n\n\n\n\n\n']) {
    const decoded = decodeAnyhow(small, bytesOf(`a\n${row}`));
    assertEquals([decoded.records, decoded.fault?.code, decoded.fault?.line], [
      ["a"],
      "RECORD_TOO_LARGE",
      2,
    ], row);
  }
  assertEquals(decodeAnyhow(small, bytesOf("1\n2\n3\n4\n")).fault?.code, "TOO_MANY_RECORDS");
});

Deno.test("CsvDecoder with names refuses rows that names make too long", () => {
  const decoded = decodeAnyhow(
    () => new CsvDecoder({ hasHeader: true, maxRecordBytes: 20 }),
    bytesOf("a,longer_name_1\n,\nx,yyy\n"),
  );

  assertEquals(decoded.fault?.message, 'Cannot take the row on line 2: as JSON it is longer than "maxRecordBytes" 20');
});

Deno.test("CsvDecoder gives back random tables cut anywhere", () => {
  const random = new SeededRandom(9);
  const texts = ["", "a", "é", '"', ",", "\n", "\r\n", 'a"",\r"', " b "];
  for (let round = 0; round < 100; round++) {
    const table = Array.from(
      { length: random.below(5) },
      () => Array.from({ length: 3 }, () => texts[random.below(texts.length)]!),
    );
    const body = ["1,2,3", ...table.map((row) => row.map((text) => field(random, text)).join(","))]
      .map((row) => row + (random.below(2) === 0 ? "\n" : "\r\n")).join("");

    const decoded = decodeAnyhow(objects, bytesOf(body), round + 1);

    assertEquals(decoded.fault, null);
    assertEquals(
      decoded.records,
      table.map(([a, b, c]) =>
        latin1(
          `{"1":${[a, b, c].map((text, i) => `${i === 0 ? "" : `"${i + 1}":`}${JSON.stringify(text)}`).join(",")}}`,
        )
      ),
    );
  }
});
