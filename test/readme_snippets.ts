/**
 * The snippets of a Markdown file, and a world in which they run as they are written.
 *
 * @module
 */

import type { EmbeddedCluster } from "@ekaf/ekaf/embedded";

/** A fenced block. */
export interface Snippet {
  /** The heading above it, for the second below a heading followed by "(2)". */
  heading: string;
  /** The code, unchanged. */
  code: string;
}

/** What a snippet did that can be seen from outside. */
export interface Transcript {
  /** What it wrote to the console, a line a call. */
  output: string[];
  /** The tests that it declared. */
  tests: { name: string; run: () => void | Promise<void> }[];
}

/** The address that snippets name as a reader would. */
const WRITTEN_PORT = 9092;

/** The blocks fenced as `wanted`, in order. */
export function snippetsOf(markdown: string, wanted: "ts" | "sh" = "ts"): Snippet[] {
  const snippets: Snippet[] = [];
  let heading = "";
  let number = 0;
  for (const [, language, code, title] of markdown.matchAll(/^```(\w*)\n([^]*?)^```$|^#+ (.*)$/gm)) {
    if (title !== undefined) [heading, number] = [title, 0];
    else if (language === wanted) {
      snippets.push({ heading: ++number === 1 ? heading : `${heading} (${number})`, code: code! });
    }
  }
  return snippets;
}

/**
 * Runs a snippet as a module. What it takes from its surroundings is replaced meanwhile: whoever connects to port 9092
 * of any host reaches the cluster, every `fetch` is answered with `body`, the console and `Deno.test` are written down.
 */
export async function runSnippet(
  { code }: Snippet,
  { cluster, body }: { cluster: EmbeddedCluster; body: string },
): Promise<Transcript> {
  const transcript: Transcript = { output: [], tests: [] };
  const write = (...values: unknown[]) => void transcript.output.push(values.map(String).join(" "));
  using replaced = withWrittenPort(cluster);
  const replace = replacer(replaced);
  replace(globalThis, "fetch", () => Promise.resolve(new Response(body)));
  replace(Deno, "test", (name: string, run: () => Promise<void>) => void transcript.tests.push({ name, run }));
  replace(console, "log", write);
  replace(console, "error", write);
  // A fragment makes each run a module of its own.
  await import(`data:application/typescript,${encodeURIComponent(code)}#${crypto.randomUUID()}`);
  return transcript;
}

/** Whoever connects to port 9092 of any host reaches the cluster, and whoever listens there gets a free one. */
export function withWrittenPort(cluster: EmbeddedCluster): DisposableStack {
  const port = Number(cluster.bootstrap[0]!.split(":")[1]);
  const { connect, listen } = Deno;
  const replaced = new DisposableStack();
  const replace = replacer(replaced);
  replace(Deno, "connect", (options: Deno.ConnectOptions) => {
    return connect(options.port === WRITTEN_PORT ? { ...options, hostname: "127.0.0.1", port } : options);
  });
  replace(Deno, "listen", (options: Deno.TcpListenOptions) => {
    return listen(options.port === WRITTEN_PORT ? { ...options, port: 0 } : options);
  });
  return replaced;
}

/** Replaces members of objects until the stack is disposed of. */
function replacer(replaced: DisposableStack) {
  return <T extends object, K extends keyof T>(target: T, name: K, value: unknown) => {
    const original = target[name];
    target[name] = value as T[K];
    replaced.defer(() => void (target[name] = original));
  };
}
