import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { createGateway } from "@ekaf/ekaf/gateway";
import { SAMPLE_MS } from "../../src/gateway/page/feed.ts";
import { MAX_FAILURE_TEXT, MAX_FAILURES, RecentFailures } from "../../src/gateway/page/recent_failures.ts";
import { MAX_LANES, MAX_TOPICS, type Sample, takeSample } from "../../src/gateway/page/sample.ts";
import { ManualTimers } from "../manual_timers.ts";
import { heard, holdProduce, rig, until } from "../producer/rig.ts";
import { type GatewayRig, gatewayRig } from "./gateway_rig.ts";

const PARTS = ["/", "/page/style.css", "/page/icon.svg", "/page/main.js", "/page/charts.js"];
const EVENTS = "/page/events";

/** The samples of a stream, as they come. */
class Samples {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(response: Response) {
    this.#reader = response.body!.getReader();
  }

  /** The next one, null at the end. */
  async next(): Promise<Sample | null> {
    const { value, done } = await this.#reader.read();
    if (done) return null;
    const [, text] = /^(?:retry: 1000\n)?data: (.*)\n\n$/.exec(new TextDecoder().decode(value))!;
    return JSON.parse(text!);
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

async function statuses(rig: GatewayRig, paths: readonly string[], init?: RequestInit): Promise<number[]> {
  const responses = await Promise.all(paths.map((path) => rig.get(path, init)));
  for (const response of responses) await response.body?.cancel();
  return responses.map(({ status }) => status);
}

Deno.test("GET / is a page and all that it names is there, only where it is asked for", async () => {
  await using rig = await gatewayRig();
  await using paged = await gatewayRig({ gateway: { page: true, topics: ["t"] } });
  await paged.producer.prepare("t"); // Kafka has answered: ready.

  const without = await statuses(rig, [...PARTS, EVENTS]);
  const html = await (await paged.get("/")).text();
  const named = [...html.matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, path]) => `/${path}`);
  const script = await (await paged.get("/page/main.js")).text();
  const imported = [...script.matchAll(/from "\.(\/\w+\.js)"/g)].map(([, path]) => `/page${path}`);

  assertEquals(without, [404, 404, 404, 404, 404, 404]);
  assert(named.includes("/page/main.js") && imported.includes("/page/charts.js"), `${named} ${imported}`);
  assertEquals(new Set(await statuses(paged, [...named, ...imported])), new Set([200]));
});

Deno.test("the page allows nothing from elsewhere, nothing inline, no frame, no markup of text", async () => {
  await using rig = await gatewayRig({ gateway: { page: true } });

  for (const path of [...PARTS, EVENTS]) {
    const response = await rig.get(path);
    const policy = response.headers.get("content-security-policy")!;
    await response.body?.cancel();
    assertStringIncludes(policy, "default-src 'self';");
    assertStringIncludes(policy, "frame-ancestors 'none'");
    assertStringIncludes(policy, "require-trusted-types-for 'script'");
    assert(!/unsafe|https?:|data:|\*/.test(policy), policy);
    assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  }
  const html = await (await rig.get("/")).text();
  assert(!/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:/.test(html), html);
});

Deno.test("the page's scripts are modules without syntax errors that never make markup of text", async () => {
  await using rig = await gatewayRig({ gateway: { page: true } });

  for (const name of ["main", "figures", "charts", "tables", "send"]) {
    const script = await (await rig.get(`/page/${name}.js`)).text();
    assert(!/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/.test(script), name);
    const body = script.replaceAll(/^import .*$/gm, "").replaceAll(/^export /gm, "");
    new Function(body); // Throws when it is none.
  }
});

Deno.test("the page is only for those who may write, and for its own origin and host", async () => {
  const authenticate = ({ headers }: { headers: Headers }) =>
    headers.get("authorization") === "Bearer t0p" ? { name: "shop" } : null;
  await using rig = await gatewayRig({ gateway: { page: true, authenticate, hosts: ["localhost"] } });
  const authorization = "Bearer t0p";
  const paths = ["/", "/page/main.js", EVENTS];

  assertEquals(await statuses(rig, paths), [401, 401, 401]);
  assertEquals(await statuses(rig, paths, { headers: { authorization } }), [200, 200, 200]);
  const headers = { authorization, host: "localhost" };
  assertEquals(await statuses(rig, paths, { headers: { ...headers, origin: "http://evil.example" } }), [403, 403, 403]);
  assertEquals(await statuses(rig, paths, { headers: { ...headers, host: "evil.example" } }), [403, 403, 403]);
  assertEquals(await statuses(rig, paths, { headers: { ...headers, origin: "http://localhost" } }), [200, 200, 200]);
});

