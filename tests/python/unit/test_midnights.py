"""Days whose midnight occurs twice or never: SQL, landing and Python begin them at the same instant."""

from datetime import date, datetime

import pytest
from builders import identities

# Zone, day, its first instant in UTC, and what clocks show then.
MIDNIGHTS = [
    ("America/Havana", date(2025, 11, 2), "2025-11-02 04:00"),  # clocks go from 01:00 back to midnight
    ("Atlantic/Azores", date(2025, 10, 26), "2025-10-26 00:00"),
    ("America/Havana", date(2025, 3, 9), "2025-03-09 05:00"),  # clocks go from midnight on to 01:00
    ("Asia/Beirut", date(2025, 3, 30), "2025-03-29 22:00"),
    ("Africa/Cairo", date(2025, 4, 25), "2025-04-24 22:00"),
    ("Asia/Tokyo", date(2025, 3, 30), "2025-03-29 15:00"),
]


@pytest.mark.parametrize(("zone", "day", "first"), MIDNIGHTS, ids=[f"{zone} {day}" for zone, day, _ in MIDNIGHTS])
def test_a_day_begins_with_the_first_instant_that_its_clocks_show(company, warehouse, tmp_path, zone, day, first):
    first = datetime.fromisoformat(first)
    eve = date.fromordinal(day.toordinal() - 1)
    acme = company(eve.isoformat(), time_zone=zone)
    acme.sell("acme", 100, date(2025, 1, 10))
    # Known to the end of the eve, which is that instant; paid until it, so that the last day is the eve.
    acme.sell("leaver", 100, date(2025, 1, 10), day)
    acme.sell("early", 100, f"{first.isoformat()}Z")
    acme.use("acme", f"{first.isoformat()}Z")
    world = warehouse.build_judged(warehouse.judge(acme.tables, acme.settings, tmp_path))
    assert not world.rows(identities.COMPARISON)
    ends = world.query("select ended_at from staging.stg_subscriptions where account_id = 'leaver'")
    assert ends == [(first,)]
    assert world.query("select max(period_end_at) from marts.dim_months") == [(first,)]
    assert world.query("select count(*) from marts.dim_accounts where started_on is not null") == [(2,)]
    assert world.query("select distinct occurred_on from staging.stg_usage_events") == [(day,)]
