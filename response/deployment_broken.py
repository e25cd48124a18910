"""Which constraints a plan that a person edited does not keep."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from response.deployment_network import Ints, network
from response.deployment_request import Constraint, Request, constraints


def broken(request: Request, units: pd.DataFrame, posts: pd.DataFrame) -> list[Constraint]:
    """The constraints of a request that a plan does not keep.

    Args:
        request: what was asked.
        units: `unit_id`, `parent_id`, `region_id`, `lon`, `lat`.
        posts: `unit_id`, `base`, `mediators`.
    """
    people = posts.groupby("unit_id")["mediators"].sum()
    there: Ints = units["unit_id"].map(people).fillna(0).to_numpy(dtype=np.int64)
    keys = {*_numbers(request, units, there), *_places(request, units, there)}
    keys |= set(_bases(request, units, posts))
    return [c for c in constraints(request) if c.key in keys]


def _numbers(request: Request, units: pd.DataFrame, there: Ints) -> Iterator[str]:
    if there.sum() > request.mediators:
        yield "mediators"
    if (there > request.cap).any():
        yield "cap"
    if (there % request.team_size).any():
        yield "team_size"
    for kind, limits in (("areas", request.areas), ("units", request.units)):
        for name, limit in limits.items():
            inside = units["unit_id"] == name
            if kind == "areas":
                inside = (units["region_id"] == name) | (units["parent_id"] == name)
            count = int(there[inside.to_numpy()].sum())
            if count < limit.minimum:
                yield f"{kind}.min:{name}"
            if limit.maximum is not None and count > limit.maximum:
                yield f"{kind}.max:{name}"


def _places(request: Request, units: pd.DataFrame, there: Ints) -> Iterator[str]:
    with_people = units.loc[there > 0]
    ids, regions = set(with_people["unit_id"]), set(with_people["region_id"])
    if request.regions_in and not regions <= set(request.regions_in):
        yield "regions_in"
    yield from (f"regions_out:{name}" for name in request.regions_out if name in regions)
    yield from (f"unreachable:{u}" for u in request.unreachable if u in ids)
    yield from (f"must_cover:{u}" for u in request.must_cover if u not in ids)


def _bases(request: Request, units: pd.DataFrame, posts: pd.DataFrame) -> Iterator[str]:
    """Bases that send too many, too far, or where they are not understood."""
    at = {u: i for i, u in enumerate(units["unit_id"])}
    for base in request.bases:
        sent = posts.loc[posts["base"] == base.name]
        if sent["mediators"].sum() > base.mediators:
            yield f"bases.mediators:{base.name}"
        alone = Request(
            mediators=request.mediators,
            team_size=1,
            cap=10**3,
            bases=(base.model_copy(update={"languages": ()}),),
        )
        rows = [at[u] for u in sent["unit_id"]]
        near = set(network(alone, units, posts.head(0)).supplies[0].units.tolist())
        if not near.issuperset(rows):
            yield f"bases.max_km:{base.name}"
        if base.languages:
            yield from _languages(request, units.iloc[rows], set(base.languages))


def _languages(request: Request, units: pd.DataFrame, spoken: set[str]) -> Iterator[str]:
    for place in zip(units["unit_id"], units["parent_id"], units["region_id"], strict=True):
        area = next((a for a in place if a in request.languages), None)
        if area is not None and spoken.isdisjoint(request.languages[area]):
            yield f"languages:{area}"
