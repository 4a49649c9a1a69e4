/**
 * Chromium without a head, driven through its DevTools protocol: as much of it as a test of a page needs.
 *
 * @module
 */

import { requireTool } from "./harness_jars.ts";

const LISTENING = /DevTools listening on (ws:\/\/\S+)/;
const START_MS = 60_000;
const COMMAND_MS = 30_000;
/** How often a condition in the page is looked at. */
const LOOK_MS = 20;

/** What the protocol answers; tests know what they ask for. */
// deno-lint-ignore no-explicit-any
export type Answer = any;

interface Pending {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** A node of the accessibility tree, as assistive technology sees it. */
export interface AccessibleNode {
  readonly ignored: boolean;
  readonly role: string;
  readonly name: string;
  readonly description: string;
}

/** One browser with one page. */
export class Browser implements AsyncDisposable {
  /** What the page logged as warning or error, threw, or could not load. */
  readonly complaints: string[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, Pending>();
  readonly #stderrEnded: Promise<void>;
  #session: string | null = null;
  #lastId = 0;

  private constructor(
    process: Deno.ChildProcess,
    parts: { profile: string; socket: WebSocket; stderr: Promise<void> },
  ) {
    this.#process = process;
    this.#profile = parts.profile;
    this.#socket = parts.socket;
    this.#stderrEnded = parts.stderr;
    this.#socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    this.#socket.onclose = () => {
      for (const { reject } of this.#pending.values()) reject(new Error("Cannot go on: the browser has gone"));
    };
  }

  /** Starts one. Rejects with an `Error` naming what to install when there is none. */
  static async start(): Promise<Browser> {
    await requireTool("chromium");
    const profile = await Deno.makeTempDir({ prefix: "ekaf-chromium-" });
    const process = new Deno.Command("chromium", {
      args: [
        ...["--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "--no-first-run"],
        // There is no sandbox for root, nor much of a GPU or of /dev/shm in containers.
        ...["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars"],
        ...["--disable-background-networking", "--disable-component-update", "--lang=en-US", "about:blank"],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const { url, ended } = await addressOf(process);
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`Cannot drive the browser: ${url} does not answer`));
    });
    const browser = new Browser(process, { profile, socket, stderr: ended });
    await browser.#openPage();
    return browser;
  }

  /** Goes to an address, and waits until all is loaded. */
  async open(url: string): Promise<void> {
    await this.send("Page.navigate", { url });
    const shown = url.replace(/\/\/[^/]*@/, "//"); // A name and a password are not.
    await this.until(`document.readyState === "complete" && location.href === ${JSON.stringify(shown)}`);
  }

  /** What an expression is in the page. */
  async evaluate(expression: string): Promise<Answer> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(`Cannot evaluate ${expression}: ${textOf(exceptionDetails)}`);
    return result.value;
  }

  /** Waits until an expression is true in the page. */
  async until(expression: string, timeoutMs = COMMAND_MS): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (!await this.evaluate(`Boolean(${expression})`)) {
      if (performance.now() > endMs) throw new Error(`Cannot go on: it never became true that ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Presses a key, such as `Tab` or `Enter`; a modifier is 1 Alt, 2 Control, 4 Meta, 8 Shift. */
  async press(key: "Tab" | "Enter" | "Space", modifiers = 0): Promise<void> {
    const codes = { Tab: [9, ""], Enter: [13, "\r"], Space: [32, " "] } as const;
    const [code, text] = codes[key];
    const event = { key: key === "Space" ? " " : key, code: key, windowsVirtualKeyCode: code, modifiers };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...event, ...(text === "" ? {} : { text }) });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** Types text into whatever has the focus. */
  async type(text: string): Promise<void> {
    await this.send("Input.insertText", { text });
  }

  /** The page as assistive technology sees it. */
  async accessibility(): Promise<AccessibleNode[]> {
    const { nodes } = await this.send("Accessibility.getFullAXTree");
    return nodes.map((node: Answer) => ({
      ignored: node.ignored,
      role: node.role?.value ?? "",
      name: node.name?.value ?? "",
      description: node.description?.value ?? "",
    }));
  }

  /** Sets media features, such as `prefers-color-scheme: dark`. */
  async emulate(features: Readonly<Record<string, string>>): Promise<void> {
    const list = Object.entries(features).map(([name, value]) => ({ name, value }));
    await this.send("Emulation.setEmulatedMedia", { features: list });
  }

  /** Makes the window so large. */
  async resize(width: number, height: number): Promise<void> {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  }

  /** What is to be seen, as PNG. */
  async screenshot(isWhole = false): Promise<Uint8Array<ArrayBuffer>> {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: isWhole });
    return Uint8Array.fromBase64(data);
  }

  /** A command of the protocol, to the page once there is one. */
  async send(method: string, params: object = {}): Promise<Answer> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => reject(new Error(`Cannot ${method}: the browser does not answer`)), COMMAND_MS);
    this.#pending.set(id, { resolve, reject });
    this.#socket.send(JSON.stringify({ id, method, params, ...(this.#session && { sessionId: this.#session }) }));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.addEventListener("close", resolve, { once: true }));
    this.#session = null;
    await this.send("Browser.close").catch(() => this.#process.kill("SIGKILL"));
    await Promise.all([closed, this.#process.status, this.#stderrEnded]);
    await Deno.remove(this.#profile, { recursive: true });
  }

  async #openPage(): Promise<void> {
    const { targetInfos } = await this.send("Target.getTargets");
    const { targetId } = targetInfos.find(({ type }: Answer) => type === "page");
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    this.#session = sessionId;
    for (const domain of ["Page", "Runtime", "Log", "Network", "Accessibility"]) await this.send(`${domain}.enable`);
  }

  #take({ id, result, error, method, params }: Answer): void {
    if (id !== undefined) {
      const pending = this.#pending.get(id);
      if (error === undefined) pending?.resolve(result);
      else pending?.reject(new Error(`Cannot drive the browser: ${error.message}`));
      return;
    }
    if (method === "Runtime.exceptionThrown") this.complaints.push(textOf(params.exceptionDetails));
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) {
      this.complaints.push(params.args.map((one: Answer) => one.value ?? one.description).join(" "));
    }
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) {
      this.complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
    }
  }
}

function textOf({ text, exception }: Answer): string {
  return exception?.description ?? text;
}

/** Where the browser listens: it says so on stderr, which has to be read to its end. */
async function addressOf(process: Deno.ChildProcess): Promise<{ url: string; ended: Promise<void> }> {
  const found = Promise.withResolvers<string>();
  let text = "";
  const ended = (async () => {
    for await (const chunk of process.stderr.pipeThrough(new TextDecoderStream())) {
      text = (text + chunk).slice(-100_000);
      const url = LISTENING.exec(text)?.[1];
      if (url !== undefined) found.resolve(url);
    }
    found.reject(new Error(`Cannot start the browser: it said ${JSON.stringify(text.slice(-2_000))}`));
  })();
  const timer = setTimeout(
    () => found.reject(new Error(`Cannot start the browser: ${START_MS} ms are over`)),
    START_MS,
  );
  found.promise.catch(() => {}); // Whoever awaits it below is told.
  try {
    return { url: await found.promise, ended };
  } catch (error) {
    if (ended !== null) {
      try {
        process.kill("SIGKILL");
      } catch { /* It has ended by itself. */ }
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
