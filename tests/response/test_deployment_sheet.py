"""The printed sheets of a plan."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pandas as pd
import pytest

from features.vocabulary import Language
from response.deployment_sheet import sheets

HEAD: dict[str, Any] = {
    "country": "Testland",
    "election_id": "XXA-2020-PRES-1",
    "polling_date": date(2020, 3, 1),
    "window": (date(2020, 2, 25), date(2020, 3, 8)),
    "bulletin_id": "b",
    "as_of": date(2020, 2, 1),
    "deployment_id": "d",
    "version": 1,
    "synthetic": True,
    "approved_by": None,
    "approved_at": None,
    "assumptions": ["One covers 30%."],
}
POSTS = pd.DataFrame(
    {
        "unit_id": ["XX0101", "XX0102", "XX0201"],
        "name": ["A", "B", "C"],
        "parent_name": "Cercle",
        "region_name": ["Gao", "Gao", "Mopti"],
        "mediators": [2, 4, 2],
        "base": "",
        "why": "21% chance",
    }
)
NOWHERE = pd.DataFrame({"unit_id": [], "kind": [], "name": [], "event_date": []})
SCHOOL = pd.DataFrame(
    {"unit_id": ["XX0101"], "kind": "voting_center", "name": "École", "event_date": pd.NaT}
)


def _regions(places: pd.DataFrame, language: Language) -> dict[str, str]:
    page = sheets(POSTS, places, HEAD, language, whole=False)
    return dict(re.findall(r"<section>.*?<h1>(\w+)</h1>(.*?)</section>", page, re.S))


@pytest.mark.parametrize(
    ("language", "heading", "none"),
    [
        (Language.FR, "Lieux à observer", "Aucun lieu à observer n'est connu."),
        (Language.EN, "Places to watch", "No place to watch is known."),
    ],
)
def test_places_have_a_column_where_some_are_known_and_one_line_where_none_are(
    language: Language, heading: str, none: str
) -> None:
    none = none.replace("'", "&#39;")
    known = _regions(SCHOOL, language)
    assert f"<th>{heading}</th>" in known["Gao"]
    assert "École" in known["Gao"]
    assert none not in known["Gao"]
    for region in (known["Mopti"], *_regions(NOWHERE, language).values()):
        assert heading not in region
        assert region.count(none) == 1
        cells = len(re.findall(r"<t[hd]\b", region))
        assert cells == 3 * len(re.findall("<tr>", region))
