"""The words for the metrics, as their seed has them."""

from collections.abc import Iterator

from orchestration.recompute.world import World

NAMES = (
    "metric_key",
    "name_en",
    "name_ja",
    "definition_en",
    "definition_ja",
    "unit",
    "direction",
    "leading_or_lagging",
    "grain",
    "window_length",
    "source",
)


def rows(world: World) -> Iterator[tuple]:
    """Give every metric."""
    for row in world.seeds.listed("metrics_listed"):
        yield *(row[name] or None for name in NAMES), int(row["sort_order"])
