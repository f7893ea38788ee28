"""Editions for a class, and the grading of submissions."""
