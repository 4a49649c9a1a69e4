import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ProtocolError } from "../../protocol/errors.ts";
import { encodeResponse } from "../../protocol/frame.ts";
import { ConnectionError } from "../../src/errors.ts";
import { Connection, type ConnectionOptions } from "../../src/net/connection.ts";
import { memoryTransport } from "../../src/net/memory_transport.ts";
import type { Duplex, Transport } from "../../src/net/transport.ts";
import { ManualTimers, settled } from "../manual_timers.ts";
import { type Script, scriptedBroker, writeAll } from "../scripted_broker.ts";

const ADDRESS = { host: "kafka", port: 9092 };

function optionsOf(transport: Transport, options: Partial<ConnectionOptions> = {}): ConnectionOptions {
  return {
    transport,
    clientId: "test",
    connectTimeoutMs: 1_000,
    requestTimeoutMs: 30_000,
    timers: new ManualTimers(),
    protocol: "auto",
    ref: true,
    ...options,
  };
}

function open(script: Script, options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  return Connection.open(ADDRESS, optionsOf(scriptedBroker(script), options));
}

const metadata = (controllerId: number) => ({ brokers: [], topics: [], controllerId });

/** Answers ApiVersions by itself and leaves the rest to the test. */
async function openRaw(options: Partial<ConnectionOptions> = {}): Promise<{ connection: Connection; broker: Duplex }> {
  let broker: Duplex | undefined;
  const transport: Transport = async (to, context) => {
    const duplex = await memoryTransport(async (far) => {
      broker = far;
      const scripted = scriptedBroker({});
      const near = await scripted(to, context);
      // The agreement on versions goes to a scripted broker, byte for byte.
      const buffer = new Uint8Array(65_536);
      (async () => {
        const asked = await far.read(buffer);
        await near.write(buffer.subarray(0, asked!));
        const told = await near.read(buffer);
        await far.write(buffer.subarray(0, told!));
        near.close();
      })();
    })(to, context);
    return duplex;
  };
  const connection = await Connection.open(ADDRESS, optionsOf(transport, options));
  await settled();
  return { connection, broker: broker! };
}

function answerBytes(correlationId: number, controllerId: number): Uint8Array {
  const segments = encodeResponse("Metadata", 13, correlationId, metadata(controllerId));
  return Uint8Array.from(segments.flatMap((segment) => [...segment]));
}

const ask = (connection: Connection) => connection.request("Metadata", { topics: [] });

Deno.test("Connection.open() agrees on the highest version both speak", async () => {
  const transport = scriptedBroker({}, {
    versions: { Metadata: { minVersion: 1, maxVersion: 8 }, Fetch: { minVersion: 50, maxVersion: 60 }, Produce: null },
  });

  const connection = await Connection.open(ADDRESS, optionsOf(transport));

  assertEquals(connection.version("Metadata"), 8);
  assertEquals(connection.version("Fetch"), null);
  assertEquals(connection.version("Produce"), null);
  assertEquals(connection.version("InitProducerId"), 5);
  const request = transport.requests[0]!;
  assertEquals([request.api, request.version, request.clientId], ["ApiVersions", 4, "test"]);
  connection.close();
});

Deno.test("Connection.open() asks an older broker in the oldest version", async () => {
  const asked: number[] = [];
  let broker: Duplex;
  const transport = memoryTransport(async (far) => {
    broker = far;
    await Promise.resolve();
    (async () => {
      const buffer = new Uint8Array(1_000);
      for (;;) {
        if (await far.read(buffer) === null) return;
        const view = new DataView(buffer.buffer);
        const version = view.getInt16(6);
        asked.push(version);
        const body = version === 0
          ? { errorCode: 0, apiKeys: [{ apiKey: 3, minVersion: 0, maxVersion: 2 }] }
          : { errorCode: 35, apiKeys: [] };
        await writeAll(far, encodeResponse("ApiVersions", 0, view.getInt32(8), body));
      }
    })().catch(() => {});
  });

  const connection = await Connection.open(ADDRESS, optionsOf(transport));

  assertEquals(asked, [4, 0]);
  assertEquals(connection.version("Metadata"), 2);
  connection.close();
  broker!.close();
});

Deno.test("Connection.request() keeps many under way and pairs each with its answer", async () => {
  const connection = await open({ Metadata: ({ topics }) => metadata(Number(topics![0]!.name)) });

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => connection.request("Metadata", { topics: [{ name: String(index) }] })),
  );

  assertEquals(answers.map((answer) => answer.controllerId), Array.from({ length: 200 }, (_, index) => index));
  assertEquals(connection.inFlight, 0);
  connection.close();
});

