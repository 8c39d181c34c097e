package tidelake;

import java.time.Instant;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.TableFunction;

/**
 * What a record of the log says: one row for a sale or a deletion, one with a reason for a record that the contract
 * refuses, none for a mark.
 *
 * <p>Amounts are whole hundredths (cents), exact in 64 bits: the contract allows 18 digits.
 */
@FunctionHint(
    output =
        @DataTypeHint(
            value =
                "ROW<field STRING, reason STRING, deleted BOOLEAN, `source` STRING, sale_id STRING,"
                    + " occurred_at TIMESTAMP_LTZ(6), country STRING, city STRING, salesman_id STRING,"
                    + " salesman STRING, cents BIGINT, currency STRING>",
            bridgedTo = RowData.class))
public final class ParseRecord extends TableFunction<RowData> {
  private static final int WIDTH = 12;
  private transient Contract contract;

  @Override
  public void open(FunctionContext context) {
    contract = new Contract();
  }

  public void eval(byte[] payload) {
    contract.read(payload);
    if (!contract.isMark()) {
      collect(contract.reason() == null ? sale() : refusal());
    }
  }

  private RowData refusal() {
    GenericRowData row = new GenericRowData(WIDTH);
    row.setField(0, StringData.fromString(contract.field() == null ? "" : contract.field()));
    row.setField(1, StringData.fromString(contract.reason()));
    row.setField(2, false);
    return row;
  }

  private RowData sale() {
    GenericRowData row = new GenericRowData(WIDTH);
    row.setField(2, contract.isDeleted());
    row.setField(3, text("source"));
    row.setField(4, text("sale_id"));
    if (!contract.isDeleted()) {
      row.setField(5, TimestampData.fromInstant(Instant.parse(contract.value("occurred_at"))));
      row.setField(6, text("country"));
      row.setField(7, text("city"));
      row.setField(8, text("salesman_id"));
      row.setField(9, text("salesman"));
      row.setField(10, cents(contract.value("amount")));
      row.setField(11, text("currency"));
    }
    return row;
  }

  private StringData text(String name) {
    return StringData.fromString(contract.value(name));
  }

  /** The contract has checked the form: digits, maybe a point, and at most two digits behind it. */
  static long cents(String amount) {
    int point = amount.indexOf('.');
    if (point < 0) {
      return Long.parseLong(amount) * 100;
    }
    long digits = Long.parseLong(amount.substring(0, point) + amount.substring(point + 1));
    return amount.length() - point == 2 ? digits * 10 : digits;
  }
}
