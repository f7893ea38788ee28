"""Print the whole book as one PDF: merge its pages, print them with Chromium, check the result."""
