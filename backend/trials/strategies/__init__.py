"""What a trial can be of: the decisions, or a way to choose, weigh or mask training data."""
