import { assert, assertEquals, assertMatch } from "@std/assert";
import { type GatewayRig, gatewayRig, type GatewayRigOptions } from "./gateway_rig.ts";

const encoder = new TextEncoder();

/** A gateway on a port. */
interface Listening extends GatewayRig {
  readonly port: number;
  /** Sends bytes over a connection of its own, and resolves with the answer. */
  exchange(...parts: string[]): Promise<string>;
}

async function listening(options: GatewayRigOptions = {}): Promise<Listening> {
  const rig = await gatewayRig(options);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, rig.gateway.fetch);
  const { port } = server.addr;
  const exchange = async (...parts: string[]) => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    for (const part of parts) await write(conn, part);
    return await readAll(conn);
  };
  const dispose = rig[Symbol.asyncDispose];
  return Object.assign(rig, {
    port,
    exchange,
    [Symbol.asyncDispose]: async () => {
      await server.shutdown();
      await dispose.call(rig);
    },
  });
}

async function write(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = encoder.encode(text);
  for (let written = 0; written < bytes.length;) written += await conn.write(bytes.subarray(written));
}

/** What comes until the answer is whole, or the other side ends, by whatever way. */
async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  try {
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
      const [start, body] = text.split("\r\n\r\n");
      const length = /content-length: (\d+)/.exec(start!)?.[1];
      if (body !== undefined && length !== undefined && body.length >= Number(length)) break;
    }
  } catch {
    // A reset after the answer.
  }
  return text;
}

function head(path: string, ...headers: string[]): string {
  return [`POST ${path} HTTP/1.1`, "host: localhost", ...headers, "", ""].join("\r\n");
}

Deno.test("1,000 posts of 2 KB over one connection are answered over that connection", async () => {
  await using rig = await listening();
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: rig.port });
  const body = "x".repeat(2_048);
  const post = head("/async/t", "content-length: 2048") + body;
  const buffer = new Uint8Array(4096);

  for (let i = 0; i < 1_000; i++) {
    await write(conn, post);
    const text = new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
    assertMatch(text, /^HTTP\/1.1 200 [^]*\r\n\r\n\{"ok":1\}$/);
  }
  await rig.producer.flush();

  assertEquals(rig.texts().length, 1_000);
});

Deno.test("an answer that comes before the body can be read, and ends the connection", async () => {
  await using rig = await listening({ gateway: { bodyMaxBytes: 1_000, authenticate: () => null } });
  await using open = await listening({ gateway: { bodyMaxBytes: 1_000 } });

  const unknown = await rig.exchange(head("/sync/t", "content-length: 1000000"), "x".repeat(10_000));
  const tooLarge = await open.exchange(head("/sync/t", "content-length: 1000000"), "x".repeat(10_000));
  const after = await open.post("/sync/t", "a");

  assertMatch(unknown, /^HTTP\/1.1 401 [^]*\r\nconnection: close\r\n/);
  assertMatch(tooLarge, /^HTTP\/1.1 413 [^]*\r\nconnection: close\r\n[^]*larger than 1000 bytes/);
  assertEquals([after.status, rig.texts(), open.texts()], [200, [], ["a"]]);
  await after.body?.cancel();
});

Deno.test("a chunked body that grows too large is answered while it still comes", async () => {
  await using rig = await listening({ gateway: { bodyMaxBytes: 1_000 } });

  const chunk = `3e8\r\n${"x".repeat(1_000)}\r\n`;
  const answer = await rig.exchange(head("/sync/t", "transfer-encoding: chunked"), chunk, chunk);

  assertMatch(answer, /^HTTP\/1.1 413 /);
  assertEquals(rig.texts(), []);
});

const MALFORMED: [name: string, request: string][] = [
  ["two lengths", head("/sync/t", "content-length: 1", "content-length: 2") + "ab"],
  ["a length and chunks", head("/sync/t", "content-length: 3", "transfer-encoding: chunked") + "0\r\n\r\n"],
  ["129 headers", head("/sync/t", ...Array.from({ length: 129 }, (_, i) => `x-${i}: 1`)) + ""],
  ["a head of 65 KiB", head("/sync/t", `x-a: ${"x".repeat(65 * 1024)}`)],
  ["a line break in the path", "POST /sync/t\r\nx: y HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\na"],
];

for (const [name, request] of MALFORMED) {
  Deno.test(`a request with ${name} is refused, and nothing of it is sent`, async () => {
    await using rig = await listening();

    const answer = await rig.exchange(request);

    assert(answer === "" || /^HTTP\/1\.[01] (400|431) /.test(answer), answer);
    assertEquals(rig.texts(), []);
  });
}

Deno.test("a client that goes away while it streams leaves nothing under way", async () => {
  await using rig = await listening({ gateway: { preStopMs: 0 } });
  {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: rig.port });
    await write(conn, head("/stream/t", "content-type: application/x-ndjson", "transfer-encoding: chunked"));
    await write(conn, "2\r\na\n\r\n");
    while (rig.cluster.requests("Produce") === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  const report = await rig.gateway.drain();

  assertEquals(report, { requestsLeft: 0, isFlushed: true });
});
