"""Answers kept ready: a bulletin never changes, so what was once written can be sent again."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

FOR_EVER = "private, max-age=31536000, immutable"
VARY = "Accept, Accept-Encoding, Accept-Language, Authorization, Cookie"
_WORTH_PACKING = 500
_OVERHEAD = 1_000  # of a key and headers, about


@dataclass(frozen=True, slots=True)
class Written:
    """An answer as bytes, with its headers, ready for any number of readers.

    Attributes:
        headers: those of a 200, in ASGI's form.
        unchanged: those of a 304.
        etag: strong; another one for each encoding and language.
        bulletin_id: whose scores it holds.
    """

    body: bytes
    headers: list[tuple[bytes, bytes]]
    unchanged: list[tuple[bytes, bytes]]
    etag: str
    bulletin_id: str

    def for_reader(self, if_none_match: str | None) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and body: a 304 for who has it already."""
        if if_none_match is not None and matches(if_none_match, self.etag):
            return 304, [*self.unchanged], b""
        # A copy: what is around this adds headers of its own.
        return 200, [*self.headers], self.body


def matches(if_none_match: str, etag: str) -> bool:
    """Whether a list of etags has this one (RFC 9110, weak comparison)."""
    listed = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return etag in listed or listed == ["*"]


def packs(accept_encoding: str | None) -> bool:
    """Whether a reader takes gzip (RFC 9110: by name or by `*`, and not with q=0)."""
    for part in (accept_encoding or "").lower().split(","):
        name, _, parameters = part.partition(";")
        if name.strip() in ("gzip", "x-gzip", "*"):
            weight = parameters.strip().removeprefix("q=").strip()
            return weight.strip("0.") != "" or weight == ""
    return False


def write(
    body: bytes,
    *,
    bulletin_id: str,
    language: str,
    media_type: str,
    pack: bool,
    filename: str | None = None,
    following: str | None = None,
) -> Written:
    """Make an answer ready.

    Args:
        body: as the reader will see it.
        bulletin_id: whose scores it holds.
        language: of its words.
        media_type: the content type.
        pack: whether the reader takes gzip.
        filename: under which a browser saves it.
        following: address of the next page.
    """
    encoding = []
    etag = hashlib.sha256(f"{language}\n".encode() + body).hexdigest()[:32]
    if pack and len(body) >= _WORTH_PACKING:
        body = gzip.compress(body, compresslevel=6, mtime=0)
        encoding = [(b"content-encoding", b"gzip")]
        etag += "-gzip"
    unchanged = [
        (b"etag", f'"{etag}"'.encode()),
        (b"cache-control", FOR_EVER.encode()),
        (b"vary", VARY.encode()),
        (b"content-language", language.encode()),
    ]
    if following is not None:
        unchanged.append((b"link", f'<{following}>; rel="next"'.encode()))
    headers = [
        *unchanged,
        *encoding,
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    if filename is not None:
        headers.append((b"content-disposition", f'attachment; filename="{filename}"'.encode()))
    return Written(body, headers, unchanged, f'"{etag}"', bulletin_id)


class Shelf:
    """Answers by what was asked, the least used thrown out first when memory is used up."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, Written] = OrderedDict()
        self._lock = threading.Lock()
        self.size = self.hits = self.misses = 0

    def get(self, key: Hashable) -> Written | None:
        """The answer to `key`, if it is kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                self.misses += 1
                return None
            self.hits += 1
            self._kept.move_to_end(key)
            return found

    def put(self, key: Hashable, answer: Written) -> None:
        """Keep an answer, unless it alone would take a quarter of the memory."""
        if len(answer.body) > self._most // 4:
            return
        with self._lock:
            before = self._kept.pop(key, None)
            self.size += _size(answer) - (_size(before) if before else 0)
            self._kept[key] = answer
            while self.size > self._most:
                _, gone = self._kept.popitem(last=False)
                self.size -= _size(gone)


def _size(answer: Written) -> int:
    return len(answer.body) + _OVERHEAD
