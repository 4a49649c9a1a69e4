import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { assertEquals } from "@std/assert";
import { createProducer, placeOrder, tryPlaceOrder } from "./orders.ts";

const order = { id: "1", customer: "ada", totalCents: 1_999 };

Deno.test("placeOrder() writes the order as JSON under its customer's key", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { orders: 3 } });
  await using producer = createProducer(cluster.bootstrap);

  const { partition } = await placeOrder(producer, order);

  const [record] = cluster.records("orders", partition);
  assertEquals(JSON.parse(record!.text()), order);
  assertEquals(record!.key, new TextEncoder().encode("ada"));
  assertEquals(record!.headers, [["version", new TextEncoder().encode("1")]]);
});

Deno.test("placeOrder() keeps the orders of a customer in order, while the leader moves", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { orders: 1 }, replication: 2 });
  await using producer = createProducer(cluster.bootstrap);

  await placeOrder(producer, { ...order, id: "1" });
  cluster.moveLeader("orders", 0, 2);
  await placeOrder(producer, { ...order, id: "2" });
  await cluster.stop(2);
  await placeOrder(producer, { ...order, id: "3" });

  const ids = cluster.records("orders").map((record) => JSON.parse(record.text()).id);
  assertEquals(ids, ["1", "2", "3"]);
});

Deno.test("placeOrder() writes an order once when the answer gets lost", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { orders: 1 } });
  await using producer = createProducer(cluster.bootstrap);
  cluster.failNext("Produce", { fault: "close", handled: true });

  await placeOrder(producer, order);

  assertEquals(cluster.records("orders").length, 1);
});

Deno.test("tryPlaceOrder() is sure that nothing is written when Kafka is down", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { orders: 1 } });
  await using producer = createProducer(cluster.bootstrap);
  await cluster.stop();

  const answer = await tryPlaceOrder(producer, order, 50);

  assertEquals(answer, "refused");
});

Deno.test("tryPlaceOrder() is refused by a broker that may not write", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { orders: 1 } });
  await using producer = createProducer(cluster.bootstrap);
  cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");

  const answer = await tryPlaceOrder(producer, order);

  assertEquals([answer, cluster.records("orders").length], ["refused", 0]);
});

Deno.test("tryPlaceOrder() does not know what became of an order without an answer", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { orders: 1 } });
  await using producer = createProducer(cluster.bootstrap);
  await producer.prepare("orders");
  cluster.intercept("Produce", async (request, next) => {
    await next(request); // The broker writes it down …
    return { fault: "silent" }; // … and does not say so.
  });

  const answer = await tryPlaceOrder(producer, order, 200);

  assertEquals(answer, "unknown");
  await producer.abort(); // It would go on trying.
});
