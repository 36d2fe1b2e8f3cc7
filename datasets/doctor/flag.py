"""One thing that is wrong with a dataset."""

import dataclasses
from typing import Literal

Severity = Literal["error", "warning"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Flag:
    """What is wrong, where, and what to do.

    An error is what training would stumble over or learn wrongly from; a warning costs space or time.
    """

    severity: Severity
    name: str
    place: str
    detail: str
