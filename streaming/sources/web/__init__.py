"""How every source over HTTP asks: allowed hosts alone, trusted certificates alone, and never more than the limits."""
