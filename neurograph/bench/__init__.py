"""Suites of measurements: what is fast, what is small, and how far that is from what the machine allows."""
