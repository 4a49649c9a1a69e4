import { assert, assertEquals } from "@std/assert";
import type { Logger } from "@ekaf/ekaf";
import { rig, until } from "./rig.ts";

/** Notes what is logged: level, kind, message. */
function notes(): { logger: Logger; lines: [level: string, kind: unknown, message: string][] } {
  const lines: [string, unknown, string][] = [];
  const at = (level: string) => (message: string, context?: Record<string, unknown>) =>
    void lines.push([level, context?.kind, message]);
  return { logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }, lines };
}

Deno.test("a logger hears of connections on the level debug, of downtimes on the level info", async () => {
  const { logger, lines } = notes();
  await using r = await rig({ topics: { t: 1 } }, { logger });
  await r.producer.send("t", "a");

  await r.cluster.stop(1);
  await until(() => r.producer.info("t")[0]!.state !== "up");
  await r.producer.enqueue("t", "b");
  await until(() => lines.some(([level]) => level === "info"));
  await r.cluster.start(1);
  await r.producer.flush();

  const kinds = (level: string) => new Set(lines.filter((line) => line[0] === level).map(([, kind]) => kind));
  // The last of them may come after what they tell of: the records are through before the lane says so.
  await until(() => kinds("debug").isSupersetOf(new Set(["timetoconnect", "laneup", "lanedown"])));
  await until(() => kinds("info").has("up t"));
  assertEquals(kinds("info"), new Set(["down t", "up t"]));
  assert(lines.at(-1)![0] === "debug" || lines.some(([, , text]) => text.includes('"t" was down for')));
});

Deno.test("lost records are logged as an error unless somebody listens", async () => {
  const { logger, lines } = notes();
  await using r = await rig({ topics: { t: 1 } }, { logger });
  const errors = () => lines.filter(([level]) => level === "error").length;
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED", 3);

  await r.producer.enqueue("t", "a");
  await r.producer.flush();
  const unheard = errors();
  r.producer.topic("t").addEventListener("deliveryfailed", () => {});
  await r.producer.enqueue("t", "b");
  await r.producer.flush();

  assertEquals([unheard, errors()], [1, 1]);
});

Deno.test("a logger that throws or rejects changes nothing", async () => {
  const broken = () => {
    throw new Error("broken");
  };
  const rejecting = () => Promise.reject(new Error("broken"));
  for (const method of [broken, rejecting]) {
    const logger = { debug: method, info: method, warn: method, error: method };
    await using r = await rig({ topics: { t: 1 } }, { logger });
    r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");

    await r.producer.enqueue("t", "lost");
    await r.producer.flush();
    const { offset } = await r.producer.send("t", "a");

    assertEquals(offset, 0n);
  }
});
