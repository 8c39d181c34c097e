package tidelake;

import java.math.BigDecimal;
import java.time.Instant;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF1;

/**
 * What a record of the log says, as a function of Spark SQL: the kernel's contract, which the stream applies too. The
 * columns are those of the view `parsed` from `kind` to `reason`.
 */
public final class ParsePayload implements UDF1<byte[], Row> {
  private static final ThreadLocal<Contract> CONTRACTS = ThreadLocal.withInitial(Contract::new);

  @Override
  public Row call(byte[] payload) {
    Contract said = CONTRACTS.get();
    said.read(payload);
    if (said.reason() != null) {
      return row("rejected", said.field(), said.reason());
    }
    return said.isMark() ? row("mark", null, null) : said.isDeleted() ? deletion(said) : sale(said);
  }

  private static Row row(String kind, String field, String reason) {
    return RowFactory.create(kind, null, null, null, null, null, null, null, null, null, field, reason);
  }

  private static Row deletion(Contract said) {
    Object[] key = {said.value("source"), said.value("sale_id")};
    return RowFactory.create("deletion", key[0], key[1], null, null, null, null, null, null, null, null, null);
  }

  private static Row sale(Contract said) {
    return RowFactory.create(
        "sale",
        said.value("source"),
        said.value("sale_id"),
        Instant.parse(said.value("occurred_at")),
        said.value("country"),
        said.value("city"),
        said.value("salesman_id"),
        said.value("salesman"),
        new BigDecimal(said.value("amount")).setScale(2),
        said.value("currency"),
        null,
        null);
  }
}
