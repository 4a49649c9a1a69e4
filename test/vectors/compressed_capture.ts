/**
 * Makes `compressed.json` anew: batches compressed by Java's client and by librdkafka. Needs java, kcat and the jars that
 * `deno task test:kafka` has fetched.
 *
 *     deno run --allow-all test/vectors/compressed_capture.ts
 *
 * @module
 */

import { COMPRESSION_IDS } from "../../protocol/compression.ts";
import { EmbeddedCluster } from "../../src/embedded/mod.ts";
import type { CompressedVector } from "./compressed.ts";

const JAVA = { client: "Java 4.3.1" };

async function output(program: string, args: string[], input = ""): Promise<string> {
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { stdout, success } = await child.output();
  if (!success) throw new Error(`Cannot run ${program} ${args.join(" ")}`);
  return new TextDecoder().decode(stdout);
}

async function fromJava(): Promise<CompressedVector[]> {
  const printed = await output("java", ["-cp", "test/kafka/.jars/4.3.1/*", "test/vectors/CompressionVectors.java"]);
  return printed.trim().split("\n").filter((line) => /^[012] /.test(line)).map((line) => {
    const [magic, codec, count, repeats, bytes] = line.split(" ");
    return {
      ...JAVA,
      magic: Number(magic),
      codec: codec as CompressedVector["codec"],
      count: Number(count),
      repeats: Number(repeats),
      bytes: bytes!,
    };
  });
}

async function fromKcat(): Promise<CompressedVector[]> {
  const version = (await output("kcat", ["-V"])).match(/librdkafka (\S+)/)![1];
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const vectors: CompressedVector[] = [];
  for (const codec of Object.keys(COMPRESSION_IDS) as CompressedVector["codec"][]) {
    for (const [count, repeats] of [[20, 5], [3, 30_000]] as const) {
      const sent = Promise.withResolvers<Uint8Array>();
      using _hook = cluster.intercept("Produce", (request, next) => {
        sent.resolve(request.body.topicData[0]!.partitionData[0]!.records!.slice());
        return next(request);
      });
      const lines = Array.from({ length: count }, (_, i) => `value ${i} ${`${i * i},`.repeat(repeats)}\n`).join("");
      const args = ["-P", "-b", cluster.bootstrap.join(), "-t", "t", "-z", codec, "-X", "linger.ms=500"];
      await output("kcat", args, lines);
      const batch = await sent.promise;
      // librdkafka takes a broker without FindCoordinator for one that knows no LZ4, and the embedded one has none.
      if (batch[22] === 0) continue;
      vectors.push({ client: `librdkafka ${version}`, magic: 2, codec, count, repeats, bytes: batch.toBase64() });
    }
  }
  return vectors;
}

const vectors = [...await fromJava(), ...await fromKcat()];
await Deno.writeTextFile(new URL("compressed.json", import.meta.url), JSON.stringify(vectors, null, 2) + "\n");
