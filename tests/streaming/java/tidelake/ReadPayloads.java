package tidelake;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.Collector;

/**
 * Asks the kernel's parser for its verdict on each line of the input, a payload. Answers with a line
 * for each: kind, then its values, separated by tabs. Payload and values are in Base64 behind an equals sign, or a hyphen
 * for null; microseconds since 1970 and cents are plain.
 */
final class ReadPayloads implements Collector<RowData> {
  private final List<String> verdicts = new ArrayList<>();

  public static void main(String[] arguments) throws IOException {
    ReadPayloads reader = new ReadPayloads();
    ParseRecord parser = new ParseRecord();
    parser.open(null);
    parser.setCollector(reader);
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      parser.eval(line.equals("-") ? null : Base64.getDecoder().decode(line.substring(1)));
      out.println(reader.verdict());
    }
    out.flush();
  }

  @Override
  public void collect(RowData row) {
    if (!row.isNullAt(1)) {
      verdicts.add(String.join("\t", "rejected", text(row, 0), text(row, 1)));
    } else if (row.getBoolean(2)) {
      verdicts.add(String.join("\t", "deletion", text(row, 3), text(row, 4)));
    } else {
      verdicts.add(sale(row));
    }
  }

  @Override
  public void close() {}

  /** Of the record read last: a mark gives no row, every other record one. */
  private String verdict() {
    String verdict = verdicts.isEmpty() ? "mark" : String.join(" and ", verdicts);
    verdicts.clear();
    return verdict;
  }

  private static String sale(RowData row) {
    List<String> values = new ArrayList<>(List.of("sale"));
    for (int at : new int[] {3, 4, 6, 7, 8, 9, 11}) {
      values.add(text(row, at));
    }
    values.add(Long.toString(ChronoUnit.MICROS.between(Instant.EPOCH, row.getTimestamp(5, 6).toInstant())));
    values.add(Long.toString(row.getLong(10)));
    return String.join("\t", values);
  }

  private static String text(RowData row, int at) {
    return row.isNullAt(at) ? "-" : "=" + Base64.getEncoder().encodeToString(row.getString(at).toBytes());
  }
}
