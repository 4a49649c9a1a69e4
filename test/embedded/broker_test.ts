import { assertEquals } from "@std/assert";
import { encodeRequest } from "../../protocol/frame.ts";
import { EmbeddedCluster } from "../../src/embedded/mod.ts";
import { joinBytes } from "./crafted_batch.ts";
import { RawClient } from "./raw_client.ts";

const METADATA = joinBytes(
  ...encodeRequest("Metadata", 1, { correlationId: 7, clientId: "c", body: { topics: null } }),
);

/** Frames that end their connection. */
const HOSTILE: Readonly<Record<string, Uint8Array>> = {
  "a size of 100 MiB and a byte": new Uint8Array([0x06, 0x40, 0, 1]),
  "a negative size": new Uint8Array([0xff, 0xff, 0xff, 0xff]),
  "a size of 0": new Uint8Array([0, 0, 0, 0]),
  "a frame shorter than a header": new Uint8Array([0, 0, 0, 4, 0, 3, 0, 1]),
  "an api that is not on offer": new Uint8Array([0, 0, 0, 10, 0, 8, 0, 1, 0, 0, 0, 1, 0xff, 0xff]),
  "a body with an impossible count": joinBytes(
    METADATA.subarray(0, METADATA.length - 4),
    new Uint8Array([0x7f, 0, 0, 0]),
  ),
  "HTTP": new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
};

Deno.test("Broker closes only the connection on which a hostile frame came", async (t) => {
  for (const [name, bytes] of Object.entries(HOSTILE)) {
    await t.step(name, async () => {
      await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
      using hostile = await RawClient.connect(cluster.bootstrap[0]!);
      using bystander = await RawClient.connect(cluster.bootstrap[0]!);
      await bystander.ask("Metadata", 1, { topics: null });

      await hostile.write(bytes);
      const told = await hostile.receive();

      assertEquals(told, "closed");
      assertEquals((await bystander.ask("Metadata", 1, { topics: null })).topics.length, 1);
    });
  }
});

Deno.test("Broker answers requests that are cut anywhere or stuck together", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  const bytes = joinBytes(METADATA, METADATA, METADATA);

  for (const byte of METADATA) await client.write(new Uint8Array([byte]));
  await client.write(bytes.subarray(0, bytes.length - 3));
  await client.write(bytes.subarray(bytes.length - 3));
  const frames = [await client.receive(), await client.receive(), await client.receive(), await client.receive()];

  assertEquals(new Set(frames.map((frame) => frame === "closed" ? frame : frame[3])), new Set([7]));
  assertEquals(cluster.requests(), 4);
});

Deno.test("Broker answers pipelined requests in their order", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using client = await RawClient.connect(cluster.bootstrap[0]!);

  const sent = [];
  for (let i = 0; i < 20; i++) sent.push(await client.send("Metadata", 1, { topics: i % 2 === 0 ? null : [] }));
  const told = [];
  for (let i = 0; i < 20; i++) {
    const frame = await client.receive();
    told.push(frame === "closed" ? frame : new DataView(frame.buffer, frame.byteOffset).getInt32(0));
  }

  assertEquals(told, sent);
});
