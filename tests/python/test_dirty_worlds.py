"""Bad, late, changed and deleted rows: what they may do to figures (nothing), and how each is accounted for.

Four worlds of 50 small companies are dirtied in every run; KEIZOKU_TEST_EXAMPLES=250 asks for ten times as many.
"""

import json
import os
import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from worlds import Settings, Warehouse, World, inventions
from worlds.dirt import CONTRACT, SECRET, DirtyWorld, faults, invent_dirty
from worlds.warehouse import write_raw

from orchestration import recompute

WORLDS = max(4 * int(os.environ.get("KEIZOKU_TEST_EXAMPLES", "25")) // 25, 1)
COMPANIES = 50


def figures(world: World) -> dict[str, list[tuple]]:
    """Give every row of every figure that readers get."""
    tables = world.query(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('marts', 'metrics') order by 1"
    )
    return {table: world.query(f"select * from {table} order by all") for (table,) in tables}


@pytest.fixture(scope="module", params=range(WORLDS))
def dirty(request, warehouse: Warehouse, tmp_path_factory) -> tuple[DirtyWorld, World, Path]:
    """A world of dirty companies, what was built of it from its raw files, and these."""
    random = Random(request.param)
    world = invent_dirty(random, inventions.invent_settings(random), COMPANIES)
    folder = tmp_path_factory.mktemp("dirty")
    raw = write_raw(folder / "raw", world.raw())
    recomputed = folder / "recomputed"
    recompute.write_all(recompute.World(raw, world.settings, warehouse.seeds_folder(world.settings)), recomputed)
    files = {file.stem: file for file in recomputed.iterdir()}
    return world, warehouse.build_folder(raw, world.settings, recomputed=files), folder


def test_every_rule_of_every_table_is_broken_somewhere(dirty, warehouse):
    world, _, _ = dirty
    for table in CONTRACT:
        rules = set(re.findall(r"then '(\w+)'|'(\w+)' as cycle_rule", warehouse.sql(f"base_{table}")))
        assert {first or second for first, second in rules} == set(faults(table)), table
        assert all(world.planted[table, rule] for rule in faults(table)), table


def test_the_figures_are_those_of_the_world_without_the_bad_rows(dirty, warehouse):
    world, built, folder = dirty
    clean = warehouse.build_folder(write_raw(folder / "clean", world.clean()), world.settings)
    assert clean.query("select * from audit.quarantined_rows") == []
    expected, found = figures(clean), figures(built)
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        assert found[table] == rows, table


def test_the_second_opinion_judges_bad_rows_alike(dirty):
    _, built, _ = dirty
    for table in ("recomputed_metric_differences", "recomputed_movement_differences"):
        assert built.query(f"select * from reconciliation.{table} where is_different limit 5") == []


def test_exactly_the_bad_rows_are_quarantined_each_with_the_first_rule_that_it_breaks(dirty):
    world, built, _ = dirty
    found, expected = Counter(built.query('select "table", key, rule from audit.quarantined_rows')), world.quarantine()
    assert (found - expected, expected - found) == (Counter(), Counter())


def test_every_row_that_was_read_is_accounted_for(dirty, warehouse):
    world, built, _ = dirty
    assert built.query('select * from audit.row_counts order by "table"') == world.counts()
    assert built.query(warehouse.data_tests["assert_every_row_read_is_accounted_for"]) == []


def test_nothing_personal_is_in_the_quarantine(dirty):
    _, built, _ = dirty
    rows = built.query('select "table", key, "row" from audit.quarantined_rows')
    personal = {table: [c.name for c in CONTRACT[table].columns if c.is_personal] for table in CONTRACT}
    for table, key, text in rows:
        assert SECRET not in key + text
        if len(text) < 2000:
            assert {json.loads(text)[name] for name in personal[table]} <= {"***", None}
