"""An authority of a test's own, and what it signs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sources.soap.certificates import Pair


@dataclass(frozen=True)
class Authority:
    """Signs certificates for this machine, in files in one folder."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def made(cls, folder: Path, name: str) -> Authority:
        """A new one."""
        key = ec.generate_private_key(ec.SECP256R1())
        built = _building(name, name, key.public_key()).add_extension(x509.BasicConstraints(True, None), True)
        made = cls(folder, name, key, built.sign(key, hashes.SHA256()))
        made.file.write_bytes(made.certificate.public_bytes(serialization.Encoding.PEM))
        return made

    @property
    def file(self) -> Path:
        """Its own certificate."""
        return self.folder / f"{self.name}.pem"

    def issued(self, name: str, password: str = "", host: str = "127.0.0.1") -> Pair:
        """A new key with its certificate.

        Args:
            name: of whom it is.
            password: what the key is encrypted with, if it is.
            host: the address that it is for.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host)), x509.DNSName("localhost")])
        built = _building(name, self.name, key.public_key()).add_extension(names, False)
        pair = Pair(self.folder / f"{self.name}-{name}.key", self.folder / f"{self.name}-{name}.pem")
        signed = built.sign(self.key, hashes.SHA256())
        pair.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        hidden = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        pair.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, hidden))
        return pair

    def serving(self, clients: ssl.VerifyMode = ssl.CERT_NONE, host: str = "127.0.0.1") -> ssl.SSLContext:
        """What a server of this machine speaks TLS with; it knows the clients that this authority knows."""
        pair = self.issued("server", host=host)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.file)
        context.load_cert_chain(pair.certificate, pair.key)
        context.verify_mode = clients
        return context


def _building(subject: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _name(told: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, told)])
