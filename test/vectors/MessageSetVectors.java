import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.SimpleRecord;
import org.apache.kafka.common.record.TimestampType;

/**
 * Prints message_sets.ts: message sets made by the Java client's own classes.
 * Run with the jars of Kafka 3.9.1 in DIR:
 * java -cp "DIR/*" MessageSetVectors.java | deno fmt --ext ts - > message_sets.ts
 */
public class MessageSetVectors {
    private static final StringBuilder out = new StringBuilder();

    public static void main(String[] args) {
        out.append("/**\n * Message sets made by the classes of Kafka's Java client (kafka-clients 3.9.1) and the records they were made of.\n *\n")
            .append(" * Made by MessageSetVectors.java beside this file; its first comment has the command.\n *\n * @module\n */\n\n")
            .append("/** A message set and what it was made of; bytes are in hexadecimal, null is null. */\n")
            .append("export interface MessageSetVector { name: string; magic: 0 | 1; codec: 0 | 1 | 2 | 3; firstOffset: bigint;\n")
            .append("/** Present where the broker's clock replaced the timestamps. */\nlogAppendTime?: number;\n")
            .append("records: readonly { timestamp: number; key: string | null; value: string | null }[];\n/** The whole set. */\nhex: string }\n\n")
            .append("/** Small sets, spelt out. */\nexport const MESSAGE_SET_VECTORS: readonly MessageSetVector[] = [\n");
        long now = 1795363200123L;
        for (byte magic = 0; magic < 2; magic++) {
            for (CompressionType codec : new CompressionType[] {CompressionType.NONE, CompressionType.GZIP, CompressionType.SNAPPY, CompressionType.LZ4}) {
                set("one value", magic, codec, 0, record(now, null, utf8("hello")));
                set("keys, values, nulls and nothing", magic, codec, 0, record(now, null, null), record(now + 5, utf8(""), utf8("")),
                    record(now - 5, utf8("key"), null), record(0, utf8("k"), utf8("v")));
                set("in the middle of a log", magic, codec, 5_000_000_000L, record(now, null, utf8("a")), record(now, null, utf8("b")), record(now, null, utf8("c")));
                set("longer values", magic, codec, 0, record(now, bytes(63), bytes(200)), record(now, null, bytes(1001)));
            }
        }
        for (CompressionType codec : new CompressionType[] {CompressionType.NONE, CompressionType.GZIP}) {
            SimpleRecord[] records = {record(now, null, utf8("a")), record(now - 5, utf8("k"), utf8("b"))};
            open("timestamps by the broker's clock", (byte) 1, codec, 7, "logAppendTime: " + (now + 1000) + ",", records);
            MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1024), (byte) 1, Compression.of(codec).build(), TimestampType.LOG_APPEND_TIME, 7L, now + 1000);
            for (SimpleRecord record : records) builder.append(record);
            close(builder.build().buffer());
        }
        out.append("];\n");
        System.out.print(out);
    }

    private static void set(String name, byte magic, CompressionType codec, long firstOffset, SimpleRecord... records) {
        open(name, magic, codec, firstOffset, "", records);
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(4096), magic, Compression.of(codec).build(),
            TimestampType.CREATE_TIME, firstOffset, RecordBatch.NO_TIMESTAMP);
        for (SimpleRecord record : records) {
            if (magic == 0) builder.append(RecordBatch.NO_TIMESTAMP, record.key(), record.value());
            else builder.append(record);
        }
        close(builder.build().buffer());
    }

    private static void open(String name, byte magic, CompressionType codec, long firstOffset, String more, SimpleRecord[] records) {
        out.append("{name: \"").append(name).append(", format ").append(magic).append(", ").append(codec.name).append("\", magic: ").append(magic)
            .append(", codec: ").append(codec.id).append(", firstOffset: ").append(firstOffset).append("n,").append(more).append("\nrecords: [\n");
        for (SimpleRecord record : records) {
            out.append("{ timestamp: ").append(magic == 0 ? -1 : record.timestamp()).append(", key: ").append(hex(array(record.key())))
                .append(", value: ").append(hex(array(record.value()))).append(" },\n");
        }
        out.append("],\n");
    }

    private static void close(ByteBuffer buffer) {
        out.append("hex: ").append(hex(array(buffer))).append("},\n");
    }

    private static SimpleRecord record(long timestamp, byte[] key, byte[] value) {
        return new SimpleRecord(timestamp, key, value);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static byte[] array(ByteBuffer buffer) {
        if (buffer == null) return null;
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? "null" : "\"" + HexFormat.of().formatHex(bytes) + "\"";
    }
}
