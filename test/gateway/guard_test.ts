import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { GatewayFailure } from "@ekaf/ekaf/gateway";
import { ManualTimers } from "../manual_timers.ts";
import { holdProduce, until } from "../producer/rig.ts";
import { gatewayRig, NDJSON } from "./gateway_rig.ts";

/** Status and error of an answer. */
async function told(response: Response): Promise<[number, string]> {
  const body = await response.json();
  return [response.status, body.error ?? body.detail];
}

Deno.test("a topic has to be a name, and none of Kafka's own", async () => {
  await using rig = await gatewayRig();

  const statuses = [];
  for (const name of ["a%20b", "a%0d%0ab", "x".repeat(250), "__consumer_offsets", "a:b", "%2e"]) {
    const response = await rig.post(`/sync/${name}`, "a");
    statuses.push(response.status);
    await response.body?.cancel();
  }

  assertEquals(statuses, [400, 400, 400, 403, 400, 404]);
});

Deno.test("topics may be names, beginnings of names, or a function", async () => {
  const cluster = { topics: { t: 1, "logs-a": 1, u: 1 } };
  await using listed = await gatewayRig({ cluster, gateway: { topics: ["t", "logs-*"] } });
  await using asked = await gatewayRig({ cluster, gateway: { topics: (topic) => topic === "u" } });

  const statuses = [];
  for (const rig of [listed, asked]) {
    for (const name of ["t", "logs-a", "u"]) {
      const response = await rig.post(`/sync/${name}`, "a");
      statuses.push(response.status);
      await response.body?.cancel();
    }
  }

  assertEquals(statuses, [200, 200, 403, 403, 403, 200]);
});

Deno.test("maxTopics bounds the topics in use", async () => {
  await using rig = await gatewayRig({ cluster: { topics: { t: 1, u: 1 } }, gateway: { maxTopics: 1 } });

  const first = await rig.post("/sync/t", "a");
  const second = await told(await rig.post("/sync/u", "a"));
  const again = await rig.post("/sync/t", "a");

  assertEquals([first.status, second[0], again.status], [200, 503, 200]);
  for (const response of [first, again]) await response.body?.cancel();
});

Deno.test("maxTopics shuts nobody out for ever: names that clients make up are let go of", async () => {
  const timers = new ManualTimers();
  const producer = { unknownTopicTimeoutMs: 1, logger: null };
  const cluster = { topics: { t: 1, u: 1 } };
  await using rig = await gatewayRig({ timers, producer, cluster, gateway: { maxTopics: 20 } });
  const statusOf = async (topic: string) => {
    const response = await rig.post(`/sync/${topic}`, "a");
    await response.body?.cancel();
    return response.status;
  };

  const minted = [await statusOf("t")];
  for (let i = 1; i < 20; i++) minted.push(await statusOf(`minted-${i}`));
  const full = await statusOf("u");
  await timers.advance(29_000);
  await statusOf("minted-19");
  const still = await statusOf("u");
  await timers.advance(1_600);
  const after = await statusOf("u");

  assertEquals([minted, full, still, after], [[200, ...Array(19).fill(404)], 503, 503, 200]);
  assertEquals(rig.producer.stats().topics.map(({ topic }) => topic), ["t", "minted-19", "u"]);
});

Deno.test("topicIdleMs bounds how long a topic is in use that nobody writes to", async () => {
  const timers = new ManualTimers();
  const cluster = { topics: { t: 1, u: 1 } };
  await using rig = await gatewayRig({ timers, cluster, gateway: { maxTopics: 1, topicIdleMs: 60_000 } });
  const statusOf = async (topic: string) => {
    const response = await rig.post(`/sync/${topic}`, "a");
    await response.body?.cancel();
    return response.status;
  };

  const statuses = [await statusOf("t"), await statusOf("u")];
  await timers.advance(59_000);
  statuses.push(await statusOf("u"), await statusOf("t"));
  await timers.advance(59_000);
  statuses.push(await statusOf("u"));
  await timers.advance(1_001);
  statuses.push(await statusOf("u"), await statusOf("t"));

  assertEquals(statuses, [200, 503, 503, 200, 503, 200, 503]);
  assertEquals(rig.texts(), ["a", "a"]);
});