Deno.test("GET /page/events tells what went through, at once and every second", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ gateway: { page: true, nodeName: "here" }, timers });
  for (const path of ["/sync/t", "/sync/__t"]) await (await rig.post(path, "a")).body?.cancel();

  const response = await rig.get(EVENTS);
  const samples = new Samples(response);
  const first = await samples.next();
  await (await rig.post("/sync/t", "b")).body?.cancel();
  await timers.advance(SAMPLE_MS);
  const second = await samples.next();
  await samples.leave();

  assertMatch(response.headers.get("content-type")!, /^text\/event-stream/);
  assertEquals([first!.node, first!.phase, first!.http.count, first!.http.statuses], ["here", "serving", 2, [
    0,
    1,
    0,
    1,
    0,
  ]]);
  assertEquals([first!.records.delivered, second!.records.delivered], [1, 2]);
  assertEquals([first!.kafka.count, second!.kafka.count], [0, 1]); // Batches are noted while somebody watches.
  assertEquals(second!.ms - first!.ms, SAMPLE_MS);
  const [topic] = second!.topics;
  assertEquals([topic!.topic, topic!.isDown, topic!.partitions, topic!.states], ["t", false, 1, {
    up: 1,
    connecting: 0,
    down: 0,
  }]);
  assertEquals(topic!.lanes[0]!.state, "up");
  const [failure] = second!.failures;
  assertEquals([failure!.source, failure!.count], ["403", 1]);
  assertStringIncludes(failure!.text, "Cannot write to topic");
});

Deno.test("GET /page/events has one timer while somebody watches, and none afterwards", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ gateway: { page: true }, timers });

  const counts = [timers.pendingCount];
  const one = new Samples(await rig.get(EVENTS));
  const other = new Samples(await rig.get(EVENTS));
  counts.push(timers.pendingCount);
  const refCount = timers.refCount;
  await one.leave();
  counts.push(timers.pendingCount);
  await other.leave();
  counts.push(timers.pendingCount);

  assertEquals(counts, [0, 1, 1, 0]);
  assertEquals(refCount, 0); // It holds no process.
});

Deno.test("GET /page/events listens to batches only while somebody watches", async () => {
  await using rig = await gatewayRig({ gateway: { page: true } });
  const kafkaCount = async () => {
    const samples = new Samples(await rig.get(EVENTS));
    const sample = await samples.next();
    await samples.leave();
    return sample!.kafka.count;
  };

  const before = await kafkaCount();
  await (await rig.post("/sync/t", "a")).body?.cancel();

  assertEquals([before, await kafkaCount()], [0, 0]);
});

Deno.test("GET /page/events takes pageMaxWatchers at a time, and the next when one has left", async () => {
  await using rig = await gatewayRig({ gateway: { page: true, pageMaxWatchers: 2 } });

  const watchers = [new Samples(await rig.get(EVENTS)), new Samples(await rig.get(EVENTS))];
  const refused = await rig.get(EVENTS);
  const problem = await refused.json();
  await watchers.pop()!.leave();
  watchers.push(new Samples(await rig.get(EVENTS)));

  assertEquals([refused.status, problem.code], [503, "OVERLOADED"]);
  assert(Number(refused.headers.get("retry-after")) >= 1);
  for (const watcher of watchers) await watcher.leave();
});

Deno.test("GET /page/events lets go of a reader that does not keep up", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ gateway: { page: true, pageMaxWatchers: 1 }, timers });

  const slow = await rig.get(EVENTS);
  for (let second = 0; second < 5; second++) await timers.advance(SAMPLE_MS);
  const text = await slow.text(); // It ends although nobody ended it.
  const next = await rig.get(EVENTS);

  assertEquals(text.match(/^data: /gm)!.length, 5);
  assertEquals(next.status, 200);
  await next.body!.cancel();
});

Deno.test("GET /page/events forgets a browser that has gone, over a socket", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ gateway: { page: true }, timers });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, rig.gateway.fetch);

  const response = await fetch(`http://127.0.0.1:${server.addr.port}${EVENTS}`);
  const samples = new Samples(response);
  await samples.next();
  const watched = timers.pendingCount;
  await samples.leave();
  await until(() => timers.pendingCount === 0);
  await server.shutdown();

  assertEquals(watched, 1);
});

Deno.test("HEAD /page/events is no watcher", async () => {
  await using rig = await gatewayRig({ gateway: { page: true, pageMaxWatchers: 1 } });

  const head = await rig.get(EVENTS, { method: "HEAD" });
  const events = await rig.get(EVENTS);
  await events.body!.cancel();

  assertEquals([head.status, head.body, events.status], [200, null, 200]);
});

Deno.test("drain() ends the page's events, and there are no more", async () => {
  await using rig = await gatewayRig({ gateway: { page: true, preStopMs: 0 } });
  const samples = new Samples(await rig.get(EVENTS));

  await samples.next();
  const drained = rig.gateway.drain();
  const end = await samples.next();
  const { requestsLeft } = await drained;

  assertEquals([end, requestsLeft], [null, 0]);
  assertEquals(await statuses(rig, ["/", EVENTS]), [503, 503]);
});

Deno.test("the page tells that a topic is down, and why", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ gateway: { page: true }, timers });
  await (await rig.post("/sync/t", "a")).body?.cancel();
  const samples = new Samples(await rig.get(EVENTS));
  const down = heard(rig.producer, "lanedown");

  await samples.next();
  await rig.cluster.stop(1);
  await until(() => down.length > 0);
  await timers.advance(SAMPLE_MS);
  const sample = await samples.next();
  await samples.leave();

  assertEquals(sample!.topics[0]!.states.up, 0);
  assert(sample!.failures.some(({ source, topic }) => source === "lane down" && topic === "t"));
});

