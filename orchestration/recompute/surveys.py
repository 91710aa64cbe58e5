"""Survey answers of customers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from orchestration.recompute.clock import Clock
from orchestration.recompute.raw import Accepted


class Answer(NamedTuple):
    """One answer of a customer's account."""

    day: int
    responded_at: int
    response_id: str
    customer_id: str
    respondent: tuple[str, str] | None
    score: int


class Surveys:
    """Answers by kind of survey, in the order of their days."""

    def __init__(self, accepted: Accepted, root_of: dict[str, str], clock: Clock) -> None:
        """Read the accepted answers of customers."""
        self._answers: dict[str, list[Answer]] = {"nps": [], "csat": [], "ces": []}
        for row in accepted["survey_responses"].to_pylist():
            account, person, moment = row["account_id"], row["respondent_id"], row["responded_at"]
            if account in root_of:
                respondent = None if person is None else (account, person)
                day = clock.local_day(moment)
                answer = Answer(day, moment, row["response_id"], root_of[account], respondent, row["score"])
                self._answers[row["survey_type"]].append(answer)
        for answers in self._answers.values():
            answers.sort()

    def between(self, survey_type: str, first: int, last: int) -> list[Answer]:
        """Give the answers of a kind between two days, both included."""
        answers = self._answers[survey_type]
        start = bisect_left(answers, first, key=lambda answer: answer.day)
        return answers[start : bisect_right(answers, last, key=lambda answer: answer.day)]

    def latest_nps(self, first: int, last: int) -> list[Answer]:
        """Give the latest NPS answer of every respondent between two days; an answer without one stands for itself."""
        latest = {}
        for answer in self.between("nps", first, last):
            latest[answer.respondent or answer.response_id] = answer
        return list(latest.values())
