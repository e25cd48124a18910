"""Reading submissions from KoboToolbox and ODK Central, what was edited since included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote, urlsplit

import httpx2
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from features.errors import ConfigError
from response.form_fields import Filled

_TIMEOUT_SECONDS = 60.0
_OVERLAP = timedelta(hours=1)
"""For clocks that differ: what was read in the last hour is read again, and lands once."""

Page = list[dict[str, Any]]


class _Server(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(pattern=r"^https?://[^/?#]+(/[^?#]*)?$")]
    form: Annotated[str, Field(min_length=1)]
    areas: tuple[str, ...] = ()
    page_size: Annotated[int, Field(ge=1, le=30_000)] = 250

    def _client(self, **how: Any) -> httpx2.Client:
        return httpx2.Client(base_url=self.url.rstrip("/"), timeout=_TIMEOUT_SECONDS, **how)


class KoboServer(_Server):
    """A form on KoboToolbox.

    Its API tells of no time of editing (https://github.com/kobotoolbox/kpi/issues/7259), so
    what was sent in the last `again_days` is read again each time.

    Attributes:
        form: uid of the asset.
        token: of an account that may see the data.
        areas: ids of the areas that its reports may be of; empty for all.
    """

    kind: Literal["kobo"]
    token: SecretStr
    again_days: Annotated[int, Field(ge=1)] = 30

    def client(self) -> httpx2.Client:
        """A client with the account's token."""
        return self._client(headers={"Authorization": f"Token {self.token.get_secret_value()}"})

    def pages(self, client: httpx2.Client, since: datetime | None) -> Iterator[Page]:
        """Pages of submissions sent since `again_days` before a moment; all without one."""
        query: dict[str, Any] = {}
        if since is not None:
            first = (since - timedelta(days=self.again_days)).astimezone(UTC)
            query = {"_submission_time": {"$gte": first.strftime("%Y-%m-%dT%H:%M:%S")}}
        start = 0
        while True:
            asked = {
                "format": "json",
                "query": json.dumps(query),
                "sort": json.dumps({"_id": 1}),
                "limit": self.page_size,
                "start": start,
            }
            page = _rows(
                _get(client, f"/api/v2/assets/{quote(self.form, '')}/data/", asked), "results"
            )
            if page:
                yield page
            if len(page) < self.page_size:
                return
            start += len(page)

    def photo(self, client: httpx2.Client, row: Mapping[str, Any], filled: Filled) -> bytes | None:
        """The picture that a submission names; None where there is none."""
        wanted = str(filled.photo)
        for attachment in row.get("_attachments") or []:
            name = str(attachment.get("filename", "")).rpartition("/")[2]
            if name == wanted and "id" in attachment:
                path = (
                    f"/api/v2/assets/{quote(self.form, '')}/data/{quote(str(row['_id']), '')}"
                    f"/attachments/{quote(str(attachment['id']), '')}/"
                )
                return _bytes(client, path)
        return None


class OdkServer(_Server):
    """A form on ODK Central.

    Attributes:
        form: `xmlFormId`.
        project: number of its project.
        email: of an account that may read submissions.
        areas: ids of the areas that its reports may be of; empty for all.
    """

    kind: Literal["odk"]
    project: Annotated[int, Field(ge=1)]
    email: str
    password: SecretStr

    def client(self) -> httpx2.Client:
        """A client that signs in with each request."""
        return self._client(auth=(self.email, self.password.get_secret_value()))

    @property
    def _form(self) -> str:
        return f"/v1/projects/{self.project}/forms/{quote(self.form, '')}"

    def pages(self, client: httpx2.Client, since: datetime | None) -> Iterator[Page]:
        """Pages of submissions sent, edited or deleted since a moment; all without one."""
        if since is None:
            yield from self._filtered(client, "")
            return
        first = (since - _OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        yield from self._filtered(
            client, f"__system/submissionDate ge {first} or __system/updatedAt ge {first}"
        )
        yield from self._filtered(client, f"__system/deletedAt ge {first}")

    def _filtered(self, client: httpx2.Client, filter_: str) -> Iterator[Page]:
        asked: dict[str, Any] = {"$top": self.page_size}
        if filter_:
            asked["$filter"] = filter_
        while True:
            answer = _get(client, f"{self._form}.svc/Submissions", asked)
            page = _rows(answer, "value")
            if page:
                yield page
            following = answer.get("@odata.nextLink")
            if not following:
                return
            # Only its question: an answer does not say which machine is asked with our password.
            asked = dict(parse_qsl(urlsplit(str(following)).query))

    def photo(self, client: httpx2.Client, row: Mapping[str, Any], filled: Filled) -> bytes | None:
        """The picture that a submission names; None where it was not sent yet."""
        instance = quote(str(row.get("__id")), "")
        name = quote(str(filled.photo), "")
        return _bytes(client, f"{self._form}/submissions/{instance}/attachments/{name}")


FormServer = Annotated[KoboServer | OdkServer, Field(discriminator="kind")]


def _get(client: httpx2.Client, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        answer = client.get(path, params=dict(asked))
        answer.raise_for_status()
        found = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise ConfigError(
            f"{client.base_url}{path}: expected submissions as JSON, got: {error}; "
            "check VIGIE_REPORT_SOURCES and the account"
        ) from error
    if not isinstance(found, dict):
        raise ConfigError(f"{client.base_url}{path}: expected a JSON object, got a list")
    return found


def _rows(answer: Mapping[str, Any], name: str) -> Page:
    rows = answer.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"server of forms: expected a list of objects under {name!r}, got none")
    return rows


def _bytes(client: httpx2.Client, path: str) -> bytes | None:
    try:
        answer = client.get(path, follow_redirects=True)
    except httpx2.HTTPError:
        return None
    return answer.content if answer.is_success else None
