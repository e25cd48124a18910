"""How gateways of SMS write what they bring, how they prove who they are, and take a reply."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr


class SmsGateway(BaseModel):
    """One gateway.

    Attributes:
        text: name of the field that holds the message.
        sender: of the field that holds the number it came from.
        message_id: of the field that holds the gateway's id; empty for none.
        sent_at: of the field that holds when it was sent; empty for none.
        answer: `json`, or `twiml`: the answer to the webhook is the reply.
        signature: how a request proves itself besides a token: `twilio` (HMAC-SHA1 of address
            and fields), `hmac` (HMAC-SHA256 of the body in the header X-Vigie-Signature).
        secret: of the signature; empty lets tokens in only.
        areas: ids of the areas that it may report from, where it comes by signature.
        reply_url: where to send the reply, for gateways that take none as an answer.
        reply_headers: of that request, the gateway's key for example.
        reply_fields: of that request, form-encoded; `{to}` and `{text}` are put in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    sender: str
    message_id: str = ""
    sent_at: str = ""
    answer: Literal["json", "twiml"] = "json"
    signature: Literal["", "twilio", "hmac"] = ""
    secret: SecretStr = SecretStr("")
    areas: tuple[str, ...] = ()
    reply_url: str = ""
    reply_headers: dict[str, SecretStr] = {}
    reply_fields: dict[str, str] = {}


PRESETS: MappingProxyType[str, SmsGateway] = MappingProxyType(
    {
        "africastalking": SmsGateway(text="text", sender="from", message_id="id", sent_at="date"),
        "twilio": SmsGateway(
            text="Body", sender="From", message_id="MessageSid", answer="twiml", signature="twilio"
        ),
        "generic": SmsGateway(
            text="text", sender="from", message_id="id", sent_at="sent_at", signature="hmac"
        ),
    }
)
"""Gateways whose fields are known; `VIGIE_SMS_GATEWAYS` declares others, or these with more."""

HMAC_HEADER, TWILIO_HEADER = "x-vigie-signature", "x-twilio-signature"


def is_signed(
    gateway: SmsGateway,
    headers: Mapping[str, str],
    body: bytes,
    fields: Mapping[str, str],
    url: str,
) -> bool:
    """Whether a request bears the gateway's signature.

    Twilio's is over the address and the fields in order of name
    (https://www.twilio.com/docs/usage/security).

    Args:
        gateway: the one that is said to ask.
        headers: by names in small letters.
        body: as it came.
        fields: that the body holds.
        url: the address as the gateway knows it.
    """
    secret = gateway.secret.get_secret_value().encode()
    if not secret or not gateway.signature:
        return False
    if gateway.signature == "twilio":
        said = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
        wanted = base64.b64encode(hmac.digest(secret, said.encode(), hashlib.sha1)).decode()
        sent = headers.get(TWILIO_HEADER, "")
    else:
        wanted = f"sha256={hmac.digest(secret, body, hashlib.sha256).hex()}"
        sent = headers.get(HMAC_HEADER, "")
    return hmac.compare_digest(wanted.encode(), sent.encode("utf-8", "replace"))
