"""Which addresses a source may ask, and which of them it gives its credentials to."""

from __future__ import annotations

from collections.abc import Iterable

import httpx

from runtime.errors import Permanent

SCHEMES = ("https", "http")


class Hosts:
    """The addresses of one definition. What a service names beyond them is never asked, redirects included.

    Args:
        own: the addresses that the definition itself asks: their hosts get its credentials.
        named: further hosts, each with its port unless it is the usual one.
        token: host and port that are asked for tokens alone.
        hidden: a parameter that a service may repeat in an address, and that no address keeps.
    """

    def __init__(
        self, own: Iterable[str], named: Iterable[str] = (), token: str | None = None, hidden: str | None = None
    ) -> None:
        urls = [httpx.URL(each) for each in own]
        self._own = {(url.scheme, host_and_port(str(url))) for url in urls}
        self._is_secure = bool(urls) and all(url.scheme == "https" for url in urls)
        schemes = ("https", "http") if any(url.scheme == "http" for url in urls) else ("https",)
        self._named = {where for _, where in self._own}
        self._named |= {host_and_port(f"{scheme}://{host}") for host in named for scheme in schemes}
        self._token, self._hidden = token, hidden

    def own(self, url: httpx.URL) -> bool:
        """Whether an address has scheme, host and port of the definition's own: only there do credentials go."""
        return (url.scheme, host_and_port(str(url))) in self._own

    def next(self, base: str, told: str) -> str:
        """The address that a service names, absolute, without fragment and without what it may not keep.

        Raises:
            Permanent: it is no address that the definition allows.
        """
        try:
            url = httpx.URL(base).join(told).copy_with(fragment=None)
        except (httpx.InvalidURL, ValueError) as error:
            raise Permanent("the service names an address that is none", received=told) from error
        if base.startswith("https:") and url.scheme == "http":
            raise _insecure(url)
        self.check(url)
        return str(url.copy_remove_param(self._hidden) if self._hidden and self._hidden in url.params else url)

    def check(self, told: httpx.URL | str, *, token: bool = False) -> None:
        """Lets an address pass, or not.

        Args:
            told: the address.
            token: whether it is asked for a token, and so may be the token endpoint.

        Raises:
            Permanent: the definition does not allow it.
        """
        url = _parsed(told)
        if url.scheme not in SCHEMES or not url.host:
            raise Permanent("the service names an address that is none", received=str(url), valid="https://...")
        if url.userinfo:
            raise Permanent(
                "an address holds a user or a password",
                received=shown(url),
                valid="an address without",
                todo="use the definition's own place for credentials",
            )
        if url.scheme == "http" and self._is_secure and not token:
            raise _insecure(url)
        where = host_and_port(str(url))
        if where not in self._named and not (token and where == self._token):
            raise Permanent(
                "an address leads to a host that the definition does not name",
                received=where,
                valid=", ".join(sorted(self._named)) or "none",
                todo="if it is right, name it under `hosts`",
            )


def _parsed(told: httpx.URL | str) -> httpx.URL:
    try:
        return httpx.URL(told)
    except httpx.InvalidURL as error:
        raise Permanent("the service names an address that is none", received=str(told)) from error


def _insecure(url: httpx.URL) -> Permanent:
    return Permanent("an address leads from https to http", received=shown(url), valid="https")


def shown(url: httpx.URL | str) -> str:
    """An address for people: without user, password and the values of parameters that may be secret.

    >>> shown("https://me:pw@shop.example/sales?page=2&api_key=abc")
    'https://shop.example/sales?page=2&api_key=***'
    """
    bare = httpx.URL(url).copy_with(username=None, password=None, fragment=None)
    hidden = [(name, "***" if _telling(name) else value) for name, value in bare.params.multi_items()]
    query = "&".join(f"{name}={value}" if value else name for name, value in hidden)
    return str(bare.copy_with(query=None)) + (f"?{query}" if query else "")


def _telling(name: str) -> bool:
    return any(word in name.lower() for word in ("key", "token", "secret", "passw", "sig", "auth", "credential"))


def host_and_port(url: str) -> str:
    """Where an address leads to, with the port.

    >>> host_and_port("https://Shop.example/x"), host_and_port("http://[::1]:8080/")
    ('shop.example:443', '[::1]:8080')
    """
    parsed = httpx.URL(url)
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.raw_host.decode("ascii")
    return f"{host}:{parsed.port or {'http': 80, 'https': 443}[parsed.scheme]}"


def is_host(text: str) -> bool:
    """Whether a text is a host, with or without a port.

    >>> is_host("files.example.com:8443"), is_host("me@files.example.com"), is_host("files.example.com/x")
    (True, False, False)
    """
    try:
        url = httpx.URL(f"https://{text}/")
    except httpx.InvalidURL:
        return False
    bare = url.path == "/" and not url.query and not url.fragment and not url.userinfo
    return bare and bool(url.host) and b"%" not in url.raw_host
