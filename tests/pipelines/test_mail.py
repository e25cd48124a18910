"""E-mail to real mail servers that want TLS and a password, and to those that cannot be trusted."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from features.errors import ConfigError
from pipelines.channels.channel import NotSentError, Parcel
from pipelines.channels.email import Email

PARCEL = Parcel(
    "m1", "x@example.org", "r1", "fr", "Sujet é", "Texte é", "<alert/>", {"identifier": "i1"}
)
USER, PASSWORD = "vigie", "p@ss:w/rd %"
FROM = ("vigie@example.org", "Vigie")


@dataclass
class Office:
    """A mail server under way, and what it met."""

    host: str
    port: int
    letters: list[Any] = field(default_factory=list)
    sealed: list[bool] = field(default_factory=list)
    tried: list[tuple[str, str]] = field(default_factory=list)

    def url(self, scheme: str, password: str = PASSWORD) -> str:
        return f"{scheme}://{USER}:{quote(password, safe='')}@{self.host}:{self.port}"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "mail.pem"
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(made.public_bytes(pem) + private)
    return file


@contextmanager
def opened(certificate: Path, *, sealed: bool) -> Iterator[Office]:
    """A server on this machine that takes letters with TLS and a password alone."""
    office = Office("127.0.0.1", free_port())

    class Box:
        async def handle_DATA(  # noqa: N802  the name that aiosmtpd looks for
            self, _server: Any, session: Any, envelope: Any
        ) -> str:
            office.letters.append(message_from_bytes(envelope.content, policy=policy.default))
            office.sealed.append(session.ssl is not None or sealed)
            return "250 kept"

    def check(_server: Any, _session: Any, _envelope: Any, _how: str, said: Any) -> AuthResult:
        assert isinstance(said, LoginPassword)
        office.tried.append((said.login.decode(), said.password.decode()))
        right = office.tried[-1] == (USER, PASSWORD)
        return AuthResult(success=right, handled=right)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    how: dict[str, Any] = {"authenticator": check, "auth_required": True}
    how |= {"auth_require_tls": False} if sealed else {"require_starttls": True}
    how |= {"ssl_context": context} if sealed else {"tls_context": context}
    controller = Controller(Box(), hostname="127.0.0.1", port=office.port, **how)
    controller.start()
    try:
        yield office
    finally:
        controller.stop(no_assert=True)


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


@pytest.mark.parametrize(("scheme", "sealed"), [("smtp", False), ("smtps", True)])
def test_a_letter_goes_out_sealed_and_with_a_password(
    trusted: Path, scheme: str, sealed: bool
) -> None:
    with opened(trusted, sealed=sealed) as office:
        Email(office.url(scheme), *FROM).send(PARCEL)
    assert office.tried == [(USER, PASSWORD)]
    assert office.sealed == [True]
    (letter,) = office.letters
    assert (letter["Subject"], letter["To"]) == ("Sujet é", "x@example.org")
    assert "Texte é" in letter.get_body().get_content()


def test_a_wrong_password_is_mended_and_the_letter_waits(trusted: Path) -> None:
    with (
        opened(trusted, sealed=False) as office,
        pytest.raises(NotSentError, match=r"answered 535 \(SMTPAuthenticationError\)") as caught,
    ):
        Email(office.url("smtp", "wrong"), *FROM).send(PARCEL)
    assert not caught.value.permanent
    assert "wrong" not in str(caught.value)
    assert office.letters == []


@pytest.mark.parametrize(("scheme", "sealed"), [("smtp", False), ("smtps", True)])
def test_a_server_that_cannot_be_trusted_hears_no_password(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, sealed: bool
) -> None:
    with opened(certificate, sealed=sealed) as office:
        with pytest.raises(NotSentError, match="SSLCertVerificationError") as caught:
            Email(office.url(scheme), *FROM).send(PARCEL)  # nobody vouches for it
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        office.host = "localhost"
        with pytest.raises(NotSentError, match="SSLCertVerificationError"):
            Email(office.url(scheme), *FROM).send(PARCEL)  # it is of another name
    assert not caught.value.permanent
    assert (office.tried, office.letters) == ([], [])


@pytest.mark.parametrize("name", ["Vigie, Mali", "Réseau (ONG) Vigie", 'La "Vigie"', "a@b"])
def test_a_sender_of_any_name_is_one_sender(trusted: Path, name: str) -> None:
    with opened(trusted, sealed=False) as office:
        Email(office.url("smtp"), FROM[0], name).send(PARCEL)
    (sender,) = office.letters[0]["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, FROM[0])


def test_a_password_that_smtp_cannot_say_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="VIGIE_SMTP_URL: expected user and password in ASCII"):
        Email("smtp://vigie:cl%C3%A9@mail.example.org", *FROM)
