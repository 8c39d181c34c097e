"""The API over HTTP: one endpoint a file, errors as problem+json (RFC 9457), a key for everything under /v1.

`app` puts it together, `wsgi` is what a WSGI server loads.
"""
