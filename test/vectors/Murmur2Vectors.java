import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

/**
 * Prints murmur2.ts: what the Java client makes of a table of keys.
 * Run with the jar of kafka-clients: java -cp kafka-clients-4.3.1.jar Murmur2Vectors.java | deno fmt --ext ts - > murmur2.ts
 */
public class Murmur2Vectors {
    public static void main(String[] args) {
        Random random = new Random(20261122);
        List<byte[]> keys = new ArrayList<>();
        for (int length = 0; length <= 40; length++) {
            byte[] letters = new byte[length];
            for (int i = 0; i < length; i++) letters[i] = (byte) ('a' + i % 26);
            keys.add(letters);
            byte[] bytes = new byte[length];
            random.nextBytes(bytes);
            keys.add(bytes);
        }
        for (String text : new String[] {"0", "1", "12", "user-17", "order:2026-11-22", "ключ", "鍵と値", "naïve", "🔑", "\ufeffbom", " ", "\0"}) {
            keys.add(text.getBytes(StandardCharsets.UTF_8));
        }
        for (int fill : new int[] {0x00, 0x7f, 0x80, 0xff}) {
            for (int length = 1; length <= 5; length++) {
                byte[] bytes = new byte[length];
                java.util.Arrays.fill(bytes, (byte) fill);
                keys.add(bytes);
            }
        }
        for (int length : new int[] {100, 255, 256, 1000}) {
            byte[] bytes = new byte[length];
            random.nextBytes(bytes);
            keys.add(bytes);
        }
        print(keys);
    }

    private static void print(List<byte[]> keys) {
        StringBuilder out = new StringBuilder();
        out.append("/**\n * What Kafka's Java client (kafka-clients 4.3.1) makes of a table of keys: `Utils.murmur2(key)`, then\n")
            .append(" * `BuiltInPartitioner.partitionForKey(key, n)` for n = 1, 3, 12 and 1000.\n *\n")
            .append(" * Made by Murmur2Vectors.java beside this file; its first comment has the command.\n *\n * @module\n */\n\n")
            .append("/** The key in hexadecimal, its hash, its partition of 1, 3, 12 and 1000. */\n")
            .append("export const MURMUR2_VECTORS: readonly (readonly [string, number, number, number, number, number])[] = [\n");
        for (byte[] key : keys) {
            out.append("[\"").append(HexFormat.of().formatHex(key)).append("\",").append(Utils.murmur2(key));
            for (int n : new int[] {1, 3, 12, 1000}) out.append(',').append(BuiltInPartitioner.partitionForKey(key, n));
            out.append("],\n");
        }
        System.out.print(out.append("];\n"));
    }
}
