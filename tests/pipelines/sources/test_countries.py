from __future__ import annotations

import pytest

from pipelines.sources.countries import iso3


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ML", "MLI"),
        ("mli", "MLI"),
        ("466", "MLI"),
        ("4", "AFG"),
        ("ZZ", None),
        ("xvg", "XVG"),
        ("XV", None),
        ("", None),
    ],
)
def test_country_codes(code: str, expected: str | None) -> None:
    assert iso3(code) == expected
