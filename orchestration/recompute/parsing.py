"""From what a file holds to the contract's types, strictly: what is not plainly of its type is null and marked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_WHOLE = re.compile(r"([+-]?\d+)(?:\.0+)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_SIZED = re.compile(r"decimal\((\d+),\s*(\d+)\)")
NOT_TEXT = "\0"
_EXACT_FLOATS = 1e15
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _PAST = -62_135_596_800_000_000, 253_402_300_800_000_000  # years 1 to 9999
_EXACT = Context(prec=400)


def boolean(text: str) -> bool | None:
    """Read true or false and nothing else."""
    return {"true": True, "false": False}.get(text.lower())


def whole(text: str) -> int | None:
    """Read a whole number of 64 bits; zeros may follow a decimal point."""
    match = _WHOLE.fullmatch(text)
    number = int(match[1]) if match else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def decimal(text: str, precision: int, scale: int, is_price: bool = False) -> Decimal | None:
    """Read a decimal; digits beyond the scale are rounded half away from zero, but a price not to nothing."""
    if not _DECIMAL.fullmatch(text):
        return None
    try:
        number = Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _EXACT)
    except InvalidOperation:
        return None
    if is_price and not number and Decimal(text):
        return None
    return number if abs(number) < Decimal(10) ** (precision - scale) else None


def day(text: str) -> date | None:
    """Read a date; a time of midnight may follow."""
    match = _DATE.fullmatch(text)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def instant(text: str, start_of: Callable[[date], int]) -> int | None:
    """Read a timestamp as microseconds of UTC; an offset is applied, a day without a clock is where it starts."""
    match = _TIMESTAMP.fullmatch(text)
    if not match:
        return None
    year, month, day_, hour, minute, second, fraction, offset = match.groups()
    if hour is None:
        plain = day(text)
        microseconds = None if plain is None else start_of(plain)
        return microseconds if microseconds is not None and _FIRST <= microseconds < _PAST else None
    zone = UTC
    if offset and offset[0] in "+-":
        digits = offset[1:].replace(":", "").ljust(4, "0")
        shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if shift >= timedelta(hours=24) or int(digits[2:]) > 59:
            return None
        zone = timezone(shift if offset[0] == "+" else -shift)
    try:
        moment = datetime(
            int(year), int(month), int(day_), int(hour), int(minute), int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]), zone,
        )  # fmt: skip
    except ValueError:
        return None
    microseconds = (moment - _EPOCH) // _MICROSECOND
    return microseconds if _FIRST <= microseconds < _PAST else None


def _text(value: object, is_single: bool) -> str:
    """Write a value of a file's own type as the text it would have in a CSV file."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < _EXACT_FLOATS:
            return str(int(value))
        return str(np.float32(value)) if is_single else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return NOT_TEXT
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ") if value.tzinfo else value.isoformat(" ")
    return str(value)


def _without_exponent(text: str | None, data_type: str) -> str | None:
    """Write a float's text plainly where a number is wanted; what is not a number stays unreadable everywhere."""
    if text in ("nan", "inf", "-inf"):
        return NOT_TEXT
    return text if text is None or data_type == "varchar" else format(Decimal(text), "f")


def is_plain_day(text: str) -> bool:
    """Say whether the text of an instant is a day without a clock."""
    match = _TIMESTAMP.fullmatch(text)
    return match is not None and match[4] is None


def _unknown_start(_: date) -> int:
    raise ValueError("a column of instants needs to know when a day starts")


def _reader(
    data_type: str, start_of: Callable[[date], int] | None = None, is_price: bool = False
) -> tuple[pa.DataType, Callable[[str], object]]:
    if data_type == "boolean":
        return pa.bool_(), boolean
    if data_type == "bigint":
        return pa.int64(), whole
    if data_type == "timestamp":
        return pa.int64(), lambda text: instant(text, start_of or _unknown_start)
    if data_type == "date":
        return pa.date32(), day
    if sized := _SIZED.fullmatch(data_type):
        precision, scale = int(sized[1]), int(sized[2])
        return pa.decimal128(precision, scale), lambda text: decimal(text, precision, scale, is_price)
    return pa.string(), lambda text: None if text == NOT_TEXT else text


def _native(values: pa.Array, data_type: str) -> pa.Array | None:
    """Take a column whose file type already is the contract's; None when it has to be read as text."""
    kind = values.type
    if data_type == "boolean" and pa.types.is_boolean(kind):
        return values
    if data_type == "bigint" and pa.types.is_integer(kind) and kind != pa.uint64():
        return values.cast(pa.int64())
    if data_type == "timestamp" and pa.types.is_timestamp(kind):
        return values.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.int64())
    if data_type == "date" and pa.types.is_date32(kind):
        return values
    if data_type.startswith("decimal") and pa.types.is_decimal(kind):
        wanted = _reader(data_type)[0]
        if kind.scale <= wanted.scale and kind.precision - kind.scale <= wanted.precision - wanted.scale:
            return values.cast(wanted)
    return None


def _storable(values: pa.Array) -> pa.Array:
    """Give a column in one of the types that the rest knows; raise TypeError for one that cannot be read."""
    kind = values.type
    if isinstance(kind, pa.UuidType):
        return pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
    if isinstance(kind, pa.BaseExtensionType):
        return _storable(values.storage)
    if pa.types.is_dictionary(kind) and not pa.types.is_string(kind.value_type):
        return _storable(values.dictionary_decode())
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return values.cast(pa.string())
    if pa.types.is_duration(kind):
        return values.cast(pa.int64())
    if pa.types.is_nested(kind) or pa.types.is_time(kind) or (pa.types.is_decimal(kind) and kind.precision > 38):
        raise TypeError(f"values of the type {kind} cannot be read.")
    return values


def parse_column(
    values: pa.Array, data_type: str, start_of: Callable[[date], int] | None = None, is_price: bool = False
) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """Give a column in its contract type (timestamps as microseconds of UTC), which values are not of it, and which
    instants came as days without a clock; `start_of` gives the instant at which a day starts."""
    nowhere = np.zeros(len(values), dtype=bool)
    wanted, read = _reader(data_type, start_of, is_price)
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), wanted), nowhere, nowhere
    values = _storable(values)
    if data_type == "varchar" and pa.types.is_string(values.type):
        return pc.if_else(pc.equal(values, ""), None, values), nowhere, nowhere
    native = _native(values, data_type)
    if native is not None:
        return native, nowhere, nowhere
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    is_float, is_single = pa.types.is_floating(values.type), pa.types.is_float32(values.type)
    texts = [None if value is None else _text(value, is_single) for value in encoded.dictionary.to_pylist()]
    if is_float:
        texts = [_without_exponent(text, data_type) for text in texts]
    is_missing = [not text for text in texts]
    parsed = [None if missing or text is None else read(text) for text, missing in zip(texts, is_missing, strict=True)]
    bad = [value is None and not missing for value, missing in zip(parsed, is_missing, strict=True)]
    plain = [
        data_type == "timestamp" and not gone and text is not None and is_plain_day(text)
        for text, gone in zip(texts, is_missing, strict=True)
    ]
    column = pa.array(parsed, wanted).take(encoded.indices)
    return column, _spread(bad, encoded.indices), _spread(plain, encoded.indices)


def _spread(marks: list[bool], indices: pa.Array) -> np.ndarray:
    """Give the mark of every row from those of the distinct values."""
    return pa.array(marks, pa.bool_()).take(indices).fill_null(False).to_numpy(zero_copy_only=False)
