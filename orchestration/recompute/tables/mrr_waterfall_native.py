"""MRR from month to month in each currency's own money."""

from collections.abc import Iterator

from orchestration.recompute.currency import native_waterfall
from orchestration.recompute.tables._cells import first_day, ratio
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every month and currency."""
    for (month, currency), amounts in native_waterfall(world).items():
        minor_units = world.seeds.minor_units_of(currency)
        yield first_day(month), currency, *(ratio(amount, minor_units, 4) for amount in amounts)
