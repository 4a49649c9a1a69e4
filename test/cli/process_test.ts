import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { Producer } from "@ekaf/ekaf";

const root = new URL("../../", import.meta.url).pathname;
const PERMISSIONS = ["--allow-net=127.0.0.1", "--allow-read", "--allow-env=TERM"];

/** The command line in a process of its own, with the permissions that `deno task ekaf` gives it. */
class EkafProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  /** What it wrote to standard error so far. */
  stderr = "";
  readonly #errors: Promise<void>;
  #onError: () => void = () => {};

  constructor(args: readonly string[], permissions: readonly string[] = PERMISSIONS) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--no-prompt", ...permissions, `${root}src/cli/main.ts`, ...args],
      cwd: root,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#errors = this.#follow();
  }

  get stdout(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#child.stdout;
  }

  async write(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Ends standard input. */
  async closeInput(): Promise<void> {
    await this.#input.close().catch(() => {}); // It may have ended first.
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Resolves once standard error holds `text`. */
  async told(text: string): Promise<void> {
    while (!this.stderr.includes(text)) await new Promise<void>((resolve) => this.#onError = resolve);
  }

  /** Resolves with the exit code; everything it wrote is there then. */
  async ended(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#errors;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeInput();
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.ended();
    await this.#child.stdout.cancel().catch(() => {});
  }

  async #follow(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.stderr += text;
      this.#onError();
    }
    this.stderr += "(end)";
    this.#onError();
  }
}

function listen(): Promise<EmbeddedCluster> {
  return EmbeddedCluster.listen({ topics: { t: 1 } });
}

function produceArguments(cluster: EmbeddedCluster, ...args: string[]): string[] {
  return ["produce", "--bootstrap", cluster.bootstrap[0]!, "--topic", "t", ...args];
}

Deno.test("the process sends what is piped into it and ends with 0, writing nothing to standard output", async () => {
  await using cluster = await listen();
  await using ekaf = new EkafProcess(produceArguments(cluster));

  await ekaf.write("one\n\ntw");
  await ekaf.write("o");
  await ekaf.closeInput();
  const code = await ekaf.ended();

  assertEquals(code, 0, ekaf.stderr);
  assertEquals(cluster.records("t").map((record) => record.text()), ["one", "", "two"]);
  assertMatch(ekaf.stderr, /^ekaf: 3 records acknowledged: 8 B in /);
  assertEquals(await new Response(ekaf.stdout).text(), "");
});

Deno.test("the process sends files byte by byte", async () => {
  await using cluster = await listen();
  await using ekaf = new EkafProcess(produceArguments(cluster, "LICENSE", "deno.lock"));

  const code = await ekaf.ended();

  assertEquals(code, 0, ekaf.stderr);
  const texts = await Promise.all(["LICENSE", "deno.lock"].map((name) => Deno.readTextFile(`${root}${name}`)));
  assertEquals(cluster.records("t").map((record) => `${record.text()}\n`).join(""), texts.join(""));
});

Deno.test("the process ends with 1 and names what it cannot read", async (t) => {
  await using cluster = await listen();
  const cases: [path: string, permissions: string[], reason: string][] = [
    ["nope.txt", PERMISSIONS, 'Cannot read "nope.txt": there is no such file'],
    ["src", PERMISSIONS, 'Cannot read "src": it is a directory'],
    ["LICENSE", ["--allow-net=127.0.0.1"], 'Cannot read "LICENSE": Deno was not given --allow-read for it'],
  ];
  for (const [path, permissions, reason] of cases) {
    await t.step(reason, async () => {
      await using ekaf = new EkafProcess(produceArguments(cluster, "-", path), permissions);
      await ekaf.closeInput();

      const code = await ekaf.ended();

      assertEquals(code, 1);
      assertStringIncludes(ekaf.stderr, `ekaf: ${reason}\n`);
    });
  }
});

Deno.test("the process ends with 2 without a broker, with 64 on wrong arguments", async () => {
  await using unreachable = new EkafProcess(["produce", "--bootstrap", "127.0.0.1:1", "--topic", "t"]);
  await using wrong = new EkafProcess(["produce", "--bootstrap", "127.0.0.1:1", "--topc", "t"]);

  assertEquals(await unreachable.ended(), 2);
  assertEquals(await wrong.ended(), 64);
  assertStringIncludes(unreachable.stderr, "127.0.0.1:1");
  assertStringIncludes(wrong.stderr, "Cannot use --topc");
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`the process sends what it has read and ends with 0 at ${signal}`, async () => {
    await using cluster = await listen();
    await using ekaf = new EkafProcess(produceArguments(cluster));

    await ekaf.write("one\ntwo\n");
    await cluster.waitFor("t", 2);
    ekaf.kill(signal);
    const code = await ekaf.ended();

    assertEquals(code, 0, ekaf.stderr);
    assertStringIncludes(ekaf.stderr, "ekaf: 2 records acknowledged");
  });
}

Deno.test("the process ends with 130 at the second signal", async () => {
  await using cluster = await listen();
  using _silence = cluster.intercept("Produce", () => "silent");
  await using ekaf = new EkafProcess(produceArguments(cluster));

  await ekaf.write("one\n");
  while (cluster.requests("Produce") === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  ekaf.kill("SIGTERM");
  await ekaf.told("interrupted");
  ekaf.kill("SIGINT");
  const code = await ekaf.ended();

  assertEquals(code, 130);
});

Deno.test("the broker process prints records, and ends when nobody reads them any more", async () => {
  await using ekaf = new EkafProcess(["broker", "--port", "0", "--topic", "t", "--print"]);
  await ekaf.told("\n");
  const address = /listening on ([\d.:]+),/.exec(ekaf.stderr);
  assert(address !== null, ekaf.stderr);
  await using producer = new Producer({ bootstrap: address[1]!, logger: null });
  const output = ekaf.stdout.pipeThrough(new TextDecoderStream()).getReader();

  await producer.send("t", "one");
  const { value } = await output.read();
  await output.cancel();
  await producer.enqueue("t", "two");
  const code = await ekaf.ended();
  await producer.abort();

  assertEquals(value, "t/0@0 one\n");
  assertEquals(code, 1);
});
