package tidelake;

import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import java.time.Instant;
import java.util.Objects;
import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.functions.ProcessTableFunction;
import org.apache.flink.types.Row;

/**
 * The signed deltas of one sale's records, in the order of the log: minus what it was, plus what it is. The sum of a
 * sale's deltas telescopes to its latest state; a record that changes nothing gives none.
 *
 * <p>Input columns: log_time, deleted, business_day (days from 1970), currency, country, city, salesman_id, salesman, cents. A change of
 * the amount alone is one delta; a move to another subject or day is two. `seen_salesman` is the log time in milliseconds (13
 * digits) followed by the salesman's name, so that the greatest is the last one seen.
 */
@FunctionHint(
    output =
        @DataTypeHint(
            "ROW<`second` BIGINT, business_day INT, currency STRING, country STRING, city STRING, salesman_id STRING,"
                + " seen_salesman STRING, cents BIGINT, sales INT>"))
public final class SaleSteps extends ProcessTableFunction<Row> {

  /** What the sale was after the record before; `exists` is false before the first and after a deletion. */
  public static final class State {
    public Boolean exists = false;
    public Integer day;
    public String currency;
    public String country;
    public String city;
    public String salesmanId;
    public String salesman;
    public Long cents;

    private boolean stays(State next) {
      return next.exists
          && day.equals(next.day)
          && currency.equals(next.currency)
          && country.equals(next.country)
          && city.equals(next.city)
          && salesmanId.equals(next.salesmanId);
    }

    private boolean same(State next) {
      return exists
          ? stays(next) && cents.equals(next.cents) && Objects.equals(salesman, next.salesman)
          : !next.exists;
    }

    private void become(State next) {
      exists = next.exists;
      day = next.day;
      currency = next.currency;
      country = next.country;
      city = next.city;
      salesmanId = next.salesmanId;
      salesman = next.salesman;
      cents = next.cents;
    }
  }

  public void eval(@StateHint State state, @ArgumentHint(SET_SEMANTIC_TABLE) Row input) {
    State next = next(input);
    if (state.same(next)) {
      return;
    }
    long logMs = input.<Instant>getFieldAs("log_time").toEpochMilli();
    if (state.exists && state.stays(next)) {
      collect(delta(logMs, next, next.cents - state.cents, 0));
    } else {
      if (state.exists) {
        collect(delta(logMs, state, -state.cents, -1));
      }
      if (next.exists) {
        collect(delta(logMs, next, next.cents, 1));
      }
    }
    state.become(next);
  }

  private static State next(Row input) {
    State next = new State();
    next.exists = !input.<Boolean>getFieldAs("deleted");
    if (next.exists) {
      next.day = input.getFieldAs("business_day");
      next.currency = input.getFieldAs("currency");
      next.country = input.getFieldAs("country");
      next.city = input.getFieldAs("city");
      next.salesmanId = input.getFieldAs("salesman_id");
      next.salesman = input.getFieldAs("salesman");
      next.cents = input.getFieldAs("cents");
    }
    return next;
  }

  /** Thirteen digits reach from 2001 to 2286; String.format would cost more than the rest of the record. */
  private static String digits(long logMs) {
    return logMs >= 1_000_000_000_000L ? Long.toString(logMs) : Long.toString(10_000_000_000_000L + logMs).substring(1);
  }

  private static Row delta(long logMs, State of, long cents, int sales) {
    String seen = sales < 0 || of.salesman == null ? null : digits(logMs) + of.salesman;
    return Row.of(Math.floorDiv(logMs, 1000L), of.day, of.currency, of.country, of.city, of.salesmanId, seen, cents, sales);
  }
}