Deno.test("maxTopics does not shut out topics that are listed", async () => {
  const cluster = { topics: { "a-1": 1, "a-2": 1, u: 1 } };
  await using rig = await gatewayRig({ cluster, gateway: { maxTopics: 1, topics: ["a-*", "u"] } });

  const responses = [await rig.post("/sync/a-1"), await rig.post("/sync/a-2", "a"), await rig.post("/sync/u", "a")];

  assertEquals(responses.map(({ status }) => status), [400, 503, 200]);
  for (const response of responses) await response.body?.cancel();
});

Deno.test("bodyMaxBytes and batchBodyMaxBytes bound bodies, with and without a length told", async () => {
  await using rig = await gatewayRig({ gateway: { bodyMaxBytes: 10, batchBodyMaxBytes: 20 } });
  const stream = (bytes: number) => new Blob(["x".repeat(bytes)]).stream();
  const post = async (path: string, body: BodyInit, headers?: HeadersInit) => {
    const response = await rig.post(path, body, headers === undefined ? {} : { headers });
    await response.body?.cancel();
    return response.status;
  };

  const statuses = [
    await post("/sync/t", "x".repeat(10)),
    await post("/sync/t", "x".repeat(11)),
    await post("/sync/t", "x".repeat(11), { "content-length": "11" }),
    await post("/sync/t", "x".repeat(11), { "content-length": "5" }),
    await post("/sync/t", stream(10)),
    await post("/sync/t", stream(11)),
    await post("/batch/sync/t", "x".repeat(20)),
    await post("/batch/sync/t", "x".repeat(21)),
  ];

  assertEquals(statuses, [200, 413, 413, 413, 200, 413, 200, 413]);
  assertEquals(rig.texts().length, 3);
});

Deno.test("recordMaxBytes and requestMaxRecords bound records, and 413 names the limit", async () => {
  await using rig = await gatewayRig({ gateway: { recordMaxBytes: 5, requestMaxRecords: 2 } });

  const tooLarge = await told(await rig.post("/sync/t", "xxxxxx"));
  const tooMany = await told(await rig.post("/sync/t", "a\nb\nc\n", { headers: NDJSON }));
  const fitting = await rig.post("/sync/t", "xxxxx\nb\n", { headers: NDJSON });

  assertEquals(tooLarge, [413, "Cannot take a record of 6 bytes: at most 5 are allowed"]);
  assertEquals([tooMany[0], fitting.status], [413, 200]);
  assertEquals(rig.texts(), ["xxxxx", "b"]);
  await fitting.body?.cancel();
});

Deno.test("413 names the limit of the producer where that is lower than recordMaxBytes, or Kafka's", async () => {
  const value = "x".repeat(2_000);
  const routes: [path: string, body: string, type: string][] = [
    ["/async/t", value, "text/plain"],
    ["/sync/t", value, "text/plain"],
    ["/stream/t", value, "application/x-ndjson"],
    ["/topics/t", `{"records":[{"value":"${value}"}]}`, "application/vnd.kafka.text.v2+json"],
  ];
  await using tight = await gatewayRig({ producer: { batchMaxBytes: 1_000 } });
  await using wide = await gatewayRig({ cluster: { maxMessageBytes: 1_000 } });

  const answers = [];
  for (const rig of [tight, wide]) {
    for (const [path, body, type] of rig === tight ? routes : routes.slice(1)) {
      const response = await rig.post(path, body, { headers: { "content-type": type } });
      const told = await response.json();
      answers.push([response.status, told.error ?? told.detail ?? told.message]);
    }
  }

  const tooLarge = 'Cannot accept a record of 2000 bytes: encoded it takes 2070, more than "batchMaxBytes" 1000';
  const refused = "Cannot deliver: MESSAGE_TOO_LARGE";
  assertEquals(answers, [...Array(4).fill([413, tooLarge]), ...Array(3).fill([413, refused])]);
});

