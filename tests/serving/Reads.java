import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** Asks the ClickHouse at the JDBC address given: one line of its turnovers for each currency, and how a limit ends a query. */
public final class Reads {
    private Reads() {
    }

    public static void main(String[] arguments) throws SQLException {
        try (Connection connection = DriverManager.getConnection(arguments[0], arguments[1], arguments[2])) {
            String text = "SELECT currency, sum(amount) AS total FROM sales_by_day WHERE currency = ? GROUP BY currency";
            for (String currency : new String[] {"EUR", "USD"}) {
                try (PreparedStatement statement = connection.prepareStatement(text)) {
                    statement.setString(1, currency);
                    try (ResultSet rows = statement.executeQuery()) {
                        while (rows.next()) {
                            System.out.println(rows.getString(1) + " " + rows.getBigDecimal(2).toPlainString());
                        }
                    }
                }
            }
            try (ResultSet tables = connection.getMetaData().getTables(null, "tidelake", "top_sales%", null)) {
                while (tables.next()) {
                    System.out.println("table " + tables.getString("TABLE_NAME"));
                }
            }
            try (PreparedStatement statement = connection.prepareStatement("SELECT number FROM numbers(2000000)")) {
                statement.executeQuery();
            } catch (SQLException error) {
                System.out.println("error " + error.getErrorCode());
            }
        }
    }
}
