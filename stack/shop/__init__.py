"""A small shop that writes sales into the operational database, as a user's own systems would."""
