"""Local days, months and billing periods as whole numbers, counted from 1970-01-01 and January 1970."""

import numpy as np

from orchestration.demo import constants

FAR = 10**6  # a day after every other: "open"


def day_number(text: str) -> int:
    """Return the number of an ISO date."""
    return int(np.datetime64(text, "D").astype(np.int64))


def month_of(day):
    """Return the month that holds each day."""
    return np.asarray(day).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def first_day(month):
    """Return the first day of each month."""
    return np.asarray(month).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def day_of_month(day):
    """Return 1 to 31."""
    return np.asarray(day) - first_day(month_of(day)) + 1


FIRST_MONTH = int(np.datetime64(constants.FIRST_MONTH, "M").astype(np.int64))
LAST_MONTH = FIRST_MONTH + constants.MONTHS - 1
AS_OF = day_number(constants.AS_OF_DATE)

MONTHLY, QUARTERLY, ANNUAL, WEEKLY = range(4)  # the order of constants.TERMS


def period_number(term, anchor, day):
    """Return which billing period of a subscription holds each day; months and quarters are calendar ones."""
    months = month_of(day) - month_of(anchor)
    full_months = months - (day_of_month(day) < day_of_month(anchor))
    return np.select(
        [term == MONTHLY, term == QUARTERLY, term == ANNUAL],
        [months, months // 3, full_months // 12],
        (day - anchor) // 7,
    )


def period_start(term, anchor, number):
    """Return the first day of each billing period; that of period 0 may lie before the anchor."""
    calendar = first_day(month_of(anchor) + np.where(term == QUARTERLY, 3, 1) * number)
    yearly = first_day(month_of(anchor) + 12 * number) + day_of_month(anchor) - 1
    return np.select([term == ANNUAL, term == WEEKLY], [yearly, anchor + 7 * number], calendar)


def next_boundary(term, anchor, day):
    """Return the first day on or after `day` at which a billing period starts."""
    return period_start(term, anchor, period_number(term, anchor, day - 1) + 1)


def fiscal_year(day):
    """Return how many Aprils lie between the start of the history and each day."""
    return (month_of(day) - FIRST_MONTH - 5) // 12 + 1  # the history starts in November


def instants(day, second):
    """Return UTC microseconds of local days and seconds of the day."""
    return (np.asarray(day, dtype=np.int64) * 86_400 + second - constants.UTC_OFFSET_HOURS * 3_600) * 1_000_000
