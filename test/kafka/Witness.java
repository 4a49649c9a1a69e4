import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterPartitionReassignmentsOptions;
import org.apache.kafka.clients.admin.CreatePartitionsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ElectLeadersOptions;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.errors.ElectionNotNeededException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * What Kafka's own Java clients say of a cluster. Run as a source file beside Kafka's jars:
 * java -cp "jars/*" Witness.java BOOTSTRAP WORK_DIRECTORY
 *
 * Reads one command a line from standard input, its words separated by tabs. Answers on standard output with frames
 * (a 32-bit length, then the bytes), closed by -1, or by -2 and one frame with the reason. All numbers are big-endian.
 *
 * It also cleans up: when standard input ends, because the test is over or was killed, it kills the watched brokers
 * and deletes the work directory.
 */
public class Witness {
  private static final int CHUNK_BYTES = 1 << 20;
  /** Changes are made while brokers die: one that hangs is given up and tried again by the test. */
  private static final int ALTER_TIMEOUT_MS = 10_000;
  private static final Set<ProcessHandle> watched = ConcurrentHashMap.newKeySet();

  private final String bootstrap;
  private final DataOutputStream out;
  private final BlockingQueue<String> lines;
  private Admin admin;

  private Witness(String bootstrap, DataOutputStream out, BlockingQueue<String> lines) {
    this.bootstrap = bootstrap;
    this.out = out;
    this.lines = lines;
  }