Deno.test("recordMaxHeaders and recordMaxHeaderBytes bound a record's headers", async () => {
  await using rig = await gatewayRig({ gateway: { recordMaxHeaders: 2, recordMaxHeaderBytes: 10 } });
  const post = async (headers: Record<string, string>) => {
    const response = await rig.post("/sync/t", "a", { headers });
    await response.body?.cancel();
    return response.status;
  };

  assertEquals(await post({ "x-kafka-header-a": "1", "x-kafka-header-b": "2345678" }), 200);
  assertEquals(await post({ "x-kafka-header-a": "1", "x-kafka-header-b": "23456789" }), 413);
  assertEquals(await post({ "x-kafka-header-a": "1", "x-kafka-header-b": "2", "x-kafka-header-c": "3" }), 413);
});

Deno.test("maxRequests bounds the requests under way; health is answered all the same", async () => {
  await using rig = await gatewayRig({ gateway: { maxRequests: 1 } });
  const release = holdProduce(rig.cluster);

  const first = rig.post("/sync/t", "a");
  const second = await rig.post("/sync/t", "b");
  const health = await rig.get("/healthz");
  release();

  assertEquals([second.status, health.status, (await first).status], [503, 200, 200]);
  assertMatch(second.headers.get("retry-after")!, /^[1-9]\d*$/);
  for (const response of [await first, second, health]) await response.body?.cancel();
});

Deno.test("readingMaxBytes bounds the bodies being read", async () => {
  await using rig = await gatewayRig({ gateway: { readingMaxBytes: 10 } });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();

  const slow = rig.post("/sync/t", readable, { headers: { "content-length": "8" } });
  const refused = await rig.post("/sync/t", "xxxxx", { headers: { "content-length": "5" } });
  await writer.write(new TextEncoder().encode("xxxxxxxx"));
  await writer.close();
  const answered = await slow;
  const after = await rig.post("/sync/t", "xxxxx", { headers: { "content-length": "5" } });

  assertEquals([refused.status, answered.status, after.status], [503, 200, 200]);
  for (const response of [answered, refused, after]) await response.body?.cancel();
});

Deno.test("bodyTimeoutMs and bodyMinBytesPerSecond bound slow bodies", async (t) => {
  const limits = { bodyTimeoutMs: 6_000, bodyMinBytesPerSecond: 1_024 };
  const cases: [name: string, headers: Record<string, string>, waitMs: number][] = [
    ["a short body that never comes", { "content-length": "5" }, 6_050],
    ["a body without length that never comes", {}, 5_050],
  ];
  for (const [name, headers, waitMs] of cases) {
    await t.step(name, async () => {
      const timers = new ManualTimers();
      await using rig = await gatewayRig({ gateway: { ...limits, readingMaxBytes: 5 }, timers });
      const { readable } = new TransformStream<Uint8Array, Uint8Array>();

      const pending = rig.post("/sync/t", readable, { headers });
      await timers.advance(waitMs);
      const response = await pending;

      const after = await rig.post("/sync/t", "xxxxx", { headers: { "content-length": "5" } });

      assertEquals([response.status, after.status], [408, 200]);
      for (const one of [response, after]) await one.body?.cancel();
    });
  }
});

Deno.test("POST /async writes no record of a body that arrives after it was answered 408", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ gateway: { bodyTimeoutMs: 6_000 }, timers });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();

  const pending = rig.post("/async/t", readable, { headers: { "content-length": "4" } });
  await timers.advance(6_050);
  const response = await pending;
  await writer.write(new TextEncoder().encode("late"));
  await writer.close();
  await (await rig.post("/sync/t", "on time")).body?.cancel();

  assertEquals([response.status, response.headers.get("x-error-code")], [408, "BODY_TIMEOUT"]);
  assertEquals(rig.texts(), ["on time"]);
  assertStringIncludes(
    await (await rig.get("/metrics")).text(),
    'ekaf_http_requests_total{route="async",method="POST",code="408"} 1',
  );
  await response.body?.cancel();
});

