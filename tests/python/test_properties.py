"""What holds for every company, tried on companies made up at random.

Set KEIZOKU_TEST_EXAMPLES to try more of them than the 25 of every run.
"""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import Settings, Warehouse, World, identities, inventions
from worlds.warehouse import Rows, write_raw

from orchestration import recompute

FEWER = settings(max_examples=settings().max_examples // 2)

Judge = Callable[[Rows, Settings], dict]


@st.composite
def companies(draw: st.DrawFn) -> tuple[Rows, Settings, Random]:
    """A company of a few customers, what it is seen through, and a source of more chance."""
    random = draw(st.randoms(use_true_random=False))
    seen_through = inventions.invent_settings(random)
    return inventions.invent(random, seen_through, draw(st.integers(1, 6))), seen_through, random


@pytest.fixture(scope="module")
def judge(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Takes a company the whole path, from raw files and with the second opinion, and gives what is wrong with it."""
    raw, recomputed = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("recomputed")

    def judged(tables: Rows, seen_through: Settings) -> dict:
        for file in raw.iterdir():
            file.unlink()
        write_raw(raw, tables)
        recompute.write_all(recompute.World(raw, seen_through, warehouse.seeds_folder(seen_through)), recomputed)
        files = {file.stem: file for file in recomputed.iterdir()}
        world = warehouse.build_folder(raw, seen_through, recomputed=files)
        failed = {name: rows for name, sql in warehouse.data_tests.items() if (rows := world.query(sql))}
        return identities.broken(world) | failed

    return judged


def figures(world: World) -> dict[str, list[tuple]]:
    """Give every row that readers get to see, but for the publication's own."""
    tables = world.query(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('marts', 'metrics') order by 1"
    )
    return {table: world.query(f"select * from {table} order by all") for (table,) in tables}  # noqa: S608


def assert_same(warehouse: Warehouse, seen_through: Settings, tables: Rows, others: Rows) -> None:
    """Hold the figures of two sets of raw rows against each other."""
    ours, theirs = (figures(warehouse.build(rows, seen_through)) for rows in (tables, others))
    for table, rows in ours.items():
        assert theirs[table] == rows, table


@given(companies())
def test_sql_and_python_agree_and_every_identity_holds(judge, company):
    tables, seen_through, _ = company
    assert judge(tables, seen_through) == {}


@pytest.mark.parametrize("seed", range(4))
def test_sql_and_python_agree_and_every_identity_holds_in_a_larger_company(judge, seed):
    random = Random(seed)
    seen_through = inventions.invent_settings(random)
    assert judge(inventions.invent(random, seen_through, customers=100), seen_through) == {}


@FEWER
@given(companies())
def test_rows_dated_after_the_as_of_date_change_nothing(warehouse, company):
    tables, seen_through, random = company
    assert_same(warehouse, seen_through, tables, inventions.invent_later(random, seen_through, tables))


@FEWER
@given(companies())
def test_the_past_is_what_was_known_then(warehouse, company):
    tables, seen_through, _ = company
    assert_same(warehouse, seen_through, tables, inventions.cut(tables, seen_through))


@FEWER
@given(companies())
def test_the_order_of_rows_changes_nothing(warehouse, company):
    tables, seen_through, random = company
    assert_same(warehouse, seen_through, tables, inventions.shuffled(random, tables))
