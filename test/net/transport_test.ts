import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConnectionError } from "../../src/errors.ts";
import { Connection } from "../../src/net/connection.ts";
import { denoTransport } from "../../src/net/transport.ts";
import { platformTimers } from "../../src/timers.ts";

const SIGNAL = new AbortController().signal;

function listen(): { listener: Deno.TcpListener; to: { host: string; port: number } } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { listener, to: { host: "127.0.0.1", port: listener.addr.port } };
}

Deno.test("denoTransport carries bytes over TCP", async () => {
  const { listener, to } = listen();
  using _ = listener;
  const accepting = listener.accept();

  const near = await denoTransport(to, { signal: SIGNAL });
  const far = await accepting;
  await near.write(Uint8Array.of(1, 2, 3));
  const buffer = new Uint8Array(10);

  assertEquals(await far.read(buffer), 3);
  far.close();
  assertEquals(await near.read(buffer), null);
  near.close();
});

Deno.test("denoTransport reaches a name of which only one address has a listener", async () => {
  // Where localhost is ::1 as well as 127.0.0.1, nobody listens at one of the two.
  const { listener } = listen();
  using _ = listener;
  const accepting = listener.accept();

  const near = await denoTransport({ host: "localhost", port: listener.addr.port }, { signal: SIGNAL });

  (await accepting).close();
  near.close();
});

Deno.test("denoTransport settles a write to a peer that reads nothing when it is closed", async () => {
  const { listener, to } = listen();
  using _ = listener;
  const accepting = listener.accept();
  const near = await denoTransport(to, { signal: SIGNAL });
  using _far = await accepting;
  const chunk = new Uint8Array(4_194_304);
  const writing = assertRejects(async () => {
    for (;;) await near.write(chunk);
  });
  const reading = assertRejects(() => near.read(new Uint8Array(1)));

  near.close();

  await Promise.all([writing, reading]);
});

Deno.test("denoTransport rejects with the reason of a signal that has aborted", async () => {
  const reason = new Error("enough");

  const error = await assertRejects(() =>
    denoTransport({ host: "127.0.0.1", port: 9 }, { signal: AbortSignal.abort(reason) })
  );

  assert(error === reason);
});

Deno.test("Connection.open() tells that nobody listens", async () => {
  const { listener, to } = listen();
  listener.close();

  const error = await assertRejects(
    () =>
      Connection.open(to, {
        transport: denoTransport,
        clientId: "test",
        connectTimeoutMs: 10_000,
        requestTimeoutMs: 10_000,
        timers: platformTimers,
        protocol: "auto",
        ref: true,
      }),
    ConnectionError,
    `Cannot connect to 127.0.0.1:${to.port}: `,
  );

  assertEquals([error.retriable, error.written], [true, false]);
});
