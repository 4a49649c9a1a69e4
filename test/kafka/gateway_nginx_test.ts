import { assert, assertEquals, assertMatch } from "@std/assert";
import { GatewayProcess } from "./gateway_process.ts";
import { requireTool } from "./harness.ts";
import { freePorts } from "./harness_broker.ts";

const EXAMPLE = new URL("../../.github/examples/gateway/nginx.conf", import.meta.url);
const encoder = new TextEncoder();

/** nginx with the example's configuration, in a folder of its own, before a gateway. */
class Nginx implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(readonly folder: string, readonly port: number, child: Deno.ChildProcess) {
    this.#child = child;
  }

  /** Starts it. Ports are changed, and, so that nobody waits, the time for the head of a request. */
  static async start(gateway: URL): Promise<Nginx> {
    await requireTool("nginx");
    const folder = await Deno.makeTempDir({ prefix: "ekaf_nginx_" });
    const [port] = freePorts(1) as [number];
    const text = (await Deno.readTextFile(EXAMPLE))
      .replace("server 127.0.0.1:8080", `server ${gateway.host}`)
      .replace("listen 8000", `listen 127.0.0.1:${port}`)
      .replace("client_header_timeout 5s", "client_header_timeout 1s")
      .replace("worker_processes auto", "worker_processes 1");
    await Deno.writeTextFile(`${folder}/nginx.conf`, `daemon off;\n${text}`);
    const args = ["-p", folder, "-c", "nginx.conf", "-e", "stderr"];
    const tried = await new Deno.Command("nginx", { args: ["-t", ...args], stderr: "piped" }).output();
    assert(tried.success, new TextDecoder().decode(tried.stderr));
    const child = new Deno.Command("nginx", { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    const nginx = new Nginx(folder, port, child);
    await nginx.#awaitUp();
    return nginx;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  /** What was asked so far: its log. */
  log(): Promise<string> {
    return Deno.readTextFile(`${this.folder}/access.log`);
  }

  async #awaitUp(): Promise<void> {
    while (true) {
      try {
        return (await this.connect()).close();
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The text that comes until it holds `end`, or until the connection is closed. */
async function readUntil(conn: Deno.TcpConn, end: string): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.includes(end)) {
    const count = await conn.read(buffer).catch(() => null); // a reset is an end as well
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

/** Ports that are, or lately were, connected to a server on 127.0.0.1: also those that have been closed stay in the list. */
async function portsConnectedTo(url: string): Promise<Set<string>> {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  const connections = (await Deno.readTextFile("/proc/net/tcp")).matchAll(/: 0100007F:(\w{4}) 0100007F:(\w{4}) /g);
  const pairs = [...connections].map(([, local, remote]) => [local!, remote!]);
  return new Set(
    pairs.filter((pair) => pair.includes(port)).map(([local, remote]) => local === port ? remote! : local!),
  );
}

Deno.test("the gateway behind nginx, with the configuration of the example", async (t) => {
  await using gateway = await GatewayProcess.start({ args: ["--embedded"] });
  await using nginx = await Nginx.start(new URL(gateway.url));

  await t.step("takes records", async () => {
    const response = await fetch(`${nginx.url}/sync/t`, { method: "POST", body: "hello" });

    assertEquals([response.status, await response.text()], [200, '[{"ok":true}]']);
  });

  await t.step("never sees a slow head: nginx closes the connection", async () => {
    const before = await gateway.metric("ekaf_http_requests_total");
    using conn = await nginx.connect();
    await conn.write(encoder.encode("POST /sync/t HTTP/1.1\r\nhost: localhost\r\nx-slow: "));

    const text = await readUntil(conn, "\r\n\r\n");

    assertMatch(text, /^(HTTP\/1\.1 408 .*)?$/s);
    assertMatch(await nginx.log(), / 408 /);
    assertEquals(await gateway.metric("ekaf_http_requests_total") - before, 1, "none but the request for the figures");
  });

  await t.step("has the limits of the gateway: 413 before the gateway is asked", async () => {
    const post = (path: string, bytes: number) =>
      statusOf(fetch(`${nginx.url}${path}`, { method: "POST", body: new Uint8Array(bytes) }));

    const statuses = [
      await post("/sync/t", 999_000),
      await post("/sync/t", 1024 * 1024 + 1),
      await post("/batch/sync/t", 10 * 1024 * 1024 + 1),
    ];

    assertEquals(statuses, [200, 413, 413]);
    assertMatch(await nginx.log(), /POST \/sync\/t 413 \d+ [\d.]+ -\n/); // "-": no gateway was asked
  });

  await t.step("streams both ways: a receipt comes while the body is being sent", async () => {
    using conn = await nginx.connect();
    const head = "POST /stream/t HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n" +
      "content-type: application/x-ndjson\r\naccept: application/x-ndjson\r\nconnection: close\r\n\r\n";
    await conn.write(encoder.encode(`${head}8\r\n{"n":1}\n\r\n`));

    const first = await readUntil(conn, '"line":1');
    await conn.write(encoder.encode('8\r\n{"n":2}\n\r\n0\r\n\r\n'));
    const rest = await readUntil(conn, '"done":true');

    assertMatch(first, /^HTTP\/1\.1 200 .*"line":1,"partition":0,"offset":\d+/s);
    assertMatch(rest, /"line":2.*"done":true,"accepted":2,"acked":2,"failed":0/s);
  });

  await t.step("takes a stream of more bytes than any other body may have", async () => {
    const line = encoder.encode(`${JSON.stringify("x".repeat(1000))}\n`);
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (++pulls > 200) return controller.close();
        const chunk = new Uint8Array(line.length * 100);
        for (let i = 0; i < 100; i++) chunk.set(line, i * line.length);
        controller.enqueue(chunk);
      },
    });
    let pulls = 0;

    const headers = { "content-type": "application/x-ndjson" };
    const response = await fetch(`${nginx.url}/stream/t`, { method: "POST", body, headers });

    assertEquals([response.status, await response.json()], [200, { accepted: 20_000, acked: 20_000, failed: [] }]);
  });

  await t.step("asks the gateway over few connections, again and again", async () => {
    const before = await portsConnectedTo(gateway.url);
    for (let i = 0; i < 50; i++) await statusOf(fetch(`${nginx.url}/async/t`, { method: "POST", body: "a" }));

    const made = (await portsConnectedTo(gateway.url)).difference(before);

    assert(made.size <= 2, `${made.size} connections for 50 requests`);
  });

  gateway.kill("SIGTERM");
  assertEquals((await gateway.ended()).code, 0);
});
