"""What a store says of itself. Law 7: it holds real data or synthetic data, never both."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.errors import ConflictError
from store.schema import Mark

_KEY = "kind_of_data"
_OFFER = "offer:"


@dataclass(frozen=True)
class Offer:
    """A target that can be forecast for a country, as its pack declares it.

    Attributes:
        says: the target in plain words.
    """

    iso3: str
    country: str
    target: str
    says: str


def hold(session: Session, *, synthetic: bool) -> None:
    """Mark the store at its first write; refuse the other kind afterwards.

    Raises:
        ConflictError: the store holds the other kind of data.
    """
    got = "synthetic" if synthetic else "real"
    mark = session.get(Mark, _KEY)
    if mark is None:
        session.add(Mark(key=_KEY, value=got))
        session.flush()
    elif mark.value != got:
        raise ConflictError(
            f"this store holds {mark.value} data: expected {mark.value} data, got {got} data; "
            "use another VIGIE_HOME for it"
        )


def is_synthetic(session: Session) -> bool | None:
    """Whether the store holds synthetic data; None while it holds nothing."""
    mark = session.get(Mark, _KEY)
    return None if mark is None else mark.value == "synthetic"


def offer(session: Session, iso3: str, offers: list[Offer]) -> None:
    """Write down what can be asked for a country, instead of what was written before."""
    session.merge(Mark(key=_OFFER + iso3, value=json.dumps([asdict(one) for one in offers])))
    session.flush()


def offers(session: Session) -> list[Offer]:
    """What can be asked, country by country."""
    rows = session.scalars(select(Mark).where(Mark.key.startswith(_OFFER)).order_by(Mark.key))
    return [Offer(**one) for row in rows for one in json.loads(row.value)]
