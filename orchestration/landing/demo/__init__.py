"""The demo company: deterministic, lifelike raw tables. docs/demo.md tells its story, constants.py holds its figures."""

from orchestration.landing.demo.company import write_demo

__all__ = ["write_demo"]
