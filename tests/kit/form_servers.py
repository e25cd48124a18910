"""A program that answers as KoboToolbox's and ODK Central's servers do, from a file of state.

The state is JSON: `kobo` and `odk` are lists of submissions as those servers give them, and
`files` maps the address of an attachment to its base64.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

KOBO_TOKEN, ODK_ACCOUNT = "kobo-token", "vigie@example.org:secret"


class FormServers(BaseHTTPRequestHandler):
    """Answers what `pipelines.form_servers` may ask."""

    state: Path

    def do_GET(self) -> None:
        state = json.loads(self.state.read_text(encoding="utf-8"))
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if not self._known(url.path):
            self._answer(401, {"detail": "Invalid token."})
        elif url.path in state["files"]:
            self._send(200, "image/png", base64.b64decode(state["files"][url.path]))
        elif re.fullmatch(r"/api/v2/assets/\w+/data/", url.path):
            self._answer(200, _kobo(state["kobo"], asked))
        elif re.fullmatch(r"/v1/projects/\d+/forms/\w+\.svc/Submissions", url.path):
            self._answer(200, _odata(state["odk"], asked, self.headers["Host"], url.path))
        else:
            self._answer(404, {"detail": "Not found."})

    def _known(self, path: str) -> bool:
        said = self.headers.get("Authorization", "")
        if path.startswith("/api/"):
            return said == f"Token {KOBO_TOKEN}"
        return said == "Basic " + base64.b64encode(ODK_ACCOUNT.encode()).decode()

    def _answer(self, status: int, body: Any) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def _kobo(rows: list[Any], asked: dict[str, str]) -> dict[str, Any]:
    query = json.loads(asked.get("query", "{}"))
    since = query.get("_submission_time", {}).get("$gte", "")
    found = sorted((r for r in rows if r["_submission_time"] >= since), key=lambda r: r["_id"])
    start, limit = int(asked.get("start", 0)), int(asked.get("limit", 100))
    page = found[start : start + limit]
    return {"count": len(found), "next": None, "previous": None, "results": page}


def _odata(rows: list[Any], asked: dict[str, str], host: str, path: str) -> dict[str, Any]:
    wanted = asked.get("$filter", "")
    terms = re.findall(r"__system/(\w+) ge (\S+)", wanted)
    told = [
        row
        for row in rows
        if (not terms and not row["__system"]["deletedAt"])
        or any((row["__system"][name] or "") >= moment for name, moment in terms)
    ]
    if terms and "deletedAt" not in wanted:
        told = [row for row in told if not row["__system"]["deletedAt"]]
    top, skip = int(asked.get("$top", 250)), int(asked.get("$skiptoken", 0))
    answer: dict[str, Any] = {
        "@odata.context": f"http://{host}{path.removesuffix('Submissions')}$metadata#Submissions",
        "value": told[skip : skip + top],
    }
    if skip + top < len(told):
        more = urlencode({**asked, "$skiptoken": skip + top})
        answer["@odata.nextLink"] = f"http://elsewhere.invalid{path}?{more}"
    return answer


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    given = parser.parse_args()
    FormServers.state = given.state
    ThreadingHTTPServer(("127.0.0.1", given.port), FormServers).serve_forever()
