"""Gradients at the word embeddings, and elsewhere: from a batch to rows of tokens."""
