/**
 * The architecture as a function: which folder may import from which, which names belong to one place, how long a file
 * may be. It looks at text only, so that its own test can plant violations.
 *
 * @module
 */

/** A source file: its path from the root of the repository, with forward slashes, and its text. */
export interface SourceFile {
  path: string;
  text: string;
}

// Think twice before adding an arrow: this table is the architecture. A file belongs to the longest folder that holds
// it; "src" alone means the leaves that lie directly in src/. Every layer may import from itself.
const LAYERS: Record<string, readonly string[]> = {
  "protocol": [],
  "src": ["protocol"],
  "src/net": ["protocol", "src"],
  "src/cluster": ["protocol", "src", "src/net"],
  "src/producer": ["protocol", "src", "src/cluster"],
  "src/embedded": ["protocol", "src", "src/net"], // never producer or cluster: it stays an independent witness
  "src/metrics": ["src"],
  "src/statsd": ["src"],
  "src/gateway": ["src", "src/producer", "src/metrics"],
  "src/cli": [
    "protocol",
    "src",
    "src/net",
    "src/producer",
    "src/embedded",
    "src/gateway",
    "src/metrics",
    "src/statsd",
    "mod.ts",
  ],
  "mod.ts": ["protocol", "src", "src/net", "src/cluster", "src/producer"],
};

