import { assertEquals, assertThrows } from "@std/assert";
import {
  errorCode,
  errorCodeByName,
  errorCodes,
  type ProduceRule,
  type TopicRule,
} from "../../protocol/error_codes.ts";

Deno.test("errorCodes hold each code from -1 on once, in order", () => {
  assertEquals(errorCodes.map(({ code }) => code), errorCodes.map((_, index) => index - 1));
  assertEquals(new Set(errorCodes.map(({ name }) => name)).size, errorCodes.length);
});

Deno.test("errorCode() finds a row by code", () => {
  assertEquals(errorCode(6), {
    code: 6,
    name: "NOT_LEADER_OR_FOLLOWER",
    retriable: true,
    refreshMetadata: true,
    rule: "retry",
    topicRule: "retry",
    metadataRule: "askAnother",
    producerIdRule: "retry",
  });
});

Deno.test("errorCode() treats a code it does not know as an unexpected error of the broker", () => {
  assertEquals(errorCode(999), { ...errorCode(-1), code: 999, name: "UNKNOWN_999" });
  assertEquals(errorCode(-7).name, "UNKNOWN_-7");
});

Deno.test("errorCodeByName() finds a row by name and refuses names that are none", () => {
  assertEquals(errorCodeByName("CORRUPT_MESSAGE").code, 2);
  assertThrows(() => errorCodeByName("NO_SUCH_ERROR"), RangeError, '"NO_SUCH_ERROR" is none of Kafka\'s');
  assertThrows(() => errorCodeByName("constructor"), RangeError);
});

Deno.test("errorCodes say what becomes of a batch", () => {
  const byRule: Partial<Record<ProduceRule, number[]>> = {};
  for (const { code, rule } of errorCodes) (byRule[rule] ??= []).push(code);
  const { fail: _fail, retry: _retry, ...special } = byRule;

  assertEquals(special, {
    done: [0],
    failUnknown: [-1],
    retryOnce: [2],
    unknownTopic: [3, 100, 103],
    retryUnknown: [7, 13, 20, 56],
    split: [10, 18],
    fatal: [31, 53, 90],
    invalidRecords: [32, 87],
    sequence: [45, 47, 49, 59],
    duplicate: [46],
  });
  const retried = [5, 6, 8, 9, 19, 51, 72, 74, 75, 78, 80, 83, 84, 89];
  assertEquals(retried.filter((code) => errorCode(code).rule !== "retry"), []);
  const refused = [17, 21, 29, 35, 43, 44, 48, 76, 120, 129];
  assertEquals(refused.filter((code) => errorCode(code).rule !== "fail"), []);
});

Deno.test("errorCodes say when the leaders known here are out of date", () => {
  const codes = errorCodes.filter(({ refreshMetadata }) => refreshMetadata).map(({ code }) => code);

  assertEquals(codes, [3, 5, 6, 8, 9, 13, 56, 72, 74, 75, 78, 80, 83, 84, 100, 103]);
});

Deno.test("errorCodes say what becomes of a topic without metadata", () => {
  const codesOf = (rule: TopicRule) => errorCodes.filter(({ topicRule }) => topicRule === rule).map(({ code }) => code);

  assertEquals(codesOf("use"), [0]);
  assertEquals(codesOf("final"), [17, 29, 30, 31, 33, 34, 35, 42, 44, 47, 50, 53, 54, 58, 90]);
  assertEquals([-1, 3, 38, 100, 103].filter((code) => !codesOf("unknownTopic").includes(code)), []);
  assertEquals([5, 7, 8, 9, 56, 72].filter((code) => !codesOf("retry").includes(code)), []);
});

Deno.test("errorCodes say what becomes of an answer without metadata", () => {
  const special = errorCodes.filter(({ metadataRule }) => metadataRule !== "askAnother");

  assertEquals(special.map(({ code, metadataRule }) => [code, metadataRule]), [[0, "use"], [129, "rebootstrap"]]);
});

Deno.test("errorCodes say when a producer id is refused for good", () => {
  const refused = errorCodes.filter(({ producerIdRule }) => producerIdRule === "fail").map(({ code }) => code);

  assertEquals(refused, [17, 29, 30, 31, 33, 34, 35, 42, 44, 47, 50, 53, 54, 58, 90]);
  assertEquals([-1, 7, 14, 15, 16, 51].map((code) => errorCode(code).producerIdRule), Array(6).fill("retry"));
});
