"""Small companies built from raw rows by the compiled models, on DuckDB in memory."""

from worlds.company import Company
from worlds.warehouse import Judged, Settings, Warehouse
from worlds.world import World

__all__ = ["Company", "Judged", "Settings", "Warehouse", "World"]
