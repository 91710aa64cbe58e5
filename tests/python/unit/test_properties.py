"""What holds for every company, tried on companies made up at random.

Set KEIZOKU_TEST_EXAMPLES to try more of them than the 25 of every run.
"""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from builders import Settings, World, identities, inventions
from builders.warehouse import Rows
from hypothesis import given, settings
from hypothesis import strategies as st

FEWER = settings(max_examples=settings().max_examples // 2)


@st.composite
def companies(draw: st.DrawFn) -> tuple[Rows, Settings, Random]:
    """A company of a few customers, what it is seen through, and a source of more chance."""
    random = draw(st.randoms(use_true_random=False))
    seen_through = inventions.invent_settings(random)
    return inventions.invent(random, seen_through, draw(st.integers(1, 6))), seen_through, random


def figures(world: World) -> dict[str, list[tuple]]:
    """Give every row that readers get to see, but for the publication's own and what is known of days ahead.

    Without a second opinion, what stands beside SQL is no figure.
    """
    tables = world.query(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where schema_name in ('marts', 'metrics', 'reconciliation') "
        "and table_name <> 'fct_scheduled_mrr' and table_name not like 'recomputed%' order by 1"
    )
    return {table: world.query(f"select * from {table} order by all") for (table,) in tables}


@given(companies())
def test_sql_and_python_agree_and_every_identity_holds(warehouse, company):
    tables, seen_through, random = company
    tables = inventions.in_other_words(random, tables)
    with TemporaryDirectory() as folder:
        assert identities.faults(warehouse, warehouse.judge(tables, seen_through, Path(folder))) == {}


@FEWER
@given(companies())
def test_rows_of_later_days_and_the_order_of_rows_change_nothing_and_the_past_is_what_was_known_then(
    warehouse, company
):
    tables, seen_through, random = company
    ours = figures(warehouse.build(tables, seen_through))
    for what, others in {
        "rows dated after the as-of date": inventions.invent_later(random, seen_through, tables),
        "what was known then": inventions.cut(tables, seen_through),
        "another order": inventions.shuffled(random, tables),
    }.items():
        theirs = figures(warehouse.build(others, seen_through))
        for table, rows in ours.items():
            assert theirs[table] == rows, (what, table)
