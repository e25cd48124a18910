"""What the server is told by its surroundings: environment variables that start with VIGIE_."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from serve.rates import Rate
from serve.sms_gateways import PRESETS, SmsGateway
from store.roles import Role

_WEB = Path(__file__).parent / "web"


def _rate(value: str) -> str:
    """Refuse a rate that is not one."""
    Rate.read(value)
    return value


def _zone(value: str) -> str:
    """Refuse a time zone that is not known."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"expected a time zone such as Africa/Bamako, got {value!r}") from error
    return value


WrittenZone = Annotated[str, AfterValidator(_zone)]
WrittenRate = Annotated[str, AfterValidator(_rate)]


class GroupAccess(BaseModel):
    """What the members of a group of an organisation may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    areas: tuple[str, ...] = ()


class Settings(BaseSettings):
    """Settings of the server.

    Attributes:
        home: folder of everything that is kept (`VIGIE_HOME`).
        database_url: the operational database; empty means `vigie.db` in `home`.
        leaflet_dir: where npm put Leaflet's `dist` folder.
        stale_after_days: a newest bulletin older than this makes `/health` say degraded.
        data_stale_after_days: the same for the last incident known, while a round is ahead.
        model_stale_after_days: the same for the model's first use, while a round is ahead.
        public: whether anybody may read bands of regions.
        rate_limit: requests that one token, or one address without a token, may make.
        failure_limit: wrong tokens that one address may send.
        token_cache_seconds: for how long a token may still count after it was revoked elsewhere.
        session_hours: how long a sign-in on the page lasts.
        max_body_bytes: the largest body of a request.
        cache_megabytes: memory for answers kept ready.
        log_level: least level that is logged.
        oidc_issuer: address of an OpenID Connect provider; empty for none.
        oidc_client_id: what the provider knows Vigie as.
        oidc_client_secret: what proves it.
        oidc_groups_claim: the claim that lists an account's groups.
        oidc_groups: what each group may do, as JSON.
        report_key: keys the hashes of reporters; empty keeps a key in `home`.
        report_timezone: of times that mediators write without an offset.
        max_photo_bytes: the largest photo, or form with photos.
        sms_gateways: by name, as JSON: fields, signature and areas of a gateway.
        public_url: where the world reaches the service; gateways sign it.
        secret_key: signs the cookie of a sign-in under way; needed with several processes.
    """

    model_config = SettingsConfigDict(env_prefix="VIGIE_", frozen=True)

    home: Path = Path("var")
    database_url: str = ""
    leaflet_dir: Path = _WEB / "node_modules" / "leaflet" / "dist"
    stale_after_days: int = Field(default=45, ge=1)
    data_stale_after_days: int = Field(default=60, ge=1)
    model_stale_after_days: int = Field(default=180, ge=1)
    public: bool = False
    rate_limit: WrittenRate = "1200/minute"
    failure_limit: WrittenRate = "30/minute"
    token_cache_seconds: float = Field(default=5, ge=0)
    session_hours: int = Field(default=12, ge=1)
    max_body_bytes: int = Field(default=1_000_000, ge=1)
    cache_megabytes: int = Field(default=48, ge=1)
    log_level: str = "INFO"
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_groups_claim: str = "groups"
    oidc_groups: dict[str, GroupAccess] = Field(default_factory=dict)
    secret_key: SecretStr = SecretStr("")
    report_key: SecretStr = SecretStr("")
    report_timezone: WrittenZone = "UTC"
    max_photo_bytes: int = Field(default=10_000_000, ge=1)
    sms_gateways: dict[str, SmsGateway] = Field(default_factory=dict)
    public_url: str = ""

    def sms_gateway(self, name: str) -> SmsGateway | None:
        """The gateway of that name: as declared, else as it is known to write."""
        return self.sms_gateways.get(name) or PRESETS.get(name)

    @property
    def database(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{self.home / 'vigie.db'}"
