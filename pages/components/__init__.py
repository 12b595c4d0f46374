"""The parts that the pages are made of, one idea per file."""
