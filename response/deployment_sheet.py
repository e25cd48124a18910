"""A plan to print, one sheet per region, and as rows for a spreadsheet; French and English."""

from __future__ import annotations

import csv
import io
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from features.vocabulary import NARROW, CampaignKind, Language, WatchKind
from response.deployment_assumed import number, percent

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

WORDS: dict[Language, dict[str, str]] = {
    Language.EN: {
        "title": "Deployment of mediators",
        "region": "Region",
        "parent": "Area",
        "unit": "Commune",
        "code": "Code",
        "base": "From",
        "mediators": "Mediators",
        "why": "Why",
        "places": "Places to watch",
        "no_places": "No place to watch is known.",
        "polling": "Polling day",
        "window": "Window",
        "bulletin": "Bulletin",
        "known": "known on",
        "plan": "Plan",
        "version": "version",
        "draft": "DRAFT: not approved",
        "approved": "Approved by the role",
        "synthetic": "MADE-UP DATA: act on none of this",
        "whole": "Of the whole plan",
        "covered": "expected incidents covered",
        "interval": "interval",
        "of": "of",
        "assumed": "What is assumed",
        "signed": "Read and understood (role, day, signature)",
        "colon": ":",
        "total": "Total",
        "nobody": "The plan sends nobody here.",
        str(CampaignKind.RALLY): "rally",
        str(CampaignKind.CARAVAN): "caravan",
        str(WatchKind.VOTING_CENTER): "voting center",
        str(WatchKind.MARKET): "market",
        str(WatchKind.OTHER): "place",
        str(CampaignKind.MEETING): "meeting",
        "voting_center": "voting center",
    },
    Language.FR: {
        "title": "Déploiement des médiateurs",
        "region": "Région",
        "parent": "Cercle",
        "unit": "Commune",
        "code": "Code",
        "base": "Depuis",
        "mediators": "Médiateurs",
        "why": "Pourquoi",
        "places": "Lieux à observer",
        "no_places": "Aucun lieu à observer n'est connu.",
        "polling": "Jour du scrutin",
        "window": "Période",
        "bulletin": "Bulletin",
        "known": "su au",
        "plan": "Plan",
        "version": "version",
        "draft": "PROJET : non approuvé",
        "approved": "Approuvé par le rôle",
        "synthetic": "DONNÉES INVENTÉES : n'en tirez aucune action",
        "whole": "Du plan entier",
        "covered": "incidents attendus couverts",
        "interval": "intervalle",
        "of": "sur",
        "assumed": "Ce qui est supposé",
        "signed": "Lu et compris (rôle, jour, signature)",
        "colon": f"{NARROW}:",
        "total": "Total",
        "nobody": "Le plan n'envoie personne ici.",
        str(CampaignKind.RALLY): "meeting",
        str(CampaignKind.CARAVAN): "caravane",
        str(WatchKind.VOTING_CENTER): "centre de vote",
        str(WatchKind.MARKET): "marché",
        str(WatchKind.OTHER): "lieu",
        str(CampaignKind.MEETING): "réunion",
        "voting_center": "centre de vote",
    },
}

_ROLES = {"coordinator": "coordinateur", "admin": "administrateur"}

