"""Long simulation studies whose tables the book records."""
