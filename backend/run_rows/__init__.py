"""What a trainer made of every training row: kept, cut, not learnt, packed with which others, seen when."""
