import { assert, assertEquals, assertRejects } from "@std/assert";
import { EmbeddedCluster, FaultProxy, type FaultProxyOptions, type ProxyDirection } from "../../src/embedded/mod.ts";
import { ManualTimers, settled } from "../manual_timers.ts";
import { RawClient } from "./raw_client.ts";

/** Metadata 1 for all topics, asked by "raw". */
const REQUEST = new Uint8Array([0, 0, 0, 17, 0, 3, 0, 1, 0, 0, 0, 7, 0, 3, 0x72, 0x61, 0x77, 0xff, 0xff, 0xff, 0xff]);

/** A broker behind a proxy. */
async function listen(options: Omit<FaultProxyOptions, "to"> = {}) {
  const cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const proxy = await FaultProxy.listen({ ...options, to: cluster.bootstrap[0]! });
  cluster.advertise(1, proxy.address);
  const dispose = async () => {
    await proxy[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  };
  return { cluster, proxy, [Symbol.asyncDispose]: dispose };
}

function ask(client: RawClient) {
  return client.request("Metadata", 1, { topics: null });
}

/** What a read of a socket comes to: how many bytes came before what. */
async function readToEnd(conn: Deno.Conn): Promise<[bytes: number, end: string]> {
  let bytes = 0;
  try {
    for await (const chunk of conn.readable) bytes += chunk.length;
    return [bytes, "end"];
  } catch (error) {
    return [bytes, (error as Error).name];
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await settled();
}

async function connect(proxy: FaultProxy): Promise<Deno.Conn> {
  return await Deno.connect({ hostname: "127.0.0.1", port: Number(proxy.address.split(":")[1]) });
}

Deno.test("FaultProxy passes everything on while nothing is wrong", async () => {
  await using world = await listen();
  using client = await RawClient.connect(world.proxy.address);

  const answers = [await ask(client), await ask(client)];

  const addresses = answers.map((answer) =>
    answer !== "closed" && answer.brokers.map(({ host, port }) => `${host}:${port}`)
  );
  assertEquals(addresses, [[world.proxy.address], [world.proxy.address]]);
  assertEquals([world.proxy.connectionCount, world.proxy.acceptedCount, world.cluster.connectionCount()], [1, 1, 1]);
});

Deno.test("FaultProxy passes large writes on whole", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const received: Uint8Array[] = [];
  using broker = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using proxy = await FaultProxy.listen({ to: `127.0.0.1:${broker.addr.port}` });
  using client = await connect(proxy);
  using server = await broker.accept();

  const sending = (async () => {
    for (let i = 0; i < 50; i++) for (let at = 0; at < bytes.length;) at += await client.write(bytes.subarray(at));
    client.close();
  })();
  for (let count: number | null = 0; count !== null;) {
    const buffer = new Uint8Array(65_536);
    count = await server.read(buffer);
    received.push(buffer.subarray(0, count ?? 0));
  }
  await sending.catch(() => {});

  const whole = new Uint8Array(await new Blob(received as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  assertEquals(whole.length, 3_000_000);
  assert(
    Array.from({ length: 50 }, (_, i) => whole.subarray(i * 60_000, (i + 1) * 60_000)).every((part) => {
      return part.every((byte, at) => byte === bytes[at]);
    }),
  );
});

Deno.test("FaultProxy.cut() ends one connection after so many bytes", async (t) => {
  for (const afterBytes of [0, 1, 4, 30]) {
    await t.step(`${afterBytes} bytes to the client`, async () => {
      await using world = await listen();
      using conn = await connect(world.proxy);
      world.proxy.cut({ afterBytes });

      await conn.write(REQUEST);
      const [bytes] = await readToEnd(conn);

      using later = await RawClient.connect(world.proxy.address);
      assertEquals(bytes, afterBytes);
      assert(await ask(later) !== "closed");
    });
  }
});

Deno.test("FaultProxy.cut() counts from now on an open connection, and from the beginning on a later one", async () => {
  await using world = await listen();
  using first = await RawClient.connect(world.proxy.address);
  await ask(first);
  world.proxy.cut({ direction: "toBroker", afterBytes: REQUEST.length + 5 });

  using second = await RawClient.connect(world.proxy.address);
  const told = [await ask(second), await ask(first), await ask(first), await ask(second)];

  assertEquals(told.map((answer) => answer === "closed"), [false, false, true, false]);
  assertEquals(world.cluster.requests("Metadata"), 4);
});

Deno.test("FaultProxy.cut() is taken back when what it returns is disposed of", async () => {
  await using world = await listen();
  using client = await RawClient.connect(world.proxy.address);

  world.proxy.cut()[Symbol.dispose]();

  assert(await ask(client) !== "closed");
});

Deno.test("FaultProxy.cut() may leave the connection half open", async () => {
  await using world = await listen();
  using client = await RawClient.connect(world.proxy.address);
  world.proxy.cut({ afterBytes: 6, end: "halfOpen" });
  await client.send("Metadata", 1, { topics: null });
  await until(() => world.cluster.requests("Metadata") === 1);

  await world.cluster.stop();
  const pending = client.receive();
  await settled();

  assertEquals(world.proxy.connectionCount, 1);
  world.proxy.closeConnections();
  assertEquals(await pending, "closed");
});

Deno.test("FaultProxy.halfOpen() hides that the broker has closed, from open connections only", async () => {
  await using world = await listen();
  using deaf = await RawClient.connect(world.proxy.address);
  await ask(deaf);
  world.proxy.halfOpen();
  await world.cluster.stop();
  await world.cluster.start();

  await deaf.send("Metadata", 1, { topics: null });
  using later = await RawClient.connect(world.proxy.address);
  const told = await ask(later);

  assert(told !== "closed");
  assertEquals([world.proxy.connectionCount, world.cluster.requests("Metadata")], [2, 2]);
});

Deno.test("FaultProxy.reset() ends open connections by a reset", async () => {
  await using world = await listen();
  using conn = await connect(world.proxy);
  await conn.write(REQUEST);
  await conn.read(new Uint8Array(1_000));

  world.proxy.reset();
  const told = await readToEnd(conn);

  assertEquals(told, [0, "ConnectionReset"]);
});

Deno.test("FaultProxy.stall() holds bytes back until resume(), and loses none", async (t) => {
  for (const direction of ["toBroker", "toClient", undefined] as (ProxyDirection | undefined)[]) {
    await t.step(direction ?? "both ways", async () => {
      await using world = await listen();
      using client = await RawClient.connect(world.proxy.address);
      await ask(client);
      world.proxy.stall(direction);

      const answers = [ask(client)];
      await until(() => direction !== "toClient" || world.cluster.requests("Metadata") === 2);
      const state = await Promise.race([answers[0], settled().then(() => "stalled")]);
      const requestCount = world.cluster.requests("Metadata");
      world.proxy.resume(direction);

      assert(await answers[0] !== "closed");
      assertEquals([state, requestCount], ["stalled", direction === "toClient" ? 2 : 1]);
    });
  }
});

Deno.test("FaultProxy.stall() lets connections be closed", async () => {
  await using world = await listen();
  using client = await RawClient.connect(world.proxy.address);
  world.proxy.stall();

  await client.send("Metadata", 1, { topics: null });
  await world.proxy.stop();

  assertEquals(await client.receive(), "closed");
});

Deno.test("FaultProxy.delay() delays bytes without holding up those behind them", async () => {
  const timers = new ManualTimers();
  await using world = await listen({ timers });
  using client = await RawClient.connect(world.proxy.address);
  world.proxy.delay(70, "toClient");
  await client.write(REQUEST);
  await until(() => timers.pendingCount === 1);
  await client.write(REQUEST);
  await until(() => world.cluster.requests("Metadata") === 2);

  const inMs = timers.nextInMs;
  while (timers.pendingCount > 0) await timers.advance(70);

  assert([await client.receive(), await client.receive()].every((frame) => frame !== "closed"));
  assertEquals([inMs, timers.now()], [70, 1_070]);
});

Deno.test("FaultProxy.slow() passes so many bytes a second", async () => {
  const timers = new ManualTimers();
  await using world = await listen({ timers });
  using client = await RawClient.connect(world.proxy.address);
  world.proxy.slow(100, "toBroker");

  const asked = ask(client);
  await until(() => timers.pendingCount === 1);
  while (world.cluster.requests("Metadata") === 0) {
    await timers.advance(20);
  }

  assert(await asked !== "closed");
  assert(timers.now() - 1_000 >= (REQUEST.length - 2) * 10, `${timers.now()}`);
});

Deno.test("FaultProxy.stop() refuses connections until start()", async () => {
  await using world = await listen();
  using client = await RawClient.connect(world.proxy.address);

  await world.proxy.stop();
  await assertRejects(() => RawClient.connect(world.proxy.address), Deno.errors.ConnectionRefused);
  await world.proxy.start();

  using later = await RawClient.connect(world.proxy.address);
  assertEquals(await client.receive(), "closed");
  assert(await ask(later) !== "closed");
});

Deno.test("FaultProxy closes connections to a broker that cannot be reached", async () => {
  await using world = await listen();
  await world.cluster.stop();

  using client = await RawClient.connect(world.proxy.address);

  assertEquals(await client.receive(), "closed");
});

Deno.test("FaultProxy.listen() refuses addresses that are none or several", async () => {
  await assertRejects(() => FaultProxy.listen({ to: "a:1,b:2" }), RangeError, "more than one");
  await assertRejects(() => FaultProxy.listen({ to: "a:0" }), RangeError, "port");
});
