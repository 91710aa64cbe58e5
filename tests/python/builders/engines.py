"""One dialect for every engine: what the models give on DuckDB, held against what they give elsewhere, cell by cell."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

from builders.company import Company
from builders.dirt import invent_dirty
from builders.refreshes import GOLDEN
from builders.warehouse import Settings, Warehouse, write_raw
from builders.world import World
from orchestration import recompute
from orchestration.closing import close as closing
from orchestration.closing import store as state

# What models read and dbt does not make.
LOADED = ("raw", "state", "recomputed")
# Products of twelve ratios come from logarithms, which are floating-point numbers: as many digits hold.
COMPOUNDED = ("nrr_compounded", "grr_compounded")
COMPOUNDED_TOLERANCE = Decimal("1e-12")
LOGARITHMS = "intermediate.int_compounded_retention"

# Columns and rows of a relation, as the other engine gives them.
Read = Callable[[str], tuple[list[str], list[tuple]]]


def golden_world(warehouse: Warehouse, folder: Path) -> World:
    """The golden fixture on DuckDB."""
    return build_on_duckdb(warehouse, GOLDEN / "raw", Settings(date(2025, 12, 31)), folder)


def dirty_world(warehouse: Warehouse, folder: Path) -> World:
    """On DuckDB, a company with something of everything, and with rows that break every rule of the contract."""
    company = Company(warehouse, "2025-06-15", accept_rejects=True)
    # What chance brings seldom: a late renewal, a rate that changes, a higher price, a currency in lower case.
    company.add("exchange_rates", rate_date="2025-02-03", base_currency="USD", rate="163.5")
    ended = company.subscription("late", "2024-10-10", "2025-03-31")
    company.item(ended, 1000, currency="usd")
    company.item(company.subscription("late", "2025-04-20", replaces_subscription_id=ended), 1200)
    company.change(company.sell("dearer", 1000, "2024-01-10"), "2025-02-10", unit_amount=1500)
    company.sell("corrected", 1000, "2024-01-10")
    (*_, corrected) = company.tables["subscription_item_versions"]
    rows = invent_dirty(Random(15), company.settings, companies=65).raw()
    for table in company.tables.keys() - {"products"}:
        rows[table] += company.tables[table]
    # A table of which nothing is left.
    rows["success_plans"] = [{"plan_id": "lost", "account_id": "nobody's", "goal": "grow"}]
    # Closed months: one in which a publication saw something move, one that was reopened.
    settings = replace(company.settings, home=folder, delivered_at=datetime(2025, 6, 15, 3))
    world = warehouse.build_folder(write_raw(folder / "before", rows), settings)
    world.connection.execute(
        "update audit.publication set has_accepted_rejects = false; "
        "update reconciliation.mrr_to_invoices set is_breach = false; "
        "update reconciliation.mrr_to_revenue set is_breach = false; "
        "update reconciliation.reported_metric_differences set is_breach = false"
    )
    by, signed = closing.about(world.connection), closing.Signature("Sato", "Tanaka", "sato")
    for month in (date(2025, 3, 1), date(2025, 4, 1)):
        closing.lock(world.connection, folder, state.verify(folder), month, signed, date(2025, 6, 15))
    corrected["quantity"] = Decimal(3)
    raw_folder = write_raw(folder / "raw", rows)
    add_unknown_column(raw_folder / "features.csv")
    world = warehouse.build_folder(raw_folder, settings, ("restatements",))
    closing.log_differences(world.connection, settings, state.verify(folder)[-1], "reconciliation.restatements")
    closing.reopen(folder, date(2025, 3, 1), "why", signed, by)
    return build_on_duckdb(warehouse, raw_folder, settings, folder)


def build_on_duckdb(warehouse: Warehouse, raw_folder: Path, settings: Settings, folder: Path) -> World:
    """Build a folder of raw files on DuckDB, with the second opinion beside it."""
    recompute.write_all(recompute.World(raw_folder, settings), folder / "recomputed")
    recomputed = {file.stem: file for file in (folder / "recomputed").iterdir()}
    return warehouse.build_folder(raw_folder, settings, recomputed=recomputed)


def add_unknown_column(file: Path) -> None:
    """Add a column that the contract does not know."""
    with file.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([[*header, "colour"], *([*row, "red"] for row in rows)])


def relations(world: World) -> list[str]:
    """Give what was built, in the order of its making."""
    found = world.query(
        """
        select schema_name || '.' || relation_name
        from (
            select schema_name, table_name as relation_name, table_oid as made, database_name from duckdb_tables()
            union all
            select schema_name, view_name, view_oid, database_name from duckdb_views() where not internal
        )
        where database_name = 'keizoku' order by made
        """
    )
    return [name for (name,) in found]


def compare(on_duckdb: World, engine: str, read: Read) -> Iterator[str]:
    """Yield, for each relation that is not the same on both engines, how much of it and of which columns differs."""
    for relation in relations(on_duckdb):
        their_columns, their_rows = read(relation)
        columns = [row[0] for row in on_duckdb.query(f"describe {relation}")]
        if their_columns != columns:
            yield f"{relation}: the columns are {columns} on DuckDB, {their_columns} on {engine}"
            continue
        rows, theirs = _counted(on_duckdb.query(f"select * from {relation}")), _counted(their_rows)
        only_ours, only_theirs = (sorted(only.elements(), key=repr) for only in (rows - theirs, theirs - rows))
        if len(only_ours) == len(only_theirs) and all(
            _are_alike(relation, *pair) for pair in zip(only_ours, only_theirs, strict=True)
        ):
            continue
        yield "\n".join(
            [
                f"{relation}: {len(only_ours)} of {rows.total()} rows only on DuckDB, "
                f"{len(only_theirs)} of {theirs.total()} only on {engine}",
                *_by_column(columns, only_ours, only_theirs),
                *(f"  only on DuckDB: {row}" for row in only_ours[:3]),
                *(f"  only on {engine}: {row}" for row in only_theirs[:3]),
            ]
        )


def _by_column(columns: Sequence[str], only_ours: Sequence[tuple], only_theirs: Sequence[tuple]) -> Iterator[str]:
    """Say for every column how many values of the rows that differ only one engine has."""
    for place, column in enumerate(columns):
        ours, theirs = (Counter(row[place] for row in rows) for rows in (only_ours, only_theirs))
        if ours != theirs:
            yield f"  {column}: {(ours - theirs).total()} values only on DuckDB, {(theirs - ours).total()} only there"


def _counted(rows: Sequence[tuple]) -> Counter:
    return Counter(tuple(_cell(value) for value in row) for row in rows)


def _cell(value: object) -> object:
    """A number is a number whatever its type, but true is not 1."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return ("boolean", value) if isinstance(value, bool) else value


def _are_alike(relation: str, row: tuple, their_row: tuple) -> bool:
    """Tell whether rows that differ are those of one compounded rate, or of the logarithms that it comes from."""
    return (relation == LOGARITHMS or row[0] in COMPOUNDED) and all(
        cell == their_cell
        or (
            isinstance(cell, Decimal | float)
            and isinstance(their_cell, Decimal | float)
            and abs(Decimal(cell) - Decimal(their_cell)) <= COMPOUNDED_TOLERANCE * max(1, abs(Decimal(cell)))
        )
        for cell, their_cell in zip(row, their_row, strict=True)
    )
