"""Small companies built from raw rows by the compiled models, on DuckDB in memory."""

from builders.company import Company
from builders.warehouse import Judged, Settings, Warehouse
from builders.world import World

__all__ = ["Company", "Judged", "Settings", "Warehouse", "World"]
