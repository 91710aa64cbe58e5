"""The questions of analyses/, asked of the published file alone."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import jinja2
import yaml

from orchestration.settings import PROJECT
from orchestration.warehouse.database import attached

FOLDER = PROJECT / "analyses"
MACROS = ("exact.sql", "time.sql")
PUBLISHED = ("marts", "metrics", "reconciliation", "audit")


class AnalysisError(Exception):
    """Why a question cannot be asked of the published file."""


@dataclass(frozen=True)
class Analysis:
    """A question: its file's name, its words, and the columns whose amounts add up."""

    name: str
    question_en: str
    question_ja: str
    adds_up: tuple[str, ...]

    @property
    def file(self) -> Path:
        """The SQL of the question."""
        return FOLDER / f"{self.name}.sql"


@dataclass(frozen=True)
class Answer:
    """What the published file says to a question."""

    columns: list[str]
    rows: list[tuple[object, ...]]


def analyses() -> dict[str, Analysis]:
    """Every question by its name, in the order in which they are described."""
    described = yaml.safe_load((FOLDER / "_analyses.yml").read_text(encoding="utf-8"))["analyses"]
    return {
        entry["name"]: Analysis(
            name=entry["name"],
            question_en=entry["description"],
            question_ja=entry["config"]["meta"]["question_ja"],
            adds_up=tuple(entry["config"]["meta"]["adds_up"]),
        )
        for entry in described
    }


def ask(analysis: Analysis, published_file: Path) -> Answer:
    """Run a question on the published file."""
    with attached(published_file, read_only=True) as connection:
        tables = connection.execute(
            "select table_name, table_schema from information_schema.tables where table_schema in "
            f"({', '.join('?' for _ in PUBLISHED)})",
            PUBLISHED,
        ).fetchall()
        try:
            found = connection.execute(sql(analysis, dict(tables)))
        except duckdb.Error as error:
            raise AnalysisError(
                f"The published file does not hold what {analysis.file.relative_to(PROJECT)} asks for; one of another "
                f"version may not. `make run` publishes anew. {error}"
            ) from error
        return Answer([column[0] for column in found.description], found.fetchall())


def sql(analysis: Analysis, schema_of: dict[str, str]) -> str:
    """The SQL of a question: `ref` is a table of the published file, macros are the project's own, for DuckDB.

    dbt would do the same in seconds, with a database to build in; a reader has the published file alone.
    """

    def ref(table: str) -> str:
        if table not in schema_of:
            raise AnalysisError(
                f"{analysis.file.relative_to(PROJECT)} reads {table}, which the published file does not hold. An "
                f"analysis reads {', '.join(PUBLISHED)} alone."
            )
        return f"{schema_of[table]}.{table}"

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701  it is SQL
    macros = environment.globals
    macros |= {"ref": ref, "return": lambda text: text, "adapter": _Adapter(macros)}
    for file in MACROS:
        module = environment.from_string((PROJECT / "macros" / file).read_text(encoding="utf-8")).module
        macros |= {name: macro for name, macro in vars(module).items() if not name.startswith("_")}
    return environment.from_string(analysis.file.read_text(encoding="utf-8")).render()


class _Adapter:
    """What the project's macros ask of dbt's adapter: their variant for DuckDB, else the one for all."""

    def __init__(self, macros: dict[str, object]) -> None:
        self._macros = macros

    def dispatch(self, name: str, _package: str) -> object:
        """The variant of a macro."""
        return self._macros.get(f"duckdb__{name}") or self._macros[f"default__{name}"]
