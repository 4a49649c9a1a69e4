// deno-lint-ignore-file no-console
import { assertEquals } from "@std/assert";
import {
  CONFORMANCE_VERSIONS,
  type ConformanceBroker,
  EMBEDDED_VERSIONS,
  releaseOf,
  startConformanceBroker,
  startEmbeddedBroker,
} from "./conformance_brokers.ts";
import { CONFORMANCE_CASES, type ConformanceCase, PARTITION_COUNT, type Verdict } from "./conformance_cases.ts";

type Matrix = Map<ConformanceCase, (Verdict | "FAILED")[]>;

const real: Matrix = new Map();
const embedded: Matrix = new Map();

/** Carries out every case and writes a column of the matrix. */
async function runSuite(t: Deno.TestContext, broker: ConformanceBroker, matrix: Matrix): Promise<void> {
  for (const [i, testCase] of CONFORMANCE_CASES.entries()) {
    const expected = testCase.expected?.(releaseOf(broker.version)) ?? "works";
    const row = matrix.getOrInsert(testCase, []);
    row.push("FAILED");
    await t.step(`${testCase.name}: ${expected}`, async () => {
      await broker.createTopic(`case-${i}`, PARTITION_COUNT);

      const verdict = await testCase.run(broker, `case-${i}`);

      row[row.length - 1] = verdict;
      assertEquals(verdict, expected);
    });
  }
}

for (const version of CONFORMANCE_VERSIONS) {
  Deno.test(`Kafka ${version} does what a producer needs, or a clear error says that it cannot`, async (t) => {
    await using broker = await startConformanceBroker(version);
    await runSuite(t, broker, real);
  });
}

for (const version of EMBEDDED_VERSIONS) {
  Deno.test(`EmbeddedCluster as ${version} does what that release does for a producer`, async (t) => {
    await using broker = await startEmbeddedBroker(version);
    await runSuite(t, broker, embedded);
  });
}

function print(matrix: Matrix, versions: readonly string[]): void {
  const head = `| ${"".padEnd(50)} | ${versions.map((version) => version.padEnd(8)).join(" | ")} |`;
  const rows = [...matrix].map(([{ name }, row]) =>
    `| ${name.padEnd(50)} | ${row.map((verdict) => verdict.padEnd(8)).join(" | ")} |`
  );
  console.log([head, head.replaceAll(/[^|]/g, "-"), ...rows].join("\n"));
}

Deno.test("the matrix of the conformance suite", () => {
  print(real, CONFORMANCE_VERSIONS);
  print(embedded, EMBEDDED_VERSIONS.map((version) => `as ${version}`));

  const verdicts = [...real.values(), ...embedded.values()].flat();
  assertEquals(verdicts.filter((verdict) => verdict === "FAILED"), []);
});
