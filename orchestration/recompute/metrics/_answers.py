"""Survey answers counted by month and segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from orchestration.recompute.rows import Row, Tally, ratio_rows
from orchestration.recompute.surveys import Answer
from orchestration.recompute.world import World


class Points(NamedTuple):
    """Answers, and the points that a metric gives them."""

    answers: int
    points: int


def mean_points(
    world: World, answers: Callable[[int, int], list[Answer]], points: Callable[[int], int]
) -> Iterator[Row]:
    """Average the points of the answers of the days that end with each month."""
    tally = Tally(world.months, Points)
    for month in world.months:
        day = world.clock.end_of(month)
        for answer in answers(day - world.seeds.whole("survey_window_days") + 1, day):
            tally.add(month, world.segments.of(answer.customer_id, month), 1, points(answer.score))
    return ratio_rows(
        tally.cells(), lambda sums: sums.points, lambda sums: sums.answers, lambda sums: sums.answers, "no_answers"
    )
