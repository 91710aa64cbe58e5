"""The published tables a second time, one module each, named by its table; `rows(world)` gives its rows.

A row is a tuple in the order of the table's columns in models/sources/recomputed.yml; days are day numbers.
"""

from pkgutil import iter_modules

TABLES = tuple(sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_")))
