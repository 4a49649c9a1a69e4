import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.SimpleRecord;

/**
 * Prints record_batches.ts: batches made by the Java client's own classes.
 * Run with the jars of kafka-clients 4.3.1 and slf4j-api in DIR:
 * java -cp "DIR/*" RecordBatchVectors.java | deno fmt --ext ts - > record_batches.ts
 */
public class RecordBatchVectors {
    private static final StringBuilder out = new StringBuilder();
    private static final Header[] NONE = {};

    public static void main(String[] args) throws Exception {
        out.append("/**\n * Record batches made by the classes of Kafka's Java client (kafka-clients 4.3.1) and the records they were made of.\n *\n")
            .append(" * Made by RecordBatchVectors.java beside this file; its first comment has the command.\n *\n * @module\n */\n\n")
            .append("/** A record; bytes are in hexadecimal, null is null. */\n")
            .append("export interface RecordVector { timestamp: number; key: string | null; value: string | null; headers: readonly (readonly [string, string | null])[] }\n\n")
            .append("/** A batch and what it was made of. */\n")
            .append("export interface BatchVector { name: string; producerId: bigint; producerEpoch: number; baseSequence: number;\n")
            .append("/** Present where the broker's clock replaced the timestamps. */\nlogAppendTime?: number; records: readonly RecordVector[];\n/** The whole batch in hexadecimal. */\nhex: string }\n\n")
            .append("/** Small batches, spelt out. */\nexport const BATCH_VECTORS: readonly BatchVector[] = [\n");
        long now = 1795363200123L;
        batch("one value", -1, -1, -1, record(now, null, utf8("hello")));
        batch("null key and null value", -1, -1, -1, record(now, null, null));
        batch("empty key and empty value", -1, -1, -1, record(now, utf8(""), utf8("")));
        batch("key and tombstone", 4711, 3, 100, record(now, utf8("key"), null), record(now + 1, utf8("key"), utf8("value")));
        batch("headers", -1, -1, -1,
            record(now, null, utf8("v"), header("a", "1"), header("a", null), header("", ""), header("имя", "значение")),
            record(now, utf8("k"), null, header("\ufeffbom", "x")));
        batch("records older than the first", 1, 0, 0, record(now, null, utf8("a")), record(now - 1, null, utf8("b")),
            record(now - 86_400_000L * 365, null, utf8("c")), record(0, null, utf8("d")));
        batch("deltas beyond 32 bits", 1, 0, 0, record(0, null, utf8("a")), record(2147483647L, null, utf8("b")), record(2147483648L, null, utf8("c")),
            record(now, null, utf8("d")), record(1L << 40, null, utf8("e")), record(8_640_000_000_000_000L, null, utf8("f")));
        batch("greatest numbers", Long.MAX_VALUE, Short.MAX_VALUE, Integer.MAX_VALUE, record(now, null, utf8("a")), record(now, null, utf8("b")));
        batch("lengths about 64 and 8192", 9, 1, 7, record(now, bytes(63), bytes(64)), record(now, bytes(58), bytes(1)), record(now, null, bytes(57)),
            record(now, null, bytes(8191)), record(now, null, bytes(8192)), record(now, bytes(127), bytes(128), header("h", new String(new char[70]).replace('\0', 'x'))));
        SimpleRecord[] many = new SimpleRecord[200];
        for (int i = 0; i < many.length; i++) many[i] = record(now + i * i, i % 3 == 0 ? utf8("k" + i) : null, bytes(i % 40));
        batch("200 records", 12345678901L, 12, 4000, many);
        logAppendTime(now);
        out.append("];\n\n");
        large(now);
        System.out.print(out);
    }

    private static void batch(String name, long producerId, int epoch, int sequence, SimpleRecord... records) {
        open(name, producerId, epoch, sequence, "");
        describe(records);
        ByteBuffer buffer = MemoryRecords.withIdempotentRecords(Compression.NONE, producerId, (short) epoch, sequence, records).buffer();
        // withIdempotentRecords leaves the leader epoch at -1, as the producer does.
        close(buffer);
    }

    private static void logAppendTime(long now) {
        SimpleRecord[] records = {record(now, null, utf8("a")), record(now - 5, utf8("k"), utf8("b"))};
        open("timestamps by the broker's clock", -1, -1, -1, "logAppendTime: " + (now + 1000) + ",");
        describe(records);
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1024), (byte) 2, Compression.NONE, TimestampType.LOG_APPEND_TIME, 0L, now + 1000);
        for (SimpleRecord record : records) builder.append(record);
        close(builder.build().buffer());
    }

    /** Batches too large to spell out: record i has value byte j = (i * 31 + j * 7) mod 256, so both sides can make them. */
    private static void large(long now) throws Exception {
        out.append("/** Large batches: record i has timestamp base + i * step, no key, and value byte j = (i * 31 + j * 7) mod 256. Not idempotent. */\n")
            .append("export const LARGE_BATCH_VECTORS: readonly { count: number; valueBytes: number; baseTimestamp: number; timestampStep: number; byteLength: number; sha256: string }[] = [\n");
        for (long[] shape : new long[][] {{12000, 20, now, 1}, {3, 1_500_000, now, -7}, {40000, 1, now, 1000000}, {1, 16_777_216, now, 0}}) {
            SimpleRecord[] records = new SimpleRecord[(int) shape[0]];
            for (int i = 0; i < records.length; i++) {
                byte[] value = new byte[(int) shape[1]];
                for (int j = 0; j < value.length; j++) value[j] = (byte) (i * 31 + j * 7);
                records[i] = new SimpleRecord(shape[2] + i * shape[3], null, value);
            }
            ByteBuffer buffer = MemoryRecords.withIdempotentRecords(Compression.NONE, -1L, (short) -1, -1, records).buffer();
            int length = buffer.remaining();
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(buffer);
            out.append("{count:").append(shape[0]).append(",valueBytes:").append(shape[1]).append(",baseTimestamp:").append(shape[2]).append(",timestampStep:").append(shape[3])
                .append(",byteLength:").append(length).append(",sha256:\"").append(HexFormat.of().formatHex(digest.digest())).append("\"},\n");
        }
        out.append("];\n");
    }

    private static void open(String name, long producerId, int epoch, int sequence, String more) {
        out.append("{name: \"").append(name).append("\", producerId: ").append(producerId).append("n, producerEpoch: ").append(epoch)
            .append(", baseSequence: ").append(sequence).append(",").append(more).append("\n");
    }

    private static void describe(SimpleRecord[] records) {
        out.append("records: [\n");
        for (SimpleRecord record : records) {
            List<String> headers = new ArrayList<>();
            for (Header header : record.headers()) headers.add("[" + quote(header.key()) + "," + hex(header.value()) + "]");
            out.append("{ timestamp: ").append(record.timestamp()).append(", key: ").append(hex(array(record.key()))).append(", value: ")
                .append(hex(array(record.value()))).append(", headers: [").append(String.join(",", headers)).append("] },\n");
        }
        out.append("],\n");
    }

    private static void close(ByteBuffer buffer) {
        out.append("hex: ").append(hex(array(buffer))).append("},\n");
    }

    private static SimpleRecord record(long timestamp, byte[] key, byte[] value, Header... headers) {
        return new SimpleRecord(timestamp, key, value, headers.length == 0 ? NONE : headers);
    }

    private static Header header(String name, String value) {
        return new RecordHeader(name, value == null ? null : utf8(value));
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

    private static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) quoted.append(c < 32 || c > 126 ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        return quoted.append('"').toString();
    }
}
