"""Photos of reports: kept as files that only the service reads, stripped of place and device."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import warnings
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.errors import ContractError, NotFoundError
from store.report_schema import ReportPhoto

FOLDER = "photos"
_FORMATS = ("JPEG", "PNG", "WEBP")
_LONGEST_SIDE = 1600
_MOST_PIXELS = 50_000_000


def stripped(content: bytes) -> bytes:
    """The picture alone as a JPEG: drawn anew, upright, without EXIF or any other marks.

    Raises:
        ContractError: not a picture in a known format, or too large a one.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                if opened.width * opened.height > _MOST_PIXELS:
                    raise ContractError(
                        f"photo: expected at most {_MOST_PIXELS} pixels, got "
                        f"{opened.width} x {opened.height}; take a smaller one"
                    )
                upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
    ) as error:
        raise ContractError(
            f"photo: expected a picture ({', '.join(_FORMATS)}), got something else "
            f"({type(error).__name__}); send the picture itself"
        ) from error
    upright.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    plain = Image.new("RGB", upright.size)
    plain.paste(upright)
    written = io.BytesIO()
    plain.save(written, "JPEG", quality=85)
    return written.getvalue()


def keep(session: Session, home: Path, report_id: str, content: bytes, now: datetime) -> str:
    """Keep a photo of a report; the same one twice is kept once. Its SHA-256.

    One that a person destroyed stays so, whoever sends it for that report again.

    Raises:
        ContractError: it is no picture.
    """
    picture = stripped(content)
    sha256 = hashlib.sha256(picture).hexdigest()
    known = session.get(ReportPhoto, (report_id, sha256))
    if known is not None and known.removed_at is not None:
        return sha256
    folder = home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"{sha256}.jpg"
    if not file.exists():
        part = folder / f".tmp-{secrets.token_hex(8)}"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as opened:
            opened.write(picture)
        part.replace(file)
    if known is None:
        session.add(
            ReportPhoto(
                report_id=report_id, sha256=sha256, received_at=now, size_bytes=len(picture)
            )
        )
        session.flush()
    return sha256


def has_one(session: Session, report_id: str) -> bool:
    """Whether a photo of a report was kept, be it removed since."""
    rows = select(ReportPhoto.sha256).where(ReportPhoto.report_id == report_id)
    return session.scalar(rows.limit(1)) is not None


def read(session: Session, home: Path, report_id: str, sha256: str) -> bytes:
    """A photo of a report.

    Raises:
        NotFoundError: there is no such photo, or it was removed.
    """
    row = session.get(ReportPhoto, (report_id, sha256))
    file = home / FOLDER / f"{sha256}.jpg"
    if row is None or row.removed_at is not None or not file.is_file():
        raise NotFoundError(f"expected the digest of a photo of {report_id}, got {sha256!r}")
    return file.read_bytes()


def remove(
    session: Session, home: Path, report_id: str, sha256: str, *, actor: str, now: datetime
) -> None:
    """Destroy a photo that puts somebody at risk; that there was one is kept.

    Raises:
        NotFoundError: there is no such photo.
    """
    read(session, home, report_id, sha256)
    row = session.get_one(ReportPhoto, (report_id, sha256))
    row.removed_at, row.removed_by = now, actor
    session.flush()
    others = select(ReportPhoto).where(
        ReportPhoto.sha256 == sha256, ReportPhoto.removed_at.is_(None)
    )
    if session.scalar(others.limit(1)) is None:
        (home / FOLDER / f"{sha256}.jpg").unlink()
