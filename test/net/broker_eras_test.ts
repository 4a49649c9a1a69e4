import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ConnectionError } from "../../src/errors.ts";
import { BrokerEras } from "../../src/net/broker_eras.ts";
import { Connection, type ConnectionOptions } from "../../src/net/connection.ts";
import { ManualTimers } from "../manual_timers.ts";
import { type Script, scriptedBroker, type ScriptedTransport, writeAll } from "../scripted_broker.ts";

const OLD = { host: "old", port: 9092 };
const OTHER = { host: "other", port: 9092 };
const NEW = { host: "new", port: 9092 };

/** All hosts but "new" hang up on ApiVersions, as Kafka before 0.10 does. */
const script: Script = {
  ApiVersions: (_, { to }) =>
    to.host === "new" ? { errorCode: 0, apiKeys: [{ apiKey: 3, minVersion: 0, maxVersion: 9 }] } : "close",
  Metadata: (_, { to }) => to.host === "gone" ? "close" : { brokers: [], topics: [], controllerId: -1 },
};

function open(
  to: { host: string; port: number },
  { transport, ...options }: Partial<ConnectionOptions> & { transport: ScriptedTransport },
): Promise<Connection> {
  return Connection.open(to, {
    transport,
    clientId: "test",
    connectTimeoutMs: 1_000,
    requestTimeoutMs: 30_000,
    timers: new ManualTimers(),
    protocol: "auto",
    ref: true,
    ...options,
  });
}

function asked({ requests }: ScriptedTransport): string[] {
  return requests.map(({ api, version, to }) => `${to.host}: ${api} ${version}`);
}

Deno.test("Connection.open() tries the oldest question after two fresh connections that were closed without a byte", async () => {
  const transport = scriptedBroker(script);
  const found: string[] = [];

  using connection = closing(await open(OLD, { transport, eras: new BrokerEras((address) => found.push(address)) }));

  assertEquals(asked(transport), ["old: ApiVersions 4", "old: ApiVersions 4", "old: Metadata 0"]);
  assertEquals(transport.connections.length, 3);
  const versions = (["Metadata", "Produce", "InitProducerId"] as const).map((api) => connection.it.version(api));
  assertEquals(versions, [0, 0, null]);
  assertEquals(found, ["old:9092"]);
});

Deno.test("Connection.open() asks every new connection for versions first, once the address is known to hang up", async () => {
  const transport = scriptedBroker(script);
  const eras = new BrokerEras();
  using _first = closing(await open(OLD, { transport, eras }));
  transport.requests.length = 0;

  using _second = closing(await open(OLD, { transport, eras }));

  assertEquals(asked(transport), ["old: ApiVersions 4", "old: Metadata 0"]);
});

Deno.test("Connection.open() finds a broker that was upgraded meanwhile", async () => {
  const transport = scriptedBroker(script);
  const upgraded = scriptedBroker({
    ...script,
    ApiVersions: (_, request) => script.ApiVersions!({} as never, { ...request, to: NEW }),
  });
  const eras = new BrokerEras();
  using _old = closing(await open(OLD, { transport, eras }));

  using connection = closing(await open(OLD, { transport: upgraded, eras }));

  assertEquals([asked(upgraded), connection.it.version("Metadata")], [["old: ApiVersions 4"], 9]);
});

Deno.test("Connection.open() does not try the oldest question where another broker of the cluster tells its versions", async () => {
  const transport = scriptedBroker(script);
  const eras = new BrokerEras();
  using _new = closing(await open(NEW, { transport, eras }));

  const error = await assertRejects(() => open(OLD, { transport, eras }), ConnectionError);

  assertStringIncludes(error.message, "closed the connection before it told its versions");
  assertEquals(asked(transport), ["new: ApiVersions 4", "old: ApiVersions 4"]);
});

Deno.test("Connection.open() counts for each address, and tries the oldest question once", async () => {
  const transport = scriptedBroker(script);
  const eras = new BrokerEras();
  const gone = { host: "gone", port: 9092 };

  await assertRejects(() => open(gone, { transport, eras }), ConnectionError, "or be older than 0.10");
  using _other = closing(await open(OTHER, { transport, eras }));

  assertEquals(asked(transport), [
    "gone: ApiVersions 4",
    "gone: ApiVersions 4",
    "gone: Metadata 0",
    "other: ApiVersions 4",
    "other: ApiVersions 4",
    "other: Metadata 0",
  ]);
});

Deno.test("Connection.open() takes a peer that says anything for no old broker", async () => {
  for (const bytes of [[0x15, 3, 3, 0, 2, 2, 80], [...new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")]]) {
    const transport = scriptedBroker({
      ApiVersions: async (_, { connection }) => {
        await writeAll(connection, [Uint8Array.from(bytes)]);
        return "close" as const;
      },
    });

    await assertRejects(() => open(OLD, { transport }), ConnectionError, "it speaks");

    assertEquals(asked(transport), ["old: ApiVersions 4"]);
  }
});

Deno.test("Connection.open() takes a broker that says nothing for no old one", async () => {
  const transport = scriptedBroker({ ApiVersions: () => "silent" });
  const hangingUp = scriptedBroker(script);
  const timers = new ManualTimers();
  const eras = new BrokerEras();

  const opening = assertRejects(() => open(OLD, { transport, timers, eras }), ConnectionError, "no answer within");
  await timers.advance(1_000);
  await opening;
  using _connection = closing(await open(OLD, { transport: hangingUp, eras }));

  assertEquals(asked(transport), ["old: ApiVersions 4"]);
  assertEquals(asked(hangingUp), ["old: ApiVersions 4", "old: ApiVersions 4", "old: Metadata 0"]);
});

Deno.test("Connection.open() asks nothing where the user says how old the brokers are", async () => {
  const transport = scriptedBroker(script);

  using connection = closing(await open(OLD, { transport, protocol: "0.9" }));

  assertEquals([asked(transport), connection.it.version("Produce"), connection.it.version("Metadata")], [[], 1, 0]);
});

function closing(it: Connection): Disposable & { it: Connection } {
  return { it, [Symbol.dispose]: () => it.close() };
}
