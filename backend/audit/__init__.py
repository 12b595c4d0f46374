"""What no value of one row says: words as culprits, and sources that pull against each other."""
