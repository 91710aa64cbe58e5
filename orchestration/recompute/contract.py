"""The contracts of models/sources: raw.yml, what a company brings, and recomputed.yml, what is computed twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pyarrow as pa
import yaml

from orchestration.recompute.settings import CONTRACT, RECOMPUTED


@dataclass(frozen=True)
class Column:
    """One column of a raw table."""

    name: str
    data_type: str
    required: bool
    accepted: tuple[str, ...]
    is_currency: bool
    references: str | None
    is_end: bool
    is_signed: bool
    is_price: bool
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """One raw table."""

    name: str
    required: bool
    key: tuple[str, ...]
    columns: tuple[Column, ...]


def _column(entry: dict) -> Column:
    meta = entry["config"]["meta"]
    return Column(
        name=entry["name"],
        data_type=entry["data_type"].lower(),
        required=bool(meta.get("required")),
        accepted=tuple(meta.get("accepted", ())),
        words=meta.get("words", {}),
        is_currency=bool(meta.get("currency")),
        references=meta.get("references"),
        is_end=bool(meta.get("is_end")),
        is_signed=bool(meta.get("is_signed")),
        is_price=bool(meta.get("is_price")),
    )


@dataclass(frozen=True)
class Recomputed:
    """One recomputed table: its key, what of it a sample can tell, and columns that rest on everybody."""

    key: tuple[str, ...]
    sample: str
    of_all: tuple[str, ...]
    columns: dict[str, pa.DataType]


def _tables(path: Path, source: str) -> list[dict]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are safe ones
    return next(entry for entry in document["sources"] if entry["name"] == source)["tables"]


def _arrow_type(data_type: str) -> pa.DataType:
    if data_type.startswith("decimal"):
        precision, scale = data_type.removeprefix("decimal(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    kinds = {"varchar": pa.string(), "bigint": pa.int64(), "boolean": pa.bool_(), "date": pa.date32()}
    return kinds.get(data_type) or pa.timestamp("us")


@cache
def recomputed_contract(path: Path = RECOMPUTED) -> dict[str, Recomputed]:
    """Read which tables are recomputed."""
    found = {}
    for table in _tables(path, "recomputed"):
        meta, columns = table["config"]["meta"], table["columns"]
        found[table["name"]] = Recomputed(
            key=tuple(meta["key"]),
            sample=meta["sample"],
            of_all=tuple(column["name"] for column in columns if _meta(column).get("of_all")),
            columns={column["name"]: _arrow_type(column["data_type"]) for column in columns},
        )
    return found


def _meta(column: dict) -> dict:
    return column.get("config", {}).get("meta", {})


@cache
def contract(path: Path = CONTRACT) -> dict[str, Table]:
    """Read the contract."""
    return {
        table["name"]: Table(
            name=table["name"],
            required=bool(table["config"]["meta"]["required"]),
            key=tuple(table["config"]["meta"]["key"]),
            columns=tuple(_column(entry) for entry in table["columns"]),
        )
        for table in _tables(path, "raw")
    }
