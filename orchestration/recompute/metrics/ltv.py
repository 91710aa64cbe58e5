"""ARPA x average lifetime in months x gross margin."""

from collections.abc import Iterator
from fractions import Fraction

from orchestration.recompute.clock import date_of
from orchestration.recompute.metrics._lifetime import lifetime_value
from orchestration.recompute.rows import Row
from orchestration.recompute.world import World


def gross_margin(world: World, month: int) -> Fraction | None:
    """Give the margin of the latest period up to a month, else the seeded one."""
    last = date_of(world.clock.end_of(month))
    rows = world.accepted["unit_economics"].to_pylist()
    known = [(row["period"], row["gross_margin_rate"]) for row in rows if row["period"] <= last]
    return Fraction(max(known)[1]) if known else world.seeds.fraction("gross_margin_rate")


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    margins = {month: gross_margin(world, month) for month in world.months}
    return lifetime_value(world, margins.get)
