"""The page for people who look: plain tables that need no JavaScript, livened up where there is some."""
