// Creates a topic, writes two records and asks for offsets with kafkajs, by way of the bootstrap address given.
const { Kafka, logLevel } = require(process.argv[3]);

async function main() {
  const kafka = new Kafka({ clientId: "kafkajs", brokers: [process.argv[2]], logLevel: logLevel.ERROR });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: "made-by-kafkajs", numPartitions: 2, replicationFactor: 1 }] });
  await admin.fetchTopicOffsets("vectors");
  await admin.disconnect();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const messages = [{ key: "key", value: "value", headers: { header: "text" }, partition: 0 }, {
    value: "no key",
    partition: 0,
  }];
  await producer.send({ topic: "vectors", messages });
  await producer.disconnect();
}

main().then(() => process.exit(0)); // A rejection ends the process with its stack.
