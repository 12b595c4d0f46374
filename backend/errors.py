"""The one exception that means "the user's input is wrong"."""


class InputError(ValueError):
    """Wrong input by the user: the message is one line that says what, where, and what would be right.

    The command line prints it and exits with 2; the app shows it as it is.

    Examples
    --------
    >>> try:
    ...     ws.review.remove("nobody")
    ... except InputError as error:
    ...     print(error)
    row 'nobody' is not in train
    """
