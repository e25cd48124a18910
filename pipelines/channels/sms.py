"""Text messages by a gateway that takes HTTP: which fields it wants is a template of JSON."""

from __future__ import annotations

import json

from features.errors import ConfigError
from pipelines.channels import web
from pipelines.channels.channel import Parcel


class Sms:
    """Posts to one gateway."""

    def __init__(self, url: str, body: str, token: str, *, private: bool) -> None:
        """`body` is JSON in whose texts `{to}`, `{text}` and `{message_id}` are filled in.

        Raises:
            ConfigError: it is no JSON, or names no number or no text.
        """
        try:
            self._body = json.loads(body)
        except ValueError as error:
            raise ConfigError(f"VIGIE_SMS_BODY: expected JSON, got {body!r}") from error
        if "{to}" not in body or "{text}" not in body:
            raise ConfigError(f"VIGIE_SMS_BODY: expected {{to}} and {{text}}, got {body!r}")
        self._url, self._token, self._private = url, token, private

    def send(self, parcel: Parcel) -> None:
        """Post it.

        Raises:
            NotSentError: it did not go out, or was refused.
        """
        values = {
            "{to}": parcel.address,
            "{text}": parcel.text,
            "{message_id}": parcel.message_id,
        }
        body = json.dumps(_filled(self._body, values), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": parcel.message_id}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        web.post(self._url, body, headers, private=self._private)


def _filled(part: object, values: dict[str, str]) -> object:
    """The template with its texts filled in; what stands in a value is never filled in again."""
    if isinstance(part, dict):
        return {key: _filled(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, values) for value in part]
    if not isinstance(part, str):
        return part
    for name, value in values.items():
        before, found, after = part.partition(name)
        if found:
            return f"{_filled(before, values)}{value}{_filled(after, values)}"
    return part
