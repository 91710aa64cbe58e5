"""The raw contract as Python: tables and columns read from models/sources/raw.yml, where they stand once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

PROJECT_ROOT = Path(__file__).resolve().parents[2]
CONTRACT_FILE = PROJECT_ROOT / "models" / "sources" / "raw.yml"

STANDARD_COLUMNS = ("source_system", "_loaded_at", "_updated_at", "_is_deleted")


@dataclass(frozen=True)
class Column:
    """One column of a raw table: its type and what its values must be; `words` are other names of accepted ones."""

    name: str
    data_type: str
    description: str
    required: bool
    accepted: tuple[str, ...]
    is_currency: bool
    references: str | None
    is_end: bool
    is_signed: bool
    is_personal: bool
    is_price: bool
    is_standard: bool
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """One raw table: `key` names the columns that identify a row, `columns` keep the contract's order."""

    name: str
    description: str
    required: bool
    key: tuple[str, ...]
    columns: tuple[Column, ...]


@cache
def load_contract(contract_file: Path = CONTRACT_FILE) -> dict[str, Table]:
    """Return the tables of the raw contract by name, in the order of the file."""
    document = yaml.safe_load(contract_file.read_text(encoding="utf-8"))
    (raw,) = (source for source in document["sources"] if source["name"] == "raw")
    return {table["name"]: _table(table) for table in raw["tables"]}


def _table(entry: dict) -> Table:
    meta = entry["config"]["meta"]
    return Table(
        name=entry["name"],
        description=entry["description"],
        required=meta["required"],
        key=tuple(meta["key"]),
        columns=tuple(_column(column) for column in entry["columns"]),
    )


def _column(entry: dict) -> Column:
    meta = entry["config"]["meta"]
    return Column(
        name=entry["name"],
        data_type=entry["data_type"],
        description=entry["description"],
        required=meta["required"],
        accepted=tuple(meta.get("accepted", ())),
        is_currency=meta.get("currency", False),
        references=meta.get("references"),
        is_end=meta.get("is_end", False),
        is_signed=meta.get("is_signed", False),
        is_personal=meta.get("personal", False),
        is_price=meta.get("is_price", False),
        is_standard=entry["name"] in STANDARD_COLUMNS,
        words=meta.get("words", {}),
    )
