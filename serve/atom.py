"""The feed of alerts: Atom (RFC 4287) with pages (RFC 5005), each entry with its CAP message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urljoin
from xml.etree import ElementTree as ET

from features.vocabulary import Language
from response import cap
from store.alert_reading import Published

NAMESPACE = "http://www.w3.org/2005/Atom"
MEDIA_TYPE = "application/atom+xml"
_TITLE = {
    Language.FR: "Vigie : alertes de violence électorale",
    Language.EN: "Vigie: alerts of electoral violence",
}


def feed(
    rows: Sequence[Published],
    language: Language,
    address: str,
    following: str | None,
    now: datetime,
) -> bytes:
    """A page of the feed.

    Args:
        rows: what went out, the newest first.
        language: of titles and summaries; the CAP messages have both.
        address: of this page.
        following: address of the next page; None on the last.
        now: the moment, for a feed without entries.
    """
    root = ET.Element("feed", {"xmlns": NAMESPACE, "xml:lang": str(language)})
    newest = rows[0].cap.sent_at if rows else now
    _add(root, "id", urljoin(address, "/v1/alerts/feed"))
    _add(root, "title", _TITLE[language])
    _add(root, "updated", _moment(newest))
    _link(root, "self", address)
    if following is not None:
        _link(root, "next", urljoin(address, following))
    ET.SubElement(ET.SubElement(root, "author"), "name").text = "Vigie"
    for row in rows:
        root.append(_entry(row, language, address))
    whole: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return whole


def _entry(row: Published, language: Language, address: str) -> ET.Element:
    entry = ET.Element("entry")
    words = row.alert.words[str(language)]
    where = urljoin(address, f"/v1/alerts/{quote(row.alert.alert_id)}/cap")
    kind = f"[{row.cap.status} · {row.cap.message_type}]"
    _add(entry, "id", f"urn:vigie:{row.cap.identifier}")
    _add(entry, "title", f"{kind} {words['headline']}")
    _add(entry, "updated", _moment(row.cap.sent_at))
    _add(entry, "summary", words["reason"])
    ET.SubElement(entry, "category", {"term": row.alert.level})
    _link(entry, "alternate", where, cap.MEDIA_TYPE)
    content = ET.SubElement(entry, "content", {"type": cap.MEDIA_TYPE})
    content.append(cap.embedded(row.cap.xml))
    return entry


def _add(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text


def _link(parent: ET.Element, rel: str, href: str, kind: str = MEDIA_TYPE) -> None:
    ET.SubElement(parent, "link", {"rel": rel, "type": kind, "href": href})


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
