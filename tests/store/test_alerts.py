"""Alerts in the database: drafts, steps, what goes out, who was told, and that none is changed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from features.errors import ConflictError, ContractError, NotFoundError
from features.vocabulary import Language
from response.alerts import Draft, Step
from response.cap import Certainty, Severity, Urgency, Words
from response.contracts import require
from response.rules import AreaKind, Channel
from response.vocabulary import Level
from store import (
    alert_reading,
    alert_tables,
    alerts,
    audit,
    database,
    outbox,
    publishing,
    recipients,
    telling,
)
from store.alert_schema import KEPT, AlertCap
from store.alerts import Actor
from store.outbox import Outcome
from store.publishing import Sender

T0 = datetime(2018, 7, 20, 12, tzinfo=UTC)
COORDINATOR = Actor("3fa9c01b", "Coordination", "coordinator")
FROM = Sender("vigie@example.org", "Vigie", web="https://vigie.example.org")


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def draft(*unit_ids: str, **how: Any) -> Draft:
    usual: dict[str, Any] = {
        "election_id": "XXA-2018-PRES-1",
        "rule": "cluster",
        "kind": "cluster",
        "level": Level.LOCAL,
        "area_kind": AreaKind.PARENT,
        "area_id": "XX01",
        "area_name": "Cercle 1",
        "unit_ids": unit_ids or ("XX0101", "XX0102"),
        "channels": (Channel.EMAIL, Channel.SMS),
        "urgency": Urgency.EXPECTED,
        "severity": Severity.SEVERE,
        "certainty": Certainty.POSSIBLE,
        "strength": 3.0,
        "words": {
            language: Words(f"titre {language}", f"raison {language}", f"faire {language}")
            for language in Language
        },
        "evidence": {"signs": 3},
        "drafted_at": T0,
        "expires_at": T0 + timedelta(hours=48),
    }
    return Draft(**{**usual, **how})


@pytest.fixture
def registry_id(session: Session, country: Any) -> str:
    return str(country.write(session))


@pytest.fixture
def alert_id(session: Session, registry_id: str) -> str:
    one = draft()
    assert alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
    return one.alert_id


def add(session: Session, channel: Channel = Channel.EMAIL, **how: Any) -> str:
    usual: dict[str, Any] = {
        "name": "Préfet",
        "level": Level.LOCAL,
        "channel": channel,
        "address": {"email": "prefet@example.org", "sms": "+22370000000"}.get(channel, ""),
        "language": Language.FR,
        "areas": [],
        "now": T0,
        "actor": "a",
    }
    return recipients.add(session, **{**usual, **how}).recipient_id


def sign_and_publish(session: Session, alert_id: str, minutes: float = 1) -> str:
    alerts.take(session, alert_id, Step.SIGN, at=at(minutes), by=COORDINATOR, note="oui")
    return publishing.publish(session, alert_reading.one(session, alert_id), FROM, at(minutes + 1))


def test_a_draft_is_kept_once_and_read_back_whole(session: Session, registry_id: str) -> None:
    one = draft()
    assert alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
    assert not alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
    found = alert_reading.one(session, one.alert_id)
    assert alert_reading.draft_of(found) == one
    assert (found.state, [e.step for e in found.events]) == ("draft", ["draft"])
    assert [u.name for u in found.units] == ["A", "B"]
    with pytest.raises(ContractError, match="got XX9999"):
        alerts.write_draft(
            session, draft("XX9999", area_id="XX99"), registry_id=registry_id, synthetic=True
        )
    wrong = replace(one, election_id="NO")
    with pytest.raises(NotFoundError, match="id of a round"):
        alerts.write_draft(session, wrong, registry_id=registry_id, synthetic=True)


def test_every_step_says_who_and_when(session: Session, alert_id: str) -> None:
    sign_and_publish(session, alert_id)
    for n, step in enumerate((Step.ACKNOWLEDGE, Step.ACT, Step.CLOSE)):
        alerts.take(session, alert_id, step, at=at(10 + n), by=COORDINATOR, note=f"n{n}")
    found = alert_reading.one(session, alert_id)
    assert [(e.step, e.name, e.role, e.note) for e in found.events][1:] == [
        ("sign", "Coordination", "coordinator", "oui"),
        ("send", "Vigie", "rule", ""),
        ("acknowledge", "Coordination", "coordinator", "n0"),
        ("act", "Coordination", "coordinator", "n1"),
        ("close", "Coordination", "coordinator", "n2"),
    ]
    signature = found.events[1]
    assert signature.digest == alerts.words_digest(found.alert)
    said = [entry.action for entry in audit.entries(session) if entry.subject == alert_id]
    assert said[::-1] == [
        f"alert.{step}" for step in ("drafted", "sign", "send", "acknowledge", "act", "close")
    ]


def test_steps_out_of_turn_are_refused(session: Session, alert_id: str) -> None:
    with pytest.raises(ConflictError, match="follows draft"):
        publishing.publish(session, alert_reading.one(session, alert_id), FROM, at(1))
    with pytest.raises(NotFoundError):
        alerts.take(session, "no", Step.SIGN, at=at(1), by=COORDINATOR)
    with pytest.raises(ConflictError, match="before it expired on 2018-07-22 12:00"):
        alerts.take(session, alert_id, Step.SIGN, at=at(48 * 60), by=COORDINATOR)
    assert session.scalars(select(AlertCap)).all() == []


def test_one_who_is_slower_is_told_so(engine: Engine, country: Any) -> None:
    with database.sessions(engine).begin() as session:
        one = draft()
        registry_id = country.write(session)
        alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
    with database.sessions(engine)() as session:
        stale = session.scalar(alerts._last_event(one.alert_id))
        assert stale is not None
        alerts.take(session, one.alert_id, Step.SIGN, at=at(1), by=COORDINATOR)
        with pytest.raises(ConflictError, match="at the same time"):
            alerts._write_event(
                session, one.alert_id, stale.number + 1, "reject", alerts.State.REJECTED, at(1),
                COORDINATOR, "",
            )  # fmt: skip
        session.rollback()


def test_a_token_sees_alerts_of_its_areas_alone(session: Session, registry_id: str) -> None:
    for area, units in (("XX01", ("XX0101",)), ("XX02", ("XX0201",)), ("XX", ("XX0101", "XX0201"))):
        one = draft(*units, area_id=area)
        alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)

    def seen(*areas: str) -> set[str]:
        return {f.alert.area_id for f in alert_reading.page(session, areas=areas)}

    assert seen() == seen("XX") == {"XX01", "XX02", "XX"}
    assert seen("XX01") == seen("XX0101") == {"XX01"}
    assert seen("XX01", "XX02") == {"XX01", "XX02", "XX"}
    other = draft("XX0201", area_id="XX02").alert_id
    with pytest.raises(NotFoundError, match="within your areas"):
        alert_reading.one(session, other, ["XX01"])


def test_pages_and_filters(session: Session, registry_id: str) -> None:
    made = [draft(drafted_at=at(n), level=list(Level)[n % 2]) for n in range(5)]
    for one in made:
        alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
    alerts.take(session, made[3].alert_id, Step.REJECT, at=at(9), by=COORDINATOR)
    first = alert_reading.page(session, limit=2)
    last = first[-1].alert
    rest = alert_reading.page(session, after_=(last.drafted_at, last.alert_id))
    ids = [f.alert.alert_id for f in [*first, *rest]]
    assert ids == [one.alert_id for one in reversed(made)]
    assert [f.alert.alert_id for f in alert_reading.page(session, state="rejected")] == [ids[1]]
    assert len(alert_reading.page(session, state="draft")) == 4
    assert len(alert_reading.page(session, level="local", since=at(1))) == 2
    assert alert_reading.page(session, election_id="other") == []


def test_a_signed_alert_becomes_one_cap_message_and_one_letter_each(
    session: Session, alert_id: str
) -> None:
    here, elsewhere = add(session), add(session, areas=["XX02"])
    phone = add(session, Channel.SMS, areas=["XX0101"], language=Language.EN)
    add(session, level=Level.NATIONAL)
    gone = add(session)
    recipients.end(session, gone, T0, "a")
    identifier = sign_and_publish(session, alert_id)
    (cap,) = alert_reading.one(session, alert_id).caps
    assert (cap.identifier, cap.message_type, cap.status) == (identifier, "Alert", "Exercise")
    assert "<value>XX0102</value>" in cap.xml
    rows = telling.told(session, alert_id=alert_id)
    assert {row.recipient_id for row in rows} == {here, phone}
    assert elsewhere not in {row.recipient_id for row in rows}
    said = {row.channel: row for row in rows}
    assert said["sms"].text == f"VIGIE EXERCISE titre en. raison en Ref {alert_id[-10:]}"
    assert said["email"].subject == "[Vigie] EXERCICE · Alerte (local) · titre fr"
    assert "CECI EST UN EXERCICE" in said["email"].text
    assert "- A (XX0101)" in said["email"].text
    assert f"https://vigie.example.org/alerts#alert={alert_id}" in said["email"].text
    assert {row.state for row in rows} == {"waiting"}


def test_real_data_go_out_as_actual_and_drills_on_them_do_not(
    session: Session, country: Any
) -> None:
    registry_id = country.write(session, synthetic=False)
    for n, (exercise, status) in enumerate(((False, "Actual"), (True, "Exercise"))):
        one = draft(drafted_at=at(n))
        alerts.write_draft(session, one, registry_id=registry_id, synthetic=False)
        alerts.take(session, one.alert_id, Step.SIGN, at=at(5), by=COORDINATOR)
        whole = alert_reading.one(session, one.alert_id)
        publishing.publish(session, whole, replace(FROM, exercise=exercise), at(6))
        assert alert_reading.one(session, one.alert_id).caps[0].status == status


def test_an_update_refers_to_the_alert_and_closes_it(session: Session, registry_id: str) -> None:
    first = draft()
    second = draft(drafted_at=at(60), updates=first.alert_id)
    third = draft(drafted_at=at(120), updates=second.alert_id)
    for n, one in enumerate((first, second, third)):
        alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
        sign_and_publish(session, one.alert_id, 60 * n + 1)
    cap = alert_reading.one(session, third.alert_id).caps[0]
    assert cap.message_type == "Update"
    referred = re.search(r"<references>(.*)</references>", cap.xml)
    assert referred is not None
    assert [r.split(",")[1] for r in referred[1].split()] == [first.alert_id, second.alert_id]
    closed = alert_reading.one(session, first.alert_id)
    assert (closed.state, closed.events[-1].note) == ("closed", f"replaced by {second.alert_id}")


def test_what_was_taken_back_is_not_updated(session: Session, registry_id: str) -> None:
    first = draft()
    second = draft(drafted_at=at(60), updates=first.alert_id)
    for one in (first, second):
        alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
    sign_and_publish(session, first.alert_id)
    alerts.take(session, first.alert_id, Step.CANCEL, at=at(30), by=COORDINATOR, note="non")
    sign_and_publish(session, second.alert_id, 61)
    assert alert_reading.one(session, second.alert_id).caps[0].message_type == "Alert"


def test_who_was_told_is_told_of_the_cancellation(session: Session, alert_id: str) -> None:
    prefect = add(session)
    sign_and_publish(session, alert_id)
    late = add(session)
    alerts.take(session, alert_id, Step.CANCEL, at=at(9), by=COORDINATOR, note="Fausse rumeur.")
    (one,) = publishing.to_cancel(session)
    identifier = publishing.publish_cancel(session, one, FROM, at(10))
    assert publishing.to_cancel(session) == []
    cap = alert_reading.one(session, alert_id).caps[1]
    assert (identifier, cap.message_type) == (f"{alert_id}.cancel", "Cancel")
    assert f"vigie@example.org,{alert_id},2018-07-20T12:02:00-00:00" in cap.xml
    rows = telling.told(session)
    assert [(r.recipient_id, r.message_type) for r in rows] == [
        (prefect, "Cancel"),
        (prefect, "Alert"),
    ]
    assert late not in {r.recipient_id for r in rows}
    assert "Fausse rumeur." in rows[0].text


def test_what_nobody_signed_in_time_expires(session: Session, alert_id: str) -> None:
    assert publishing.expired(session, at(47 * 60)) == []
    assert publishing.expired(session, at(48 * 60)) == [alert_id]
    assert publishing.expired(session, at(49 * 60)) == []
    assert alert_reading.one(session, alert_id).state == "expired"


def test_a_message_is_tried_until_it_goes_out_and_by_one_sender(
    session: Session, alert_id: str
) -> None:
    add(session)
    sign_and_publish(session, alert_id)
    (one,) = outbox.due(session, at(3), ["email"])
    assert outbox.due(session, at(3), ["sms"]) == []
    assert outbox.begin(session, one, at(3))
    assert not outbox.begin(session, one, at(3))  # a second sender that read the same
    assert outbox.due(session, at(7), ["email"]) == []
    (late,) = outbox.due(session, at(8), ["email"])  # the first sender died
    assert outbox.begin(session, late, at(8))
    assert outbox.finish(session, late, at(8), "away", spread=1.0) == Outcome.FAILED
    assert outbox.due(session, at(9.9), ["email"]) == []  # the second try waits two minutes
    (third,) = outbox.due(session, at(10), ["email"])
    assert third.tries == 2
    outbox.begin(session, third, at(10))
    assert outbox.finish(session, third, at(10.5), None) == Outcome.SENT
    assert outbox.due(session, at(10_000), ["email"]) == []
    (row,) = telling.told(session)
    assert (row.state, row.tries, row.sent_at, row.received_at) == ("sent", 3, at(10.5), None)


def test_a_dead_letter_is_kept_and_sent_again_when_asked(session: Session, alert_id: str) -> None:
    add(session)
    sign_and_publish(session, alert_id)
    now, outcomes = at(3), []
    while waiting := outbox.due(session, now, ["email"]):
        outbox.begin(session, waiting[0], now)
        outcomes.append(outbox.finish(session, waiting[0], now, "away"))
        now += timedelta(hours=1)
    assert outcomes == [Outcome.FAILED] * 7 + [Outcome.DEAD]
    (row,) = telling.told(session, state="dead")
    assert row.detail == "away"
    outbox.again(session, row.message_id, now, "me")
    (one,) = outbox.due(session, now, ["email"])
    assert one.tries == 0
    outbox.begin(session, one, now)
    assert outbox.finish(session, one, now, "refused", permanent=True) == Outcome.DEAD
    with pytest.raises(NotFoundError):
        outbox.again(session, "no", now, "me")
    outbox.again(session, row.message_id, now, "me")
    with pytest.raises(ConflictError, match="expected a dead letter, got again"):
        outbox.again(session, row.message_id, now, "me")


def test_what_does_not_go_out_is_counted(session: Session, alert_id: str) -> None:
    def trouble(minutes: float) -> tuple[int, int]:
        found = telling.trouble(session, at(minutes))
        return found.late, found.dead

    add(session)
    alerts.take(session, alert_id, Step.SIGN, at=at(1), by=COORDINATOR)
    assert (trouble(11), trouble(12)) == ((0, 0), (1, 0))
    publishing.publish(session, alert_reading.one(session, alert_id), FROM, at(12))
    assert (trouble(22), trouble(23)) == ((0, 0), (1, 0))
    (one,) = outbox.due(session, at(23), ["email"])
    outbox.begin(session, one, at(23))
    assert trouble(24) == (0, 0)
    outbox.finish(session, one, at(24), "refused", permanent=True)
    assert trouble(25) == (0, 1)
    outbox.again(session, one.message.message_id, at(26), "me")
    assert trouble(27) == (0, 0)


def test_receipts_land_once_and_may_be_faster_than_we(session: Session, alert_id: str) -> None:
    add(session)
    sign_and_publish(session, alert_id)
    (one,) = outbox.due(session, at(3), ["email"])
    key = one.message.message_id
    with pytest.raises(ConflictError, match="got one that waits"):
        outbox.receipt(session, key, received=True, at=at(3), detail="")
    outbox.begin(session, one, at(3))
    for _ in range(2):
        outbox.receipt(session, key, received=True, at=at(4), detail="lu")
    assert outbox.finish(session, one, at(5), None) == Outcome.RECEIVED
    (row,) = telling.told(session)
    assert (row.state, row.sent_at, row.received_at) == ("received", at(4), at(4))
    with pytest.raises(NotFoundError):
        outbox.receipt(session, key, received=True, at=at(4), detail="", areas=["XX02"])
    outbox.receipt(session, key, received=True, at=at(4), detail="", areas=["XX"])


def test_who_was_told_what_when_is_one_query(session: Session, alert_id: str) -> None:
    add(session)
    sign_and_publish(session, alert_id)
    alerts.take(session, alert_id, Step.ACKNOWLEDGE, at=at(20), by=COORDINATOR)
    asked = []

    def count(*statement: Any) -> None:
        asked.append(statement[2])

    from sqlalchemy import event

    bind = session.get_bind()
    event.listen(bind, "before_cursor_execute", count)
    (row,) = telling.told(session, election_id="XXA-2018-PRES-1", since=T0)
    event.remove(bind, "before_cursor_execute", count)
    assert len(asked) == 1
    assert (row.recipient, row.area_name, row.level) == ("Préfet", "Cercle 1", "local")
    assert (row.queued_at, row.acknowledged_at) == (at(2), at(20))
    assert telling.told(session, areas=["XX02"]) == []
    assert telling.told(session, since=at(3)) == []
    assert telling.told(session, after=(row.queued_at, row.message_id)) == []


def test_tables_for_rules_and_lessons(session: Session, registry_id: str) -> None:
    assert alert_tables.past_alerts(session, "XXA-2018-PRES-1", T0).empty
    assert alert_tables.alert_table(session, "XXA-2018-PRES-1").empty
    first = draft()
    raised = draft(level=Level.NATIONAL, drafted_at=at(400), escalates=first.alert_id)
    for one in (first, raised):
        alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
    sign_and_publish(session, first.alert_id)
    past = require(alert_tables.past_alerts(session, "XXA-2018-PRES-1", at(1.5)), "past_alerts")
    assert past[["state", "escalated"]].to_numpy().tolist() == [["approved", False]]
    assert past["sent_at"].isna().all()
    past = require(alert_tables.past_alerts(session, "XXA-2018-PRES-1", at(500)), "past_alerts")
    assert past[["state", "escalated"]].to_numpy().tolist() == [["sent", True], ["draft", False]]
    assert list(past["shown_at"]) == [T0, at(400)]
    table = alert_tables.alert_table(session, "XXA-2018-PRES-1")
    assert list(table["unit_id"]) == ["XX0101", "XX0102"] * 2
    assert table.loc[0, "reason"] == "raison en"
    assert table.loc[0, "approved_at"] == at(1)
    assert table.loc[2:, "approved_at"].isna().all()
    assert alert_tables.alert_table(session, "XXA-2018-PRES-1", at(0.5))["sent_at"].isna().all()


def test_a_draft_that_is_held_back_is_shown_when_it_is_let_go(
    session: Session, registry_id: str
) -> None:
    one = draft()
    alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
    alerts.take(session, one.alert_id, Step.HOLD, at=T0, by=alerts.MACHINE)

    def shown(minutes: float) -> list[Any]:
        found = alert_tables.past_alerts(session, one.election_id, at(minutes))
        return [found.loc[0, "state"], *found["shown_at"].dropna()]

    assert alert_reading.count_held(session) == 1
    assert alert_reading.held_back(session, one.election_id, T0) == {}
    assert alert_reading.held_back(session, one.election_id, at(1)) == {one.alert_id: one}
    assert shown(1) == ["held"]
    alerts.take(session, one.alert_id, Step.RELEASE, at=at(5), by=alerts.MACHINE)
    assert (shown(1), shown(6)) == (["held"], ["draft", at(5)])
    assert alert_reading.count_held(session) == 0
    late = draft(drafted_at=at(2))
    alerts.write_draft(session, late, registry_id=registry_id, synthetic=True)
    alerts.take(session, late.alert_id, Step.HOLD, at=at(2), by=alerts.MACHINE)
    assert publishing.expired(session, late.expires_at) == sorted([one.alert_id, late.alert_id])
    with pytest.raises(ConflictError):
        alerts.take(session, late.alert_id, Step.RELEASE, at=late.expires_at, by=alerts.MACHINE)


def test_addresses_are_asked_for_and_masked(session: Session, registry_id: str) -> None:
    for channel, wrong in (
        (Channel.EMAIL, "nobody"),
        (Channel.EMAIL, "one@example.org,another@example.org"),
        (Channel.EMAIL, "Office<one@example.org>"),
        (Channel.SMS, "76543210"),
        (Channel.WEBHOOK, "ftp://x"),
    ):
        with pytest.raises(ContractError, match=f"an address for {channel}") as caught:
            add(session, channel, address=wrong)
        assert wrong not in str(caught.value)
    with pytest.raises(ContractError, match="got 'Mopti'"):
        add(session, areas=["Mopti"])
    assert recipients.masked("email", "prefet@example.org") == "p…@example.org"
    assert recipients.masked("sms", "+22370123456") == "+223…56"
    assert recipients.masked("webhook", "https://u:p@host.org/secret") == "https://host.org/…"
    one = add(session)
    assert [r.recipient_id for r in recipients.listed(session, after=one[:-1])] == [one]


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_the_database_refuses_to_change_what_was_said(engine: Engine, country: Any) -> None:
    with database.sessions(engine).begin() as session:
        one = draft()
        registry_id = country.write(session)
        alerts.write_draft(session, one, registry_id=registry_id, synthetic=True)
        add(session)
        sign_and_publish(session, one.alert_id)
        (due,) = outbox.due(session, at(3), ["email"])
        outbox.begin(session, due, at(3))
    sqlite = engine.dialect.name == "sqlite"
    replacing = "INSERT OR REPLACE INTO {0} SELECT * FROM {0}" if sqlite else "TRUNCATE {0} CASCADE"
    for model in KEPT:
        first = model.__table__.columns.keys()[0]
        for how in ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", replacing):
            statement = text(how.format(model.__tablename__, first))
            with (
                engine.connect() as connection,
                pytest.raises(IntegrityError, match="only added to"),
            ):
                connection.execute(statement)
