import { assertEquals } from "@std/assert";
import { type OldKafkaVersion, startOldKafka } from "./harness_zookeeper.ts";

/** What each keeps on disk when a client of its own time, or kcat, has produced. */
const MAGICS: readonly (readonly [OldKafkaVersion, number])[] = [["0.8.2.2", 0], ["0.10.2.2", 1], ["1.1.1", 2], [
  "2.8.2",
  2,
]];

for (const [version, magic] of MAGICS) {
  Deno.test(`startOldKafka() reads back what kcat produced into ${version}, also after a restart`, async () => {
    await using kafka = await startOldKafka(version);
    await kafka.createTopic("clicks", 2);
    const lines = Array.from({ length: 10 }, (_, i) => `line ${i} ${"x".repeat(100)}`); // worth compressing
    const kcat = new Deno.Command("kcat", {
      args: ["-P", "-b", kafka.bootstrap[0]!, "-t", "clicks", "-p", "1", "-z", "gzip", ...kafka.kcatArguments],
      stdin: "piped",
      stderr: "null",
    }).spawn();
    await ReadableStream.from([new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""))]).pipeTo(kcat.stdin);
    assertEquals((await kcat.status).code, 0);

    const byConsole = await kafka.consoleValues("clicks", lines.length);
    const dumped = await kafka.dump("clicks", 1);
    await kafka.kill();
    await kafka.startBroker();
    const byKcat = await kafka.kcatRead("clicks");

    assertEquals(byConsole, lines);
    assertEquals(dumped, { magics: [magic], codecs: ["gzip"] });
    assertEquals(
      byKcat.map(({ partition, offset, value }) => [partition, offset, new TextDecoder().decode(value!)]),
      lines.map((line, i) => [1, BigInt(i), line]),
    );
  });
}
