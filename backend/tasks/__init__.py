"""What an example, a loss, a question and a figure are, task by task (docs/design.md, section 11.1).

Nothing outside this package computes a loss that is differentiated (tests/test_house_rules.py).
"""
