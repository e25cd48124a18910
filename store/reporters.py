"""Who reports, as a keyed hash: it tells two reporters apart and cannot be turned back.

Telephone numbers are few enough to try them all, so the key is what protects them. It is kept
out of the database and of backups: without it nobody, with it anybody who also has the
database, can find out who reported.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from features.errors import ConfigError

KEY_FILE = "reporters.key"
_KEY_BYTES = 32
_LETTERS = 16


class Reporters:
    """Hashes reporters with one key.

    Args:
        key: at least 16 bytes that nobody else knows.

    Raises:
        ConfigError: the key is shorter.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < _KEY_BYTES // 2:
            raise ConfigError(
                f"VIGIE_REPORT_KEY: expected at least 16 characters, got {len(key)}; "
                "make one with 'openssl rand -hex 32'"
            )
        self._key = key

    @classmethod
    def of(cls, home: Path, key: str) -> Reporters:
        """With the key of the settings, or the one in the home, made when first needed.

        Raises:
            ConfigError: the key is too short, or its file cannot be used.
        """
        return cls(key.encode() if key else _key_in(home / KEY_FILE))

    def hash(self, kind: str, who: str) -> str:
        """A reporter's hash; a telephone number is the same however it is written.

        Args:
            kind: within what `who` is somebody: `phone`, `token a1b2`, `kobo`.
            who: number, account or any other name.
        """
        name = re.sub(r"\D", "", who).lstrip("0") if kind == "phone" else ""
        said = f"{kind}\x00{name or who.strip().casefold()}"
        signed = hmac.new(self._key, said.encode("utf-8", "replace"), hashlib.sha256)
        return signed.hexdigest()[:_LETTERS]


def _key_in(file: Path) -> bytes:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Written whole before it has its name: whoever comes at the same time sees all or none.
        part = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        if not file.exists():
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as opened:
                opened.write(secrets.token_hex(_KEY_BYTES))
            try:
                os.link(part, file)
            except FileExistsError:
                pass
            finally:
                part.unlink()
        return file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(
            f"{file}: expected a key that can be read or made, got: {error}; "
            "mend it, or set VIGIE_REPORT_KEY"
        ) from error
