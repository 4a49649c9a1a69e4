import { assertEquals, assertThrows } from "@std/assert";
import { formatAddress, parseAddresses } from "../../src/net/address.ts";

Deno.test("parseAddresses() reads names, IPv4, IPv6 and lists", () => {
  const addresses = parseAddresses(["kafka", "a:1, 10.0.0.1:29092", "[::1]:9093,[fe80::1]", "::1", "b_c.d-e:65535"]);

  assertEquals(addresses, [
    { host: "kafka", port: 9092 },
    { host: "a", port: 1 },
    { host: "10.0.0.1", port: 29092 },
    { host: "::1", port: 9093 },
    { host: "fe80::1", port: 9092 },
    { host: "::1", port: 9092 },
    { host: "b_c.d-e", port: 65535 },
  ]);
});

Deno.test("parseAddresses() keeps a repeated address once", () => {
  assertEquals(parseAddresses("a,b,a:9092"), [{ host: "a", port: 9092 }, { host: "b", port: 9092 }]);
});

Deno.test("parseAddresses() names the bad entry", () => {
  for (const text of ["a b:1", "http://a:1", "[a]:1", "[::1", "a:b:c", ":9092", "a/b", "[::1]9092"]) {
    assertThrows(() => parseAddresses(`ok:1,${text}`), TypeError, JSON.stringify(text));
  }
  for (const text of ["a:0", "a:65536", "a:", "a:x", "[::1]:0", "a:-1", "a:1.5"]) {
    assertThrows(() => parseAddresses([text]), RangeError, JSON.stringify(text));
  }
  assertThrows(() => parseAddresses([7 as unknown as string]), TypeError, "7");
});

Deno.test("parseAddresses() refuses a list without an address", () => {
  for (const empty of ["", " , ", []]) assertThrows(() => parseAddresses(empty), RangeError, "no address");
});

Deno.test("formatAddress() puts an IPv6 host into brackets", () => {
  assertEquals(formatAddress({ host: "::1", port: 1 }), "[::1]:1");
  assertEquals(formatAddress({ host: "kafka", port: 9092 }), "kafka:9092");
});
