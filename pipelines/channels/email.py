"""E-mail by SMTP: the text in the recipient's language, and the CAP message beside it."""

from __future__ import annotations

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from features.errors import ConfigError
from pipelines.channels.channel import NotSentError, Parcel

SECONDS = 20
_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


class Email:
    """Sends by one mail server, a connection for each message."""

    def __init__(self, url: str, sender: str, sender_name: str) -> None:
        """`url` is as in `Settings.smtp_url`.

        Raises:
            ConfigError: it is not the address of a mail server, or its password cannot be said.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ConfigError(
                "VIGIE_SMTP_URL: expected smtp://, smtps:// or smtp+plain:// with a host, got a "
                f"URL that starts with {parts.scheme or 'nothing'!r}"
            )
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        if not (self._user + self._password).isascii():
            raise ConfigError(
                "VIGIE_SMTP_URL: expected user and password in ASCII, which is all that Python's "
                "SMTP client can say, got other letters; choose another password"
            )
        self._sender, self._name = sender, sender_name

    def send(self, parcel: Parcel) -> None:
        """Send it; a refusal for good (5xx) is permanent.

        Raises:
            NotSentError: the server is away, or refused.
        """
        letter = self._letter(parcel)
        try:
            with self._connected() as server:
                server.send_message(letter)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            raise NotSentError(
                f"the mail server refused the recipient ({code})", permanent=code >= 500
            ) from error
        except smtplib.SMTPResponseException as error:
            # A wrong password is mended here, not by giving the message up.
            for_good = error.smtp_code >= 500 and isinstance(error, smtplib.SMTPDataError)
            says = f"the mail server answered {error.smtp_code} ({type(error).__name__})"
            raise NotSentError(says, permanent=for_good) from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotSentError(f"the mail server cannot be used: {type(error).__name__}") from error

    def _connected(self) -> smtplib.SMTP:
        safe = ssl.create_default_context()
        if self._scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=SECONDS, context=safe
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SECONDS)
        try:
            if self._scheme == "smtp":
                server.starttls(context=safe)
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _letter(self, parcel: Parcel) -> EmailMessage:
        domain = self._sender.rpartition("@")[2]
        letter = EmailMessage()
        letter["Subject"] = parcel.subject
        # A name is quoted where it must be: a comma in it would make two senders of one.
        letter["From"] = Address(self._name, addr_spec=self._sender)
        letter["To"] = parcel.address
        letter["Date"] = formatdate()
        letter["Message-ID"] = f"<{parcel.message_id}@{domain}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter["Content-Language"] = parcel.language
        letter["X-Vigie-Message-Id"] = parcel.message_id
        letter.set_content(parcel.text)
        name = f"{parcel.about['identifier']}.cap.xml"
        letter.add_attachment(
            parcel.xml.encode(), maintype="application", subtype="cap+xml", filename=name
        )
        return letter
