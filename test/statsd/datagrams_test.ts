import { assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { DatagramSender } from "../../src/statsd/datagrams.ts";
import { listen } from "./listener.ts";

const encoder = new TextEncoder();

Deno.test("DatagramSender sends in order", async () => {
  await using listener = await listen();
  const sender = new DatagramSender({ host: "127.0.0.1", port: listener.port }, () => {});
  const texts = Array.from({ length: 50 }, (_, i) => String(i));

  for (const text of texts) sender.send(encoder.encode(text));
  await sender.sent();
  await sender.close();

  await listener.until(50);
  assertEquals(listener.datagrams, texts);
});

Deno.test("DatagramSender tells of a datagram that cannot be sent, also when the listener throws, and sends the next", async () => {
  await using listener = await listen();
  const errors: unknown[] = [];
  const sender = new DatagramSender({ host: "127.0.0.1", port: listener.port }, (error) => {
    errors.push(error);
    throw new Error("a fault of the listener's own");
  });

  sender.send(new Uint8Array(70_000)); // more than UDP can carry
  sender.send(encoder.encode("small"));
  await sender.sent();
  await sender.close();

  await listener.until(1);
  assertEquals(listener.datagrams, ["small"]);
  assertEquals(errors.length, 1);
  assertInstanceOf(errors[0], Error);
});

Deno.test("DatagramSender drops what comes while 1000 datagrams wait, and tells", async () => {
  await using listener = await listen();
  const errors: string[] = [];
  const sender = new DatagramSender({ host: "127.0.0.1", port: listener.port }, (error) => {
    errors.push((error as Error).message);
  });

  for (let i = 0; i < 1_002; i++) sender.send(encoder.encode("x"));
  const dropped = errors.length;
  await sender.close();

  assertEquals(dropped, 2);
  assertMatch(errors[0]!, /^Cannot send to statsd at 127\.0\.0\.1:\d+: 1000 datagrams wait already$/);
});