Deno.test("a full gateway answers the page itself instead of sending it to a peer", async () => {
  const handOff = { peers: ["https://other.example"] };
  await using rig = await gatewayRig({ gateway: { page: true, handOff, highWaterBytes: 500 } });
  const release = holdProduce(rig.cluster);

  await (await rig.post("/async/t", "x".repeat(1_000))).body?.cancel();
  for (let status = 0; status !== 307;) { // The buffer is looked at now and then.
    const response = await rig.post("/async/t", "a");
    await response.body?.cancel();
    status = response.status;
  }
  const page = await statuses(rig, ["/"]);
  release();

  assertEquals(page, [200]);
});

Deno.test("the page does not count for a client's rate, its records do", async () => {
  await using rig = await gatewayRig({ gateway: { page: true, rateLimitPerSecond: 1, rateLimitBurst: 1 } });

  const parts = await statuses(rig, PARTS);
  const posts = [await rig.post("/sync/t", "a"), await rig.post("/sync/t", "a")];
  for (const response of posts) await response.body?.cancel();

  assertEquals(parts, [200, 200, 200, 200, 200]);
  assertEquals(posts.map(({ status }) => status), [200, 429]);
});

Deno.test("the page links to the routes for operation only where they are", async () => {
  await using rig = await gatewayRig({ gateway: { page: true } });
  await using apart = await gatewayRig({ gateway: { page: true, operation: false } });

  const links = async (one: GatewayRig) => (await (await one.get("/")).text()).includes('href="metrics"');

  assertEquals([await links(rig), await links(apart)], [true, false]);
});

const MISUSE: [options: object, error: ErrorConstructor, message: string][] = [
  [{ page: "yes" }, TypeError, '"page"'],
  [{ pageMaxWatchers: 0 }, RangeError, '"pageMaxWatchers" 0'],
  [{ pageMaxWatchers: "2" }, TypeError, '"pageMaxWatchers"'],
];

for (const [options, error, message] of MISUSE) {
  Deno.test(`createGateway() refuses ${JSON.stringify(options)}`, async () => {
    await using made = await rig();

    assertThrows(() => createGateway({ producer: made.producer, ...options }), error, message);
  });
}

Deno.test("takeSample() has bounds on topics and lanes, and shows what is down first", () => {
  const lane = { lane: 0, broker: 1, address: "b:1", bufferedRecords: 0, bufferedBytes: 0 };
  const figures = { inFlightRequests: 0, delivered: 0, failed: 0, retries: 0 };
  const topics = Array.from({ length: MAX_TOPICS + 3 }, (_, index) => ({
    topic: `t${index}`,
    isDown: index === MAX_TOPICS + 2,
    bufferedRecords: 1,
    bufferedBytes: 2,
    batchMaxRecords: 1,
    partitionMaxBytes: 1,
    delivered: 1_000 - index,
    failed: 0,
    retries: 0,
    lanes: Array.from({ length: 20 }, (_, partition) => ({
      ...lane,
      ...figures,
      partition,
      state: partition === 19 ? "down" as const : "up" as const,
    })),
  }));
  const core = {
    options: {
      nodeName: "n",
      highWaterBytes: 10,
      producer: { stats: () => ({ bufferedBytes: 1, bufferMaxBytes: 20, waitingCalls: 0, topics }) },
    },
    timers: new ManualTimers(),
    housekeeping: { underWay: 0 },
    phase: "serving",
  };

  // deno-lint-ignore no-explicit-any
  const sample = takeSample(core as any, { routes: [], kafka: { classes: [] } as any, failures: [] });

  assertEquals([sample.topics.length, sample.moreTopics], [MAX_TOPICS, 3]);
  assertEquals(sample.topics[0]!.topic, `t${MAX_TOPICS + 2}`);
  assertEquals(sample.topics[0]!.lanes[0]!.state, "down");
  assertEquals(sample.topics.reduce((sum, one) => sum + one.lanes.length, 0), MAX_LANES);
  assertEquals(sample.topics.at(-1)!.states, { up: 19, connecting: 0, down: 1 });
});

Deno.test("RecentFailures keeps so many, cuts long texts, counts the same again", () => {
  const failures = new RecentFailures(() => 7);

  for (let index = 0; index < MAX_FAILURES + 5; index++) failures.note("503", "t", `failure ${index}`);
  failures.note("503", "t", "failure 20");
  failures.note("503", "t", "x".repeat(MAX_FAILURE_TEXT + 1));

  assertEquals(failures.list.length, MAX_FAILURES);
  assertEquals(failures.list[0]!.text.length, MAX_FAILURE_TEXT);
  assertEquals([failures.list[1]!.text, failures.list[1]!.count], ["failure 20", 2]);
  assertEquals(failures.list.filter(({ text }) => text === "failure 20").length, 1);
});
