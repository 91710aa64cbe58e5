"""The demo company: a deterministic, lifelike set of raw tables. docs/demo.md tells its story, constants.py its figures."""
