import { assert, assertEquals } from "@std/assert";
import { ManualTimers } from "../manual_timers.ts";
import { holdProduce, until } from "../producer/rig.ts";
import { gatewayRig, NDJSON } from "./gateway_rig.ts";

const encoder = new TextEncoder();
const ADDRESS = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } } as const;

/** Lets what is ready go on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

const LINE = `${"x".repeat(99)}\n`;
const LINES_A_CHUNK = 1_000;
const MAX_UNREAD = 1_000;
/** Much more than systems keep of a connection for both sides: who sends as much has been read. */
const ENOUGH_BYTES = 24 * 1024 * 1024;

/** A client that sends a line, then others as fast as it may, and reads nothing of its answer. */
class DeafClient implements Disposable {
  /** Bytes that the system has taken. */
  sentBytes = 0;
  readonly #conn: Deno.TcpConn;

  constructor(conn: Deno.TcpConn, go: Promise<void>) {
    this.#conn = conn;
    this.#send(go); // Never rejects.
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed.
    }
  }

  async #send(go: Promise<void>): Promise<void> {
    const head = "POST /stream/t HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n" +
      "content-type: application/x-ndjson\r\naccept: application/x-ndjson\r\n\r\n";
    const lines = LINE.repeat(LINES_A_CHUNK);
    const chunk = encoder.encode(`${lines.length.toString(16)}\r\n${lines}\r\n`);
    try {
      await this.#write(encoder.encode(`${head}${LINE.length.toString(16)}\r\n${LINE}\r\n`));
      await go;
      while (true) await this.#write(chunk);
    } catch {
      // The connection is closed.
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      const count = await this.#conn.write(bytes.subarray(written));
      written += count;
      this.sentBytes += count;
    }
  }
}

/** Works for others until the deaf clients have sent enough; returns how often it did. */
async function serveOthers(url: string, clients: readonly DeafClient[]): Promise<number> {
  let served = 0;
  for (; served < 10 || clients.some(({ sentBytes }) => sentBytes < ENOUGH_BYTES); served++) {
    const response = await fetch(`${url}/sync/u`, { method: "POST", body: "a" });
    assertEquals([response.status, await response.text()], [200, '[{"ok":true}]']);
  }
  return served;
}

Deno.test("clients that never read their receipts hold up nobody, fill nothing, and no end of the gateway", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({
    timers,
    gateway: { streamMaxUnread: MAX_UNREAD, streamMaxAheadBytes: 1024 * 1024, streamIdleMs: 8_000, preStopMs: 0 },
    cluster: { topics: { t: 1, u: 1 } },
  });
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, rig.gateway.fetch);
  const { port } = server.addr;
  const url = `http://127.0.0.1:${port}`;
  const go = Promise.withResolvers<void>();
  using first = new DeafClient(await Deno.connect({ hostname: "127.0.0.1", port }), go.promise);
  using second = new DeafClient(await Deno.connect({ hostname: "127.0.0.1", port }), go.promise);
  await until(() => rig.cluster.records("t").length === 2);
  await timers.advance(200); // They are slow: their answers begin.
  go.resolve();

  const served = await serveOthers(url, [first, second]);
  const stream = await fetch(`${url}/stream/u`, {
    method: "POST",
    body: "1\n2\n",
    headers: { ...NDJSON, accept: "application/x-ndjson" },
  });
  const receipts = (await stream.text()).trim().split("\n").length;
  const drained = rig.gateway.drain({ onClosed: () => server.shutdown() });
  // Whose receipts the system has not kept is cut off; then the connections are waited for.
  await timers.advance(9_000);
  await turn();
  await timers.advance(10_000);
  const report = await drained;

  assertEquals(receipts, 3);
  assertEquals(rig.cluster.records("u").length, served + 2);
  assertEquals([rig.producer.stats().bufferedBytes, report], [0, { requestsLeft: 0, isFlushed: true }]);
  assert(rig.cluster.records("t").length * LINE.length < first.sentBytes + second.sentBytes);
});

Deno.test("a client that sends too far ahead of its receipts is told so in the last line, behind those of all that was taken", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ timers, gateway: { streamMaxAheadBytes: 100_000 } });
  const release = holdProduce(rig.cluster);
  const chunks = Array.from({ length: 200 }, () => encoder.encode(LINE.repeat(100)));
  const go = Promise.withResolvers<void>();
  const body = ReadableStream.from(async function* () {
    yield encoder.encode("first\n");
    await go.promise;
    yield* chunks;
  }());

  const request = new Request("http://localhost/stream/t", {
    method: "POST",
    body,
    headers: { ...NDJSON, accept: "application/x-ndjson" },
  });
  const pending = rig.gateway.fetch(request, ADDRESS);
  await turn();
  await timers.advance(200); // The client is slow: its answer begins.
  const response = await pending;
  go.resolve();
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const firstRead = reader.read();
  await new Promise((resolve) => setTimeout(resolve, 20));
  release();
  let text = (await firstRead).value!;
  for (let read = await reader.read(); !read.done; read = await reader.read()) text += read.value;
  const lines = text.trim().split("\n").map((line) => JSON.parse(line));
  const last = lines.pop();

  assertEquals([response.status, last.done, last.code], [200, true, "OVERLOADED"]);
  assertEquals([last.acked, last.failed, lines.length], [rig.texts().length, 0, rig.texts().length]);
  assertEquals(lines.map(({ line }) => line), lines.map((_, index) => index + 1));
  assert(lines.length < 20_001, `${lines.length}`);
});

Deno.test("a client that sends faster than its records are taken is held back, and gets every receipt at the end", async () => {
  await using rig = await gatewayRig({ gateway: { streamMaxAheadBytes: 1_000, streamMaxUnread: 500 } });
  const lines = 20_000;
  const body = ReadableStream.from(Array.from({ length: lines / 100 }, () => encoder.encode(LINE.repeat(100))));

  const response = await rig.gateway.fetch(
    new Request("http://localhost/stream/t", {
      method: "POST",
      body,
      headers: { ...NDJSON, accept: "application/x-ndjson" },
    }),
    ADDRESS,
  );
  const told = (await response.text()).trim().split("\n").map((line) => JSON.parse(line));
  const last = told.pop();

  assertEquals(last, { done: true, accepted: lines, acked: lines, failed: 0 });
  assertEquals(told.map(({ line, offset }) => [line, offset]), Array.from({ length: lines }, (_, i) => [i + 1, i]));
  assertEquals(rig.texts().length, lines);
});

Deno.test("a client that waits gets its receipts while its body is open", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ timers });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();

  const pending = rig.gateway.fetch(
    new Request("http://localhost/stream/t", {
      method: "POST",
      body: readable,
      headers: { ...NDJSON, accept: "application/x-ndjson" },
    }),
    ADDRESS,
  );
  await writer.write(encoder.encode("a\n"));
  await until(() => rig.texts().length === 1);
  await timers.advance(200);
  const reader = (await pending).body!.pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader.read();
  await writer.write(encoder.encode("b\n"));
  const second = await reader.read();
  await writer.close();
  const last = await reader.read();

  assertEquals([first.value, second.value, last.value], [
    '{"line":1,"partition":0,"offset":0}\n',
    '{"line":2,"partition":0,"offset":1}\n',
    '{"done":true,"accepted":2,"acked":2,"failed":0}\n',
  ]);
  await reader.cancel();
});