_PAGE = """<!doctype html>
<html lang="{{ lang }}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ w.title }} – {{ head.deployment_id }}</title>
<style>
@page { size: A4; margin: 14mm 12mm 16mm; @bottom-right { content: counter(page) "/" counter(pages);
  font: 8pt sans-serif; color: #555 } }
* { box-sizing: border-box }
body { font: 10.5pt/1.4 "Liberation Sans", Arial, sans-serif; color: #111; margin: 0 auto;
  max-width: 190mm; padding: 4mm }
section { break-after: page } section:last-of-type { break-after: auto }
h1 { font-size: 17pt; margin: 0 } h2 { font-size: 12pt; margin: 5mm 0 1.5mm }
.head { display: flex; justify-content: space-between; gap: 6mm; border-bottom: 2px solid #111;
  padding-bottom: 2mm }
.head p { margin: 0 } .count { font-size: 17pt; font-weight: bold; white-space: nowrap;
  text-align: right }
.count small { display: block; font-size: 9pt; font-weight: normal }
.meta { display: grid; grid-template-columns: max-content 1fr; gap: .5mm 4mm; margin: 2.5mm 0;
  font-size: 9.5pt }
.meta dt { color: #555 } .meta dd { margin: 0; overflow-wrap: anywhere }
.mark { display: inline-block; border: 1.5px solid #111; padding: .5mm 2mm; font-weight: bold;
  margin: 0 2mm 2mm 0 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 1.2mm 2mm; border-bottom: 1px solid #bbb }
th { border-bottom: 1.5px solid #111; font-size: 9pt } thead { display: table-header-group }
tr { break-inside: avoid } td.n, th.n { text-align: right; width: 1%; white-space: nowrap }
td.n { font-size: 13pt; font-weight: bold } .code { color: #555; font-size: 8.5pt; display: block }
ul { margin: 0; padding-left: 4.5mm } .why { font-size: 9.5pt } .note { font-size: 9pt }
.sign { margin-top: 16mm; border-top: 1px solid #111; width: 90mm; padding-top: 1mm;
  font-size: 9pt }
@media screen {
  section + section { margin-top: 18mm; padding-top: 6mm; border-top: 1px dashed #999 }
}
@media screen and (max-width: 600px) {
  td.empty { display: none }
  .head { display: block } .count { text-align: left; margin-top: 2mm } thead { display: none }
  tr { display: block; border-bottom: 1px solid #bbb; padding: 2mm 0 }
  td { display: block; border: 0; padding: .5mm 0 } td.n { text-align: left; width: auto }
  td.n::after { content: " " attr(data-unit); font-size: 10pt; font-weight: normal }
}
</style></head><body>
{% for r in regions %}<section>
<div class="head"><div><p>{{ w.title }} – {{ head.country }}</p><h1>{{ r.name }}</h1></div>
<p class="count">{{ r.mediators }}<small>{{ w.mediators | lower }}</small></p></div>
<dl class="meta">
<dt>{{ w.polling }}</dt><dd>{{ polling }} ({{ head.election_id }})</dd>
<dt>{{ w.window }}</dt><dd>{{ window }}</dd>
<dt>{{ w.bulletin }}</dt><dd>{{ head.bulletin_id }}, {{ w.known }} {{ as_of }}</dd>
<dt>{{ w.plan }}</dt><dd>{{ head.deployment_id }}, {{ w.version }} {{ head.version }}</dd>
{% if whole %}<dt>{{ w.whole }}</dt><dd>{{ whole }}</dd>{% endif %}
</dl>
{% if head.synthetic %}<span class="mark">{{ w.synthetic }}</span>{% endif %}
<span class="mark">{{ status }}</span>
<table><thead><tr><th>{{ w.unit }}</th><th class="n">{{ w.mediators }}</th>
{% if bases %}<th>{{ w.base }}</th>{% endif %}<th>{{ w.why }}</th>
{% if r.any_places %}<th>{{ w.places }}</th>{% endif %}</tr></thead>
<tbody>{% for p in r.posts %}<tr><td><b>{{ p.name }}</b>, {{ p.parent_name }}
<span class="code">{{ p.unit_id }}</span></td>
<td class="n" data-unit="{{ w.mediators | lower }}">{{ p.mediators }}</td>
{% if bases %}<td>{{ p.base }}</td>{% endif %}<td class="why">{{ p.why }}</td>
{% if r.any_places %}<td class="why{% if not p.places %} empty{% endif %}">{% if p.places %}<ul>
{% for place in p.places %}<li>{{ place }}</li>{% endfor %}
</ul>{% else %}–{% endif %}</td>{% endif %}</tr>{% endfor %}</tbody></table>
{% if not r.any_places %}<p class="note">{{ w.no_places }}</p>{% endif %}
<h2>{{ w.assumed }}</h2>{% for a in head.assumptions %}<p class="note">{{ a }}</p>{% endfor %}
<p class="sign">{{ w.signed }}</p>
</section>{% else %}<p>{{ w.nobody }}</p>{% endfor %}
</body></html>
"""