/** Imports from outside the repository, and the files that may have them. */
const EXTERNALS: readonly (readonly [specifier: RegExp, from: RegExp])[] = [
  [/^@std\/(async|streams)(\/|$)/, /^src\//],
  [/^node:net$/, /^src\/embedded\/(client_socket|proxy_listener)\.ts$/], // Deno's own sockets cannot be reset
  [/^node:zlib$/, /^protocol\/compression\.ts$/],
  [/^@platformatic\/wasm-utils\/bundled$/, /^protocol\/compression\.ts$/], // imported when snappy or lz4 is chosen
  [/^@ekaf\/ekaf(\/[a-z-]+)?$/, /^src\/cli\//],
  [/^node:util$/, /^src\/cli\//], // parseArgs
  [/^node:dgram$/, /^src\/statsd\/datagrams\.ts$/], // Deno's own sockets for datagrams are unstable
  [/^@opentelemetry\/api$/, /^src\/metrics\/(batch_spans|open_telemetry|traced)\.ts$/],
  [/^node:crypto$/, /^src\/gateway\/auth\/secret\.ts$/], // timingSafeEqual
  [/^node:net$/, /^src\/gateway\/proxy_list\.ts$/], // BlockList: addresses and networks of both families
  [/^jose$/, /^src\/gateway\/auth\/jwt\.ts$/],
  [/^prom-client$/, /^src\/metrics\/(metric_set|prometheus)\.ts$/],
  [/^cli-progress$/, /^src\/cli\/progress_bar\.ts$/],
];

/** Names that belong to one place. They are looked for in code: comments and strings may mention them. */
const TRIPWIRES: readonly (readonly [name: RegExp, home: RegExp, place: string])[] = [
  [/\bDeno\s*\??\.\s*(connect\w*|startTls)\b/, /^src\/net\/transport\.ts$/, "src/net/transport.ts"],
  [/\bDeno\s*\??\.\s*listen\w*/, /^src\/embedded\/listener\.ts$/, "src/embedded/listener.ts"],
  [/\bDeno\s*\??\.\s*(serve|args|env|exit|exitCode)\b/, /^src\/cli\//, "src/cli"],
  [/\bDeno\s*\??\.?\s*\[|\}\s*=\s*Deno\b(?!\s*\.)/, /^src\/cli\//, "src/cli"], // would hide the names above
  [/(?<!\.\s*)\bconsole\b/, /^src\/(cli\/|logger\.ts$)/, "src/cli and src/logger.ts"],
  [/\b(setTimeout|setInterval)\b/, /^src\/timers\.ts$/, "src/timers.ts"],
];

const FORBIDDEN_NAMES = ["utils", "util", "helpers", "helper", "common", "types", "misc"];

/** Lines of code, without blank lines and comments, after which a file has to be split by noun. */
export const MAX_CODE_LINES = 300;

/** Everything that is wrong with `files`, a sentence each; files outside protocol/, src/ and mod.ts are ignored. */
export function findViolations(files: Iterable<SourceFile>): string[] {
  return [...files]
    .filter(({ path }) => /^(protocol\/.*|src\/.*|mod)\.ts$/.test(path))
    .flatMap((file) => {
      const { code, strings } = scan(file.text);
      return [
        ...findBadImports(file.path, strings),
        ...findTripwires(file.path, code),
        ...findSizeAndName(file.path, code),
      ];
    });
}

/** The layer of a path: `"src/net"` for `src/net/a/b.ts`, undefined when no row of the table has it. */
export function layerOf(path: string): string | undefined {
  if (path in LAYERS) return path;
  const folders = path.split("/").slice(0, -1);
  const top = folders[0];
  if (top === "protocol" || (top === "src" && folders.length === 1)) return top;
  const layer = folders.slice(0, 2).join("/");
  return layer in LAYERS ? layer : undefined;
}

function findBadImports(path: string, strings: readonly ScannedString[]): string[] {
  const layer = layerOf(path);
  if (layer === undefined) return [`${path} is in no layer: add a row to the table or find its place`];
  const violations: string[] = [];
  for (const { value: specifier, isModule } of strings) {
    if (!isModule) continue;
    if (!specifier.startsWith(".")) {
      const allowed = EXTERNALS.some(([external, from]) => external.test(specifier) && from.test(path));
      if (!allowed) violations.push(`${path} -> ${specifier}: not among the dependencies of this file`);
      continue;
    }
    const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
    const below = layerOf(target);
    if (below !== undefined && (below === layer || LAYERS[layer]!.includes(below))) continue;
    violations.push(`${path} -> ${target}: ${layer} may not import from ${below ?? "there"}`);
  }
  return violations;
}

function findTripwires(path: string, code: string): string[] {
  return TRIPWIRES.flatMap(([name, home, place]) => {
    const found = code.match(name);
    return found === null || home.test(path) ? [] : [`${path}: "${found[0]}" belongs in ${place}`];
  });
}

function findSizeAndName(path: string, code: string): string[] {
  const violations: string[] = [];
  const lines = code.split("\n").filter((line) => line.trim() !== "").length;
  if (lines > MAX_CODE_LINES) {
    violations.push(`${path}: ${lines} lines of code, at most ${MAX_CODE_LINES}: split it by noun`);
  }
  const forbidden = path.split("/").find((part) => FORBIDDEN_NAMES.includes(part.replace(/\.ts$/, "")));
  if (forbidden !== undefined) violations.push(`${path}: "${forbidden}" is no noun: name what it holds`);
  return violations;
}

/** A string literal, and whether it names a module: after `from`, `import` or `import(`. */
interface ScannedString {
  value: string;
  isModule: boolean;
}

// In the order in which they are tried: comments, strings, templates, numbers and words, anything else.
const TOKEN =
  /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`|\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*|[\w$]+|\s+|[^]/y;

/**
 * Takes comments and the insides of strings out of TypeScript. Line breaks that separate code stay, so that lines can
 * be counted; `${…}` inside of a template stays, it is code.
 */
export function scan(text: string): { code: string; strings: ScannedString[] } {
  const strings: ScannedString[] = [];
  let code = "";
  let lastToken = "";
  const templates: number[] = []; // open braces within each open `${`
  TOKEN.lastIndex = 0;
  const push = (token: string) => {
    code += token;
    if (token.trim() !== "") lastToken = token;
  };
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    let token = TOKEN.exec(text)![0];
    if (token.startsWith("//") || token.startsWith("/*")) continue;
    if (token.length > 1 && token.startsWith("/") && !mayPrecedeRegExp(lastToken)) {
      token = "/"; // a division
      TOKEN.lastIndex = start + 1;
    }
    if (token.startsWith('"') || token.startsWith("'")) {
      const isModule = lastToken === "from" || lastToken === "import" || /\bimport\s*\(\s*$/.test(code);
      strings.push({ value: token.slice(1, -1), isModule });
      push('""');
    } else if (token === "`" || (token === "}" && templates.at(-1) === 0)) {
      if (token === "}") templates.pop();
      const end = templateEnd(text, TOKEN.lastIndex);
      if (token === "`" && /\bimport\s*\(\s*$/.test(code)) {
        strings.push({ value: text.slice(TOKEN.lastIndex, end.index), isModule: true });
      }
      TOKEN.lastIndex = end.index + (end.isCode ? 2 : 1);
      push(end.isCode ? "(" : ")");
      if (end.isCode) templates.push(0);
    } else {
      if (templates.length > 0 && token === "{") templates[templates.length - 1]!++;
      if (templates.length > 0 && token === "}") templates[templates.length - 1]!--;
      push(token.length > 1 && token.startsWith("/") ? "//" : token);
    }
  }
  return { code, strings };
}

/** Where the text part of a template that begins at `from` ends: at a backquote, or at `${` where code follows. */
function templateEnd(text: string, from: number): { index: number; isCode: boolean } {
  for (let index = from; index < text.length; index++) {
    if (text[index] === "\\") index++;
    else if (text[index] === "`") return { index, isCode: false };
    else if (text[index] === "$" && text[index + 1] === "{") return { index, isCode: true };
  }
  return { index: text.length, isCode: false };
}

/** Whether a slash after `token` begins a regular expression; after a value it divides. */
function mayPrecedeRegExp(token: string): boolean {
  if (/^(return|typeof|case|in|of|delete|void|throw|await|yield)$/.test(token)) return true;
  return !/^([\w$]+|[)\]}]|""|\/\/)$/.test(token);
}