Deno.test("Connection.request() reads an answer that comes byte by byte", async () => {
  const { connection, broker } = await openRaw();

  const asking = ask(connection);
  for (const byte of answerBytes(1, 7)) {
    await broker.write(Uint8Array.of(byte));
    await Promise.resolve();
  }

  assertEquals((await asking).controllerId, 7);
  connection.close();
});

Deno.test("Connection.request() reads two answers from one chunk", async () => {
  const { connection, broker } = await openRaw();

  const asking = Promise.all([ask(connection), ask(connection)]);
  await broker.write(Uint8Array.of(...answerBytes(1, 7), ...answerBytes(2, 8)));

  assertEquals((await asking).map((answer) => answer.controllerId), [7, 8]);
  connection.close();
});

Deno.test("Connection.request() rejects and closes at a wrong correlation id", async () => {
  const { connection, broker } = await openRaw();

  const first = assertRejects(() => ask(connection), ProtocolError, "correlation id 2: 1 is next");
  const second = assertRejects(() => ask(connection), ConnectionError, "correlation id 2");
  await broker.write(answerBytes(2, 7));

  await first;
  assertEquals((await second).written, true);
  assertInstanceOf(await connection.closed, ProtocolError);
  assert(connection.isClosed);
});

Deno.test("Connection closes at an answer nobody asked for", async () => {
  const { connection, broker } = await openRaw();

  await broker.write(answerBytes(1, 7));

  const cause = await connection.closed;
  assertInstanceOf(cause, ProtocolError);
  assert(cause.message.includes("no request awaits one"));
});

Deno.test("Connection.request() rejects and closes at an answer that cannot be read", async () => {
  const { connection, broker } = await openRaw();
  const bytes = answerBytes(1, 7);
  const truncated = bytes.slice(0, bytes.length - 3);
  new DataView(truncated.buffer).setInt32(0, truncated.length - 4);

  const asking = assertRejects(() => ask(connection), ProtocolError);
  await broker.write(truncated);

  await asking;
  assertInstanceOf(await connection.closed, ProtocolError);
});

Deno.test("Connection closes at a frame size out of bounds, at once", async () => {
  for (const size of [2 ** 31 - 1, -1, 0, 3]) {
    const { connection, broker } = await openRaw();
    const prefix = new Uint8Array(4);
    new DataView(prefix.buffer).setInt32(0, size);

    const asking = assertRejects(() => ask(connection), ConnectionError, `its size is ${size}`);
    await broker.write(prefix);

    assertEquals((await asking).written, true);
    assertInstanceOf(await connection.closed, ProtocolError);
  }
});

Deno.test("Connection.request() that gets no answer in time closes the connection and fails all on it", async () => {
  const timers = new ManualTimers();
  const { connection, broker } = await openRaw({ timers });
  const first = assertRejects(() => ask(connection), ConnectionError, "no answer to Metadata within 30000 ms");
  await timers.advance(10_000);
  const second = assertRejects(() => ask(connection), ConnectionError, "no answer to Metadata within 30000 ms");

  await timers.advance(19_999);
  assert(!connection.isClosed);
  await timers.advance(1);

  assertEquals([(await first).written, (await second).written], [true, true]);
  assert(connection.isClosed);
  assertEquals(timers.pendingCount, 0);
  await assertRejects(() => broker.write(answerBytes(1, 7)), Error, "the other end is closed");
});

Deno.test("Connection.request() with a shorter time than the one before it ends at its own time", async () => {
  const timers = new ManualTimers();
  const { connection } = await openRaw({ timers });
  const long = assertRejects(() => ask(connection), ConnectionError, "within 50 ms");
  const short = assertRejects(() => connection.request("Metadata", { topics: [] }, { timeoutMs: 50 }), ConnectionError);

  await timers.advance(50);

  await Promise.all([long, short]);
});

Deno.test("Connection needs one timer however many requests are made", async () => {
  const timers = new ManualTimers();
  const connection = await open({ Metadata: () => metadata(1) }, { timers });

  for (let round = 0; round < 20; round++) {
    await ask(connection);
    assertEquals(timers.pendingCount, 1);
  }
  await timers.advance(60_000);

  assertEquals(timers.pendingCount, 0);
  connection.close();
});

Deno.test("Connection.request() tells whether its bytes were written", async () => {
  // A broker that never reads: the first write stays under way, what comes later stays in the queue.
  const { connection, broker } = await openRaw();
  const big = { topics: [{ name: "t".repeat(30_000) }, { name: "u".repeat(30_000) }, { name: "v".repeat(30_000) }] };
  const written = assertRejects(() => connection.request("Metadata", big), ConnectionError);
  const queued = assertRejects(() => ask(connection), ConnectionError);
  await settled();

  connection.close(new Error("enough"));
  const late = await assertRejects(() => ask(connection), ConnectionError, "the connection is closed");

  assertEquals((await written).written, true);
  assertEquals((await queued).written, false);
  assertEquals(late.written, false);
  assertEquals(await connection.closed, await connection.closed);
  broker.close();
});

