"""`/v1/public`: bands of regions for everybody, where the service is set to give them."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Depends, Request

from features.errors import NotFoundError
from features.vocabulary import Band
from serve import documented
from serve.access_schemas import PublicBulletin, PublicRegion
from serve.auth import Now, OpenSession, address, audit_read
from serve.routers.elections import ElectionId, Target
from store import audit, reading, selecting
from store.selecting import RegionBand

router = APIRouter(prefix="/v1/public", tags=["public"])

LEAST_UNITS = 5
REACHED_BY = 0.1
_ORDER = (Band.VERY_HIGH, Band.HIGH, Band.ELEVATED, Band.LOW)


def _open(request: Request) -> None:
    """Let everybody in where the service is set to.

    Raises:
        NotFoundError: it is not.
        HTTPException: 429, the address asks too often.
    """
    if not request.app.state.settings.public:
        raise NotFoundError(
            "expected a service that is open to the public, got one that is not; sign in with a "
            "token (to open it, set VIGIE_PUBLIC=true)"
        )
    request.app.state.gate.count(address(request))


def coarse(bands: Sequence[RegionBand]) -> list[PublicRegion]:
    """One band per region: the highest that at least a tenth of its scored units reach.

    The tenth is a convention of Vigie, not a finding. Regions with fewer than five scored
    units have no band: it would tell of single communes.
    """
    regions: dict[str, PublicRegion] = {}
    counts: dict[str, dict[str, int]] = {}
    for one in bands:
        regions[one.region_id] = PublicRegion(
            region_id=one.region_id, region_name=one.region_name, band=None
        )
        if one.band != Band.ABSTAINED:
            counts.setdefault(one.region_id, {})[one.band] = one.units
    for region_id, of in counts.items():
        scored = sum(of.values())
        if scored < LEAST_UNITS:
            continue
        reached = 0
        for band in _ORDER:
            reached += of.get(band, 0)
            if reached >= REACHED_BY * scored:
                regions[region_id].band = band
                break
    return list(regions.values())


@router.get(
    "/elections/{election_id}/latest",
    dependencies=[Depends(_open)],
    responses=documented.open_errors(404, 422),
    summary="The bands of regions in a round's newest bulletin",
)
def public_latest(
    request: Request,
    session: OpenSession,
    now: Now,
    election_id: ElectionId,
    target: Target = "any",
) -> PublicBulletin:
    """Open to all without a token, if `VIGIE_PUBLIC` is set; otherwise 404."""
    found = reading.latest(session, election_id, target)
    audit_read(request, now, audit.PUBLIC, found.bulletin_id)
    return PublicBulletin(
        synthetic=found.synthetic,
        bulletin_id=found.bulletin_id,
        election_id=found.election_id,
        target_says=found.target_says,
        as_of=found.as_of,
        window_start=found.window_start,
        window_end=found.window_end,
        age_days=(now - found.created_at).days,
        regions=coarse(selecting.region_bands(session, found)),
    )
