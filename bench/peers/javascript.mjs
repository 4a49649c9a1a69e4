/**
 * kafkajs or @platformatic/kafka as a peer: produces arrays for some seconds, waits for every acknowledgement, prints
 * one JSON line. Runs on Node; the libraries are found in the working directory's node_modules.
 *
 * Usage: node javascript.mjs library bootstrap topic seconds warmupSeconds valueBytes acks(all|1|0) mode(arrays|each)
 */
// deno-lint-ignore-file no-console
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [library, bootstrap, topic, seconds, warmupSeconds, valueBytes, acks, mode] = process.argv.slice(2);
const VALUE_COUNT = 1000;
const IN_FLIGHT = 5;
const require = createRequire(pathToFileURL(`${process.cwd()}/`));

/** The same text as bench/values.ts makes. */
const values = Array.from({ length: VALUE_COUNT }, (_, i) => {
  let text = `{"id":${i},"text":"`;
  for (let at = text.length; at < Number(valueBytes); at++) text += String.fromCharCode(97 + (i * 7 + at * 13) % 26);
  return Buffer.from(text.slice(0, Number(valueBytes)));
});

const clients = {
  async kafkajs() {
    const { Kafka, Partitioners, logLevel } = require("kafkajs");
    const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR });
    const producer = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      idempotent: acks === "all",
      maxInFlightRequests: IN_FLIGHT,
    });
    await producer.connect();
    return {
      send: (batch) => producer.send({ topic, acks: acks === "all" ? -1 : Number(acks), messages: batch }),
      close: () => producer.disconnect(),
    };
  },
  async platformatic() {
    const { Producer, ProduceAcks } = await import(pathToFileURL(require.resolve("@platformatic/kafka")).href);
    const producer = new Producer({
      clientId: "bench",
      bootstrapBrokers: [bootstrap],
      idempotent: acks === "all",
      maxInflights: IN_FLIGHT,
    });
    const level = acks === "all" ? ProduceAcks.ALL : acks === "1" ? ProduceAcks.LEADER : ProduceAcks.NO_RESPONSE;
    return {
      send: (batch) => producer.send({ messages: batch.map(({ value }) => ({ topic, value })), acks: level }),
      close: () => producer.close(),
    };
  },
};

async function produceFor(client, durationMs) {
  const end = performance.now() + durationMs;
  const size = mode === "arrays" ? VALUE_COUNT : 1;
  let sent = 0;
  async function sendInTurn() {
    while (performance.now() < end) {
      const from = sent % VALUE_COUNT;
      sent += size;
      await client.send(Array.from({ length: size }, (_, i) => ({ value: values[(from + i) % VALUE_COUNT] })));
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, sendInTurn));
  return sent;
}

const client = await clients[library]();
const warmupRecords = await produceFor(client, warmupSeconds * 1000);
const start = performance.now();
const cpuStart = process.cpuUsage();
const records = await produceFor(client, seconds * 1000);
const cpu = process.cpuUsage(cpuStart);
const elapsedSeconds = (performance.now() - start) / 1000;
const peakRssBytes = Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
await client.close();
const packageName = library === "kafkajs" ? "kafkajs" : "@platformatic/kafka";
const { version } = JSON.parse(readFileSync(`node_modules/${packageName}/package.json`, "utf8"));
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
console.log(JSON.stringify({
  version: `${version} on node ${process.versions.node}`,
  records,
  warmupRecords,
  seconds: elapsedSeconds,
  cpuSeconds,
  peakRssBytes,
}));
