"""The headline figures as text, for the end of a run."""

import unicodedata
from datetime import date
from decimal import Decimal
from pathlib import Path

from orchestration.warehouse.database import attached

HEADLINES = (
    "mrr", "nrr", "grr", "logo_churn_rate", "ltv", "nps",
    "onboarding_completion_rate", "active_account_rate", "health_score", "healthy_account_rate",
)  # fmt: skip


def headline_table(published_file: Path, *, japanese: bool = True) -> str:
    """The headline figures of the last two months as text, names in both languages, or in English alone."""
    with attached(published_file, read_only=True) as connection:
        months = [
            row[0]
            for row in connection.execute("select month from marts.dim_months order by month desc limit 2").fetchall()
        ]
        names = {
            key: (english, japanese, unit)
            for key, english, japanese, unit in connection.execute(
                "select metric_key, name_en, name_ja, unit from metrics.metric_catalog"
            ).fetchall()
        }
        rows = connection.execute(
            "select metric_key, month, headline_value, headline_null_reason, is_closed from metrics.metric_values "
            "where segment_type = 'total' and list_contains($1, metric_key) order by month desc",
            [list(HEADLINES)],
        ).fetchall()
        (complete, currency, as_of) = connection.execute(
            "select dim_months.is_complete_month, publication.currency, publication.as_of_date "
            "from marts.dim_months cross join audit.publication order by dim_months.month desc limit 1"
        ).fetchall()[0]
    closed = {month for _, month, _, _, is_closed in rows if is_closed}
    header = [f"{month:%Y-%m}{' closed' if month in closed else ''}" for month in months]
    if not complete:
        header[0] += f" (to {as_of:%d})"
    lines = [("", "", header)]
    for key in HEADLINES:
        english, name, unit = names[key]
        values = {month: (value, reason) for metric, month, value, reason, _ in rows if metric == key}
        lines.append((english, name if japanese else "", _cells(values, months, unit, currency)))
    widths = [max(_width(english) for english, _, _ in lines), max(_width(name) for _, name, _ in lines)]
    return "\n" + "\n".join(
        _pad(english, widths[0]) + "  " + _pad(name, widths[1]) + "".join(f"  {_left(cell, 22)}" for cell in cells)
        for english, name, cells in lines
    )


def _cells(values: dict[date, tuple[Decimal | None, str | None]], months: list[date], unit: str, currency: str) -> list:
    """Give a figure a month. One that the last months cannot have yet shows the latest that are there, labelled."""
    shown = [values.get(month, (None, None)) for month in months]
    if all(reason == "not_matured" for _, reason in shown):
        matured = [(month, value) for month, (value, _) in values.items() if value is not None][: len(months)]
        if matured:
            cells = [f"{_show(value, None, unit, currency)} ({month:%Y-%m})" for month, value in matured]
            return cells + [""] * (len(months) - len(cells))
    return [_show(value, reason, unit, currency) for value, reason in shown]


def _show(value: Decimal | None, reason: str | None, unit: str, currency: str) -> str:
    if value is None:
        return f"- ({reason})" if reason else "-"
    if unit == "ratio":
        return f"{value * 100:.2f} %"
    if unit == "currency":
        return f"{value:,.0f} {currency}"
    return f"{value:.1f}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _left(text: str, width: int) -> str:
    return " " * (width - _width(text)) + text


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
