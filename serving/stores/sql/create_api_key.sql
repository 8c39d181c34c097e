-- Keeps a new API key's hash.
INSERT INTO api_keys (key_id, name, hash, scopes, expires_at)
VALUES (%(key_id)s, %(name)s, %(hash)s, %(scopes)s, %(expires_at)s)
