"""Webhooks: JSON with the CAP message, signed so that a receiver knows it is ours and fresh.

The headers and the signature are those of Standard Webhooks (its specification, version 1):
HMAC-SHA256 over `id.timestamp.body`, in base64, with a key of its own for each receiver.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

from pipelines.channels import web
from pipelines.channels.channel import Parcel


def signing_key(secret: str, recipient_id: str) -> bytes:
    """The key of one receiver, made from ours: none can sign for another."""
    return hmac.new(secret.encode(), f"webhook:{recipient_id}".encode(), hashlib.sha256).digest()


def shown(key: bytes) -> str:
    """A key as the receiver's library wants it."""
    return f"whsec_{base64.b64encode(key).decode()}"


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """What stands in `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


class Webhook:
    """Posts to the address of each recipient."""

    def __init__(self, secret: str, clock: Callable[[], float], *, private: bool) -> None:
        """`clock` gives seconds since 1970: a receiver refuses what is old."""
        self._secret, self._clock, self._private = secret, clock, private

    def send(self, parcel: Parcel) -> None:
        """Post it.

        Raises:
            NotSentError: it did not go out, or was refused.
        """
        said = {
            "type": "vigie.alert",
            "message_id": parcel.message_id,
            **parcel.about,
            "language": parcel.language,
            "subject": parcel.subject,
            "text": parcel.text,
            "cap": parcel.xml,
        }
        body = json.dumps(said, ensure_ascii=False).encode()
        key, timestamp = signing_key(self._secret, parcel.recipient_id), int(self._clock())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": parcel.message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(key, parcel.message_id, timestamp, body),
        }
        web.post(parcel.address, body, headers, private=self._private)
