import { assertEquals, assertThrows } from "@std/assert";
import { type Body, hasVersion, type Input, type MessageSchema, parseVersions } from "../../protocol/schema.ts";

const inner = [
  { name: "id", type: "int32" },
  { name: "rack", type: "string", nullable: "1+", default: null },
] as const;

const message = {
  name: "Thing",
  versions: "0-2",
  flexible: "2+",
  fields: [
    { name: "isOpen", type: "bool" },
    { name: "offset", type: "int64", versions: "1+" },
    { name: "ids", type: "[]int16" },
    { name: "nodes", type: "[]Node", nullable: "0+", fields: inner },
    { name: "leader", type: "Node", versions: "2+", tag: 0, taggedVersions: "2+", fields: inner },
    { name: "payload", type: "bytes" },
  ],
} as const satisfies MessageSchema;

interface ExpectedNode {
  id: number;
  rack: string | null;
}

interface ExpectedBody {
  isOpen: boolean;
  offset: bigint;
  ids: readonly number[];
  nodes: readonly ExpectedNode[] | null;
  leader: ExpectedNode;
  payload: Uint8Array;
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** Types are equal once all mapping is resolved. */
type Flat<T> = T extends Uint8Array | bigint ? T
  : T extends readonly (infer E)[] ? readonly Flat<E>[]
  : T extends object ? { [K in keyof T]: Flat<T[K]> }
  : T;

Deno.test("Body infers the type of a decoded message from its table", () => {
  const isSame: Same<Flat<Body<typeof message>>, ExpectedBody> = true;

  assertEquals(isSame, true);
});

Deno.test("Input lets out what has a default or is missing in some version", () => {
  const least: Input<typeof message> = { isOpen: true, ids: [], nodes: null, payload: new Uint8Array() };
  // @ts-expect-error: `payload` has no default
  const lacking: Input<typeof message> = { isOpen: true, ids: [], nodes: [{ id: 1 }] };
  // @ts-expect-error: there is no `colour`
  const surplus: Input<typeof message> = { ...least, nodes: [{ id: 1, colour: "red" }] };

  assertEquals([least.offset, lacking.leader, surplus.leader], [undefined, undefined, undefined]);
});

Deno.test("parseVersions() reads Kafka's notation", () => {
  assertEquals(parseVersions("3+"), { min: 3, max: Infinity });
  assertEquals(parseVersions("0-8"), { min: 0, max: 8 });
  assertEquals(parseVersions("12"), { min: 12, max: 12 });
});

Deno.test("parseVersions() refuses anything else", () => {
  for (const text of ["", "3-", "+", "a", "1-2-3", "-1"]) assertThrows(() => parseVersions(text), RangeError);
});

Deno.test("hasVersion() includes both ends and nothing when there is none", () => {
  assertEquals([2, 3, 4, 5].map((version) => hasVersion("3-4", version)), [false, true, true, false]);
  assertEquals([0, 99].map((version) => hasVersion("none", version)), [false, false]);
  assertEquals(hasVersion("3+", 99), true);
});
