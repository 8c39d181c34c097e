-- Keeps an API key's hash; a key that is known stays as it is.
INSERT INTO api_keys (key_id, name, hash, scopes, expires_at)
VALUES (%(key_id)s, %(name)s, %(hash)s, %(scopes)s, %(expires_at)s)
ON CONFLICT (key_id) DO NOTHING
