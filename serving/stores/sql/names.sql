-- The names that are known of some keys.
SELECT key, name FROM labels WHERE label = %(label)s AND key = ANY(%(keys)s)
