"""The book as one file."""
