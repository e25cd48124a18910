"""What the server is told by its surroundings: environment variables that start with VIGIE_."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_WEB = Path(__file__).parent / "web"


class Settings(BaseSettings):
    """Settings of the server.

    Attributes:
        home: folder of everything that is kept (`VIGIE_HOME`).
        database_url: the operational database; empty means `vigie.db` in `home`.
        leaflet_dir: where npm put Leaflet's `dist` folder.
        stale_after_days: a newest bulletin older than this makes `/health` say degraded.
    """

    model_config = SettingsConfigDict(env_prefix="VIGIE_", frozen=True)

    home: Path = Path("var")
    database_url: str = ""
    leaflet_dir: Path = _WEB / "node_modules" / "leaflet" / "dist"
    stale_after_days: int = Field(default=45, ge=1)

    @property
    def database(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{self.home / 'vigie.db'}"
