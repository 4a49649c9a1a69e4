import { assertEquals } from "@std/assert";
import { DeadlineLine, type Waiting } from "../../src/gateway/deadline_line.ts";

class Place implements Waiting {
  previous: Waiting | null = null;
  next: Waiting | null = null;
  constructor(readonly name: string, public deadlineMs: number, readonly late: string[]) {}
  expired(): void {
    this.late.push(this.name);
  }
}

Deno.test("expire() takes out whoever is late, first come first, and nobody else", () => {
  const late: string[] = [];
  const line = new DeadlineLine();
  for (const [name, deadlineMs] of [["a", 1], ["b", 2], ["c", 2], ["d", 3]] as const) {
    line.add(new Place(name, deadlineMs, late));
  }

  line.expire(0);
  line.expire(2);
  line.expire(2);

  assertEquals(late, ["a", "b", "c"]);
});

Deno.test("remove() takes out the first, the last, one between and the only one", () => {
  for (const removed of [["a"], ["b"], ["c"], ["a", "c"], ["c", "b"], ["b", "a"], ["a", "b", "c"], ["c", "b", "a"]]) {
    const late: string[] = [];
    const line = new DeadlineLine();
    const places = ["a", "b", "c"].map((name) => new Place(name, 1, late));
    for (const place of places) line.add(place);

    for (const name of removed) line.remove(places.find((place) => place.name === name)!);
    line.add(new Place("d", 1, late));
    line.expire(1);

    assertEquals(late, ["a", "b", "c", "d"].filter((name) => !removed.includes(name)), removed.join());
  }
});

Deno.test("expire() goes on when somebody leaves or comes meanwhile", () => {
  const late: string[] = [];
  const line = new DeadlineLine();
  const first = new Place("a", 1, late);
  const second = new Place("b", 1, late);
  first.expired = () => {
    late.push("a");
    line.remove(second);
    line.add(new Place("c", 2, late));
  };
  line.add(first);
  line.add(second);

  line.expire(1);
  line.expire(2);

  assertEquals(late, ["a", "c"]);
});