Deno.test("streamIdleMs bounds the silence of a stream, streamMaxMs its length; what came is delivered", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ gateway: { streamIdleMs: 1_000 }, timers });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();

  const pending = rig.post("/stream/t", readable, { headers: NDJSON });
  await writer.write(new TextEncoder().encode("a\n"));
  await until(() => rig.texts().length === 1);
  await timers.advance(1_100);
  const response = await pending;
  const problem = await response.json();

  assertEquals([response.status, problem.code, problem.acked], [408, "BODY_TIMEOUT", 1]);
  assertStringIncludes(problem.detail, "nothing came for 1000 ms");
});

Deno.test("POST /async answers 503 with retry-after when the buffer stays full for bufferWaitMs", async () => {
  const size = { bufferMaxBytes: 64 * 1024, partitionMaxBytes: 64 * 1024, batchMaxBytes: 16 * 1024 };
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ producer: size, gateway: { bufferWaitMs: 250 }, timers });
  await rig.producer.prepare("t");
  const release = holdProduce(rig.cluster);
  const accepted = [];
  for (let i = 0; i < 6; i++) accepted.push((await rig.post("/async/t", "x".repeat(10_000))).status);
  const without = await (await rig.get("/metrics")).text();

  const pending = rig.post("/async/t", "y".repeat(10_000));
  await new Promise((resolve) => setTimeout(resolve, 1));
  await timers.advance(350);
  const response = await pending;
  const metrics = await (await rig.get("/metrics")).text();
  release();

  assertEquals(accepted, [200, 200, 200, 200, 200, 200]);
  assertStringIncludes(without, "ekaf_http_buffer_wait_seconds_sum 0\nekaf_http_buffer_wait_seconds_count 0\n");
  assertMatch(metrics, /^ekaf_http_buffer_wait_seconds_sum 0\.\d+\nekaf_http_buffer_wait_seconds_count 1$/m);
  assertEquals([response.status, response.headers.get("x-error-code")], [503, "BUFFER_FULL"]);
  assertMatch(response.headers.get("retry-after")!, /^[12]$/);
  await response.body?.cancel();
  await rig.producer.flush();
  assertEquals(rig.texts().length, 6);
});

Deno.test("POST /async answers 200 in a downtime, and the record is sent when Kafka is back", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ timers });
  await rig.cluster.stop();

  const response = await rig.post("/async/t", "a");
  await rig.cluster.start();
  await rig.producer.flush();

  assertEquals([response.status, await response.text(), rig.texts()], [200, '{"ok":1}', ["a"]]);
});

Deno.test("POST /async does not wait for Kafka's first answer longer than bufferWaitMs", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ timers });
  using _silence = rig.cluster.intercept("Metadata", () => "silent");

  const pending = rig.post("/async/t", "a");
  await new Promise((resolve) => setTimeout(resolve, 5));
  await timers.advance(350);

  assertEquals(await (await pending).text(), '{"ok":1}');
});

Deno.test("POST /sync answers 504 and says that the outcome is unknown when Kafka does not answer in time", async () => {
  await using rig = await gatewayRig({ gateway: { requestTimeoutMs: 20 } });
  await rig.producer.send("t", "warm");
  using _silence = rig.cluster.intercept("Produce", () => "silent");

  const response = await rig.post("/sync/t", "a");

  assertEquals([response.status, response.headers.get("x-delivered")], [504, "unknown"]);
  await response.body?.cancel();
});

Deno.test("pages of other origins are refused, those of origins and of the gateway itself are not", async () => {
  await using rig = await gatewayRig({ gateway: { origins: ["https://shop.example"] } });
  const post = (origin: string) => rig.post("/sync/t", "a", { headers: { origin, host: "localhost:8080" } });

  const [foreign, known, own, opaque] = [
    await post("https://evil.example"),
    await post("https://shop.example"),
    await post("http://localhost:8080"),
    await post("null"),
  ];
  const preflight = await rig.gateway.fetch(
    new Request("http://localhost/sync/t", { method: "OPTIONS", headers: { origin: "https://shop.example" } }),
  );

  assertEquals([foreign, known, own, opaque].map(({ status }) => status), [403, 200, 200, 403]);
  assertEquals(known.headers.get("access-control-allow-origin"), "https://shop.example");
  assertEquals(own.headers.get("access-control-allow-origin"), null);
  assertEquals([preflight.status, preflight.headers.get("access-control-allow-methods")], [204, "POST"]);
  for (const response of [foreign, known, own, opaque]) await response.body?.cancel();
});

