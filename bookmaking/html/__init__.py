"""Build the HTML from executed notebooks, and pack it."""
