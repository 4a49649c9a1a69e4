import { assertEquals } from "@std/assert";
import { AcceptedTypes } from "../../src/gateway/accepted_types.ts";

const TYPES = ["application/vnd.kafka.v2+json", "application/vnd.kafka+json", "application/json"] as const;
const [V2, KAFKA, JSON_TYPE] = TYPES;

const CASES: [accept: string | undefined, best: string | null][] = [
  [undefined, V2],
  ["", V2],
  [" , ", V2],
  ["*/*", V2],
  ["application/*", V2],
  ["APPLICATION/JSON", JSON_TYPE],
  ["application/json; charset=utf-8", JSON_TYPE],
  ["text/html, application/json", JSON_TYPE],
  ["application/json, application/vnd.kafka+json", KAFKA],
  ["application/json, application/vnd.kafka+json;q=0.9", JSON_TYPE],
  ["application/json;q=0.5, */*;q=0.4", JSON_TYPE],
  ["application/json;q=0.4, */*;q=0.5", V2],
  ["application/vnd.kafka.v2+json;q=0, */*", KAFKA],
  ["application/*;q=0, application/json", JSON_TYPE],
  ["application/json;level=1;Q=0.25, application/vnd.kafka+json ; q = 0.5", KAFKA],
  ["application/json;q=nonsense", JSON_TYPE],
  ["application/json;q=7, application/vnd.kafka+json;q=1", KAFKA],
  ["*/*;q=0", null],
  ["application/json;q=0", null],
  ["application/json;q=0.000", null],
  ["image/png, text/*", null],
  ["application", null],
  ["application/vnd.kafka.json.v2+json", null],
];

for (const [accept, best] of CASES) {
  Deno.test(`AcceptedTypes.best() is ${best} where ${JSON.stringify(accept)} is accepted`, () => {
    assertEquals(new AcceptedTypes(accept).best(TYPES), best);
  });
}
