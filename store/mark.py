"""Law 7: a store holds real data or synthetic data, never both."""

from __future__ import annotations

from sqlalchemy.orm import Session

from features.errors import ConflictError
from store.schema import Mark

_KEY = "kind_of_data"


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
