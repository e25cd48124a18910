"""What a run is told by its surroundings: environment variables that start with VIGIE_."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines.form_servers import FormServer

NO_SENDER = "vigie@localhost.invalid"
"""Sender of alerts where none is set: good for exercises, refused for the real thing."""


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
        packs: folder of the country packs that a worker may run (`VIGIE_PACKS`).
        refresh_cron: when bulletins of coming rounds are issued anew, UTC; empty for never.
        retrain_cron: when the models of the coming week are trained, UTC; empty for never.
        ahead_days: rounds whose windows start within so many days are refreshed and retrained.
        retrain_after_days: a champion trained longer before `as_of` than this is not used.
        report_key: keys the hashes of reporters; empty keeps a key in `home`.
        report_timezone: of times that mediators write without an offset.
        report_sources: servers of forms by name, as JSON.
        pull_cron: when they are read again, UTC; empty for never.
        grace_seconds: how long a worker that is told to stop lets its step finish.
        alerts_cron: when rules are held against what is known and messages sent; empty for never.
        alert_sender: who alerts come from, a name on the network that is yours.
        alert_sender_name: the organisation, for people.
        alert_exercise: whether all that goes out is a drill; made-up data always are.
        alert_web: address of the service, for links in alerts; empty for none.
        smtp_url: `smtp://user:password@host:587` (with STARTTLS), `smtps://...:465`, or
            `smtp+plain://host:25` on one machine; empty for no e-mail.
        webhook_secret: from which each receiver's signing key is made; empty for no webhooks.
        webhook_private: whether webhooks may go to private addresses, and without TLS.
        sms_url: address of the SMS gateway; empty for no text messages.
        sms_body: what is posted to it, JSON with `{to}`, `{text}` and `{message_id}`.
        sms_token: sent to it as `Authorization: Bearer ...`.
    """

    model_config = SettingsConfigDict(env_prefix="VIGIE_", frozen=True)

    home: Path = Path("var")
    database_url: str = ""
    tracking_uri: str = "sqlite:///mlruns/mlflow.db"
    artifacts: Path = Path("mlruns/artifacts")
    user: str = Field(default_factory=_user)
    packs: Path = Path("pipelines/configs")
    refresh_cron: str = "0 2 * * *"
    retrain_cron: str = "0 3 * * 0"
    ahead_days: Annotated[int, Field(ge=1)] = 60
    retrain_after_days: Annotated[int, Field(ge=1)] = 30
    report_key: SecretStr = SecretStr("")
    report_timezone: str = "UTC"
    report_sources: dict[str, FormServer] = Field(default_factory=dict)
    pull_cron: str = "*/15 * * * *"
    grace_seconds: Annotated[float, Field(ge=0)] = 20.0
    alerts_cron: str = "* * * * *"
    alert_sender: str = NO_SENDER
    alert_sender_name: str = "Vigie"
    alert_exercise: bool = False
    alert_web: str = ""
    smtp_url: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")
    webhook_private: bool = False
    sms_url: str = ""
    sms_body: str = '{"to": "{to}", "text": "{text}", "id": "{message_id}"}'
    sms_token: SecretStr = SecretStr("")

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
