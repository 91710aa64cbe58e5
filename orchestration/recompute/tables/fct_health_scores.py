"""Health scores with tier, red flag and the drivers in words."""

from collections.abc import Iterator

from orchestration.recompute.clock import EPOCH
from orchestration.recompute.health import SCORE_DIGITS, Health
from orchestration.recompute.settings import divided, rounded
from orchestration.recompute.tables._cells import amount, first_day, ratio
from orchestration.recompute.tables.fct_health_components import contribution
from orchestration.recompute.world import World

MOST_DRIVERS = 3
WRITTEN = {"en": ("{} ({})", "; "), "ja": ("{}（{}）", "、")}


def rows(world: World) -> Iterator[tuple]:
    """Give every scored customer and month."""
    for health in world.health:
        yield (
            health.customer_id,
            first_day(health.month),
            health.version,
            health.tier,
            health.red_flag,
            *drivers(world, health),
            None if health.score is None else ratio(health.score, 10**SCORE_DIGITS, 4),
            amount(health.coverage),
            world.clock.end_of(health.month),
            health.red_flag_expires_day,
        )


def drivers(world: World, health: Health) -> tuple[str | None, str | None]:
    """Word the components that moved the score most, in English and Japanese; one at exactly 50 moves nothing."""
    # In ten digits, as contributions are published: what is equal there is equal.
    moved = {
        name: rounded(contribution(health.weights[name], score, health.coverage), 10)
        for name, score in health.components.items()
        if score is not None
    }
    order = sorted((name for name, points in moved.items() if points), key=lambda name: (-abs(moved[name]), name))
    if not order:
        return None, None
    words = world.seeds.driver_words(world.clock.end_of(health.month) + EPOCH)
    return tuple(
        separator.join(
            pattern.format(words[name, moved[name] > 0, language], _points(moved[name]))
            for name in order[:MOST_DRIVERS]
        )
        for language, (pattern, separator) in WRITTEN.items()
    )


def _points(ten_digits: int) -> str:
    """Write points with one decimal and their sign."""
    tenths = divided(ten_digits, 10**9)
    sign = "+" if ten_digits > 0 else "-" if tenths < 0 else ""
    return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}"
