"""How documents and answers come in: from the named hosts alone, and no more of them than is allowed."""

from __future__ import annotations

import ssl
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from runtime.errors import Permanent, Retryable
from streaming.sources.soap.xml import TODO, parsed

if TYPE_CHECKING:
    from streaming.sources.soap.definition import SoapSource

OWN_SCHEMAS = Path(__file__).parent / "schemas"
SCHEMAS = {
    "http://schemas.xmlsoap.org/soap/encoding/": "encoding.xsd",
    "http://www.w3.org/2001/xml.xsd": "xml.xsd",
    "http://www.w3.org/2001/03/xml.xsd": "xml.xsd",
}
"""Schemas that WSDLs import from their authors, which are never asked."""

REDIRECTS = 5
GZIP = zlib.MAX_WBITS | 16
DEFAULT_PORTS = {"http": 80, "https": 443}
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP's codes after which the same request can succeed later, where there is no SOAP fault to tell."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered over HTTP."""

    status: int
    content_type: str
    content: bytes
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, and the most bytes of its answer."""

    method: str
    url: str
    limit: int
    content: bytes | None = None
    headers: Mapping[str, str] | None = None


class Transport:
    """What zeep loads documents and sends envelopes with.

    Args:
        source: names the hosts and the limits.
    """

    def __init__(self, source: SoapSource) -> None:
        self._source, self._limits = source, source.limits
        self._own = {host_of(url) for url in (source.wsdl, source.address or "") if urlsplit(url).netloc}
        self._hosts = self._own | {_with_port(host, source.wsdl) for host in source.hosts}
        self._documents: dict[str, bytes] = {}
        self._client = httpx.Client(
            verify=_tls(source), timeout=source.limits.seconds, headers={"Accept-Encoding": "gzip"}
        )

    @property
    def documents(self) -> tuple[str, ...]:
        """The addresses of the WSDL and of all that it imports."""
        return tuple(self._documents)

    def load(self, url: str) -> bytes:
        """A WSDL or a schema, for zeep.

        Raises:
            Permanent: the definition does not name its host, or it is refused.
            Retryable: it cannot be had at present.
        """
        if url not in self._documents:
            if len(self._documents) >= self._limits.wsdl_documents:
                raise _too_much("the WSDL", f"more than {self._limits.wsdl_documents} documents")
            content = self._content(url)
            parsed(content, f"the document {url}", self._limits.markup)
            self._documents[url] = content
        return self._documents[url]

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> Reply:
        """Sends an envelope, for zeep."""
        from lxml import etree

        content = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        return self._exchange(_Asked("POST", address, self._limits.answer_bytes, content, headers))

    def close(self) -> None:
        """Lets go of the connections."""
        self._client.close()

    def check_host(self, url: str) -> None:
        """Raises:
        Permanent: the definition does not name the host of the address.
        """
        if urlsplit(url).scheme not in DEFAULT_PORTS or host_of(url) not in self._hosts:
            raise Permanent(
                "the definition does not name this host",
                received=url,
                valid=", ".join(sorted(self._hosts)) or "none",
                todo=f"put {urlsplit(url).netloc!r} under `hosts` if it is meant, or set `address`",
            )

    def _content(self, url: str) -> bytes:
        if url in SCHEMAS:
            return (OWN_SCHEMAS / SCHEMAS[url]).read_bytes()
        if self._source.is_local and not urlsplit(url).netloc:
            return self._file(url)
        return self._get(url)

    def _get(self, url: str) -> bytes:
        reply = self._exchange(_Asked("GET", url, self._limits.wsdl_bytes))
        if reply.status != 200:
            raise unanswered(reply, url)
        return reply.content

    def _file(self, url: str) -> bytes:
        """A file beside or below the WSDL's."""
        path = Path(unquote(url.removeprefix("file://"))).expanduser().resolve()
        folder = self._source.wsdl_file.resolve().parent
        if not path.is_relative_to(folder):
            raise Permanent("the WSDL imports a file from elsewhere", received=str(path), valid=f"files in {folder}")
        try:
            if path.stat().st_size > self._limits.wsdl_bytes:
                raise _too_much(f"the document {path}", f"{path.stat().st_size} bytes")
            return path.read_bytes()
        except OSError as error:
            raise Permanent(f"the document {path} cannot be read", received=str(error)) from error

    def _exchange(self, asked: _Asked) -> Reply:
        """One request, and those that it is redirected to; a POST stays a POST, or it is not followed."""
        until = time.monotonic() + self._limits.seconds
        for _ in range(REDIRECTS):
            self.check_host(asked.url)
            reply, location = self._once(asked, until)
            if location is None:
                return reply
            asked = replace(asked, url=_followed(asked, location, reply.status))
        raise Permanent(f"more than {REDIRECTS} redirects", received=asked.url)

    def _once(self, asked: _Asked, until: float) -> tuple[Reply, str | None]:
        request = self._client.build_request(asked.method, asked.url, content=asked.content, headers=asked.headers)
        try:
            answer = self._client.send(request, stream=True, auth=self._auth(asked.url))
            try:
                body = b"" if answer.has_redirect_location else b"".join(_body(answer, asked.limit, until))
            finally:
                answer.close()
        except httpx.HTTPError as error:
            said = f"{type(error).__name__} {error}".strip()
            raise Retryable(f"{asked.url} does not answer", received=said) from error
        kind = answer.headers.get("content-type", "")
        location = answer.headers["location"] if answer.has_redirect_location else None
        return Reply(answer.status_code, kind, body, answer.headers.get("retry-after")), location

    def _auth(self, url: str) -> httpx.BasicAuth | None:
        """Credentials are for the definition's own hosts, not for those that it is only led to."""
        http = self._source.http
        if http.user is None or http.password is None or host_of(url) not in self._own:
            return None
        return httpx.BasicAuth(http.user, http.password.value().get_secret_value())


