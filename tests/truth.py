"""A synthetic country's newest bulletin against the truth: `python tests/truth.py var/demo`."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from models.metrics import scores
from store.database import connect


def main(home: Path) -> None:
    said = pd.read_sql(
        "SELECT s.unit_id, s.probability, s.lower, s.upper, b.election_id, b.base_rate,"
        " b.model_kind FROM score s JOIN bulletin b USING (bulletin_id)"
        " WHERE b.created_at = (SELECT max(created_at) FROM bulletin)",
        connect(f"sqlite:///{home / 'vigie.db'}"),
    )
    truth = pd.read_csv(home / "country" / "truth.csv")
    both = said.merge(truth, on=["election_id", "unit_id"], suffixes=("", "_true"))
    y = both["occurred"].to_numpy()
    base_rate = float(both["base_rate"].iloc[0])
    for name, column in (
        (both["model_kind"].iloc[0], "probability"),
        ("truth", "probability_true"),
    ):
        got = scores(y, both[column].to_numpy(), base_rate)
        print(f"{name}: AP {got['average_precision']:.3f}, skill {got['brier_skill']:.3f}")
    held = both["probability_true"].between(both["lower"], both["upper"])
    print(f"true probability within the interval: {held.mean():.0%} of {len(both)} units")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
