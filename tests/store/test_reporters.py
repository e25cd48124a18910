"""Hashes of reporters: the same for the same person, and of no use without the key."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from features.errors import ConfigError
from store.reporters import KEY_FILE, Reporters

NUMBER = "+223 76 12 34 56"


def test_a_number_has_one_hash_however_it_is_written() -> None:
    hashes = Reporters(b"k" * 32)
    same = {hashes.hash("phone", n) for n in (NUMBER, "0022376123456", "+22376123456")}
    assert len(same) == 1
    assert hashes.hash("phone", "+22376123457") not in same
    assert hashes.hash("kobo", NUMBER) not in same
    assert hashes.hash("kobo", "Moussa ") == hashes.hash("kobo", "moussa")


def test_who_tries_all_numbers_without_the_key_finds_none() -> None:
    kept = Reporters(b"k" * 32).hash("phone", NUMBER)
    tried = [NUMBER, "22376123456", "phone\x0022376123456"]
    plain = {hashlib.sha256(n.encode()).hexdigest()[:16] for n in tried}
    other = {Reporters(b"j" * 32).hash("phone", n) for n in tried}
    assert kept not in plain | other


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "new"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: Reporters.of(home, "").hash("a", "b"), range(16)))
    assert len(found) == 1
    assert [file.name for file in home.iterdir()] == [KEY_FILE]
    assert (home / KEY_FILE).stat().st_mode & 0o077 == 0
    assert Reporters.of(home, "x" * 32).hash("a", "b") not in found


def test_a_short_or_unreadable_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 16"):
        Reporters.of(tmp_path, "short")
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(ConfigError, match="VIGIE_REPORT_KEY"):
        Reporters.of(tmp_path, "")
