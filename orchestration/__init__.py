"""Everything in Python that runs: landing, recomputation, checks, publication, schedules."""
