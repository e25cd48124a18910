"""Reports by SMS: what people type, what is understood, and what they are told."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from response import sms, sms_replies
from response.places import Places
from response.reports import Report, understand
from response.short_codes import Unit
from response.vocabulary import SAID, ReportKind, Sign

NOW = datetime(2018, 7, 20, 15, tzinfo=UTC)
PLACES = Places(
    [
        [
            Unit("ML050101", "Bara Sara", "ML0501", "Bandiagara", "ML05", "Mopti"),
            Unit("ML050505", "Konna", "ML0505", "Mopti", "ML05", "Mopti"),
            Unit("ML050506", "Socoura", "ML0505", "Mopti", "ML05", "Mopti"),
            Unit("ML040101", "Konna", "ML0401", "Ségou", "ML04", "Ségou"),
            Unit("ML090101", "Commune I", "ML0901", "Bamako", "ML09", "Bamako"),
        ]
    ]
)


def converse(text: str) -> tuple[Report | None, str]:
    """The report that a message makes, if any, and its reply."""
    message = sms.read(text, PLACES, NOW, UTC)
    if message.command is sms.Command.HELP and not message.reasons:
        return None, sms_replies.reply_help()
    found = understand(message.fields, PLACES, NOW)
    if isinstance(found, Report) and not message.reasons:
        return found, sms_replies.reply_understood(
            found, "a1b2c3d4e5f60718", PLACES, UTC, message.rest
        )
    reasons = [*message.reasons, *(found if isinstance(found, list) else [])]
    return None, sms_replies.reply_reasons(reasons, message.fields, message.rest)


UNDERSTOOD = {
    "VIG MOP05 ARMES 3 marche": (
        ("ML050505", "warning_sign", "armed_presence", 3, "market"),
        "Bien recu: Konna (Mopti), présence armée, marché, gravité 3. Faux ? VIG ANNULE A1B2C",
    ),
    "vig mopo5 Armés 3, Marché!": (
        ("ML050505", "warning_sign", "armed_presence", 3, "market"),
        "Bien recu: Konna (Mopti), présence armée, marché, gravité 3. Faux ? VIG ANNULE A1B2C",
    ),
    "3 marche ARMS mop 05": (
        ("ML050505", "warning_sign", "armed_presence", 3, "market"),
        "Bien recu: Konna (Mopti), présence armée, marché, gravité 3. Faux ? VIG ANNULE A1B2C",
    ),
    "VIG MOP05 RIEN": (
        ("ML050505", "nothing_seen", None, 0, None),
        "Bien recu: Konna (Mopti), rien vu. Faux ? VIG ANNULE A1B2C",
    ),
    "Socoura bagarre 4 centre ecole A 14h30": (
        ("ML050506", "incident", "clash", 4, "voting_center"),
        "Bien recu: Socoura (Mopti), incident, affrontement ou bagarre, gravité 4, centre de vote,"
        " vu le 20/07 14h30. Faux ? VIG ANNULE A1B2C",
    ),
    "VIG mopti konna apaisé rassemblements rivaux proches gravité 2": (
        ("ML050505", "tension_defused", "rival_rallies", 2, None),
        "Bien recu: Konna (Mopti), tension apaisée, rassemblements rivaux proches, gravité 2."
        " Faux ? VIG ANNULE A1B2C",
    ),
}
NOT_UNDERSTOOD = {
    "VIG MOP07 ARMES 3": "Gardé, mais pas compris: la commune (MOP07) n'est pas dans la liste; "
    "peut-etre MOP05, MOP06. Renvoyez ex: VIG MOP05 ARMES 3. Aide: VIG AIDE",
    "VIG MOP05 ARMES": "Gardé, mais pas compris: la gravité manque. "
    "Renvoyez ex: VIG MOP05 ARMES 3. Aide: VIG AIDE",
    "VIG MOP05 ARMES 9": "Gardé, mais pas compris: la gravité (9) n'est pas un chiffre de 1 à 5. "
    "Renvoyez ex: VIG MOP05 ARMES 3. Aide: VIG AIDE",
    "VIG MOP05 ARMES MENACES 3": "Gardé, mais pas compris: le signe (ARMES, MENACES) a plusieurs "
    "sens. Renvoyez ex: VIG MOP05 ARMES 3. Aide: VIG AIDE",
    "VIG MOP05 RIEN 3": 'Gardé, mais pas compris: la gravité (3) contredit " rien vu ". '
    "Renvoyez ex: VIG MOP05 RIEN. Aide: VIG AIDE",
    "VIG MOP05 RIEN ARMES 2": 'Gardé, mais pas compris: la gravité (2) contredit " rien vu "; le '
    'signe (ARMES) contredit " rien vu ". Renvoyez ex: VIG MOP05 ARMES 2. Aide: VIG AIDE',
    "VIG MOP05 ARMES 3 31/02/2018": "Gardé, mais pas compris: le moment (31/02/2018) n'est pas un "
    "jour avec une heure. Renvoyez ex: VIG MOP05 ARMES 3. Aide: VIG AIDE",
    "VIG MOP05 ARMES 3 22/07/2018": "Gardé, mais pas compris: le moment "
    "(2018-07-22T15:00:00+00:00) est dans le futur. Renvoyez ex: VIG MOP05 ARMES 3. "
    "Aide: VIG AIDE",
    "bonjour tout va bien": 'Gardé. Je ne comprends pas "tout" et "va": la commune manque; le type '
    "de signalement manque. Renvoyez ex: VIG MOP05 ARMES 3. Aide: VIG AIDE",
    "VIG MOP05 armzz 3": 'Gardé. Je ne comprends pas "armzz": le type de signalement manque. '
    "Renvoyez ex: VIG MOP05 ARMES 3. Aide: VIG AIDE",
    "VIG MOP05 ARMES troi": 'Gardé. Je ne comprends pas "troi": la gravité manque. '
    "Renvoyez ex: VIG MOP05 ARMES 3. Aide: VIG AIDE",
    "VIG MOP05 ARMES six": "Gardé, mais pas compris: la gravité (SIX) n'est pas un chiffre de 1 à "
    "5. Renvoyez ex: VIG MOP05 ARMES 3. Aide: VIG AIDE",
    "VIG MOP05 BAGARRE 76123456": "Gardé, mais pas compris: la gravité manque. "
    "Renvoyez ex: VIG MOP05 INCIDENT BAGARRE 3. Aide: VIG AIDE",
}


@pytest.mark.parametrize(("text", "wanted"), UNDERSTOOD.items(), ids=list(UNDERSTOOD))
def test_a_message_is_understood(text: str, wanted: tuple[tuple[object, ...], str]) -> None:
    found, reply = converse(text)
    assert found is not None, reply
    got = (found.unit_id, found.kind, found.sign, found.severity, found.place_kind)
    assert (got, reply) == wanted


@pytest.mark.parametrize(("text", "reply"), NOT_UNDERSTOOD.items(), ids=list(NOT_UNDERSTOOD))
def test_what_is_not_understood_is_told_how_to_mend(text: str, reply: str) -> None:
    assert converse(text) == (None, reply)


def test_the_mended_message_of_a_reply_is_understood() -> None:
    for text in NOT_UNDERSTOOD:
        mended = converse(text)[1].partition("Renvoyez ex: ")[2].partition(". Aide")[0]
        assert converse(mended)[0] is not None, mended


def test_a_name_of_two_communes_is_asked_back() -> None:
    found, reply = converse("VIG Konna ARMES 3")
    assert found is None
    assert "SEG01" in reply or "MOP05" in reply


def test_commands_are_known() -> None:
    assert sms.read("VIG AIDE", PLACES, NOW, UTC).command is sms.Command.HELP
    assert sms.read("aide", PLACES, NOW, UTC).command is sms.Command.HELP
    cancel = sms.read("Vig annuler a1b2c", PLACES, NOW, UTC)
    assert (cancel.command, cancel.reference) == (sms.Command.CANCEL, "A1B2C")
    assert len(sms_replies.reply_help()) <= sms_replies.MOST_LETTERS
    assert all(
        SAID[sign].code in sms_replies.reply_help() for sign in Sign if sign is not Sign.OTHER
    )


@pytest.mark.parametrize(
    ("text", "seen_at"),
    [
        ("VIG MOP05 RIEN", "2018-07-20T15:00:00+00:00"),
        ("VIG MOP05 RIEN 14h30", "2018-07-20T13:30:00+00:00"),
        ("VIG MOP05 RIEN hier 9h", "2018-07-19T08:00:00+00:00"),
        ("VIG MOP05 RIEN 23:10", "2018-07-19T22:10:00+00:00"),
        ("VIG MOP05 RIEN avant-hier 9h", "2018-07-18T08:00:00+00:00"),
        ("VIG MOP05 RIEN avanthier", "2018-07-18T15:00:00+00:00"),
        ("VIG MOP05 RIEN mercredi 9h", "2018-07-18T08:00:00+00:00"),
        ("VIG MOP05 RIEN vendredi", "2018-07-20T15:00:00+00:00"),
        ("VIG MOP05 RIEN 18/07/2018 8h30", "2018-07-18T07:30:00+00:00"),
        ("VIG MOP05 RIEN 18/7/18", "2018-07-18T15:00:00+00:00"),
        ("VIG MOP05 RIEN le 30/12 9h", "2017-12-30T08:00:00+00:00"),
    ],
)
def test_a_time_is_the_last_one_that_it_can_mean(text: str, seen_at: str) -> None:
    message = sms.read(text, PLACES, NOW, ZoneInfo("Africa/Lagos"))  # an hour ahead of UTC
    moment = datetime.fromisoformat(message.fields["seen_at"])
    assert moment == datetime.fromisoformat(seen_at)


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        *(("ARMES un", 1), ("ARMES gravité une marche", 1), ("ARMES UN MARCHE", 1)),
        *(("ARMES deux", 2), ("ARMES trois marche", 3), ("trois ARMES", 3), ("quatre menaces", 4)),
        *(("niveau CINQ ARMES", 5), ("ARMES cinq hier 9h", 5), ("ARMES trois au marche", 3)),
        *(("bagarre deux morts 4", 4), ("une bagarre 4", 4), ("bagarre 3 centre ecole deux", 3)),
        ("bagarre centre ecole deux gravité quatre", 4),
        # A count, an article and the name of a center are none.
        *(("bagarre deux morts", None), ("bagarre un mort", None), ("une bagarre marche", None)),
        *(("trois des militants ARMES", None), ("armes dans un marche", None)),
        *(("bagarre centre deux", None), ("ARMES deux marche trois", None)),
    ],
)
def test_a_severity_may_be_a_word(text: str, severity: int | None) -> None:
    found, reply = converse(f"VIG MOP05 {text}")
    assert (found.severity if found else None) == severity, reply


def test_words_that_nothing_knows_are_named_where_the_report_lands_too() -> None:
    found, reply = converse("VIG MOP05 ARMES 3 xyz")
    assert found is not None
    assert reply == (
        "Bien recu: Konna (Mopti), présence armée, gravité 3. "
        'Pas compris: "xyz". Faux ? VIG ANNULE A1B2C'
    )


def test_that_nothing_was_seen_is_only_taken_as_written() -> None:
    assert converse("VIG MOP05 BIEN")[0] is None
    for word in ("rien", "RAS", "calme"):
        found = converse(f"VIG MOP05 {word}")[0]
        assert found is not None
        assert found.kind is ReportKind.NOTHING_SEEN


@pytest.mark.parametrize("number", ["76 12 34 56", "7 6 1 2 3 4 5 6", "+22376123456"])
def test_a_number_does_not_come_apart_into_words_that_are_kept(number: str) -> None:
    message = sms.read(f"VIG MOP05 ARMES appelez {number} centre {number}", PLACES, NOW, UTC)
    assert message.fields["unit"] == "MOP05"
    assert not set("124567") & set(str((message.fields.get("voting_center"), message.rest)))
    assert "severity" not in message.fields


@pytest.mark.parametrize(
    "text",
    [
        *("VIG MOP05 ARMES 3 76123456", "VIG MOP05 ARMES 3 +223 76 12 34 56"),
        *("VIG MOP05 ARMES 3 19/07/2018", "VIG MOP05 ARMES 3/5", "VIG MOP05 ARMES 3 / 5 MARCHE"),
    ],
)
def test_a_severity_is_no_part_of_the_number_or_day_after_it(text: str) -> None:
    found, reply = converse(text)
    assert found is not None, reply
    assert found.severity == 3
    assert "76123456" not in str(sms.read(text, PLACES, NOW, UTC))


WORDS = [said.code for said in SAID.values()] + ["VIG", "MOP05", "Konna", "3", "0", "12", "14h30"]
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), max_size=10).map(" ".join),
)


@given(TEXTS)
def test_any_text_is_understood_or_told_why_in_one_sms(text: str) -> None:
    found, reply = converse(text)
    assert 0 < len(reply) <= sms_replies.MOST_LETTERS
    assert set(reply) <= sms_replies._GSM
    if found is not None:
        assert found.unit_id in PLACES.by_id
        assert (found.severity == 0) is (found.kind is ReportKind.NOTHING_SEEN)


@given(st.permutations(["MOP05", "ARMES", "3", "MARCHE", "MILITANTS"]))
def test_the_order_of_words_does_not_matter(words: list[str]) -> None:
    assert converse(" ".join(words))[0] == converse("VIG MOP05 ARMES 3 MARCHE MILITANTS")[0]