Deno.test("Connection fails its requests when the broker hangs up", async () => {
  const { connection, broker } = await openRaw();
  const asking = assertRejects(() => ask(connection), ConnectionError, "the broker closed the connection");
  await settled();

  broker.close();

  assertEquals((await asking).written, true);
  assertInstanceOf(await connection.closed, Error);
});

Deno.test("Connection.request() does not settle while the socket holds its memory", async () => {
  const writing = Promise.withResolvers<number>();
  let writes = 0;
  const transport = scriptedBroker({});
  const slow: Transport = async (to, context) => {
    const duplex = await transport(to, context);
    return {
      read: (into) => duplex.read(into),
      write: (bytes) => ++writes === 1 ? duplex.write(bytes) : writing.promise,
      close: () => duplex.close(),
    };
  };
  const connection = await Connection.open(ADDRESS, optionsOf(slow));
  let settlement = "none";
  const asking = ask(connection).then(() => settlement = "resolved", () => settlement = "rejected");
  await settled();

  connection.close();
  await settled();
  const early = settlement;
  writing.reject(new Error("the connection was closed"));
  await asking;

  assertEquals([early, settlement], ["none", "rejected"]);
});

Deno.test("Connection.request() keeps an early answer until its write has ended", async () => {
  let broker: Duplex | undefined;
  const writing = Promise.withResolvers<void>();
  let writes = 0;
  const scripted = scriptedBroker({ Metadata: () => metadata(9) });
  const slow: Transport = async (to, context) => {
    const duplex = broker = await scripted(to, context);
    return {
      read: (into) => duplex.read(into),
      write: async (bytes) => {
        const count = await duplex.write(bytes);
        if (++writes > 1) await writing.promise;
        return count;
      },
      close: () => duplex.close(),
    };
  };
  const connection = await Connection.open(ADDRESS, optionsOf(slow));
  let isSettled = false;
  let isWritten = false;
  const asking = connection.request("Metadata", { topics: [] }, { onWritten: () => isWritten = true });
  asking.then(() => isSettled = true);
  await settled();
  const early = [isSettled, isWritten];
  writing.resolve();

  assertEquals((await asking).controllerId, 9);
  assertEquals([early, isWritten], [[false, false], true]);
  connection.close();
  broker!.close();
});

Deno.test("Connection.request() without an answer resolves once written, and the next pairs right", async () => {
  const connection = await open({ Produce: () => "silent", Metadata: () => metadata(3) });

  const none = connection.request("Produce", { acks: 0, timeoutMs: 1, topicData: [] }, {
    noResponse: true,
    version: 9,
  });
  const answer = ask(connection);

  assertEquals(await none as unknown, undefined);
  assertEquals((await answer).controllerId, 3);
  connection.close();
});

Deno.test("Connection.request() rejects a body that cannot be encoded and goes on", async () => {
  const connection = await open({ Metadata: () => metadata(3) });

  const bad = connection.request("Metadata", { topics: [{ name: "x".repeat(40_000) }] }, { version: 8 });
  const good = ask(connection);

  await assertRejects(() => bad, RangeError);
  assertEquals((await good).controllerId, 3);
  connection.close();
});

Deno.test("Connection.request() carries records of any size intact", async () => {
  const got: number[][] = [];
  const connection = await open({
    Produce: ({ topicData }) => {
      got.push(topicData[0]!.partitionData.map(({ records }) => records!.reduce((sum, byte) => sum + byte, 0)));
      return { responses: [] };
    },
  });
  const sizes = [10, 65_535, 65_536, 400_000, 3, 2_000_000, 100];
  const expected: number[] = [];
  const partitionData = sizes.map((size, index) => {
    const records = new Uint8Array(size).fill(index + 1);
    expected.push(size * (index + 1));
    return { index, records };
  });
  const body = { acks: -1, timeoutMs: 1_000, topicData: [{ name: "t", partitionData }] };

  await Promise.all([1, 2, 3].map(() => connection.request("Produce", body, { version: 9 })));

  assertEquals(got, [expected, expected, expected]);
  connection.close();
});

