"""REST services: pages of JSON over HTTP."""
