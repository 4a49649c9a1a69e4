import { assertEquals } from "@std/assert";
import type { EditHook } from "@ekaf/ekaf/gateway";
import { ManualTimers } from "../manual_timers.ts";
import { FORM, gatewayRig } from "./gateway_rig.ts";

/** The hook of kafboy's demo. */
const demo: EditHook = ({ topic, fields }) => {
  const values = Object.fromEntries(fields);
  if (fields.length === 0) return { error: `${topic}.insufficient` };
  if (values["hello"] !== undefined) return { value: values["hello"] };
  return { status: 200, body: '{"ok":"fast reply"}' };
};

Deno.test("the edit hook of kafboy's demo is answered as its README shows", async () => {
  await using rig = await gatewayRig({ cluster: { topics: { ekaf: 1 } }, gateway: { editJson: demo } });

  const replies = [];
  for (const body of ["test=a", "hello=a", ""]) {
    const response = await rig.post("/async/ekaf", body, { headers: FORM });
    replies.push([response.status, await response.text()]);
  }
  await rig.producer.flush();

  assertEquals(replies, [
    [200, '{"ok":"fast reply"}'],
    [200, '{"ok":1}'],
    [400, '{"error":"ekaf.insufficient"}'],
  ]);
  assertEquals(rig.texts("ekaf"), ["a"]);
});

Deno.test("editJson may change the record and its topic, make several, or answer later", async () => {
  const editJson: EditHook = async ({ json }) => {
    const { n } = json() as { n: number };
    await Promise.resolve();
    return [{ value: `${n}` }, { topic: "u", value: `u${n}`, key: "k" }, { value: `${n + 1}` }];
  };
  await using rig = await gatewayRig({ cluster: { topics: { t: 1, u: 1 } }, gateway: { editJson } });

  const response = await rig.post("/sync/t", '{"n":1}');

  assertEquals(await response.text(), '[{"ok":true},{"ok":true},{"ok":true}]');
  assertEquals([rig.texts("t"), rig.texts("u")], [["1", "2"], ["u1"]]);
});

Deno.test("a topic that editJson chooses goes through the rule for topics", async () => {
  await using rig = await gatewayRig({ gateway: { topics: ["t"], editJson: () => ({ topic: "u", value: "a" }) } });

  const response = await rig.post("/sync/t", "a");

  assertEquals([response.status, rig.texts()], [403, []]);
  await response.body?.cancel();
});

const ANSWERS: [name: string, hook: () => unknown, status: number, body: string][] = [
  ["nothing to do", () => [], 400, '{"error":"empty"}'],
  ["something unknown", () => 7, 400, '{"error":"unexp"}'],
  ["a value of a wrong type", () => ({ value: 7 }), 400, '{"error":"unexp"}'],
  ["a refusal", () => ({ error: "no" }), 400, '{"error":"no"}'],
  ["a refusal with a status", () => ({ error: "no", status: 422 }), 422, '{"error":"no"}'],
  ["a refusal with a status that is none", () => ({ error: "no", status: 200 }), 400, '{"error":"no"}'],
  ["a rejection", () => Promise.reject(new Error("secret")), 500, '{"error":"callback failed"}'],
];

for (const [name, hook, status, body] of ANSWERS) {
  Deno.test(`editJson that gives ${name} is answered ${status}, and nothing is sent`, async () => {
    await using rig = await gatewayRig({ gateway: { editJson: hook as EditHook } });

    const response = await rig.post("/sync/t", "a");

    assertEquals([response.status, await response.text(), rig.texts()], [status, body, []]);
  });
}

Deno.test("editJson that takes longer than editTimeoutMs is aborted and answered 504", async () => {
  const timers = new ManualTimers();
  let signal: AbortSignal | null = null;
  const editJson: EditHook = (post) => {
    signal = post.signal;
    return new Promise(() => {});
  };
  await using rig = await gatewayRig({ gateway: { editJson }, timers });

  const pending = rig.post("/sync/t", "a");
  while (signal === null) await new Promise((resolve) => setTimeout(resolve, 1));
  await timers.advance(500);
  const response = await pending;

  assertEquals([response.status, await response.text()], [504, '{"error":"callback timeout"}']);
  assertEquals((signal as AbortSignal).aborted, true);
});
