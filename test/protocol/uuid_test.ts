import { assertEquals, assertThrows } from "@std/assert";
import { ByteReader } from "../../protocol/byte_reader.ts";
import { ByteWriter } from "../../protocol/byte_writer.ts";
import { readUuid, writeUuid, ZERO_UUID } from "../../protocol/uuid.ts";
import { Random } from "./random_messages.ts";

function written(text: string): Uint8Array {
  const writer = new ByteWriter();
  writeUuid(writer, text);
  return writer.toBytes();
}

Deno.test("readUuid() and writeUuid() agree with base64url on any id", () => {
  const random = new Random(3);
  for (let round = 0; round < 500; round++) {
    const bytes = random.bytes(16);
    const text = bytes.toBase64({ alphabet: "base64url", omitPadding: true });

    assertEquals(readUuid(new ByteReader(bytes)), text);
    assertEquals(written(text), bytes);
  }
});

Deno.test("ZERO_UUID stands for sixteen zeros", () => {
  assertEquals(written(ZERO_UUID), new Uint8Array(16));
});

Deno.test("writeUuid() refuses what is no id", () => {
  for (const text of ["", "abc", ZERO_UUID + "A", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAA+A"]) {
    assertThrows(() => written(text), TypeError, "22 base64url digits");
  }
});
