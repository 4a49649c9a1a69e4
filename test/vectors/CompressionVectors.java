import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;

/**
 * Prints compressed batches and message sets made by the Java client's own classes, a line each: magic, codec, records,
 * repeats, bytes in base64. compressed_capture.ts runs it. The value of record i is "value i " and then repeats times
 * "i*i,".
 */
public class CompressionVectors {
    public static void main(String[] args) {
        for (byte magic = 0; magic <= 2; magic++) {
            for (CompressionType type : CompressionType.values()) {
                if (type == CompressionType.NONE || (type == CompressionType.ZSTD && magic < 2)) continue;
                print(magic, type, 20, 5);
                print(magic, type, 3, 30_000);
            }
        }
    }

    private static void print(byte magic, CompressionType type, int records, int repeats) {
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(4096), magic, Compression.of(type).build(), TimestampType.CREATE_TIME, 0L);
        for (int i = 0; i < records; i++) {
            String value = "value " + i + " " + (i * i + ",").repeat(repeats);
            builder.append(magic == 0 ? -1L : 1795363200000L + i, null, value.getBytes(StandardCharsets.UTF_8));
        }
        ByteBuffer buffer = builder.build().buffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        System.out.println(magic + " " + type.name + " " + records + " " + repeats + " " + Base64.getEncoder().encodeToString(bytes));
    }
}
