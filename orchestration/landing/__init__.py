"""The raw contract applied to files: what the user brought becomes the schema `raw`."""

from orchestration.landing.contract import Column, Table, load_contract
from orchestration.landing.files import Fingerprint, LandingError
from orchestration.landing.landing import LandedReport, LandedTable, changed_files, land

__all__ = [
    "Column",
    "Fingerprint",
    "LandedReport",
    "LandedTable",
    "LandingError",
    "Table",
    "changed_files",
    "land",
    "load_contract",
]
