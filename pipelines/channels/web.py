"""Posting to addresses that others gave: never inside our own network, never after a redirect.

The name is looked up once, and the connection goes to the address that was judged: a name that
answers otherwise a moment later leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx2

from pipelines.channels.channel import NotSentError

SECONDS = 10
_AGAIN = frozenset({408, 409, 425, 429})
"""Statuses under 500 that may pass (RFC 9110, RFC 6585, RFC 8470)."""


def post(url: str, body: bytes, headers: Mapping[str, str], *, private: bool) -> None:
    """Post, and take only a 2xx for an answer.

    Args:
        url: where to.
        body: what.
        headers: beside those of every request.
        private: whether private addresses, and http, are allowed.

    Raises:
        NotSentError: it did not go out, or was refused; permanent where another try would meet
            the same.
    """
    address, name = _judged(url, private=private)
    try:
        with httpx2.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
            response = client.post(
                address,
                content=body,
                headers={**headers, "Host": name},
                extensions={"sni_hostname": name.partition(":")[0]},
            )
    except httpx2.HTTPError as error:
        raise NotSentError(f"the receiver cannot be reached: {type(error).__name__}") from error
    status = response.status_code
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise NotSentError(
            f"the receiver redirects ({status}); give its own address", permanent=True
        )
    raise NotSentError(
        f"the receiver answered {status}", permanent=status < 500 and status not in _AGAIN
    )


def _judged(url: str, *, private: bool) -> tuple[httpx2.URL, str]:
    """The URL with the address in the place of the name, and the name.

    Raises:
        NotSentError: it may not be used, or its name is not known now.
    """
    parts = urlsplit(url)
    if not parts.hostname or (parts.scheme != "https" and not (private and parts.scheme == "http")):
        raise NotSentError("the receiver's address is not https://", permanent=True)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotSentError("the receiver's name is not known") from error
    addresses = [str(one[4][0]) for one in found]
    if not private and not all(ipaddress.ip_address(a).is_global for a in addresses):
        raise NotSentError("the receiver's address lies in a private network", permanent=True)
    name = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    return httpx2.URL(url).copy_with(host=addresses[0]), name
