/**
 * What a client is answered when Kafka answers with an error: the broker is scripted, everything between is real.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { errorCode } from "../../protocol/error_codes.ts";
import { gatewayRig } from "./gateway_rig.ts";

/** What the time of a record is over after, where a code is tried again. */
const SOON_MS = 200;

const ROWS: readonly (readonly [code: number, status: number, retriable: boolean, delivered?: "unknown" | "no"])[] = [
  [2, 422, false],
  [3, 404, false],
  [5, 503, true],
  [6, 503, true],
  [7, 504, true, "unknown"],
  [8, 503, true],
  [9, 503, true],
  [10, 413, false],
  [13, 503, true, "unknown"],
  [17, 400, false],
  [18, 413, false],
  [19, 503, true],
  [20, 503, true, "unknown"],
  [29, 403, false],
  [31, 403, false],
  [32, 422, false],
  [56, 503, true, "unknown"],
  [58, 502, true, "no"],
  [87, 422, false],
  [89, 503, true],
];

for (const [code, status, retriable, delivered] of ROWS) {
  const { name } = errorCode(code);
  const timeoutMs = retriable ? SOON_MS : 10_000;
  // What was refused and is under way once more when its time ends is of unknown outcome: either may be.
  const possible = delivered !== undefined ? [delivered] : retriable ? ["no", "unknown"] : ["no"];
  Deno.test(`POST /sync and /stream answer ${status} when Kafka answers ${name}`, async () => {
    await using rig = await gatewayRig({
      gateway: { requestTimeoutMs: timeoutMs },
      producer: {
        deliveryTimeoutMs: timeoutMs,
        unknownTopicTimeoutMs: SOON_MS,
        retryBackoffMs: { initial: 1, max: 1 },
        logger: null,
      },
    });
    await rig.producer.send("t", "first", { timeoutMs: 10_000 }); // The connections are there.
    rig.cluster.failNext("Produce", name, 1_000);

    const [sync, stream] = await Promise.all([
      rig.post("/sync/t", "x"),
      rig.post("/stream/t", "x", { headers: { "content-type": "application/x-ndjson" } }),
    ]);

    assertEquals([sync.status, sync.headers.get("x-error-code")], [status, name]);
    assert(possible.includes(sync.headers.get("x-delivered") ?? "no"));
    assertEquals(Object.keys(await sync.json()), ["error"]);
    const problem = await stream.json();
    assertEquals([stream.status, stream.headers.get("content-type")], [status, "application/problem+json"]);
    assertEquals([problem.status, problem.code, problem.retriable], [status, name, retriable]);
    assert(possible.includes(problem.delivered), problem.delivered);
    for (const { headers } of [sync, stream]) {
      if (status === 503) assertMatch(headers.get("retry-after") ?? "", /^[1-9]\d*$/);
      else assertEquals(headers.get("retry-after"), null);
    }
  });
}

Deno.test("POST /sync answers 503 with retry-after while no broker can be reached", async () => {
  await using rig = await gatewayRig({
    gateway: { requestTimeoutMs: SOON_MS },
    producer: { deliveryTimeoutMs: SOON_MS, logger: null },
  });
  await rig.producer.send("t", "first", { timeoutMs: 10_000 });
  await rig.cluster.stop(1);

  const response = await rig.post("/sync/t", "y");

  assertEquals([response.status, response.headers.get("x-error-code")], [503, "UNAVAILABLE"]);
  assertMatch(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
});