def day(value: Any, language: Language) -> str:
    """A day as the language writes it."""
    return f"{value:%d/%m/%Y}" if language is Language.FR else f"{value:%d %b %Y}"


def sheets(
    posts: pd.DataFrame,
    places: pd.DataFrame,
    head: dict[str, Any],
    language: Language,
    *,
    whole: bool = True,
) -> str:
    """The printable sheets of a plan, one page or more per region.

    Args:
        posts: as `store.deployment_tables.table` gives them.
        places: `unit_id`, `kind`, `name`, `event_date`: places to watch.
        head: as `store.deployment_tables.head` gives it.
        language: of every word.
        whole: whether to say what the whole plan covers.
    """
    words = WORDS[language]
    watched = {
        str(u): [_place(row, language) for row in rows.to_dict("records")]
        for u, rows in places.groupby("unit_id")
    }
    regions = []
    for name, rows in posts.groupby("region_name", sort=True):
        listed = [
            {**row, "places": watched.get(row["unit_id"], [])} for row in rows.to_dict("records")
        ]
        regions.append(
            {
                "name": name,
                "mediators": int(rows["mediators"].sum()),
                "posts": listed,
                "any_places": any(row["places"] for row in listed),
            }
        )
    start, end = (day(d, language) for d in head["window"])
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(_PAGE)
    return page.render(
        lang=str(language),
        w=words,
        head=head,
        regions=regions,
        polling=day(head["polling_date"], language),
        window=f"{start} – {end}",
        as_of=day(head["as_of"], language),
        whole=_whole(head, language) if whole else "",
        status=_status(head, language),
        bases=bool((posts["base"] != "").any()),
    )


def _place(row: dict[Any, Any], language: Language) -> str:
    kind = WORDS[language][str(row["kind"])]
    when = "" if pd.isna(row["event_date"]) else f", {day(row['event_date'], language)}"
    return f"{kind}{WORDS[language]['colon']} {row['name']}{when}"


def _whole(head: dict[str, Any], language: Language) -> str:
    words, f = WORDS[language], head["figures"]
    low, much, high = (
        number(f[k], language) for k in ("covered_lower", "covered", "covered_upper")
    )
    total = number(f["expected_incidents"], language)
    share = percent(f["share"] or 0.0, language)
    return (
        f"{head['mediators']} {words['mediators'].lower()}, {much} {words['of']} {total} "
        f"{words['covered']} ({share}; {words['interval']} {low} – {high})"
    )


def _status(head: dict[str, Any], language: Language) -> str:
    words, role = WORDS[language], head["approved_by"]
    if role is None:
        return words["draft"]
    said = _ROLES.get(role, role) if language is Language.FR else role
    return f"{words['approved']} {said}, {day(head['approved_at'], language)}"


def rows(posts: pd.DataFrame, places: pd.DataFrame, language: Language) -> pd.DataFrame:
    """The posts with their places to watch in one cell, for a spreadsheet."""
    watched = {
        str(u): "; ".join(_place(row, language) for row in some.to_dict("records"))
        for u, some in places.groupby("unit_id")
    }
    return posts.assign(places=[watched.get(u, "") for u in posts["unit_id"]])


def as_csv(table: pd.DataFrame) -> bytes:
    """A table for a spreadsheet: with a byte order mark, and no cell that starts a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.columns)
    for row in table.itertuples(index=False):
        writer.writerow([_safe(value) for value in row])
    return ("\ufeff" + out.getvalue()).encode()


def _safe(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return "" if isinstance(value, float) and pd.isna(value) else value
