"""The metrics, one module each, named by its key; `compute(world)` gives its rows."""

from pkgutil import iter_modules

METRIC_KEYS = tuple(sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_")))
