package tidelake;

import java.time.Instant;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.functions.ScalarFunction;

/** Milliseconds since 1970, UTC. Flink's own EXTRACT counts from 1970 in the session's time zone. */
public final class EpochMillis extends ScalarFunction {
  public Long eval(@DataTypeHint("TIMESTAMP_LTZ(3)") Instant at) {
    return at.toEpochMilli();
  }
}
