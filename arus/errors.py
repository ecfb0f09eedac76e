"""The one kind of error a user is meant to read."""


class ArusError(Exception):
    """Something the user can mend: one line that says what is wrong and what to do, shown without a traceback."""
