package tidelake;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParseException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.StreamReadConstraints;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * The contract of a record, applied at the speed of the stream. The rules come from the definitions as data
 * (contract.json, written by rankings.contract when this is compiled); the Python parser there is the reference, and
 * the tests hold the two to the same verdicts.
 *
 * <p>An instance is used by one thread and keeps the last record's values.
 */
final class Contract {
  private final List<Rule> rules = new ArrayList<>();
  private final Map<String, Integer> index = new HashMap<>();
  private final int keyRules;
  private final String deletedField;
  private final String markField;
  private final String trimmed;
  private final int longestShown;
  private final int longestNumber;
  private final JsonFactory json;
  private final String[] text;
  private final String[] kind;
  private boolean mark;
  private boolean deleted;
  private String wrongDeletion;
  private String field;
  private String reason;

  Contract() {
    try (InputStream data = Contract.class.getResourceAsStream("/contract.json")) {
      JsonNode contract = new ObjectMapper().readTree(data);
      contract.get("key_rules").forEach(each -> rules.add(new Rule(each)));
      keyRules = rules.size();
      contract.get("sale_rules").forEach(each -> rules.add(new Rule(each)));
      deletedField = contract.get("deleted_field").asText();
      markField = contract.get("mark_field").asText();
      trimmed = contract.get("trimmed").asText();
      longestShown = contract.get("longest_shown").asInt();
      longestNumber = contract.get("longest_number").asInt();
      json = factory(contract.get("deepest").asInt());
    } catch (IOException error) {
      throw new UncheckedIOException("contract.json cannot be read", error);
    }
    for (int i = 0; i < rules.size(); i++) {
      index.put(rules.get(i).field, i);
    }
    text = new String[rules.size()];
    kind = new String[rules.size()];
  }

  private static JsonFactory factory(int deepest) {
    StreamReadConstraints limits =
        StreamReadConstraints.builder()
            .maxNestingDepth(deepest)
            .maxNumberLength(Integer.MAX_VALUE)
            .maxNameLength(Integer.MAX_VALUE)
            .build();
    return JsonFactory.builder()
        .streamReadConstraints(limits)
        .build()
        .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
  }

  /** Reads one record; the getters then tell what it says. */
  void read(byte[] payload) {
    reset();
    if (payload == null || payload.length == 0) {
      refuse(null, "payload: received nothing, valid: a JSON object");
    } else {
      readObject(payload);
    }
  }

  boolean isMark() {
    return mark;
  }

  boolean isDeleted() {
    return deleted;
  }

  /** The field that is wrong, or null: then the payload as a whole is, or nothing. */
  String field() {
    return field;
  }

  /** Why the record is refused, or null if it is not. */
  String reason() {
    return reason;
  }

  /** The value of a field of a sale, trimmed and in NFC; null if it has none. */
  String value(String name) {
    return text[index.get(name)];
  }

  private void reset() {
    java.util.Arrays.fill(text, null);
    java.util.Arrays.fill(kind, null);
    mark = false;
    deleted = false;
    wrongDeletion = null;
    field = null;
    reason = null;
  }

  private void refuse(String field, String reason) {
    this.field = field;
    this.reason = reason;
  }

  private void readObject(byte[] payload) {
    try (JsonParser parser = json.createParser(decoded(payload))) {
      readObject(parser);
    } catch (CharacterCodingException error) {
      refuse(null, "payload: not UTF-8, valid: a JSON object in UTF-8");
    } catch (IOException error) {
      refuse(null, "payload: not JSON (" + firstLine(error) + "), valid: a JSON object");
    }
    // What is refused as a whole is no mark, whatever it holds.
    mark &= reason == null;
    if (!mark && reason == null) {
      judge();
    }
  }

  private void readObject(JsonParser parser) throws IOException {
    JsonToken first = parser.nextToken();
    if (first != JsonToken.START_OBJECT) {
      refuse(null, notAnObject(parser, first));
      return;
    }
    try {
      readFields(parser);
    } catch (JsonParseException error) {
      if (!firstLine(error).startsWith("Duplicate field")) {
        throw error;
      }
      String twice = shown(parser.currentName());
      refuse(null, "payload: the name " + twice + " stands twice in an object, valid: each name once");
      return;
    }
    if (parser.nextToken() != null) {
      refuse(null, "payload: not JSON (something stands behind it), valid: a JSON object");
    }
  }

