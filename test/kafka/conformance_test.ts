// deno-lint-ignore-file no-console
import { assertEquals } from "@std/assert";
import { CONFORMANCE_VERSIONS, releaseOf, startConformanceBroker } from "./conformance_brokers.ts";
import { CONFORMANCE_CASES, type ConformanceCase, PARTITION_COUNT, type Verdict } from "./conformance_cases.ts";

const matrix = new Map<ConformanceCase, (Verdict | "FAILED")[]>();

for (const version of CONFORMANCE_VERSIONS) {
  Deno.test(`Kafka ${version} does what a producer needs, or a clear error says that it cannot`, async (t) => {
    await using broker = await startConformanceBroker(version);
    for (const [i, testCase] of CONFORMANCE_CASES.entries()) {
      const expected = testCase.expected?.(releaseOf(version)) ?? "works";
      const row = matrix.getOrInsert(testCase, []);
      row.push("FAILED");
      await t.step(`${testCase.name}: ${expected}`, async () => {
        await broker.createTopic(`case-${i}`, PARTITION_COUNT);

        const verdict = await testCase.run(broker, `case-${i}`);

        row[row.length - 1] = verdict;
        assertEquals(verdict, expected);
      });
    }
  });
}

Deno.test("the matrix of the conformance suite", () => {
  const head = `| ${"".padEnd(50)} | ${CONFORMANCE_VERSIONS.map((version) => version.padEnd(8)).join(" | ")} |`;
  const rows = [...matrix].map(([{ name }, row]) =>
    `| ${name.padEnd(50)} | ${row.map((verdict) => verdict.padEnd(8)).join(" | ")} |`
  );
  console.log([head, head.replaceAll(/[^|]/g, "-"), ...rows].join("\n"));

  assertEquals([...matrix.values()].flat().filter((verdict) => verdict === "FAILED"), []);
});
