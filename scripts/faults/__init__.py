"""Faults that `scripts/inject_faults.py` injects, a module for each kind."""
