"""The demo company: lifelike raw tables, the same in every run (docs/demo.md; its figures: constants.py)."""

from orchestration.demo.company import write_demo

__all__ = ["write_demo"]
