"""A raw value to its contract type, as DuckDB expressions.

DuckDB's own casts are lax (2.6 becomes 3, `yes` becomes true, `+09:00` is dropped), so text is matched in full
before it is cast. Years are 1 to 9999, the ones that Python knows too. A value that is not of its type becomes
null, and landing names its column in `_unparsed`.
"""

import re
from dataclasses import dataclass

from orchestration.landing.contract import Column
from orchestration.warehouse.database import literal

INTEGER_DIGITS = {
    "TINYINT": 3,
    "UTINYINT": 3,
    "SMALLINT": 5,
    "USMALLINT": 5,
    "INTEGER": 10,
    "UINTEGER": 10,
    "BIGINT": 19,
    "UBIGINT": 20,
}
FLOATS = ("FLOAT", "DOUBLE")
ZONED_TIMESTAMP = "TIMESTAMP WITH TIME ZONE"
TIMESTAMPS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", ZONED_TIMESTAMP)
# What else a file can hold (lists, structures, times of day, intervals, wider decimals) is refused by name.
TEXTS = ("VARCHAR", "UUID", "JSON", "BLOB", '"NULL"')

INTEGER_TEXT = "[+-]?[0-9]+([.]0+)?"
DECIMAL_TEXT = "[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)"
DATE_TEXT = "[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]00:00(:00([.]0+)?)?)?"
CLOCK_TEXT = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?"
DAY_TEXT = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
UTC_TEXT = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{CLOCK_TEXT}Z?"
OFFSET_TEXT = f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{CLOCK_TEXT}[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?"


@dataclass(frozen=True)
class Conversion:
    """How one column is read, as expressions.

    `value` is the typed value of the source column. The others are said in terms of the source and of that value:
    when it is `unparsed`, when digits were `rounded` off, when an instant came as a `plain_day` (None where these
    cannot happen), and the `original` for JSON.
    """

    value: str
    unparsed: str | None
    rounded: str | None
    plain_day: str | None
    folded: str | None
    original: str


def convert(source: str, source_type: str, column: Column, value: str, time_zone: str) -> Conversion | None:
    """Return how `source`, of a DuckDB type, becomes `value`, of a column's type; None when no rule leads there.

    A day in a column of instants is the start of that day in the time zone.
    """
    if not _is_readable(source_type):
        return None
    target = column.data_type
    typed, is_certain = _value(source, source_type, target, time_zone)
    word = _word(_text(source, source_type), column) if target == "varchar" else None
    present = f"{source} <> ''" if source_type in ("VARCHAR", "BLOB") else f"{source} is not null"
    # JSON has neither NaN nor bytes.
    original = f"cast({source} as varchar)" if source_type in (*FLOATS, "BLOB") else source
    unparsed = None if is_certain else f"{present} and {value} is null"
    if column.is_price and not is_certain:
        # A price below the smallest that there is room for would become a free item.
        unparsed = f"{present} and ({value} is null or {value} = 0 and {_is_not_zero(source, source_type)})"
    return Conversion(
        value=typed if word is None else word,
        unparsed=unparsed,
        rounded=_rounded(source, source_type, target, value),
        plain_day=_plain_day(source, source_type, target),
        folded=None if word is None else f"{value} <> {_text(source, source_type)}",
        original=original,
    )


def _word(text: str, column: Column) -> str | None:
    """Return a word of the contract, whatever its case and the blanks in and around it; None for a free text."""
    if column.is_currency:
        code = f"trim({text})"
        return f"case when regexp_full_match({code}, '[A-Za-z]{{3}}') then upper({code}) else nullif({text}, '') end"
    if not column.accepted:
        return None
    plain = f"replace(replace(lower(trim({text})), ' ', '_'), '-', '_')"
    accepted = ", ".join(f"'{word}'" for word in column.accepted)
    others = " ".join(f"when {plain} = '{word}' then '{meant}'" for word, meant in column.words.items())
    return f"case when {plain} in ({accepted}) then {plain} {others} else nullif({text}, '') end"


def _is_readable(source_type: str) -> bool:
    digits = _decimal_digits(source_type)
    return source_type in (*TEXTS, *FLOATS, *TIMESTAMPS, "BOOLEAN", "DATE") or bool(digits and digits[0] <= 38)


def absent(target: str) -> Conversion:
    """Return the expressions of a column that the file does not have: a typed null."""
    null, text = f"cast(null as {target})", "cast(null as varchar)"
    return Conversion(value=null, unparsed=None, rounded=None, plain_day=None, folded=None, original=text)


def _value(source: str, source_type: str, target: str, time_zone: str) -> tuple[str, bool]:
    """Return the typed value, and whether every value of the source has one."""
    digits = _decimal_digits(source_type)
    match target.partition("(")[0]:
        case "varchar":
            return f"nullif({_text(source, source_type)}, '')", source_type not in (*FLOATS, "BLOB")
        case _ if source_type == target.upper():
            return source, True
        case "bigint" if source_type in INTEGER_DIGITS:
            return f"try_cast({source} as bigint)", source_type != "UBIGINT"
        case "bigint" if digits or source_type in FLOATS:
            return f"case when {source} = trunc({source}) then try_cast({source} as bigint) end", False
        case "decimal" if digits and (room := _decimal_digits(target)):
            return f"try_cast({source} as {target})", _holds(room, digits)
        case "decimal" if source_type in FLOATS:
            return f"case when isfinite({source}) then try_cast({_plain(source)} as {target}) end", False
        case "timestamp" if source_type in TIMESTAMPS:
            return _in_utc(source, source_type), True
        case "timestamp" if source_type == "DATE":
            return _local_midnight(source, time_zone), False
        case "date" if source_type in TIMESTAMPS:
            instant = _in_utc(source, source_type)
            return f"case when {instant} = date_trunc('day', {instant}) then cast({instant} as date) end", False
        case _:
            return _parsed(_text(source, source_type), target, time_zone), False


def _parsed(text: str, target: str, time_zone: str) -> str:
    """Return the value of a text, null where the text is not the target's in full."""
    match target.partition("(")[0]:
        case "boolean":
            return f"case lower({text}) when 'true' then true when 'false' then false end"
        case "bigint":
            whole = f"try_cast(split_part({text}, '.', 1) as bigint)"
            return f"case when regexp_full_match({text}, '{INTEGER_TEXT}') then {whole} end"
        case "decimal":
            return f"case when regexp_full_match({text}, '{DECIMAL_TEXT}') then try_cast({text} as {target}) end"
        case "date":
            day = f"try_cast(left({text}, 10) as date)"
            return f"case when regexp_full_match({text}, '{DATE_TEXT}') and {text} >= '0001' then {day} end"
        case "timestamp":
            # Casting cuts the fraction after microseconds; with an offset it wants the seconds too.
            utc = f"try_cast(rtrim({text}, 'Z') as timestamp)"
            with_seconds = f"regexp_replace({text}, '^(.{{16}})([+-])', '\\1:00\\2')"
            shifted = f"timezone('UTC', try_cast({with_seconds} as timestamptz))"
            day = f"regexp_full_match({text}, '{DAY_TEXT}') and {text} >= '0001'"
            return (
                f"case when {day} then {_local_midnight(f'try_cast({text} as date)', time_zone)} "
                f"when regexp_full_match({text}, '{UTC_TEXT}') and {text} >= '0001' then {utc} "
                f"when regexp_full_match({text}, '{OFFSET_TEXT}') and year({shifted}) between 1 and 9999 "
                f"then {shifted} end"
            )
        case other:
            raise ValueError(f"the raw contract uses {other}, a type that landing has no rule for")


def _local_midnight(day: str, time_zone: str) -> str:
    """Return the first instant of a day in the time zone, in UTC; null where that is not of the years 1 to 9999."""
    zone, midnight = literal(time_zone), f"cast({day} as timestamp)"
    instant = f"timezone('UTC', timezone({zone}, {midnight}))"
    # Of a midnight that comes twice DuckDB takes the second: what the clocks of the day before say is tried, too.
    day_before = f"({midnight} - interval '1 day')"
    by_then = f"({day_before} - timezone({zone}, timezone('UTC', {day_before})) + {midnight})"
    is_that_day = f"timezone({zone}, timezone('UTC', {by_then})) >= {midnight}"
    return (
        f"case when year({day}) between 2 and 9998 and {is_that_day} then least({by_then}, {instant}) "
        f"when year({instant}) between 1 and 9999 then {instant} end"
    )


def _plain_day(source: str, source_type: str, target: str) -> str | None:
    """Return the condition that an instant came as a day without a clock; None where it cannot."""
    if target != "timestamp" or source_type in TIMESTAMPS:
        return None
    if source_type == "DATE":
        return f"{source} is not null"
    return f"regexp_full_match({_text(source, source_type)}, '{DAY_TEXT}')"


def _is_not_zero(source: str, source_type: str) -> str:
    if source_type in FLOATS or _decimal_digits(source_type):
        return f"{source} <> 0"
    return f"regexp_matches({_text(source, source_type)}, '[1-9]')"


def _rounded(source: str, source_type: str, target: str, value: str) -> str | None:
    """Return the condition that digits beyond the target's scale were rounded off, None where there are none."""
    target_digits, source_digits = _decimal_digits(target), _decimal_digits(source_type)
    if not target_digits or source_type in INTEGER_DIGITS:
        return None
    if source_type in FLOATS:
        return f"abs({source}) < 1e15 and cast({value} as {source_type}) <> {source}"
    scale = target_digits[1]
    if source_digits and source_digits[1] <= scale:
        return None
    beyond = f"regexp_matches({_text(source, source_type)}, '[.][0-9]{{{scale}}}[0-9]*[1-9]')"
    return f"{beyond} and {value} is not null"


def _text(source: str, source_type: str) -> str:
    if source_type == "VARCHAR":
        return source
    if source_type == "BLOB":
        return f"try(decode({source}))"
    if source_type in FLOATS:
        # A key of whole numbers that has a gap is often stored as a float: 7.0 must still meet 7.
        whole = f"{source} = trunc({source}) and abs({source}) < 1e15"
        number = f"case when {whole} then cast(cast({source} as bigint) as varchar) else cast({source} as varchar) end"
        return f"case when isfinite({source}) then {number} end"
    if source_type in TIMESTAMPS:
        return f"cast({_in_utc(source, source_type)} as varchar)"
    return f"cast({source} as varchar)"


def _plain(source: str) -> str:
    """Return the shortest text of a float, as people write it: 1.00005, not its binary neighbour, is to be rounded.

    Exponents are spelt out, since casting them to a decimal rounds -9.7e-09 to -0.0001.
    """
    text = f"cast({source} as varchar)"
    sign = f"case when {source} < 0 then '-' else '' end"
    digits = f"replace(regexp_extract({text}, '([0-9.]+)e', 1), '.', '')"
    exponent = f"try_cast(regexp_extract({text}, 'e[+-]([0-9]+)$', 1) as integer)"
    return (
        f"case when {source} = 0 or abs({source}) between 0.001 and 1e15 then {text} "
        f"when contains({text}, 'e-') then concat({sign}, '0.', repeat('0', {exponent} - 1), {digits}) "
        f"when contains({text}, 'e+') then concat({sign}, rpad({digits}, {exponent} + 1, '0')) else {text} end"
    )


def _in_utc(source: str, source_type: str) -> str:
    if source_type == ZONED_TIMESTAMP:
        return f"timezone('UTC', {source})"
    return source if source_type == "TIMESTAMP" else f"cast({source} as timestamp)"


def _decimal_digits(data_type: str) -> tuple[int, int] | None:
    """Return precision and scale of a decimal or integer type."""
    if data_type in INTEGER_DIGITS:
        return INTEGER_DIGITS[data_type], 0
    found = re.fullmatch(r"decimal\((\d+),(\d+)\)", data_type, re.IGNORECASE)
    return (int(found[1]), int(found[2])) if found else None


def _holds(target: tuple[int, int], source: tuple[int, int]) -> bool:
    """Tell whether every number of the source has room in the target, the carry of rounding included."""
    carry = 1 if source[1] > target[1] else 0
    return source[0] - source[1] + carry <= target[0] - target[1]
