import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { freePorts } from "./harness_broker.ts";

const root = new URL("../../", import.meta.url).pathname;
const FOLDER = `${root}.github/examples/gateway/`;

/** A Dockerfile, as far as it can be carried out without a container. */
class Dockerfile {
  readonly #lines: readonly string[];

  constructor(text: string) {
    this.#lines = text.replaceAll("\\\n", " ").split("\n").filter((line) => /^[A-Z]/.test(line));
  }

  /** What follows an instruction, wherever it stands. */
  all(instruction: string): string[] {
    const prefix = `${instruction} `;
    return this.#lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length).trim());
  }

  /** The variables it sets. */
  get env(): Record<string, string> {
    const pairs = this.all("ENV").flatMap((line) => line.split(/\s+/)).map((pair) => pair.split("="));
    return Object.fromEntries(pairs);
  }

  /** A command in JSON, after `pattern`. */
  command(pattern: RegExp): string[] {
    const line = this.#lines.map((line) => line.match(pattern)).find((match) => match !== null);
    assert(line !== undefined);
    return JSON.parse(line![1]!);
  }

  /** Copies what is to be copied. */
  async copyTo(folder: string): Promise<void> {
    for (const line of this.all("COPY")) {
      const names = line.split(/\s+/);
      const target = names.pop()!;
      for (const name of names) {
        await copy(`${root}${name}`, target === "./" ? `${folder}/${name}` : `${folder}/${target}`);
      }
    }
  }
}

async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

/** Makes a folder read-only, with all that is in it. */
async function seal(folder: string): Promise<void> {
  const { success } = await new Deno.Command("chmod", { args: ["-R", "a-w", folder] }).output();
  assert(success);
}

Deno.test("the container's command runs with its files, its variables and its rights, is healthy, and ends with 0", async () => {
  const file = new Dockerfile(await Deno.readTextFile(`${FOLDER}Dockerfile`));
  const folder = await Deno.makeTempDir({ prefix: "ekaf_container_" });
  await using _folder = {
    [Symbol.asyncDispose]: async () => {
      await new Deno.Command("chmod", { args: ["-R", "u+w", folder] }).output();
      await Deno.remove(folder, { recursive: true });
    },
  };
  await file.copyTo(folder);
  await seal(folder);
  await using cluster = await EmbeddedCluster.listen({ topics: { events: 1 } });
  const [port, operationPort] = freePorts(2) as [number, number];
  const env = {
    ...file.env,
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
    EKAF_PORT: String(port),
    EKAF_OPERATION_PORT: String(operationPort),
    EKAF_BOOTSTRAP: cluster.bootstrap.join(),
    EKAF_TOPICS: "events",
    EKAF_PRE_STOP_MS: "0",
  };
  const [, ...args] = file.command(/^ENTRYPOINT (.+)$/);
  const gateway = new Deno.Command(Deno.execPath(), { args, cwd: folder, env, stdout: "null", stderr: "piped" })
    .spawn();
  const stderr = new Response(gateway.stderr).text();
  let isOver = false;
  await using _gateway = {
    [Symbol.asyncDispose]: async () => {
      if (!isOver) gateway.kill("SIGKILL");
      await stderr;
    },
  };
  const checkHealth = async () => {
    const [, ...args] = file.command(/^HEALTHCHECK .*?CMD (.+)$/);
    return (await new Deno.Command(Deno.execPath(), { args, cwd: folder, env, stderr: "null" }).output()).code;
  };
  const died = gateway.status.then(() => true);
  while (await checkHealth() !== 0) {
    isOver = await Promise.race([died, delay(20).then(() => false)]);
    if (isOver) throw new Error(`The container's command ended: ${await stderr}`);
  }

  const response = await fetch(`http://127.0.0.1:${port}/sync/events`, { method: "POST", body: "hello" });
  const text = await response.text();
  const refused = await fetch(`http://127.0.0.1:${port}/sync/other`, { method: "POST", body: "hello" });
  await refused.body?.cancel();
  gateway.kill("SIGTERM");
  const { code } = await gateway.status;
  isOver = true;

  assertEquals([text, refused.status, code], ['[{"ok":true}]', 403, 0], await stderr);
  assertEquals(cluster.records("events").map((record) => record.text()), ["hello"]);
  assert(await checkHealth() !== 0, "who has ended is not healthy");
});

/** The documents of a YAML file, read by a parser that is none of ours. */
async function parseYaml(path: string): Promise<Manifest[]> {
  const program = `import { parseAllDocuments } from "npm:yaml@2.8.1";
    const documents = parseAllDocuments(await Deno.readTextFile(${JSON.stringify(path)}));
    for (const { errors, warnings } of documents) for (const error of [...errors, ...warnings]) throw error;
    console.log(JSON.stringify(documents.map((document) => document.toJS())));`;
  const args = ["eval", "--quiet", "--no-config", "--no-lock", program];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

// deno-lint-ignore no-explicit-any -- a manifest has many shapes
type Manifest = Record<string, any>;

Deno.test("kubernetes.yaml is YAML whose parts fit together", async () => {
  const manifests = await parseYaml(`${FOLDER}kubernetes.yaml`);
  const of = (kind: string) => manifests.find((manifest) => manifest.kind === kind)!;
  const { spec } = of("Deployment");
  const [container] = spec.template.spec.containers as Manifest[];
  const ports = Object.fromEntries(container!.ports.map((port: Manifest) => [port.name, port.containerPort]));
  const file = new Dockerfile(await Deno.readTextFile(`${FOLDER}Dockerfile`));

  assertEquals(manifests.map(({ kind }) => kind), ["Deployment", "Service", "PodDisruptionBudget"]);
  const { labels } = spec.template.metadata;
  const selectors = [spec.selector, of("PodDisruptionBudget").spec.selector].map(({ matchLabels }) => matchLabels);
  assertEquals([...selectors, of("Service").spec.selector], [labels, labels, labels]);
  assertEquals([ports.http, ports.operation].map(String), [file.env.EKAF_PORT, file.env.EKAF_OPERATION_PORT]);
  const probes = ["startupProbe", "livenessProbe", "readinessProbe"].map((name) => container![name].httpGet);
  assertEquals(probes.map(({ path, port }) => `${port} ${path}`), [
    "operation /healthz",
    "operation /healthz",
    "operation /readyz",
  ]);
  assertEquals(of("Service").spec.ports[0].targetPort, "http");
  assertEquals(container!.env.filter(({ value }: Manifest) => value !== undefined && typeof value !== "string"), []);
  assert(of("PodDisruptionBudget").spec.minAvailable < spec.replicas);
});

Deno.test("ekaf-gateway.service is what systemd can read", async () => {
  const verify = new Deno.Command("systemd-analyze", {
    args: ["verify", "--man=no", `${FOLDER}ekaf-gateway.service`],
    stderr: "piped",
  });
  const output = await verify.output().catch((error) => {
    // Not every system has it.
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  });
  if (output === null) return;

  // The program it names is where a server has it, not here.
  const told = new TextDecoder().decode(output.stderr).split("\n")
    .filter((line) => line.includes("ekaf-gateway.service") && !line.includes("/usr/local/bin/deno"));
  assertEquals(told, []);
});
