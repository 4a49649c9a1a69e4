import { assertEquals } from "@std/assert";
import { phash2 } from "../../protocol/phash2.ts";
import { PHASH2_VECTORS } from "../vectors/phash2.ts";

Deno.test("phash2() hashes binaries of every length as Erlang does", () => {
  for (const [hex, hash] of PHASH2_VECTORS) assertEquals(phash2(Uint8Array.fromHex(hex)), hash, `of ${hex}`);
});

Deno.test("phash2() with a range stays below it, as Erlang's phash2/2 does", () => {
  const ranges = [1, 3, 12, 1000, 2 ** 32];

  for (const [hex, , ...below] of PHASH2_VECTORS) {
    assertEquals(ranges.map((range) => phash2(Uint8Array.fromHex(hex), range)), below, `of ${hex}`);
  }
});

Deno.test("phash2() sees a view's bytes only", () => {
  const bytes = new TextEncoder().encode("aaakeyaaaaaaaaaaaaa");

  assertEquals(phash2(bytes.subarray(3, 6)), phash2(new TextEncoder().encode("key")));
});
