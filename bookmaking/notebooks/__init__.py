"""Derive notebooks from their sources, execute them with nbval, and compare their outputs."""
