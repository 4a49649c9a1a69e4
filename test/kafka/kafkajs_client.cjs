// Produces into a cluster, or reads all of a topic, with kafkajs: node kafkajs_client.cjs MODULE BOOTSTRAP TOPIC COMMAND
// "produce" takes { acks, idempotent, messages } as JSON from standard input; "read" prints records as JSON. Bytes are
// base64. Reads without a consumer group, which the embedded broker does not have: by kafkajs' own cluster and broker.
// kafkajs compresses gzip alone; Snappy and LZ4 are plugged in, from pure JavaScript. Its codecs of zstd and its usual one of
// LZ4 (kafkajs-lz4, @kafkajs/zstd) are native builds.
const [modulePath, bootstrap, topic, command] = process.argv.slice(2);
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require(modulePath);
const snappy = require(`${modulePath}/../kafkajs-snappy`);
const lz4 = require(`${modulePath}/../lz4js`);

CompressionCodecs[CompressionTypes.Snappy] = snappy;
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: ({ buffer }) => Promise.resolve(Buffer.from(lz4.compress(buffer))),
  decompress: (buffer) => Promise.resolve(Buffer.from(lz4.decompress(buffer))),
});
const codecs = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
};

const kafka = new Kafka({ clientId: "kafkajs", brokers: bootstrap.split(","), logLevel: logLevel.ERROR });
const toBytes = (text) => text === null ? null : Buffer.from(text, "base64");
const toText = (bytes) => bytes === null ? null : bytes.toString("base64");

async function produce() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { acks, idempotent, compression = "none", messages } = JSON.parse(Buffer.concat(chunks).toString());
  const producer = kafka.producer({ idempotent, maxInFlightRequests: idempotent ? 1 : null });
  await producer.connect();
  const all = messages.map(({ key, value, headers }) => ({
    key: toBytes(key),
    value: toBytes(value),
    headers: Object.fromEntries(headers.map(([name, text]) => [name, toBytes(text)])),
  }));
  const options = { topic, acks, compression: codecs[compression] };
  for (let i = 0; i < all.length; i += 100) await producer.send({ ...options, messages: all.slice(i, i + 100) });
  await producer.disconnect();
}

async function read() {
  const createCluster = Object.getOwnPropertySymbols(kafka).find((symbol) => String(symbol).includes("createCluster"));
  const cluster = kafka[createCluster]({ metadataMaxAge: 60_000, allowAutoTopicCreation: false });
  await cluster.connect();
  await cluster.addTargetTopic(topic);
  const partitions = cluster.findTopicPartitionMetadata(topic);
  const ids = partitions.map(({ partitionId }) => partitionId).sort((a, b) => a - b);
  const [ends] = await cluster.fetchTopicsOffset([{ topic, partitions: ids.map((partition) => ({ partition })) }]);
  const records = [];
  for (const { partition, offset: end } of ends.partitions) {
    const { leader } = partitions.find(({ partitionId }) => partitionId === partition);
    const broker = await cluster.findBroker({ nodeId: String(leader) });
    for (let next = 0n; next < BigInt(end);) {
      const fetched = await broker.fetch({
        replicaId: -1,
        isolationLevel: 0,
        maxWaitTime: 100,
        topics: [{ topic, partitions: [{ partition, fetchOffset: String(next), maxBytes: 1 << 20 }] }],
      });
      for (const { key, value, headers, offset, timestamp } of fetched.responses[0].partitions[0].messages) {
        if (BigInt(offset) < next) continue; // A batch comes whole, also when only its end was asked for.
        const texts = Object.entries(headers ?? {}).map(([name, bytes]) => [name, toText(bytes)]);
        const [keyText, valueText] = [key, value].map(toText);
        records.push({
          partition,
          offset,
          timestamp: Number(timestamp),
          key: keyText,
          value: valueText,
          headers: texts,
        });
        next = BigInt(offset) + 1n;
      }
    }
  }
  await cluster.disconnect();
  process.stdout.write(JSON.stringify(records));
}

({ produce, read })[command](); // A rejection ends the process with its stack.