Deno.test("hosts lists the host names that are answered", async () => {
  await using rig = await gatewayRig({ gateway: { hosts: ["Localhost", "[::1]"] } });
  const get = async (host: string) => {
    const response = await rig.get("/healthz", { headers: { host } });
    await response.body?.cancel();
    return response.status;
  };

  assertEquals(await Promise.all(["localhost:1", "LOCALHOST", "[::1]:1", "[::1]", "evil.example"].map(get)), [
    200,
    200,
    200,
    200,
    403,
  ]);
});

Deno.test("authenticate is asked before the body is read, and decides who may write where", async () => {
  await using rig = await gatewayRig({
    cluster: { topics: { t: 1, u: 1 } },
    gateway: {
      authenticate: ({ headers }) => {
        const token = headers.get("authorization");
        if (token === "throw") throw new Error("broken");
        if (token === "teapot") return new Response("no", { status: 418 });
        return token === "good" ? { name: "shop", topics: ["t"] } : null;
      },
    },
  });
  let isRead = false;
  const body = new ReadableStream<Uint8Array>({ pull: () => void (isRead = true) }, { highWaterMark: 0 });
  const post = (path: string, authorization: string, given: BodyInit = "a") =>
    rig.post(path, given, { headers: { authorization } });

  const refused = await post("/sync/t", "bad", body);
  const others = [
    await post("/sync/t", "good"),
    await post("/sync/u", "good"),
    await post("/sync/t", "throw"),
    await post("/sync/t", "teapot"),
  ];
  const health = await rig.get("/healthz");

  assertEquals([refused.status, isRead, refused.headers.get("connection")], [401, false, "close"]);
  assert(refused.headers.has("www-authenticate"));
  assertEquals(others.map(({ status }) => status), [200, 403, 401, 418]);
  assertEquals(health.status, 200);
  assertEquals(rig.texts(), ["a"]);
  for (const response of [refused, health, ...others]) await response.body?.cancel();
});

Deno.test("authenticate may read the body, within its bounds", async () => {
  const authenticate = async ({ body }: { body(): Promise<Uint8Array> }) => {
    return new TextDecoder().decode(await body()) === "signed" ? { name: "shop" } : null;
  };
  await using rig = await gatewayRig({ gateway: { authenticate, bodyMaxBytes: 10 } });

  const responses = [];
  for (const body of ["signed", "forged", "x".repeat(11)]) responses.push(await rig.post("/sync/t", body));

  assertEquals(responses.map(({ status }) => status), [200, 401, 413]);
  assertEquals(rig.texts(), ["signed"]);
  for (const response of responses) await response.body?.cancel();
});

Deno.test("authenticate may read the body of an /async request, which is counted once", async () => {
  const authenticate = async ({ body }: { body(): Promise<Uint8Array> }) => {
    await body();
    return { name: "shop" };
  };
  await using rig = await gatewayRig({ gateway: { authenticate } });

  await (await rig.post("/async/t", "12345", { headers: { "content-length": "5" } })).body?.cancel();

  assertStringIncludes(
    await (await rig.get("/metrics")).text(),
    'ekaf_http_body_bytes_total{encoding="identity"} 5\n',
  );
});

Deno.test("authenticate may answer without the body it began to read: that request ends once", async () => {
  const timers = new ManualTimers();
  const authenticate = ({ body, headers }: { body(): Promise<Uint8Array>; headers: Headers }) => {
    const isOwn = headers.get("x-own") !== null;
    if (!isOwn) body();
    return isOwn ? { name: "shop" } : null;
  };
  await using rig = await gatewayRig({ gateway: { authenticate, bodyTimeoutMs: 6_000 }, timers });
  const open = () => new TransformStream<Uint8Array, Uint8Array>().readable;

  const refused = await rig.post("/async/t", open(), { headers: { "content-length": "4" } });
  const other = rig.post("/async/t", open(), { headers: { "x-own": "1", "content-length": "4" } });
  await timers.advance(6_050);
  const late = await other;

  assertEquals([refused.status, late.status], [401, 408]);
  const metrics = await (await rig.get("/metrics")).text();
  const counts = metrics.split("\n").filter((line) => line.startsWith("ekaf_http_requests_total{"));
  assertEquals(counts.filter((line) => line.includes('route="async"')), [
    'ekaf_http_requests_total{route="async",method="POST",code="401"} 1',
    'ekaf_http_requests_total{route="async",method="POST",code="408"} 1',
  ]);
  assertEquals(/^ekaf_http_in_flight (.*)$/m.exec(metrics)?.[1], "0");
  for (const response of [refused, late]) await response.body?.cancel();
});

