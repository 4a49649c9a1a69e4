import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Creates a topic, writes two records and reads two, with Kafka's own clients, by way of each bootstrap address given. */
public class Clients {
    public static void main(String[] args) throws Exception {
        for (int index = 0; index < args.length; index++) {
            create(args[index], "made-" + index);
            produce(args[index]);
            consume(args[index]);
        }
    }

    /** May fail: the admin client refuses brokers as old as some that it is shown. */
    private static void create(String bootstrap, String topic) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap, "default.api.timeout.ms", 5000, "request.timeout.ms", 5000))) {
            var wanted = new NewTopic(topic, Optional.of(2), Optional.of((short) 1)).configs(Map.of("retention.ms", "-1"));
            admin.createTopics(List.of(wanted)).all().get();
        } catch (java.util.concurrent.ExecutionException refused) {
            System.out.println(topic + ": " + refused.getMessage());
        }
    }

    private static void produce(String bootstrap) throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "linger.ms", 50);
        try (var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            var record = new ProducerRecord<>("vectors", 0, "key", "value");
            record.headers().add("header", "text".getBytes(StandardCharsets.UTF_8));
            producer.send(record);
            producer.send(new ProducerRecord<>("vectors", 0, null, "no key")).get();
        }
    }

    private static void consume(String bootstrap) {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "enable.auto.commit", false, "max.partition.fetch.bytes", 256);
        try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            var partition = new TopicPartition("vectors", 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            int count = 0;
            while (count < 2) count += consumer.poll(Duration.ofSeconds(1)).count();
        }
    }
}
