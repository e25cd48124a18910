"""What a run is told by its surroundings: environment variables that start with VIGIE_."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _user() -> str:
    """The name of who runs this; the number where the machine has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


class Settings(BaseSettings):
    """Settings of the command line.

    Attributes:
        home: folder of the lake and, by default, the database (`VIGIE_HOME`).
        database_url: the operational database; empty means `vigie.db` in `home`.
        tracking_uri: MLflow's store (`VIGIE_TRACKING_URI`), a database or a server.
        user: who decides about champions, for the log (`VIGIE_USER`).
        artifacts: folder of MLflow's artifacts where the store is a database.
    """

    model_config = SettingsConfigDict(env_prefix="VIGIE_", frozen=True)

    home: Path = Path("var")
    database_url: str = ""
    tracking_uri: str = "sqlite:///mlruns/mlflow.db"
    artifacts: Path = Path("mlruns/artifacts")
    user: str = Field(default_factory=_user)

    @property
    def database(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{self.home / 'vigie.db'}"

    @property
    def artifacts_uri(self) -> str | None:
        """Where a new experiment keeps its artifacts; a tracking server decides itself."""
        if self.tracking_uri.startswith(("http://", "https://")):
            return None
        return self.artifacts.resolve().as_uri()
