package tidelake;

import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;
import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ProcessTableFunction;

/**
 * The signed deltas of one sale's records, in the order of the log: minus what it was, plus what it is. The sum of a
 * sale's deltas telescopes to its latest state; a record that changes nothing gives none.
 *
 * <p>A change of the amount alone is one delta; a move to another subject or day is two. `business_day` is days from
 * 1970. `seen_salesman` is the log time in milliseconds (13 digits) followed by the salesman's name, so that the
 * greatest is the last one seen. Rows stay in Flink's own form: their texts are compared and passed on as bytes.
 */
@FunctionHint(
    output =
        @DataTypeHint(
            value =
                "ROW<`second` BIGINT, business_day INT, currency STRING, country STRING, city STRING,"
                    + " salesman_id STRING, seen_salesman STRING, cents BIGINT, sales INT>",
            bridgedTo = RowData.class))
public final class SaleSteps extends ProcessTableFunction<RowData> {
  // Positions in the input.
  private static final int LOG_TIME = 2;
  private static final int DELETED = 3;
  private static final int BUSINESS_DAY = 4;
  private static final int CENTS = 10;
  // Positions in the state: those of the input, counted from the business day.
  private static final int DAY = 0;
  private static final int SALESMAN_ID = 4;
  private static final int SALESMAN = 5;
  private static final int AMOUNT = 6;

  /** What the sale was after the record before; null before the first and after a deletion. */
  public static final class State {
    @DataTypeHint(
        value =
            "ROW<business_day INT, currency STRING, country STRING, city STRING, salesman_id STRING, salesman STRING,"
                + " cents BIGINT>",
        bridgedTo = RowData.class)
    public RowData sale;
  }

  public void eval(
      @StateHint State state,
      @ArgumentHint(
              value = SET_SEMANTIC_TABLE,
              type =
                  @DataTypeHint(
                      value =
                          "ROW<`source` STRING, sale_id STRING, log_time TIMESTAMP_LTZ(3), deleted BOOLEAN,"
                              + " business_day INT, currency STRING, country STRING, city STRING,"
                              + " salesman_id STRING, salesman STRING, cents BIGINT>",
                      bridgedTo = RowData.class))
          RowData input) {
    RowData was = state.sale;
    RowData is = input.getBoolean(DELETED) ? null : sale(input);
    long logMs = input.getTimestamp(LOG_TIME, 3).getMillisecond();
    if (was != null && is != null && stays(was, is)) {
      long more = is.getLong(AMOUNT) - was.getLong(AMOUNT);
      if (more == 0 && Objects.equals(text(was, SALESMAN), text(is, SALESMAN))) {
        return;
      }
      collect(delta(logMs, is, more, 0));
    } else {
      if (was != null) {
        collect(delta(logMs, was, -was.getLong(AMOUNT), -1));
      }
      if (is != null) {
        collect(delta(logMs, is, is.getLong(AMOUNT), 1));
      }
    }
    state.sale = is;
  }

  private static RowData sale(RowData input) {
    GenericRowData sale = new GenericRowData(AMOUNT + 1);
    sale.setField(DAY, input.getInt(BUSINESS_DAY));
    for (int at = DAY + 1; at < AMOUNT; at++) {
      sale.setField(at, text(input, BUSINESS_DAY + at));
    }
    sale.setField(AMOUNT, input.getLong(CENTS));
    return sale;
  }

  /** Whether the sale counts for the same day, currency and subjects as before. */
  private static boolean stays(RowData was, RowData is) {
    if (was.getInt(DAY) != is.getInt(DAY)) {
      return false;
    }
    for (int at = DAY + 1; at <= SALESMAN_ID; at++) {
      if (!was.getString(at).equals(is.getString(at))) {
        return false;
      }
    }
    return true;
  }

  private static RowData delta(long logMs, RowData of, long cents, int sales) {
    GenericRowData delta = new GenericRowData(9);
    delta.setField(0, Math.floorDiv(logMs, 1000L));
    delta.setField(1, of.getInt(DAY));
    for (int at = DAY + 1; at <= SALESMAN_ID; at++) {
      delta.setField(1 + at, of.getString(at));
    }
    delta.setField(6, sales < 0 ? null : seen(logMs, text(of, SALESMAN)));
    delta.setField(7, cents);
    delta.setField(8, sales);
    return delta;
  }

  private static StringData text(RowData row, int at) {
    return row.isNullAt(at) ? null : row.getString(at);
  }

  private static StringData seen(long logMs, StringData name) {
    if (name == null) {
      return null;
    }
    byte[] digits = digits(logMs).getBytes(StandardCharsets.US_ASCII);
    byte[] text = name.toBytes();
    byte[] both = Arrays.copyOf(digits, digits.length + text.length);
    System.arraycopy(text, 0, both, digits.length, text.length);
    return StringData.fromBytes(both);
  }

  /** Thirteen digits reach from 2001 to 2286; String.format would cost more than the rest of the record. */
  private static String digits(long logMs) {
    return logMs >= 1_000_000_000_000L ? Long.toString(logMs) : Long.toString(10_000_000_000_000L + logMs).substring(1);
  }
}
