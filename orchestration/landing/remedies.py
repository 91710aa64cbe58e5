"""What is the matter with a value or a row, and what to do: the words for every rule of the acceptance."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.landing.contract import Column

# Words by which exports say that there is no value; country NA is Namibia, and such a word in a text column is a text.
NO_VALUE = {"null", "(null)", "none", "nil", "nan", "na", "n/a", "#n/a", "\\n", "-", "--", "なし", "無し", "無", "未定"}
BOOLEANS = {
    *("yes", "no", "y", "n", "t", "f", "1", "0", "on", "off"),
    *("はい", "いいえ", "○", "〇", "×", "有", "有り", "あり", "真", "偽"),
}
CURRENCY_SIGNS = "¥￥$€£₩円"
EXAMPLES = {"date": "2026-03-01", "timestamp": "2026-03-01 09:00:00", "boolean": "true or false", "bigint": "1000"}


def of_type(text: str, data_type: str) -> str:
    """Say why a text is no value of a type, and how to write it."""
    kind = data_type.partition("(")[0]
    bare = unicodedata.normalize("NFKC", text).strip()
    if bare.casefold() in NO_VALUE:
        return f"the word {text} is no value: where there is none, leave the cell empty"
    if kind == "boolean":
        said = "a word that is not guessed" if bare.casefold() in BOOLEANS else "no true or false"
        return f"{said}: write true or false"
    if kind in ("date", "timestamp"):
        return _of_time(text, bare, kind)
    return _of_number(text, bare, kind)


def _of_time(text: str, bare: str, kind: str) -> str:
    example = EXAMPLES[kind]
    excel = "In Excel, format the cells as " + ("yyyy-mm-dd" if kind == "date" else "yyyy-mm-dd hh:mm:ss")
    if re.match(r"\d{4}年|(明治|大正|昭和|平成|令和|[MTSHR]\d)", bare):
        return f"a date in Japanese notation: write {example}. {excel} before saving"
    if re.match(r"\d{4}[/.]\d{1,2}[/.]\d{1,2}", bare):
        return f"a date with / or .: write {example}. {excel} before saving"
    if re.match(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}", bare):
        return f"a date of which day and month cannot be told apart: write {example}. {excel} before saving"
    if re.fullmatch(r"\d{5}([.]\d+)?", bare):
        return f"Excel's number of a day: {excel[0].lower()}{excel[1:]} before saving, as in {example}"
    if re.fullmatch(r"\d{10}|\d{13}|\d{16}", bare):
        return f"a count of seconds since 1970: write {example} (UTC)"
    if re.fullmatch(r"\d{8}", bare):
        return f"a date without dashes: write {example}"
    if bare != text:
        return f"a date with full-width characters or blanks: write {example}"
    if re.fullmatch(r"\d{4}-\d\d-\d\d([T ].*)?", bare):
        return (
            f"no such day, or an hour where only a day belongs: write {example}"
            if kind == "date"
            else f"no such day or time, or a zone by name: write {example} (UTC), or with an offset such as +09:00"
        )
    return f"no {'date' if kind == 'date' else 'date and time'}: write {example}"


def _of_number(text: str, bare: str, kind: str) -> str:
    example = "1000" if kind == "bigint" else "1000 or 1000.5"
    if any(sign in text for sign in CURRENCY_SIGNS) or re.search(r"[A-Za-z]{3}$|^[A-Z]{3}", bare):
        return f"an amount with a currency sign or word: write {example}, the currency stands in its own column"
    if re.fullmatch(r"[+-]?\d{1,3}([.]\d{3})+,\d+|[+-]?\d+,\d{1,2}", bare):
        return "a decimal comma: write 1000.5"
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+([.]\d+)?", bare):
        return f"a comma between thousands: write {example}. In Excel, take the separator off the cells before saving"
    if bare.endswith("%"):
        return "a percentage: write 0.125 for 12.5 %"
    if bare != text and re.fullmatch(r"[+-]?[\d.]+", bare):
        return f"full-width digits or blanks: write {example}"
    if re.fullmatch(r"\(.*\)|[▲△].*", bare):
        return "a negative amount as accountants write it: write -1000"
    if re.fullmatch(r"[+-]?[\d.]+[eE][+-]?\d+", bare):
        return f"a number with an exponent: write {example}. In Excel, format the cells as numbers before saving"
    if kind == "bigint" and re.fullmatch(r"[+-]?\d+[.]\d+", bare):
        return "not a whole number: write 1000"
    if re.fullmatch(r"[+-]?\d+([.]\d*)?", bare):
        return "a number too large for its column"
    return f"no number: write {example}"


def of_rule(rule: str, column: Column | None, found: str | None, table: str) -> str:
    """Say why a value or row is rejected by a rule, and what to do."""
    name = column.name if column else "a value"
    if found is not None and unicodedata.normalize("NFKC", found).strip().casefold() in NO_VALUE and rule != "bad_type":
        return f"the word {found} is no value: where there is none, leave the cell empty"
    if rule == "bad_type" and column:
        return of_type(found or "", column.data_type)
    if rule == "unaccepted_value" and column:
        return f"none of the words of the contract: write one of {', '.join(column.accepted)}"
    return (_OF_TABLES.get((rule, table)) or _RULES.get(rule, rule)).format(name=name, table=table)


# Rules that mean something else in one table.
_OF_TABLES = {
    (
        "negative_amount",
        "subscription_item_versions",
    ): "below 0: {name} must be 0 or more. A discount is no line of its "
    "own: write it as discount_amount, above 0, of the line that it lowers",
}
_RULES = {
    "missing_value": "{name} is required and empty: fill it in",
    "too_far_in_the_future": "more than ten years after the as-of date: correct {name}, or leave an open end empty",
    "conflicting_key": "the same key in several different rows: keep one, or say in _updated_at which is the latest; "
    "where two systems count alike, put a system's name before the keys of each",
    "end_before_start": "{name} lies before the start: correct one of them",
    "negative_amount": "below 0: {name} must be 0 or more",
    "interval_below_one": "{name} is below 1: a billing interval counts at least one unit",
    "discount_above_line": "a recurring discount above quantity x unit_amount: it is for the whole line, per interval",
    "too_large": "quantity x unit_amount above 10^12, or interval_count above 3,660: correct the amounts",
    "canceled_without_end": "the status is canceled and ended_at is empty: fill in ended_at",
    "score_out_of_scale": "{name} lies outside scale_min to scale_max: correct it",
    "unknown_scale": "the scale must be 0-10 (nps), 1-5 (csat) or 1-7 (ces): bring the answers on that scale",
    "rate_not_positive": "a rate of 0 or less: correct it",
    "margin_above_one": "above 1, probably percent: write 0.75 for 75 %",
    "not_first_of_month": "a period is named by its first day, such as 2026-03-01",
    "unknown_currency": "no currency of seeds/currencies.csv: write the ISO 4217 code, such as JPY",
    "unknown_account": "no such row in accounts, or a deleted one: bring the account back, or name the one that it was "
    "merged into",
    "unknown_subscription": "no such row in subscriptions, or one that is deleted: bring it, or correct {name}",
    "unknown_product": "no such row in products, or one that is deleted: bring it, or correct {name}",
    "unknown_parent": "no such parent in accounts, or none above it: bring it, or leave {name} empty for a root",
    "parent_cycle": "the account is above itself: correct {name}",
    "too_far_in_the_past": "the service would begin before 1980: correct {name}",
    "overlapping_versions": "two versions of one item at one time: let one end where the next begins, or give the "
    "correction a later recorded_at",
    "overlapping_periods": "two periods of one account at one time: let one end where the next begins",
}
