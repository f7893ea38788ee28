"""Make, check, pack, grade and benchmark the book: ``python -m bookmaking COMMAND``."""
