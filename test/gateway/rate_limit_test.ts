import { assert, assertEquals } from "@std/assert";
import { ProxyList } from "../../src/gateway/proxy_list.ts";
import { MAX_RATE_BUCKETS, RateLimit } from "../../src/gateway/rate_limit.ts";
import { ManualTimers } from "../manual_timers.ts";
import { gatewayRig } from "./gateway_rig.ts";

Deno.test("RateLimit.take() lets a burst through, then as many as the rate allows", () => {
  let nowMs = 0;
  const limit = new RateLimit({ perSecond: 2, burst: 3, now: () => nowMs });

  assertEquals([1, 2, 3, 4].map(() => limit.take("a")), [0, 0, 0, 1]);
  assertEquals(limit.take("b"), 0);
  nowMs += 499;
  assertEquals(limit.take("a"), 1);
  nowMs += 1;
  assertEquals([limit.take("a"), limit.take("a")], [0, 1]);
  nowMs += 3_600_000;
  assertEquals([1, 2, 3, 4].map(() => limit.take("a")), [0, 0, 0, 1]);
});

Deno.test("RateLimit.take() says after how many seconds there is a token again", () => {
  const limit = new RateLimit({ perSecond: 0.1, burst: 1, now: () => 0 });

  assertEquals([limit.take("a"), limit.take("a")], [0, 10]);
});

Deno.test("RateLimit remembers a bounded number of clients, the latest", () => {
  const limit = new RateLimit({ perSecond: 1, burst: 1, now: () => 0 });
  limit.take("first");
  for (let client = 1; client < MAX_RATE_BUCKETS; client++) limit.take(`${client}`);

  assertEquals([limit.clientCount, limit.take("first")], [MAX_RATE_BUCKETS, 1]);
  limit.take("one more");
  assertEquals([limit.clientCount, limit.take("1"), limit.take("first")], [MAX_RATE_BUCKETS, 0, 1]);
});

Deno.test("a gateway answers 429 with retry-after to clients above their rate, by principal or else by address", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({
    timers,
    gateway: { rateLimitPerSecond: 1, rateLimitBurst: 2, trustedProxies: ["10.0.0.1", "10.0.0.2"] },
  });
  const from = async (hostname: string, forwarded?: string) => {
    const headers: Record<string, string> = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
    const request = new Request("http://localhost/async/t", { method: "POST", body: "x", headers });
    const info = { remoteAddr: { transport: "tcp", hostname, port: 1 } as const };
    const response = await rig.gateway.fetch(request, info);
    return [response.status, response.headers.get("retry-after")];
  };

  assertEquals([await from("a"), await from("a"), await from("a")], [[200, null], [200, null], [429, "1"]]);
  assertEquals(await from("b", "a"), [200, null]); // It is no proxy: what it says of itself counts for nothing.
  assertEquals(await from("10.0.0.1", "192.0.2.1, 198.51.100.1, 10.0.0.2"), [200, null]);
  assertEquals(await from("10.0.0.2", "192.0.2.2, 198.51.100.1"), [200, null]);
  assertEquals(await from("10.0.0.1", "192.0.2.3, 198.51.100.1"), [429, "1"]);
});

const PROXIES = ["10.0.0.0/8", "192.168.1.1", "fd00::/8", "::1"];
const FORWARDED: [name: string, peer: string, forwardedFor: string | undefined, client: string][] = [
  ["without the header the peer is the client", "10.0.0.1", undefined, "10.0.0.1"],
  ["a peer that is no proxy is not believed", "203.0.113.9", "198.51.100.1", "203.0.113.9"],
  ["nor one of IPv6", "2001:db8::9", "198.51.100.1", "2001:db8::9"],
  ["a proxy is believed, of a network", "10.255.0.1", "198.51.100.1", "198.51.100.1"],
  ["just outside of the network", "11.0.0.0", "198.51.100.1", "11.0.0.0"],
  ["a proxy is believed, by its address", "192.168.1.1", "198.51.100.1", "198.51.100.1"],
  ["its neighbour is not", "192.168.1.2", "198.51.100.1", "192.168.1.2"],
  ["a proxy of IPv6", "fd12:3456::1", "2001:db8::1", "2001:db8::1"],
  ["a proxy of IPv6 in other words", "0:0:0:0:0:0:0:1", "2001:db8::1", "2001:db8::1"],
  ["a proxy of IPv4 at a socket of IPv6", "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"],
  ["the last that is no proxy counts", "10.0.0.1", "1.2.3.4, 198.51.100.1, fd00::7, 192.168.1.1", "198.51.100.1"],
  ["what a client wrote before does not", "10.0.0.1", "10.0.0.2, 192.168.1.1, 198.51.100.1", "198.51.100.1"],
  ["the first of all where all are proxies", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
  ["a port does not count", "10.0.0.1", "198.51.100.1:4711", "198.51.100.1"],
  ["nor behind an address of IPv6", "10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"],
  ["brackets without a port", "10.0.0.1", "[2001:db8::1]", "2001:db8::1"],
  ["what is no address is the proxy itself", "10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"],
  ["nothing between commas as well", "10.0.0.1", "198.51.100.1, ", "10.0.0.1"],
  ["a name that begins like a proxy", "10.0.0.1.evil.example", "198.51.100.1", "10.0.0.1.evil.example"],
];

for (const [name, peer, forwardedFor, client] of FORWARDED) {
  Deno.test(`ProxyList.clientOf() tells who asks: ${name}`, () => {
    assertEquals(new ProxyList(PROXIES).clientOf(peer, forwardedFor), client);
  });
}

Deno.test("createGateway() refuses trustedProxies that are no addresses, naming them", async () => {
  for (
    const entry of ["localhost", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1", "10.0.0", ""]
  ) {
    const error = await gatewayRig({ gateway: { trustedProxies: [entry] } }).catch((thrown) => thrown);
    assert(error instanceof RangeError && error.message.includes(`"${entry}"`), `${entry}: ${error}`);
  }
});

Deno.test("x-forwarded-for counts from all of its lines, and only behind a trusted peer, also over a port", async () => {
  const cases: [trustedProxies: string[], statuses: number[]][] = [
    [["127.0.0.0/8"], [200, 200, 429]],
    [[], [200, 429, 429]],
  ];
  for (const [trustedProxies, expected] of cases) {
    const timers = new ManualTimers();
    await using rig = await gatewayRig({ timers, gateway: { rateLimitPerSecond: 1, trustedProxies } });
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, rig.gateway.fetch);
    const statuses = [];
    for (const client of ["198.51.100.1", "198.51.100.2", "198.51.100.1"]) {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
      const lines = ["POST /async/t HTTP/1.1", "host: x", "x-forwarded-for: 192.0.2.1", `x-forwarded-for: ${client}`];
      const head = [...lines, "connection: close", "content-length: 1", "", "x"].join("\r\n");
      await conn.write(new TextEncoder().encode(head));
      statuses.push(Number((await new Response(conn.readable).text()).slice(9, 12)));
    }
    assertEquals(statuses, expected);
  }
});

Deno.test("a gateway counts requests of a principal, wherever they come from", async () => {
  await using rig = await gatewayRig({
    timers: new ManualTimers(),
    gateway: { rateLimitPerSecond: 1, authenticate: ({ headers }) => ({ name: headers.get("x-name")! }) },
  });
  const post = async (name: string) => (await rig.post("/async/t", "x", { headers: { "x-name": name } })).status;

  assertEquals([await post("ada"), await post("ada"), await post("bob")], [200, 429, 200]);
});
