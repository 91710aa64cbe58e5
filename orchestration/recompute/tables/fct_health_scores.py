"""Health scores with tier, red flag and the drivers in words."""

from collections.abc import Iterator

from orchestration.recompute.health import SCORE_DIGITS
from orchestration.recompute.tables._cells import amount, first_day, ratio
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every scored customer and month."""
    for health in world.health:
        yield (
            health.customer_id,
            first_day(health.month),
            health.version,
            health.tier,
            health.red_flag,
            health.drivers["en"],
            health.drivers["ja"],
            None if health.score is None else ratio(health.score, 10**SCORE_DIGITS, 4),
            amount(health.coverage),
            world.clock.end_of(health.month),
            health.red_flag_expires_day,
        )
