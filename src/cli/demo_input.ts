/**
 * What the demo sends: a download from a web server, and a file. Both are gone with their scope.
 *
 * @module
 */

import { demoBytes, type DemoText } from "./demo_lines.ts";

/** A web server on 127.0.0.1 whose every answer is a text. */
export class DemoServer implements AsyncDisposable {
  /** Where it is. */
  readonly url: string;
  /** How much it serves. */
  readonly sizeBytes: number;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /**
   * Serves from now on.
   *
   * @param text Whose lines.
   * @param lineCount How many.
   */
  constructor(text: DemoText, lineCount: number) {
    const chunks = [...demoBytes(text, lineCount)];
    this.sizeBytes = chunks.reduce((sum, { length }) => sum + length, 0);
    const headers = { "content-type": "application/x-ndjson", "content-length": String(this.sizeBytes) };
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
      return new Response(ReadableStream.from(chunks), { headers });
    });
    const { hostname, port } = this.#server.addr;
    this.url = `http://${hostname}:${port}/${text.name}.ndjson`;
  }

  /** Ends it, once its answers have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A file that holds a text. */
export class DemoFile implements AsyncDisposable {
  /** Where it is. */
  readonly path: string;
  /** How much it holds. */
  readonly sizeBytes: number;

  private constructor(path: string, sizeBytes: number) {
    this.path = path;
    this.sizeBytes = sizeBytes;
  }

  /**
   * Writes it.
   *
   * @param text Whose lines.
   * @param lineCount How many.
   */
  static async write(text: DemoText, lineCount: number): Promise<DemoFile> {
    // Beside the project, not where the system keeps such files: one folder is all the demo needs access to.
    const path = await Deno.makeTempFile({ dir: ".", prefix: ".demo-", suffix: ".log" });
    try {
      await Deno.writeFile(path, ReadableStream.from(demoBytes(text, lineCount)));
      return new DemoFile(path, (await Deno.stat(path)).size);
    } catch (error) {
      await Deno.remove(path);
      throw error;
    }
  }

  /** Its bytes, from the beginning; whoever reads them to the end, or cancels, closes the file. */
  async open(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return (await Deno.open(this.path)).readable;
  }

  /** Removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path);
  }
}
