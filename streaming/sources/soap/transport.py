"""How documents and answers come in: from the named hosts alone, and no more of them than is allowed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import httpx

from runtime.errors import Permanent, Retryable
from streaming.sources.soap.xml import TODO, parsed
from streaming.sources.web.caller import Answer, Caller, Question
from streaming.sources.web.hosts import Hosts, shown
from streaming.sources.web.later import later, retry_after

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
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP's codes after which the same request can succeed later, where there is no SOAP fault to tell."""


class Transport:
    """What zeep loads documents and sends envelopes with.

    Args:
        source: names the hosts and the limits.
    """

    def __init__(self, source: SoapSource) -> None:
        self._source, self._limits = source, source.limits
        own = [url for url in (source.wsdl, source.address or "") if urlsplit(url).netloc]
        self._hosts = Hosts(own, source.hosts)
        self._documents: dict[str, bytes] = {}
        self._for_documents = self._caller(source.limits.wsdl_bytes)
        self._for_answers = self._caller(source.limits.answer_bytes)

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

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> Answer:
        """Sends an envelope, for zeep."""
        from lxml import etree

        content = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        return self._for_answers.ask(address, Question("POST", headers, content))

    def close(self) -> None:
        """Lets go of the connections."""
        self._for_documents.close()
        self._for_answers.close()

    def check_host(self, url: str) -> None:
        """Raises:
        Permanent: the definition does not name the host of the address.
        """
        self._hosts.check(url)

    def _caller(self, most_bytes: int) -> Caller:
        seconds, tls = self._limits.seconds, self._source.http
        return Caller(
            self._hosts, tls, most_bytes=most_bytes, seconds=seconds, redirects=REDIRECTS, dress=self._with_password
        )

    async def _with_password(self, request: httpx.Request) -> None:
        http = self._source.http
        if http.user is not None and http.password is not None:
            told = f"{http.user}:{http.password.value().get_secret_value()}".encode()
            request.headers["Authorization"] = f"Basic {b64encode(told).decode()}"

    def _content(self, url: str) -> bytes:
        if url in SCHEMAS:
            return (OWN_SCHEMAS / SCHEMAS[url]).read_bytes()
        if self._source.is_local and not urlsplit(url).netloc:
            return self._file(url)
        return self._get(url)

    def _get(self, url: str) -> bytes:
        answer = self._for_documents.ask(url, Question("GET"))
        if answer.status != 200:
            raise unanswered(answer, url)
        return answer.body

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


def unanswered(answer: Answer, url: str) -> Retryable | Permanent:
    """The error for an answer by HTTP's code alone."""
    wrong, received = f"{shown(url)} answered with an error", f"HTTP {answer.status}"
    if answer.status in RETRIED:
        return later(wrong, retry_after(answer.headers, datetime.now(UTC)), received)
    return Permanent(wrong, received=received, valid="HTTP 200")


def _too_much(what: str, received: str) -> Permanent:
    return Permanent(f"{what} is larger than allowed", received=received, todo=TODO)
