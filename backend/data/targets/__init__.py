"""What can be learnt of an example, task by task: from cells, back into them, as numbers.

Outside the model a target is text (docs/design.md, section 11.1).
"""
