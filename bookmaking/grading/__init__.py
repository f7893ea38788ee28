"""Editions for a class, and the grading of what comes back."""
