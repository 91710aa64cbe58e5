"""Closed months: the store that outlives every rebuild, closing, reopening, restatements."""
