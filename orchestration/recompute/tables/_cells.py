"""How values are written into cells: amounts as decimals, days as day numbers, nothing for what has not come."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from orchestration.recompute.clock import FAR, first_day
from orchestration.recompute.settings import decimal_of
from orchestration.recompute.world import World

__all__ = ["amount", "day", "first_day", "money", "ratio"]


@lru_cache(maxsize=1 << 16)
def ratio(numerator: int, denominator: int, digits: int = 10) -> Decimal | None:
    """Divide two whole numbers once, rounded half away from zero; nothing where the denominator is 0."""
    return decimal_of(Fraction(numerator, denominator), digits) if denominator else None


def money(world: World, minor: int | None) -> Decimal | None:
    """Write an amount in minor units of the reporting currency."""
    return None if minor is None else ratio(minor, world.seeds.minor_units, 4)


@lru_cache(maxsize=1 << 16)
def amount(value: Fraction | int, digits: int = 4) -> Decimal:
    """Write an exact number with so many digits."""
    return decimal_of(value, digits)


def day(number: int | None) -> int | None:
    """Write a day; nothing for one that has not come."""
    return None if number is None or abs(number) == FAR else number