Deno.test("authenticate may answer with a response whose headers are fixed", async () => {
  const origins = ["https://page.example"];
  await using rig = await gatewayRig({
    gateway: { authenticate: () => Response.redirect("https://login.example/"), origins },
  });

  const response = await rig.post("/sync/t", "a", { headers: { origin: origins[0]! } });

  assertEquals([response.status, response.headers.get("location")], [302, "https://login.example/"]);
  assertEquals(response.headers.get("access-control-allow-origin"), origins[0]);
});

Deno.test("authenticate lets nobody in when it returns nothing", async () => {
  const authenticate = (() => {}) as unknown as () => null;
  await using rig = await gatewayRig({ gateway: { authenticate } });

  const response = await rig.post("/sync/t", "a");

  assertEquals([response.status, rig.texts()], [401, []]);
  await response.body?.cancel();
});

Deno.test("onError is told of failures, apart from the answer, and may throw", async () => {
  const failures: GatewayFailure[] = [];
  const onError = (failure: GatewayFailure) => {
    failures.push(failure);
    throw new Error("of the hook");
  };
  const editJson = () => {
    throw new Error("secret");
  };
  await using rig = await gatewayRig({ gateway: { onError, editJson } });

  const answer = await told(await rig.post("/async/t", "a", { headers: { "x-request-id": "id-1" } }));
  await until(() => failures.length === 1);

  assertEquals(answer, [500, "callback failed"]);
  const { cause, ...rest } = failures[0]!;
  assertEquals(rest, { status: 500, message: "callback failed", topic: "t", requestId: "id-1" });
  assertEquals(((cause as Error).cause as Error).message, "secret");
});

Deno.test("handOff sends clients to a peer while the buffer is above its high-water mark, once", async () => {
  const handOff = { peers: ["http://peer-1:8080", "http://peer-2:8080"] };
  await using rig = await gatewayRig({ gateway: { highWaterBytes: 500, handOff } });
  const calm = await rig.post("/sync/t", "a");
  const release = holdProduce(rig.cluster);
  await (await rig.post("/async/t", "x".repeat(1_000))).body?.cancel();
  await new Promise((resolve) => setTimeout(resolve, 1));
  await until(() => true);

  const answers = [];
  for (const path of ["/async/t?key=1", "/async/t", "/async/t?hop=1"]) {
    let response = await rig.post(path, "b");
    while (response.status === 200 && !path.includes("hop")) response = await rig.post(path, "b"); // not looked at yet
    answers.push([response.status, response.headers.get("location")]);
    await response.body?.cancel();
  }
  release();

  assertEquals(calm.status, 200);
  assertEquals(answers, [
    [307, "http://peer-1:8080/async/t?key=1&hop=1"],
    [307, "http://peer-2:8080/async/t?hop=1"],
    [200, null],
  ]);
  await calm.body?.cancel();
});

Deno.test("/safe refuses with kafboy's words while the buffer is above its high-water mark; other routes go on", async () => {
  await using rig = await gatewayRig({ gateway: { highWaterBytes: 500 } });
  await using compat = await gatewayRig({ gateway: { highWaterBytes: 500, compat: { status400: true } } });
  const answers = [];
  for (const { cluster, post } of [rig, compat]) {
    const release = holdProduce(cluster);
    await (await post("/async/t", "x".repeat(1_000))).body?.cancel();
    answers.push(await told(await post("/safe/async/t", "b")), (await post("/async/t", "b")).status);
    release();
  }

  assertEquals(answers, [[503, "system queue full"], 200, [400, "system queue full"], 200]);
});
