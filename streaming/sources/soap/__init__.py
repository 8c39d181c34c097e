"""SOAP services (WS-*), by their WSDL."""
