"""Words of nowcasts. Light, so that the API starts fast."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """Which question a report answers."""

    SO_FAR = "so_far"
    NEXT = "next"


class Watch(StrEnum):
    """What stands behind the silence of a unit."""

    WATCHED = "watched"
    SILENT = "silent"
    UNPOSTED = "unposted"