  public static void main(String[] args) throws Exception {
    DataOutputStream out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)));
    System.setOut(System.err);
    Path directory = Path.of(args[1]);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> cleanUp(directory)));
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    new Thread(() -> readLines(lines)).start();
    Witness witness = new Witness(args[0], out, lines);
    while (true) witness.answer(lines.take().split("\t", -1));
  }

  /** A thread of its own, so that the end of the test is noticed in the middle of a command. */
  private static void readLines(BlockingQueue<String> lines) {
    try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        // At once: in the queue it could be overtaken by the end of the test.
        if (line.startsWith("watch\t")) watch(Long.parseLong(line.substring("watch\t".length())));
        lines.add(line);
      }
    } catch (IOException e) {
      // The same as its end.
    }
    System.exit(0);
  }

  private static void watch(long pid) {
    ProcessHandle.of(pid).ifPresent(watched::add);
  }

  private static void cleanUp(Path directory) {
    watched.forEach(ProcessHandle::destroyForcibly);
    for (ProcessHandle process : watched) {
      try {
        process.onExit().get(5, TimeUnit.SECONDS);
      } catch (Exception e) {
        System.err.println("process " + process.pid() + " does not end: " + e);
      }
    }
    try (Stream<Path> paths = Files.walk(directory)) {
      paths.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
    } catch (IOException e) {
      // Already deleted by the test.
    }
  }

  private void answer(String[] words) throws IOException {
    try {
      switch (words[0]) {
        case "watch" -> {} // done, see readLines
        case "forget" -> watched.removeIf(process -> process.pid() == Long.parseLong(words[1]));
        case "await" -> awaitBrokers(words);
        case "create" -> create(words);
        case "grow" -> grow(words[1], Integer.parseInt(words[2]));
        case "move" -> move(words);
        case "sync" -> awaitInSync(words[1], -1, Long.parseLong(words[2]));
        case "ends" -> ends(words[1]);
        case "read" -> read(words[1]);
        case "produce" -> produce(words[1], Integer.parseInt(words[2]));
        default -> throw new IllegalArgumentException("unknown command " + words[0]);
      }
      out.writeInt(-1);
    } catch (Exception e) {
      Throwable reason = e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e;
      byte[] text = reason.toString().getBytes(StandardCharsets.UTF_8);
      out.writeInt(-2);
      frame(text, text.length);
    }
    out.flush();
  }

  private void frame(byte[] bytes, int length) throws IOException {
    out.writeInt(length);
    out.write(bytes, 0, length);
  }

  private Admin admin() {
    if (admin == null) {
      admin = Admin.create(config(Map.of("reconnect.backoff.max.ms", 200, "retry.backoff.max.ms", 200)));
    }
    return admin;
  }

  private Map<String, Object> config(Map<String, Object> more) {
    Map<String, Object> config = new HashMap<>(more);
    config.put("bootstrap.servers", bootstrap);
    return config;
  }

  /** await MS ID...: until the cluster lists all of these brokers. */
  private void awaitBrokers(String[] words) throws Exception {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Long.parseLong(words[1]));
    Set<Integer> wanted = Arrays.stream(words).skip(2).map(Integer::valueOf).collect(Collectors.toSet());
    while (true) {
      Set<Integer> present = Set.of();
      try {
        present = admin().describeCluster().nodes().get(2, TimeUnit.SECONDS).stream()
          .map(Node::id).collect(Collectors.toSet());
      } catch (Exception e) {
        // Not up yet.
      }
      if (present.containsAll(wanted)) return;
      if (System.nanoTime() > end) throw new IllegalStateException("brokers " + wanted + " wanted, " + present + " up");
      Thread.sleep(20);
    }
  }

  /**
   * create TOPIC PARTITIONS REPLICATION [NAME=VALUE...]: returns when every partition has all its replicas in sync and
   * its leader takes records. Metadata alone tells of a leader that answers NOT_LEADER_OR_FOLLOWER for a while yet,
   * which with acks 0 loses records.
   */
  private void create(String[] words) throws Exception {
    Map<String, String> configs = new HashMap<>();
    for (int i = 4; i < words.length; i++) {
      int equals = words[i].indexOf('=');
      configs.put(words[i].substring(0, equals), words[i].substring(equals + 1));
    }
    int partitions = Integer.parseInt(words[2]);
    NewTopic topic = new NewTopic(words[1], Optional.of(partitions), Optional.of(Short.valueOf(words[3])));
    admin().createTopics(List.of(topic.configs(configs))).all().get();
    awaitInSync(words[1], partitions, Long.MAX_VALUE);
  }

  /** sync TOPIC MS: until every partition has all its replicas in sync and its leader answers. */
  private void awaitInSync(String topic, int partitions, long timeoutMs) throws Exception {
    long start = System.nanoTime();
    while (true) {
      Object seen;
      try {
        TopicDescription description = admin().describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        seen = description.partitions();
        boolean isReady = description.partitions().stream()
          .allMatch(p -> p.leader() != null && p.isr().size() == p.replicas().size());
        if (isReady && (partitions < 0 || description.partitions().size() == partitions)) {
          partitions = description.partitions().size();
          break;
        }
      } catch (ExecutionException e) {
        seen = e; // The broker asked has not heard of the topic yet.
      }
      if (TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start) > timeoutMs) {
        throw new IllegalStateException("not in sync: " + seen);
      }
      Thread.sleep(20);
    }
    Map<TopicPartition, OffsetSpec> everyEnd = new HashMap<>();
    for (int i = 0; i < partitions; i++) everyEnd.put(new TopicPartition(topic, i), OffsetSpec.latest());
    admin().listOffsets(everyEnd).all().get(); // Only a leader answers; the client asks until one does.
  }

  /** grow TOPIC PARTITIONS: so many in all. */
  private void grow(String topic, int partitions) throws Exception {
    CreatePartitionsOptions options = new CreatePartitionsOptions().timeoutMs(ALTER_TIMEOUT_MS);
    admin().createPartitions(Map.of(topic, NewPartitions.increaseTo(partitions)), options).all().get();
  }

  /** move TOPIC BROKER PARTITION...: the broker leads these. Their replicas stay where they are, in another order. */
  private void move(String[] words) throws Exception {
    int leader = Integer.parseInt(words[2]);
    Set<Integer> moving = Arrays.stream(words).skip(3).map(Integer::valueOf).collect(Collectors.toSet());
    DescribeTopicsOptions describing = new DescribeTopicsOptions().timeoutMs(ALTER_TIMEOUT_MS);
    TopicDescription description = admin().describeTopics(List.of(words[1]), describing)
      .allTopicNames().get().get(words[1]);
    Map<TopicPartition, Optional<NewPartitionReassignment>> orders = new HashMap<>();
    for (TopicPartitionInfo partition : description.partitions()) {
      if (!moving.contains(partition.partition())) continue;
      List<Integer> ids = new ArrayList<>(partition.replicas().stream().map(Node::id).toList());
      ids.remove((Object) leader);
      ids.add(0, leader);
      orders.put(
        new TopicPartition(words[1], partition.partition()), Optional.of(new NewPartitionReassignment(ids)));
    }
    AlterPartitionReassignmentsOptions altering = new AlterPartitionReassignmentsOptions().timeoutMs(ALTER_TIMEOUT_MS);
    admin().alterPartitionReassignments(orders, altering).all().get();
    ElectLeadersOptions electing = new ElectLeadersOptions().timeoutMs(ALTER_TIMEOUT_MS);
    Map<TopicPartition, Optional<Throwable>> results =
      admin().electLeaders(ElectionType.PREFERRED, orders.keySet(), electing).partitions().get();
    for (Optional<Throwable> failure : results.values()) {
      // It leads already.
      if (failure.isPresent() && !(failure.get() instanceof ElectionNotNeededException)) {
        throw new ExecutionException(failure.get());
      }
    }
  }

  private KafkaConsumer<byte[], byte[]> consumer() {
    return new KafkaConsumer<>(
      config(Map.of(
        "enable.auto.commit", false,
        "max.poll.records", 50_000,
        "fetch.max.wait.ms", 50,
        "max.partition.fetch.bytes", 8 << 20)),
      new ByteArrayDeserializer(),
      new ByteArrayDeserializer());
  }

  private static List<TopicPartition> partitionsOf(KafkaConsumer<byte[], byte[]> consumer, String topic) {
    List<TopicPartition> partitions = new ArrayList<>();
    for (PartitionInfo info : consumer.partitionsFor(topic)) partitions.add(new TopicPartition(topic, info.partition()));
    return partitions;
  }

  /** ends TOPIC: for each partition its number, its first offset and the one after its last. */
  private void ends(String topic) throws IOException {
    try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
      List<TopicPartition> partitions = partitionsOf(consumer, topic);
      Map<TopicPartition, Long> begins = consumer.beginningOffsets(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      for (TopicPartition partition : partitions) {
        ByteBuffer buffer = ByteBuffer.allocate(20).putInt(partition.partition());
        frame(buffer.putLong(begins.get(partition)).putLong(ends.get(partition)).array(), 20);
      }
    }
  }

  /** read TOPIC: every record there was when the command came, as frames of whole records, see {@link #write}. */
  private void read(String topic) throws IOException {
    try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
      List<TopicPartition> partitions = partitionsOf(consumer, topic);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Chunk chunk = new Chunk();
      DataOutputStream data = new DataOutputStream(chunk);
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        var records = consumer.poll(Duration.ofMillis(100));
        if (!records.isEmpty()) end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        if (System.nanoTime() > end) throw new IllegalStateException("no record came for 60 s");
        for (ConsumerRecord<byte[], byte[]> record : records) {
          write(record, data);
          if (chunk.size() >= CHUNK_BYTES) chunk.flushTo(this);
        }
      }
      chunk.flushTo(this);
    }
  }

  /** Partition, offset, timestamp, key, value, number of headers, then name and value of each. Length -1 is null. */
  private static void write(ConsumerRecord<byte[], byte[]> record, DataOutputStream data) throws IOException {
    data.writeInt(record.partition());
    data.writeLong(record.offset());
    data.writeLong(record.timestamp());
    write(record.key(), data);
    write(record.value(), data);
    Header[] headers = record.headers().toArray();
    data.writeInt(headers.length);
    for (Header header : headers) {
      write(header.key().getBytes(StandardCharsets.UTF_8), data);
      write(header.value(), data);
    }
  }

  private static void write(byte[] bytes, DataOutputStream data) throws IOException {
    data.writeInt(bytes == null ? -1 : bytes.length);
    if (bytes != null) data.write(bytes);
  }

  private static final class Chunk extends ByteArrayOutputStream {
    Chunk() {
      super(2 * CHUNK_BYTES);
    }

    void flushTo(Witness witness) throws IOException {
      if (count > 0) witness.frame(buf, count);
      reset();
    }
  }

  /** produce TOPIC COUNT, then COUNT lines, a key in base64 or "-" for none: for each its partition and offset. */
  private void produce(String topic, int count) throws Exception {
    List<byte[]> keys = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String line = lines.take();
      keys.add(line.equals("-") ? null : Base64.getDecoder().decode(line));
    }
    ByteArraySerializer serializer = new ByteArraySerializer();
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config(Map.of()), serializer, serializer)) {
      List<Future<RecordMetadata>> results = new ArrayList<>();
      for (byte[] key : keys) results.add(producer.send(new ProducerRecord<>(topic, key, new byte[] {1})));
      for (Future<RecordMetadata> result : results) {
        ByteBuffer buffer = ByteBuffer.allocate(12).putInt(result.get().partition());
        frame(buffer.putLong(result.get().offset()).array(), 12);
      }
    }
  }
}
