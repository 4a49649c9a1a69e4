import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";

const root = new URL("../../", import.meta.url).pathname;

/** `ekaf gateway` in a process of its own, with the permissions that the README gives it. */
class GatewayProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #followed: Promise<void>;
  #onText: () => void = () => {};
  stderr = "";

  constructor(...args: string[]) {
    const permissions = ["--allow-net=127.0.0.1", "--allow-env=EKAF_*"];
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--no-prompt", ...permissions, "src/cli/main.ts", "gateway", ...args],
      cwd: root,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#followed = this.#follow();
  }

  /** Resolves with the address once it listens. */
  async url(): Promise<string> {
    for (;;) {
      const url = /listening on (http:\/\/[\d.:]+\d)/.exec(this.stderr)?.[1];
      if (url !== undefined) return url;
      await this.#more();
    }
  }

  /** Resolves once it has told `text`. */
  async told(text: string): Promise<void> {
    while (!this.stderr.includes(text)) await this.#more();
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#followed;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.ended();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#onText = resolve);
  }

  async #follow(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.stderr += text;
      this.#onText();
    }
  }
}

/** Posts numbered records, one after the other, until the gateway takes no more; returns those answered 200. */
async function load(url: string, client: number): Promise<string[]> {
  const accepted: string[] = [];
  for (let i = 0;; i++) {
    const body = `${client}-${i}`;
    try {
      const response = await fetch(`${url}/${i % 2 === 0 ? "async" : "sync"}/t`, { method: "POST", body });
      await response.body?.cancel();
      if (response.status !== 200) return accepted;
      accepted.push(body);
    } catch {
      return accepted; // The listener is closed.
    }
  }
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`ekaf gateway under load: after ${signal} every record answered 200 is in Kafka, and the code is 0`, async () => {
    await using cluster = await EmbeddedCluster.listen({ topics: { t: 3 } });
    await using gateway = new GatewayProcess(
      "--bootstrap",
      cluster.bootstrap[0]!,
      "--port",
      "0",
      "--pre-stop-ms",
      "20",
    );
    const url = await gateway.url();

    const clients = Array.from({ length: 20 }, (_, client) => load(url, client));
    await cluster.waitFor("t", 200);
    gateway.kill(signal);
    const accepted = (await Promise.all(clients)).flat();
    const code = await gateway.ended();

    const stored = new Set(cluster.records("t").map((record) => record.text()));
    assert(accepted.length >= 200);
    assertEquals(accepted.filter((body) => !stored.has(body)), []);
    assertEquals(code, 0, gateway.stderr);
  });
}

Deno.test("ekaf gateway ends at once at the second signal, with 130", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  await using gateway = new GatewayProcess("--bootstrap", cluster.bootstrap[0]!, "--port", "0");
  await gateway.url();

  gateway.kill("SIGTERM");
  await gateway.told("interrupted");
  gateway.kill("SIGTERM");

  assertEquals(await gateway.ended(), 130);
  assertStringIncludes(gateway.stderr, "interrupt again to end at once");
});

Deno.test("ekaf gateway takes a Ctrl-C that comes twice, as under deno task, for one", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const args = ["--bootstrap", cluster.bootstrap[0]!, "--port", "0", "--pre-stop-ms", "20"];
  await using gateway = new GatewayProcess(...args);
  await gateway.url();

  gateway.kill("SIGINT");
  await gateway.told("interrupted");
  gateway.kill("SIGINT");

  assertEquals(await gateway.ended(), 0);
});
