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

/**
 * Asks the kernel's contract for its verdict on each line of the input: a topic, a tab, the payload. Answers with
 * a line for each: kind, then its values, separated by tabs. Payload and values are in Base64 behind an equals sign, or
 * a hyphen for null; microseconds since 1970 and cents are plain.
 */
final class ReadPayloads {
  private static final String[] FIELDS = {
    "source", "sale_id", "country", "city", "salesman_id", "salesman", "currency"
  };

  private ReadPayloads() {}

  public static void main(String[] arguments) throws IOException {
    Contract contract = new Contract();
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] parts = line.split("\t");
      contract.read(parts[1].equals("-") ? null : Base64.getDecoder().decode(parts[1].substring(1)), parts[0]);
      out.println(verdict(contract));
    }
    out.flush();
  }

  private static String verdict(Contract contract) {
    List<String> values = new ArrayList<>();
    if (contract.isMark()) {
      return "mark";
    }
    if (contract.reason() != null) {
      return String.join("\t", "rejected", encoded(contract.field()), encoded(contract.reason()));
    }
    if (contract.isDeleted()) {
      return String.join("\t", "deletion", encoded(contract.value("source")), encoded(contract.value("sale_id")));
    }
    values.add("sale");
    for (String field : FIELDS) {
      values.add(encoded(contract.value(field)));
    }
    Instant occurredAt = Instant.parse(contract.value("occurred_at"));
    values.add(Long.toString(ChronoUnit.MICROS.between(Instant.EPOCH, occurredAt)));
    values.add(Long.toString(ParseRecord.cents(contract.value("amount"))));
    return String.join("\t", values);
  }

  private static String encoded(String value) {
    return value == null ? "-" : "=" + Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8));
  }
}
