import { assertEquals } from "@std/assert";
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
  assertEquals(await from("10.0.0.1", "x, c, 10.0.0.2"), [200, null]);
  assertEquals(await from("10.0.0.2", "y, c"), [200, null]);
  assertEquals(await from("10.0.0.1", "z, c"), [429, "1"]);
});

Deno.test("a gateway counts requests of a principal, wherever they come from", async () => {
  await using rig = await gatewayRig({
    timers: new ManualTimers(),
    gateway: { rateLimitPerSecond: 1, authenticate: ({ headers }) => ({ name: headers.get("x-name")! }) },
  });
  const post = async (name: string) => (await rig.post("/async/t", "x", { headers: { "x-name": name } })).status;

  assertEquals([await post("ada"), await post("ada"), await post("bob")], [200, 429, 200]);
});
