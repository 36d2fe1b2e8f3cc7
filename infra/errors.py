"""The one exception for what a user can mend, and the check of numbers that raises it."""


class InputError(ValueError):
    """Bad input: the message is one line that names the field or file, its value and the remedy."""


def refuse_outside(field: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside a range that holds both its ends.

    Raises:
        InputError: If it is outside, or NaN.
    """
    if not low <= value <= high:
        raise InputError(f"{field}: {value} is not from {low:g} to {high:g}; give a number in between")
