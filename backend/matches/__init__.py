"""Is a text literally among the training rows: where, how often, in answers or in what is read.

A match says what is written in the data, and nothing of what the model learnt from it: it is no influence.
"""
