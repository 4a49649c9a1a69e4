/**
 * What a client is answered when Kafka answers with an error: the broker is scripted, everything between is real.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { errorCode } from "../../protocol/error_codes.ts";
import { gatewayRig } from "./gateway_rig.ts";

/** When the time of a record is over, where a code is tried again: a busy machine too has had an answer by then. */
const SOON_MS = 3_000;

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

/** Both routes with a broker that answers every Produce with a code. */
async function check([code, status, retriable, delivered]: typeof ROWS[number]): Promise<void> {
  const { name } = errorCode(code);
  const timeoutMs = retriable ? SOON_MS : 30_000;
  // What was refused and is under way once more when its time ends is of unknown outcome: either may be.
  const possible = delivered !== undefined ? [delivered] : retriable ? ["no", "unknown"] : ["no"];
  await using rig = await gatewayRig({
    gateway: { requestTimeoutMs: timeoutMs },
    producer: {
      deliveryTimeoutMs: timeoutMs,
      unknownTopicTimeoutMs: 200,
      retryBackoffMs: { initial: 20, max: 100 },
      logger: null,
    },
  });
  await rig.producer.send("t", "first", { timeoutMs: 30_000 }); // The connections are there.
  rig.cluster.failNext("Produce", name, 1_000);

  const [sync, stream] = await Promise.all([
    rig.post("/sync/t", "x"),
    rig.post("/stream/t", "x", { headers: { "content-type": "application/x-ndjson" } }),
  ]);

  assertEquals([sync.status, sync.headers.get("x-error-code")], [status, name]);
  assert(possible.includes(sync.headers.get("x-delivered") ?? "no"), name);
  assertEquals(Object.keys(await sync.json()), ["error"]);
  const problem = await stream.json();
  assertEquals([stream.status, stream.headers.get("content-type")], [status, "application/problem+json"], name);
  assertEquals([problem.status, problem.code, problem.retriable], [status, name, retriable]);
  assert(possible.includes(problem.delivered), name);
  for (const { headers } of [sync, stream]) {
    if (status === 503) assertMatch(headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    else assertEquals(headers.get("retry-after"), null);
  }
}

/** A broker that is gone. */
async function checkUnreachable(): Promise<void> {
  await using rig = await gatewayRig({
    gateway: { requestTimeoutMs: SOON_MS },
    producer: { deliveryTimeoutMs: SOON_MS, logger: null },
  });
  await rig.producer.send("t", "first", { timeoutMs: 30_000 });
  await rig.cluster.stop(1);

  const response = await rig.post("/sync/t", "y");

  assertEquals([response.status, response.headers.get("x-error-code")], [503, "UNAVAILABLE"]);
  assertMatch(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
}

for (const row of ROWS.filter(([, , retriable]) => !retriable)) {
  Deno.test(`POST /sync and /stream answer ${row[1]} when Kafka answers ${errorCode(row[0]).name}`, () => check(row));
}

Deno.test("POST /sync and /stream answer 502, 503 or 504 when Kafka is away, or answers what is tried again until time is over", async () => {
  // At once, as each takes all of its time.
  await Promise.all([...ROWS.filter(([, , retriable]) => retriable).map(check), checkUnreachable()]);
});
