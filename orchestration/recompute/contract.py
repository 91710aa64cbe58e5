"""The raw contract: tables, columns and types, as models/sources/raw.yml states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from orchestration.recompute.settings import CONTRACT


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


@cache
def contract(path: Path = CONTRACT) -> dict[str, Table]:
    """Read the contract."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are safe ones
    raw = next(source for source in document["sources"] if source["name"] == "raw")
    return {
        table["name"]: Table(
            name=table["name"],
            required=bool(table["config"]["meta"]["required"]),
            key=tuple(table["config"]["meta"]["key"]),
            columns=tuple(_column(entry) for entry in table["columns"]),
        )
        for table in raw["tables"]
    }
