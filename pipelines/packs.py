"""The country packs that a worker may run: the TOML files of one folder, and no others."""

from __future__ import annotations

from pathlib import Path

from features.errors import ConfigError, NotFoundError
from pipelines.pack import Pack, load_pack


def load_packs(folder: Path) -> dict[str, Pack]:
    """The packs of a folder by name, in the order of their files.

    Raises:
        ConfigError: there is no such folder or no pack in it, a pack cannot be used, or two
            have one name.
    """
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise ConfigError(
            f"VIGIE_PACKS: expected a folder with country packs (*.toml), got {folder}; "
            "name another folder, or copy a pack into it"
        )
    packs: dict[str, Pack] = {}
    for file in files:
        pack = load_pack(file)
        if pack.name in packs:
            raise ConfigError(f"{file}, key 'name': expected a name of its own, got {pack.name!r}")
        packs[pack.name] = pack
    return packs


def pack_of(folder: Path, election_id: str) -> Pack:
    """The pack of a round's country: the round's id starts with the country's ISO code.

    A pack of that country alone comes before one of several.

    Raises:
        ConfigError: the folder cannot be used, or two packs are for that country.
        NotFoundError: no pack is for that country.
    """
    packs = load_packs(folder)
    code = election_id.split("-")[0]
    several = [p for p in packs.values() if code in p.country_names]
    found = [p for p in several if p.iso3 == code] or several
    if not found:
        known = ", ".join(sorted({c for p in packs.values() for c in p.country_names}))
        raise NotFoundError(
            f"election: expected a round of one of these countries: {known}, got "
            f"{election_id!r}; choose a known round, or have a pack added to VIGIE_PACKS"
        )
    if len(found) > 1:
        names = ", ".join(p.name for p in found)
        raise ConfigError(
            f"VIGIE_PACKS: expected one pack for {code}, got {names}; keep one of them"
        )
    return found[0]
