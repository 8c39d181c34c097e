"""Speaks TLS in front of a PostgreSQL server that was built without it, as a proxy of a company does."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
PIECE = 65536


@contextmanager
def front(server: tuple[str, int], tls: ssl.SSLContext) -> Iterator[int]:
    """Its port, while it listens; what does not ask for TLS is not let in."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                came, _ = listening.accept()
                threading.Thread(target=_serve, args=(came, server, tls), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        # A thread that waits for a caller does not notice that its socket is closed.
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _serve(came: socket.socket, server: tuple[str, int], tls: ssl.SSLContext) -> None:
    with came, contextlib.suppress(OSError):
        if came.recv(len(SSL_REQUEST), socket.MSG_WAITALL) != SSL_REQUEST:
            return
        came.sendall(b"S")
        secure = tls.wrap_socket(came.dup(), server_side=True, do_handshake_on_connect=False)
        with secure:
            if not _shaken(secure, came):
                return
            with socket.create_connection(server) as inner:
                threading.Thread(target=_pass, args=(inner, secure), daemon=True).start()
                _pass(secure, inner)


def _shaken(secure: ssl.SSLSocket, came: socket.socket) -> bool:
    try:
        secure.do_handshake()
    except ssl.SSLError:
        # What is still unread would cut the connection before the client has heard why.
        came.shutdown(socket.SHUT_WR)
        while came.recv(PIECE):
            pass
        return False
    return True


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
