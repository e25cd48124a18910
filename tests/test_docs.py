"""What the documents say must be true of what stands."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from features.panel import registered
from features.vocabulary import Language
from features.wording import plainly
from pipelines.cli import app
from pipelines.sources import kinds

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_feature_has_its_row_in_the_reference() -> None:
    page = (ROOT / "docs/reference/features.md").read_text(encoding="utf-8")
    cell = r" \| ([^|]+)"
    rows = re.findall(rf"^\| `(\w+)`{cell * 5} \|$", page, re.M)
    assert rows == [
        (f.name, f.family, f.unit, f.source, *(plainly(f.says[lang]) for lang in Language))
        for f in registered()
    ]


def test_every_kind_of_source_is_in_the_reference() -> None:
    page = (ROOT / "docs/reference/country-pack.md").read_text(encoding="utf-8")
    classes = [
        c
        for c in vars(kinds).values()
        if isinstance(c, type) and "kind" in getattr(c, "model_fields", {})
    ]
    assert len(classes) >= 10
    for cls in classes:
        (kind,) = cls.model_fields["kind"].annotation.__args__
        assert f"| `{kind}` |" in page


def test_every_dependency_says_why() -> None:
    page = (ROOT / "docs/reference/dependencies.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = [re.split(r"[><=]", w)[0] for w in wanted]
    missing = [
        n
        for n in names
        if n not in page and not n.endswith("-stubs") and not n.startswith("types-")
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_commands_in_the_documents_exist() -> None:
    listed = set(re.findall(r"^│ ([a-z]+) ", CliRunner().invoke(app, ["--help"]).output, re.M))
    assert {"sample", "ingest", "features", "train", "backtest", "promote"} <= listed
    assert {"forecast", "serve", "token", "run", "worker", "schedule"} <= listed
    assert {"monitor", "rollback", "decisions"} <= listed
    for page in PAGES:
        for command in re.findall(
            r"vigie ([a-z]+) (?:CONFIG|pipelines/|var/|--|create)", page.read_text(encoding="utf-8")
        ):
            assert command in listed, f"{page.name}: vigie {command}"


def test_make_alone_prints_its_targets() -> None:
    printed = subprocess.run(
        ["make", "-C", str(ROOT)], capture_output=True, text=True, check=True
    ).stdout
    for target in ("demo", "test", "check", "install"):
        assert f"make {target}" in printed


def test_lock_is_hashed_and_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert "index" not in re.sub(r"^[a-z0-9-]+==", "", lock, flags=re.M)
    pinned = re.findall(r"^[a-z0-9._-]+==", lock, re.M | re.I)
    assert len(pinned) > 80
    assert lock.count("--hash=sha256:") > len(pinned)
