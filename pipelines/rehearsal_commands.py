"""`vigie rehearse`: a whole election on the synthetic country, in simulated time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.errors import ConfigError
from pipelines.printing import err, out, table

SYNTHETIC = "synthetic"


def rehearse(
    config: Annotated[
        str, typer.Option(help="What to play; only the synthetic country's truth is known")
    ] = SYNTHETIC,
    folder: Annotated[
        Path, typer.Option(help="Where the country and its own store are written; must be new")
    ] = Path("var/rehearsal"),
    units: Annotated[int, typer.Option(help="Number of communes")] = 120,
    years: Annotated[int, typer.Option(help="Years of history")] = 6,
    seed: Annotated[int, typer.Option(help="Seed of everything random")] = 7,
) -> None:
    """Play a two-round election from bulletin to lessons, and say what was handed over."""
    from pipelines.rehearsal import rehearse as play
    from pipelines.rehearsal_play import Scale

    if config != SYNTHETIC:
        raise ConfigError(
            f"rehearse: expected --config {SYNTHETIC}, got {config!r}; a rehearsal plays what "
            "happened, which is known of the synthetic country alone"
        )
    if folder.exists():
        raise ConfigError(
            f"rehearse: expected a folder that is not there yet, got {folder}; name another one or "
            "remove it"
        )
    with err.status("starting") as status:
        played = play(folder, Scale(units=units, years=years, seed=seed), status.update)
    shown = table("rehearsal", "moment, UTC", "stage", "handed over")
    shown.columns[-1].no_wrap = False
    for step in played.log:
        handed = ", ".join(f"{name} {value}" for name, value in step.handed.items())
        shown.add_row(f"{step.at:%Y-%m-%d %H:%M}", step.stage, handed)
    out.print(shown)
    out.print(f"serve it: vigie --home {played.settings.home} serve", soft_wrap=True)