  /** Text first: Jackson would guess UTF-16 and UTF-32 from bytes, and let some broken UTF-8 pass. */
  private static String decoded(byte[] payload) throws CharacterCodingException {
    return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(payload)).toString();
  }

  private String notAnObject(JsonParser parser, JsonToken first) throws IOException {
    if (first == null) {
      return "payload: not JSON (only white space), valid: a JSON object";
    }
    skip(parser, first);
    if (parser.nextToken() != null) {
      return "payload: not JSON (something stands behind it), valid: a JSON object";
    }
    return "payload: received " + kindOf(first) + ", valid: a JSON object";
  }

  private void readFields(JsonParser parser) throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken token = parser.nextToken();
      Integer at = index.get(name);
      mark |= name.equals(markField);
      if (name.equals(deletedField)) {
        readDeletion(parser, token);
      }
      if (at != null && token != JsonToken.VALUE_NULL) {
        kind[at] = kindOf(token);
        text[at] = token == JsonToken.VALUE_STRING ? parser.getText() : null;
      }
      skip(parser, token);
    }
  }

  /** To the end of a value. Jackson's own limit of numbers counts the digits of some only. */
  private void skip(JsonParser parser, JsonToken value) throws IOException {
    int depth = 0;
    for (JsonToken token = value; ; token = parser.nextToken()) {
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      if (token.isNumeric() && parser.getTextLength() > longestNumber && digits(parser.getText()) > longestNumber) {
        throw new JsonParseException(parser, "a number of more than " + longestNumber + " digits");
      }
      if (depth == 0) {
        return;
      }
    }
  }

  private static long digits(String number) {
    return number.chars().filter(each -> each >= '0' && each <= '9').count();
  }

  private void readDeletion(JsonParser parser, JsonToken token) throws IOException {
    String said = token == JsonToken.VALUE_STRING ? parser.getText() : "";
    if (token == JsonToken.VALUE_TRUE || said.equals("true")) {
      deleted = true;
    } else if (token != JsonToken.VALUE_FALSE && token != JsonToken.VALUE_NULL && !said.equals("false")) {
      wrongDeletion = kindOf(token);
    }
  }

  /** In the order of the reference: the key, whether it is a deletion, the other fields. */
  private void judge() {
    if (!accept(0, keyRules)) {
      return;
    }
    if (wrongDeletion != null) {
      refuse(deletedField, deletedField + ": received " + wrongDeletion + ", valid: true or false");
    } else if (!deleted) {
      accept(keyRules, rules.size());
    }
  }

  private boolean accept(int from, int to) {
    for (int i = from; i < to && reason == null; i++) {
      accept(i, rules.get(i));
    }
    return reason == null;
  }

  private void accept(int at, Rule rule) {
    if (kind[at] == null) {
      if (rule.required) {
        refuse(rule.field, rule.field + ": missing, valid: " + rule.valid);
      }
    } else if (text[at] == null) {
      refuse(rule.field, rule.field + ": received " + kind[at] + ", valid: " + rule.valid);
    } else {
      text[at] = normal(text[at]);
      if (!rule.matches(text[at])) {
        refuse(rule.field, rule.field + ": received " + shown(text[at]) + ", valid: " + rule.valid);
      }
    }
  }

  private String normal(String value) {
    int start = 0;
    int end = value.length();
    while (start < end && trimmed.indexOf(value.charAt(start)) >= 0) {
      start++;
    }
    while (start < end && trimmed.indexOf(value.charAt(end - 1)) >= 0) {
      end--;
    }
    String cut = value.substring(start, end);
    if (isAscii(cut)) {
      return cut;
    }
    // Half a surrogate pair becomes a question mark, as it would wherever the text is written.
    String whole = new String(cut.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    return Normalizer.normalize(whole, Normalizer.Form.NFC);
  }

  private static boolean isAscii(String value) {
    for (int i = 0; i < value.length(); i++) {
      if (value.charAt(i) > 127) {
        return false;
      }
    }
    return true;
  }

  private String shown(String value) {
    int length = value.codePointCount(0, value.length());
    if (length <= longestShown) {
      return "'" + value + "'";
    }
    return "'" + value.substring(0, value.offsetByCodePoints(0, longestShown)) + "…'";
  }

  private static String kindOf(JsonToken token) {
    return switch (token) {
      case VALUE_STRING -> "a string";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case VALUE_NULL -> "null";
      case START_ARRAY -> "an array";
      default -> "an object";
    };
  }

  private static String firstLine(IOException error) {
    return String.valueOf(error.getMessage()).lines().findFirst().orElse("");
  }

  private static final class Rule {
    final String field;
    final String valid;
    final boolean required;
    private final int longest;
    private final Matcher matcher;

    Rule(JsonNode rule) {
      field = rule.get("field").asText();
      valid = rule.get("valid").asText();
      required = rule.get("required").asBoolean();
      longest = rule.get("longest").asInt();
      matcher = Pattern.compile(rule.get("pattern").asText()).matcher("");
    }

    boolean matches(String value) {
      return value.codePointCount(0, value.length()) <= longest && matcher.reset(value).matches();
    }
  }
}