Deno.test("Connection.closeWhenIdle() lets requests under way finish and takes no more", async () => {
  const connection = await open({ Metadata: () => metadata(3) });
  const asking = ask(connection);

  connection.closeWhenIdle(new Error("moved"));

  assert(connection.isClosed);
  await assertRejects(() => ask(connection), ConnectionError, "the connection is closed");
  assertEquals((await asking).controllerId, 3);
  assertEquals(String(await connection.closed), "Error: moved");
});

Deno.test("Connection.close() without a cause is told as such, and is idempotent", async () => {
  const connection = await open({});

  connection.close();
  connection.close(new Error("late"));

  assertEquals(await connection.closed, undefined);
});

Deno.test("Connection.unref() and ref() reach the socket and the timer", async () => {
  const calls: string[] = [];
  const timers = new ManualTimers();
  const scripted = scriptedBroker({ Metadata: () => "silent" });
  const transport: Transport = async (to, context) =>
    Object.assign(await scripted(to, context), { ref: () => calls.push("ref"), unref: () => calls.push("unref") });
  const connection = await Connection.open(ADDRESS, optionsOf(transport, { timers, ref: false }));
  const asking = assertRejects(() => ask(connection), ConnectionError);

  const refs = [timers.refCount];
  connection.ref();
  refs.push(timers.refCount);
  connection.unref();
  refs.push(timers.refCount);

  assertEquals(refs, [0, 1, 0]);
  assertEquals(calls, ["unref", "ref", "unref"]);
  connection.close();
  await asking;
});

Deno.test("Connection.open() ends after connectTimeoutMs when nobody answers", async () => {
  const timers = new ManualTimers();
  const stalling = memoryTransport(() => new Promise(() => {}));
  const mute = memoryTransport(() => {});
  const attempts = [stalling, mute].map((transport) =>
    assertRejects(() => Connection.open(ADDRESS, optionsOf(transport, { timers })), ConnectionError)
  );

  await timers.advance(1_000);
  const errors = await Promise.all(attempts);

  assertEquals(errors.map(({ message }) => message), [
    "Cannot connect to kafka:9092: no connection within 1000 ms",
    'Cannot connect to kafka:9092: a connection, but no answer within 1000 ms; if it is of Kafka 0.9, protocol must be "0.9"',
  ]);
  assert(errors.every(({ retriable }) => retriable));
  assertEquals(timers.pendingCount, 0);
});

Deno.test("Connection.open() closes a socket that opens after it gave up", async () => {
  const timers = new ManualTimers();
  const accepted = Promise.withResolvers<Duplex>();
  let isClosed = false;
  const heedless: Transport = () => accepted.promise;
  const opening = assertRejects(() => Connection.open(ADDRESS, optionsOf(heedless, { timers })), ConnectionError);
  await timers.advance(1_000);
  await opening;

  accepted.resolve({
    read: () => Promise.resolve(null),
    write: () => Promise.resolve(0),
    close: () => isClosed = true,
  });
  await settled();

  assert(isClosed);
});

Deno.test("Connection.open() ends with its signal", async () => {
  const controller = new AbortController();
  const mute = memoryTransport(() => {});
  const opening = assertRejects(
    () => Connection.open(ADDRESS, optionsOf(mute, { signal: controller.signal, label: "broker 2 at kafka:9092" })),
    ConnectionError,
    "Cannot connect to broker 2 at kafka:9092: no longer needed",
  );
  await settled();

  controller.abort(new Error("no longer needed"));

  await opening;
});

Deno.test("Connection.open() says what it met instead of a broker", async () => {
  const peers: [Uint8Array | null, string, boolean][] = [
    [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n"), "it speaks HTTP, it is no Kafka broker", false],
    [new TextEncoder().encode("SSH-2.0-OpenSSH_9.2"), 'its first bytes are "SSH-"', false],
    [Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x50), "it speaks TLS", false],
    [null, "it closed the connection before it told its versions; it may expect TLS", true],
  ];
  for (const [bytes, text, retriable] of peers) {
    const transport = memoryTransport((far) => {
      (async () => {
        await far.read(new Uint8Array(1_000));
        if (bytes !== null) await far.write(bytes);
        far.close();
      })();
    });

    const error = await assertRejects(() => Connection.open(ADDRESS, optionsOf(transport)), ConnectionError, text);

    assert(error.message.startsWith("Cannot connect to kafka:9092: it"));
    assertEquals(error.retriable, retriable, text);
  }
});

Deno.test("Connection.open() names the permission that is missing", async () => {
  const transport: Transport = () => Promise.reject(new Deno.errors.NotCapable("Requires net access"));

  const error = await assertRejects(
    () => Connection.open({ host: "::1", port: 9093 }, optionsOf(transport)),
    ConnectionError,
    "add --allow-net=[::1]:9093",
  );

  assertEquals(error.retriable, false);
});
