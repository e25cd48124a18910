"""Cursors: where a page ended, as opaque text. What a cursor names stays where it is."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request

from features.errors import ContractError


def written(values: Sequence[Any]) -> str:
    """A cursor that says `values`; days and moments become text."""
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).decode().rstrip("=")


def read(cursor: str | None, *kinds: Callable[[Any], Any]) -> tuple[Any, ...] | None:
    """What a cursor says, or None without one.

    Args:
        cursor: as `written` made it.
        *kinds: what makes each value of its text or number.

    Raises:
        ContractError: nobody here wrote that cursor.
    """
    if not cursor:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        values = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
        return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
    except (binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise ContractError(
            f"cursor: expected the one of a page before, got {cursor!r}; start without a cursor"
        ) from error


def following(request: Request, values: Sequence[Any]) -> str:
    """The address of the page after this one: the same question with another cursor."""
    asked = [
        (name, value) for name, value in request.query_params.multi_items() if name != "cursor"
    ]
    return f"{request.url.path}?{urlencode([*asked, ('cursor', written(values))])}"