def _followed(asked: _Asked, location: str, status: int) -> str:
    there = urljoin(asked.url, location)
    if asked.method == "POST" and status not in (307, 308):
        raise Permanent("a redirect would lose the request", received=f"{status} to {there}", valid="307 or 308")
    if urlsplit(asked.url).scheme == "https" and urlsplit(there).scheme != "https":
        raise Permanent("a redirect leads away from https", received=there)
    return there


def unanswered(reply: Reply, url: str) -> Retryable | Permanent:
    """The error for an answer by HTTP's code alone."""
    kind = Retryable if reply.status in RETRIED else Permanent
    later = f", to be asked again after {reply.retry_after}" if reply.retry_after else ""
    return kind(f"{url} answered with an error", received=f"HTTP {reply.status}{later}", valid="HTTP 200")


def host_of(url: str) -> str:
    """The host and port of an address.

    >>> host_of("https://Shop.example/a"), host_of("http://127.0.0.1:8080/?wsdl")
    ('shop.example:443', '127.0.0.1:8080')
    """
    parts = urlsplit(url)
    try:
        return f"{(parts.hostname or '').lower()}:{parts.port or DEFAULT_PORTS.get(parts.scheme, 0)}"
    except ValueError as error:
        raise Permanent("the address is not valid", received=url, valid="a port from 1 to 65535") from error


def _with_port(host: str, beside: str) -> str:
    """A host of the definition; without a port it has that of the WSDL's scheme."""
    scheme = urlsplit(beside).scheme if urlsplit(beside).scheme in DEFAULT_PORTS else "https"
    return host_of(f"{scheme}://{host}")


def _tls(source: SoapSource) -> ssl.SSLContext:
    http = source.http
    try:
        context = ssl.create_default_context(cafile=http.ca)
        if http.certificate:
            context.load_cert_chain(http.certificate, http.key)
    except (OSError, ssl.SSLError) as error:
        raise Permanent("the certificates of `http` cannot be read", received=str(error)) from error
    return context


def _body(answer: httpx.Response, limit: int, until: float) -> Iterator[bytes]:
    """The body, decompressed in steps, so that neither its size nor a slow sender goes beyond the limits."""
    seen = 0
    for chunk in _decoded(answer, limit):
        seen += len(chunk)
        if seen > limit:
            raise _too_much(f"the answer of {answer.url}", f"more than {limit} bytes")
        if time.monotonic() > until:
            raise Retryable(f"{answer.url} answers too slowly", received=f"{seen} bytes", todo=TODO)
        yield chunk


def _decoded(answer: httpx.Response, limit: int) -> Iterator[bytes]:
    coding = answer.headers.get("content-encoding", "identity").lower()
    if coding == "identity":
        yield from answer.iter_raw()
        return
    if coding not in ("gzip", "x-gzip"):
        raise Permanent(f"the answer of {answer.url} is refused", received=coding, valid="no content coding, or gzip")
    try:
        yield from inflated(answer.iter_raw(), limit)
    except zlib.error as error:
        raise Retryable(f"the answer of {answer.url} is not gzip", received=str(error)) from error


def inflated(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """What gzip holds (of several members too), in pieces of at most `limit` and one byte.

    Raises:
        zlib.error: it is not gzip, or ends too early.
    """
    inflater = zlib.decompressobj(GZIP)
    for chunk in chunks:
        rest = chunk
        while rest:
            if inflater.eof:
                inflater = zlib.decompressobj(GZIP)
            yield inflater.decompress(rest, limit + 1)
            rest = inflater.unconsumed_tail or inflater.unused_data
    if not inflater.eof:
        raise zlib.error("it ends too early")


def _too_much(what: str, received: str) -> Permanent:
    return Permanent(f"{what} is larger than allowed", received=received, todo=TODO)
