"""Which addresses a source may ask, and which of them it gives its credentials to."""

from __future__ import annotations

import httpx

from runtime.errors import Permanent
from streaming.sources.rest.definition import RestSource, host_and_port
from streaming.sources.rest.parts import ApiKey

SCHEMES = ("https", "http")


class Hosts:
    """The addresses of one definition. What a service names beyond them is never asked, redirects included."""

    def __init__(self, source: RestSource) -> None:
        self._own = httpx.URL(str(source.url))
        self._named = {host_and_port(str(source.url)), *_with_ports(source.hosts, self._own.scheme)}
        self._token = source.token_host
        self._key = source.auth.query if isinstance(source.auth, ApiKey) else None

    def own(self, url: httpx.URL) -> bool:
        """Whether an address has scheme, host and port of the definition's own: only there do credentials go."""
        return url.scheme == self._own.scheme and host_and_port(str(url)) == host_and_port(str(self._own))

    def next(self, base: str, told: str) -> str:
        """The address that a service names, absolute, without fragment and without the key that it may repeat.

        Raises:
            Permanent: it is no address that the definition allows.
        """
        try:
            url = httpx.URL(base).join(told).copy_with(fragment=None)
        except (httpx.InvalidURL, ValueError) as error:
            raise Permanent("the service names an address that is none", received=told) from error
        self.check(url)
        return str(url.copy_remove_param(self._key) if self._key and self._key in url.params else url)

    def check(self, url: httpx.URL, *, token: bool = False) -> None:
        """Lets an address pass, or not.

        Args:
            url: the address.
            token: whether it is asked for a token, and so may be the token endpoint.

        Raises:
            Permanent: the definition does not allow it.
        """
        if url.scheme not in SCHEMES or not url.host:
            raise Permanent("the service names an address that is none", received=str(url), valid="https://...")
        if url.userinfo:
            raise Permanent(
                "an address holds a user or a password",
                received=shown(url),
                valid="an address without",
                todo="use auth",
            )
        if url.scheme == "http" and self._own.scheme == "https" and not token:
            raise Permanent("an address leads from https to http", received=shown(url), valid="https")
        where = host_and_port(str(url))
        if where not in self._named and not (token and where == self._token):
            raise Permanent(
                "an address leads to a host that the definition does not name",
                received=where,
                valid=", ".join(sorted(self._named)),
                todo="if it is right, name it under `hosts`",
            )


def shown(url: httpx.URL | str) -> str:
    """An address for people: without user, password and the values of parameters that may be secret.

    >>> shown("https://me:pw@shop.example/sales?page=2&api_key=abc")
    'https://shop.example/sales?page=2&api_key=***'
    """
    bare = httpx.URL(url).copy_with(username=None, password=None, fragment=None)
    hidden = [(name, "***" if _telling(name) else value) for name, value in bare.params.multi_items()]
    query = "&".join(f"{name}={value}" for name, value in hidden)
    return str(bare.copy_with(query=None)) + (f"?{query}" if query else "")


def _telling(name: str) -> bool:
    return any(word in name.lower() for word in ("key", "token", "secret", "passw", "sig", "auth", "credential"))


def _with_ports(hosts: tuple[str, ...], scheme: str) -> set[str]:
    """A host without a port is meant at the usual port of the schemes that may be used."""
    schemes = ("https", "http") if scheme == "http" else ("https",)
    return {host_and_port(f"{each}://{host}") for host in hosts for each in schemes}
