"""A server on loopback with a certificate of the test's choice: host, issuer and dates."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTHING_MORE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@contextmanager
def tls_server(
    folder: Path, *, valid_from_days: int = -1, host: str = "127.0.0.1", issuer: str = "", answer: bytes = b""
) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Run the server; gives its address, and what a client needs to trust it.

    Its certificate is valid for ten days, from so many days from now, for one host. It is self-signed, or
    signed by an authority with the name in `issuer`; what to trust is in the file `trusted.pem`. The server
    shakes hands, then gives the same answer to whatever it is sent, if it has one.
    """
    valid_from = datetime.now(UTC) + timedelta(days=valid_from_days)
    certificate = _certificates(folder, valid_from, host, issuer)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_shake_hands, args=(listener, serving, answer))
        thread.start()
        try:
            url = f"https://127.0.0.1:{listener.getsockname()[1]}"
            yield url, ssl.create_default_context(cafile=str(folder / "trusted.pem"))
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _shake_hands(listener: socket.socket, context: ssl.SSLContext, answer: bytes) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the listener was shut down
        with connection, contextlib.suppress(OSError):
            secure = context.wrap_socket(connection, server_side=True)
            with secure:
                if answer and secure.recv(65_536):
                    secure.sendall(answer)


def _certificates(folder: Path, valid_from: datetime, host: str, issuer: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    authority = ec.generate_private_key(ec.SECP256R1()) if issuer else key
    name, signed_by = _name("test"), _name(issuer or "test")
    try:
        known: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        known = x509.DNSName(host)
    certificate = (
        _valid(x509.CertificateBuilder(), valid_from)
        .issuer_name(signed_by)
        .subject_name(name)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName([known]), critical=False)
        .sign(authority, hashes.SHA256())
    )
    root = certificate
    if issuer:
        root = (
            _valid(x509.CertificateBuilder(), valid_from)
            .issuer_name(signed_by)
            .subject_name(signed_by)
            .public_key(authority.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(authority, hashes.SHA256())
        )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "trusted.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    file = folder / "certificate.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _valid(builder: x509.CertificateBuilder, valid_from: datetime) -> x509.CertificateBuilder:
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_from + timedelta(days=10))
    )
