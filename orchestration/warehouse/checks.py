"""What each check of a build found, with words for whoever reads it: from tests/sql/_checks.yml, or made."""

from typing import Any, NamedTuple

from orchestration.settings import Settings
from orchestration.warehouse.build_folder import build_results
from orchestration.warehouse.manifest import refreshed

AGREEMENT = "sql_and_python_agree"
DESCRIBED = ("description_en", "description_ja", "concerns_en", "concerns_ja", "look_at")
DEVELOPER = ("a developer of that model", "そのモデルの開発者")


class CheckResult(NamedTuple):
    """A check, what it found, what that means, whom it concerns and where to look."""

    check_name: str
    status: str
    row_count: int
    description_en: str
    description_ja: str
    concerns_en: str
    concerns_ja: str
    look_at: str


class NoWordsError(Exception):
    """A check that nobody has described; the message names it and the place."""


def message_of(result: dict[str, Any]) -> str | None:
    """Say in one line what a node of dbt found: a check in our words, anything else, and an error, in dbt's."""
    if result["status"] not in ("fail", "warn"):
        message: str | None = result["message"]
        return message
    description, _, concerns, *_ = words(refreshed()[result["node"]])
    count = result["failures"] or 0
    return f"{description} ({count:,} {'row' if count == 1 else 'rows'} found). Concerns {concerns}."


def told(settings: Settings, *statuses: str) -> list[tuple[str, str, str | None]]:
    """Name, status and message of the checks of a build with one of these statuses."""
    return [
        (result["name"], result["status"], message_of(result | {"node": node}))
        for node, result in build_results(settings).items()
        if node.startswith("test.") and result["status"] in statuses
    ]


def results_of(settings: Settings, *statuses: str) -> list[CheckResult]:
    """Give the checks of a build with one of these statuses, by name."""
    nodes = refreshed()
    found = [
        CheckResult(result["name"], result["status"], result["failures"] or 0, *words(nodes[node]))
        for node, result in build_results(settings).items()
        if node.startswith("test.") and result["status"] in statuses
    ]
    return sorted(found)


def agreement() -> CheckResult:
    """Give the check that SQL and Python agree, which stops a publication when it does not pass."""
    return CheckResult(
        AGREEMENT,
        "pass",
        0,
        "SQL and Python do not give the same figure",
        "SQLとPythonの計算結果が一致しない",
        "a developer of that metric",
        "その指標の開発者",
        "reconciliation.recomputed_metric_differences",
    )


def words(node: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """Say what it means that a check does not pass, whom that concerns and where to look: in both languages."""
    kind = node.get("test_metadata")
    if kind is None:
        meta = {"description_en": node["description"], **node["config"]["meta"]}
        missing = [key for key in DESCRIBED if not meta.get(key)]
        if missing:
            raise NoWordsError(f"{node['name']} has no {', '.join(missing)}: describe it in tests/sql/_checks.yml.")
        return tuple(meta[key] for key in DESCRIBED)
    model = node["attached_node"].split(".")[-1]
    arguments = kind["kwargs"]
    columns = ", ".join(arguments.get("columns") or [arguments["column_name"]])
    english, japanese = GENERIC[kind["name"]]
    return (english.format(model, columns), japanese.format(model, columns), *DEVELOPER, model)


GENERIC = {
    "unique_grain": (
        "Two rows of {} have the same {}, or a row has none",
        "{}の行が{}で一意でない、または空である",
    ),
    "unique": ("Two rows of {} have the same {}", "{}の{}が重複している"),
    "not_null": ("A row of {} has no {}", "{}の{}が空の行がある"),
    "accepted_values": ("A row of {} has a {} that there is not", "{}の{}に決められた値以外がある"),
}
