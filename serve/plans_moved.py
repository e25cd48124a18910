"""Who moves where, behind `/v1/deployments/.../moves`: it brings pandas along, but no solver."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from serve.auth import audit_read
from serve.deployment_schemas import Move, Moves
from store import deployments
from store.deployment_moves import moves_since
from store.tokens import Caller


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """A row of a table, its missing numbers as None."""
    return {str(k): None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}


def moved(
    request: Request,
    session: Session,
    now: datetime,
    caller: Caller,
    deployment_id: str,
    number: int | None,
) -> Moves:
    """The moves of a version; the read is audited."""
    kept = deployments.version(session, deployment_id, number)
    found = moves_since(session, kept, caller.areas)
    bulletin_id = deployments.deployment(session, deployment_id).bulletin_id
    audit_read(request, now, caller.token_id, bulletin_id)
    rows = [Move.model_validate(_plain(row)) for row in found.to_dict("records")]
    return Moves(deployment_id=deployment_id, version=kept.version, moves=rows)
