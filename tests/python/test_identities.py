"""What must hold in every company, told sentence by sentence, in large ones made up at random.

That SQL and the second opinion agree is among it.
"""

from random import Random

import pytest
from worlds import Warehouse, World, identities, inventions


@pytest.fixture(scope="module", params=[1, 2, 3, 4], ids=lambda seed: f"company {seed}")
def large(request: pytest.FixtureRequest, warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A company of a hundred customers, built from raw files with the second opinion beside it."""
    random = Random(request.param)
    settings = inventions.invent_settings(random)
    tables = inventions.invent(random, settings, customers=100)
    return warehouse.build_judged(warehouse.judge(tables, settings, tmp_path_factory.mktemp("large")))


@pytest.mark.parametrize("sentence", identities.IDENTITIES)
def test_identity_holds(large, sentence):
    assert identities.breaks(large, sentence) == []


def test_the_projects_data_tests_hold(warehouse, large):
    assert {name: rows for name, sql in warehouse.data_tests.items() if (rows := large.query(sql))} == {}
