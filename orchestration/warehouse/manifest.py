"""What dbt knows of the project: its manifest, parsed anew when a file of the project is newer, and its nodes."""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from orchestration.settings import PROJECT

DBT = Path(sys.executable).with_name("dbt")
PROFILES = PROJECT / "profiles"
MANIFEST = PROJECT / "target" / "manifest.json"
PROJECT_FILES = (
    "dbt_project.yml", "profiles/*", "models/**/*", "macros/**/*", "seeds/**/*", "tests/**/*.sql",
    "tests/sql/*.yml", "analyses/**/*",
)  # fmt: skip

# The grain of private layers is a developer's concern: `make test` proves it, and a refresh is a third faster. What a
# doubled row does to a figure shows here too: in the published grains, the identities and the recomputation. So is the
# grain of each metric's own file: metric_values, of all of them, has its own.
PRIVATE_GRAINS = "private_grain"


def fresh_manifest() -> Path:
    """Path of the dbt manifest, parsed again when a project file is newer than it."""
    newest = max(path.stat().st_mtime for pattern in PROJECT_FILES for path in PROJECT.glob(pattern))
    if not MANIFEST.is_file() or MANIFEST.stat().st_mtime < newest:
        MANIFEST.parent.mkdir(exist_ok=True)
        # Parsed beside its place: two may do so at once, and one that is killed leaves no half of a manifest.
        with tempfile.TemporaryDirectory(prefix="parsing-", dir=MANIFEST.parent) as folder:
            # Whole: what dbt remembers of its last parsing loses what _checks.yml says of a check.
            subprocess.run(  # noqa: S603  a fixed command
                [
                    DBT,
                    "--quiet",
                    "--no-partial-parse",
                    "parse",
                    "--target-path",
                    folder,
                    "--project-dir",
                    PROJECT,
                    "--profiles-dir",
                    PROFILES,
                ],
                cwd=PROJECT,
                check=True,
            )
            os.utime(Path(folder) / MANIFEST.name, (newest, newest))  # a file saved meanwhile is newer
            (Path(folder) / MANIFEST.name).replace(MANIFEST)
    return MANIFEST


@cache
def refreshed() -> dict[str, dict[str, Any]]:
    """The models, seeds and data tests of a refresh, by dbt's id."""
    manifest = json.loads(fresh_manifest().read_text(encoding="utf-8"))
    return {
        key: node
        for key, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed", "test") and PRIVATE_GRAINS not in node["tags"]
    }


@cache
def sources() -> dict[str, tuple[str, str]]:
    """Schema and table of every source, by dbt's id."""
    manifest = json.loads(fresh_manifest().read_text(encoding="utf-8"))
    return {key: (source["source_name"], source["name"]) for key, source in manifest["sources"].items()}
