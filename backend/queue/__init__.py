"""In which order to look at rows, and what speaks against each."""
