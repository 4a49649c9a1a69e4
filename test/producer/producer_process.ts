/**
 * A process that uses a producer in one of the ways that only a process of its own can show. Arguments: what to do, and
 * where the brokers are.
 *
 * @module
 */

import { Producer, type Transport } from "../../mod.ts";

const [what, bootstrap] = Deno.args as [keyof typeof ways, string];

const ways = {
  /** Sends and never closes. */
  async forgottenClose() {
    const producer = new Producer({ bootstrap });
    producer.send("t", "a");
    await producer.enqueue("t", ["b", "c"]);
    const writer = producer.writable("t").getWriter();
    await writer.write("d");
  },

  /** Sends after it was idle, and never closes. */
  async idleThenSend() {
    const producer = new Producer({ bootstrap, lingerMs: 20 });
    await producer.send("t", "a");
    await producer.enqueue("t", ["b", "c"]);
  },

  /** Awaits calls that accept nothing, and never closes. */
  async asking() {
    const producer = new Producer({ bootstrap, eagerTopics: ["t"] });
    await producer.metadata("t");
    await producer.prepare("t");
    const { partition } = await producer.pick("t");
    await producer.flush();
    await producer.send("t", String(partition));
  },

  /** Has listeners that throw and reject. */
  async badListeners() {
    const producer = new Producer({ bootstrap, logger: null });
    const topic = producer.topic("t");
    for (const target of [producer, topic]) {
      for (const type of ["flush", "flushreplied", "laneup", "timetoconnect", "metadatachanged"] as const) {
        target.addEventListener(type, () => {
          throw new Error("thrown by a listener");
        });
        target.addEventListener(type, () => Promise.reject(new Error("rejected by a listener")));
        target.addEventListener(type, {
          handleEvent() {
            throw new Error("thrown by a listener object");
          },
        });
      }
    }
    await producer.send("t", "a");
    await producer.close();
  },

  /** Enqueues what will fail, with nobody to hear of it. */
  async unheardFailure() {
    const producer = new Producer({ bootstrap, logger: null });
    await producer.enqueue("t", "a");
    await producer.flush();
    await producer.close();
  },

  /** Pipes a gibibyte at brokers that read nothing; prints how far it came and what memory it took. */
  async stalled() {
    let isStalled = false;
    const connect: Transport = async ({ host, port }) => {
      const conn = await Deno.connect({ hostname: host, port });
      return {
        read: (into) => conn.read(into),
        write: (bytes) => isStalled ? new Promise(() => {}) : conn.write(bytes),
        close: () => conn.close(),
      };
    };
    const producer = new Producer({ bootstrap, logger: null, connect });
    await producer.prepare("t");
    await producer.send("t", [0, 1, 2].map((partition) => ({ value: "a", partition })));
    isStalled = true;
    const before = Deno.memoryUsage().rss;
    const chunk = Array.from({ length: 64 }, () => new Uint8Array(1024));
    let pipedBytes = 0;
    const source = new ReadableStream({
      pull(controller) {
        pipedBytes += 65_536;
        if (pipedBytes > 1024 ** 3) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const piped = source.pipeTo(producer.writable("t"));
    piped.catch(() => {});
    for (let last = -1; last !== pipedBytes;) {
      last = pipedBytes;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const result = JSON.stringify({ pipedBytes, rssBytes: Deno.memoryUsage().rss - before });
    Deno.stdout.writeSync(new TextEncoder().encode(result));
    Deno.exit(0);
  },
};

await ways[what]();
