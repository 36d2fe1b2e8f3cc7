"""The name that a run has where none is given."""

import time
import uuid
from typing import Annotated

import tyro

RunName = Annotated[str | None, tyro.conf.arg(metavar="NAME")]
"""As help shows it."""


def default_run_name(recipe: str) -> str:
    """Return a name that no earlier run has."""
    return f"{recipe}-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"
