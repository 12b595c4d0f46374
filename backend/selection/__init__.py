"""Methods that choose, weigh or mask training data; each is also a recipe or a list of rows for Python."""
