-- Adds a line to the audit log.
INSERT INTO audit (at, request_id, who, action, target, outcome, detail)
VALUES (%(at)s, %(request_id)s, %(who)s, %(action)s, %(target)s, %(outcome)s, %(detail)s)
RETURNING id
