-- Has a key that is neither revoked nor expired be refused from a moment on; an earlier end stays.
UPDATE api_keys
SET expires_at = least(expires_at, %(at)s)
WHERE key_id = %(key_id)s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
RETURNING name, scopes, expires_at
