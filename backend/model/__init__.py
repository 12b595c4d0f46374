"""Models: loading, tokenising, fine-tuning, the checkpoints of any Trainer run, prediction."""
