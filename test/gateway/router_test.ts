import { assertEquals, assertThrows } from "@std/assert";
import type { Route } from "../../src/gateway/route.ts";
import { Router } from "../../src/gateway/router.ts";

function route(path: string, method: "GET" | "POST" = "POST"): Route {
  return { id: path, method, path } as Route;
}

Deno.test("match() tells a path's routes, topic and partition, also when it is asked again", () => {
  const router = new Router([route("/async/:topic"), route("/topics/:topic/partitions/:partition"), route("/", "GET")]);
  const cases = [
    ["/async/t", "/async/:topic", "t", null],
    ["//async//t/", "/async/:topic", "t", null],
    ["/async/u", "/async/:topic", "u", null],
    ["/topics/t/partitions/3", "/topics/:topic/partitions/:partition", "t", "3"],
  ] as const;

  for (let round = 0; round < 2; round++) {
    for (const [path, id, topic, partition] of cases) {
      const match = router.match(path)!;
      assertEquals([match.methods.get("POST")!.id, match.topic, match.partition], [id, topic, partition]);
    }
    assertEquals([router.match("/async"), router.match("/nowhere/t"), router.match("/async/t/u")], [null, null, null]);
    assertEquals(router.match("/")!.methods.get("GET")!.id, "/");
  }
});

Deno.test("match() finds the usual paths again after thousands that clients made up", () => {
  const router = new Router([route("/async/:topic")]);
  for (let i = 0; i < 5_000; i++) assertEquals(router.match(`/async/t${i}`)!.topic, `t${i}`);
  const long = "x".repeat(1_000);

  assertEquals([router.match("/async/t1")!.topic, router.match(`/async/${long}`)!.topic], ["t1", long]);
});

Deno.test("Router refuses two routes of the same method and path", () => {
  assertThrows(() => new Router([route("/a/:topic"), route("/a/:topic")]), RangeError, "that path is taken");
});
