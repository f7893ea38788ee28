"""Small Sphinx extensions for the pages."""
