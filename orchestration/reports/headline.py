"""The headline figures as text, for the end of a run."""

import unicodedata
from decimal import Decimal
from pathlib import Path

import duckdb

HEADLINES = (
    "mrr", "nrr", "grr", "logo_churn_rate", "ltv", "nps",
    "onboarding_completion_rate", "active_account_rate", "health_score", "healthy_account_rate",
)  # fmt: skip


def headline_table(published_file: Path, *, japanese: bool = True) -> str:
    """The headline figures of the last two months as text, names in both languages, or in English alone."""
    with duckdb.connect(str(published_file), read_only=True) as connection:
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
        values = {
            (key, month): (value, reason)
            for key, month, value, reason in connection.execute(
                "select metric_key, month, case when is_closed then closed_value else value end, null_reason "
                "from metrics.metric_values where segment_type = 'total'"
            ).fetchall()
        }
        (complete, currency, as_of) = connection.execute(
            "select dim_months.is_complete_month, publication.currency, publication.as_of_date "
            "from marts.dim_months cross join audit.publication order by dim_months.month desc limit 1"
        ).fetchone()
    header = [f"{month:%Y-%m}" for month in months]
    if not complete:
        header[0] += f" (to {as_of:%d})"
    lines = [("", "", header)]
    for key in HEADLINES:
        english, name, unit = names[key]
        lines.append(
            (
                english,
                name if japanese else "",
                [_show(*values.get((key, month), (None, None)), unit, currency) for month in months],
            )
        )
    widths = [max(_width(line[column]) for line in lines) for column in (0, 1)]
    return "\n" + "\n".join(
        _pad(english, widths[0]) + "  " + _pad(name, widths[1]) + "".join(f"  {cell:>22}" for cell in cells)
        for english, name, cells in lines
    )


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


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
