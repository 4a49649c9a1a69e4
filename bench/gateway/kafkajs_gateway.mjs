// A gateway as many write it: node:http, kafkajs, a batch every 5 ms, an answer once Kafka has the record.
// `node kafkajs_gateway.mjs PORT BOOTSTRAP TOPIC`, in a folder that has kafkajs.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { Kafka, logLevel } = createRequire(`${process.cwd()}/`)("kafkajs");
const [port, bootstrap, topic] = process.argv.slice(2);
const producer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR }).producer({
  allowAutoTopicCreation: false,
});
await producer.connect();

const LINGER_MS = 5;
let waiting = [];

async function send() {
  const batch = waiting;
  waiting = [];
  try {
    await producer.send({ topic, acks: -1, messages: batch.map(({ value }) => ({ value })) });
    for (const { response } of batch) response.end('{"ok":1}');
  } catch {
    for (const { response } of batch) response.writeHead(503).end();
  }
}

createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    if (waiting.push({ value: Buffer.concat(chunks), response }) === 1) setTimeout(send, LINGER_MS);
  });
}).listen(Number(port), "127.0.0.1");
