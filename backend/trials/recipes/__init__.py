"""Methods that mask, weigh or draw training rows while a model trains; each can also be used from Python."""
