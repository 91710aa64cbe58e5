"""100 x (promoters - detractors) / answers, the latest answer per respondent."""

from collections.abc import Iterator

from orchestration.recompute.metrics._answers import mean_points
from orchestration.recompute.rows import Row
from orchestration.recompute.world import World


def _points(score: int) -> int:
    if score >= 9:
        return 100
    return -100 if score <= 6 else 0


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment; too few answers keep their parts, so that segments can be added up."""
    fewest = world.seeds.whole("nps_minimum_answers")
    for row in mean_points(world, world.surveys.latest_nps, _points):
        if 0 < row.sample_size < fewest:
            yield row._replace(value=None, null_reason="too_few_answers")
        else:
            yield row
