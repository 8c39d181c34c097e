-- The API key of a hash, expired and revoked ones too.
SELECT key_id, hash, scopes, expires_at, revoked_at IS NOT NULL FROM api_keys WHERE hash = %(hash)s
