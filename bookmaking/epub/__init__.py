"""The book as an EPUB, for phones and e-readers."""
