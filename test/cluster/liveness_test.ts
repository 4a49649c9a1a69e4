import { assertEquals, assertThrows } from "@std/assert";
import { Liveness } from "../../src/cluster/liveness.ts";
import { ManualTimers } from "../manual_timers.ts";

class Recorder {
  readonly calls: string[] = [];
  ref(): void {
    this.calls.push("ref");
  }
  unref(): void {
    this.calls.push("unref");
  }
}

Deno.test("Liveness holds everything while there is a reason, and only changes count", () => {
  const timers = new ManualTimers();
  const liveness = new Liveness(timers);
  const open = new Recorder();
  liveness.add(open);
  liveness.timers.set(() => {}, 10);

  const refs = [timers.refCount];
  liveness.hold();
  liveness.hold();
  refs.push(timers.refCount);
  liveness.release();
  refs.push(timers.refCount);
  liveness.release();
  refs.push(timers.refCount);

  assertEquals(refs, [0, 1, 1, 0]);
  assertEquals(open.calls, ["unref", "ref", "unref"]);
});

Deno.test("Liveness brings what is added later to the present state, and forgets what is removed", () => {
  const timers = new ManualTimers();
  const liveness = new Liveness(timers);
  const open = new Recorder();
  liveness.hold();

  liveness.add(open);
  liveness.timers.set(() => {}, 10);
  assertEquals(timers.refCount, 1);
  liveness.remove(open);
  liveness.release();

  assertEquals(open.calls, ["ref"]);
});

Deno.test("Liveness.release() without hold() is refused", () => {
  assertThrows(() => new Liveness(new ManualTimers()).release(), RangeError, "it is not held");
});
