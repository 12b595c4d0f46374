"""From a question to training examples and their words."""
