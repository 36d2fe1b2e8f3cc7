"""The one exception for what a user can mend."""


class InputError(ValueError):
    """Bad input: the message is one line that names the field or file, its value and the remedy."""
