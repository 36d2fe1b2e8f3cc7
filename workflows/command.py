"""How every command ends: bad input in one clear line and status 2, Ctrl-C in 130, bugs with their traceback."""

import contextlib
import io
import re
import sys
from collections.abc import Callable

from infra.errors import InputError

_BOX = re.compile(r"[\u2500-\u257f]+")


def run(main: Callable[[], object]) -> None:
    """Call an entry module's main and exit with its status.

    `main` parses the command line with tyro, whose complaints arrive here on stderr and leave as one line.
    """
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        known = _user_error(error)
        if known is None:
            raise
        sys.exit(_complain(str(known)))


def parsing(parse: Callable[[], object]) -> object:
    """Return what a tyro call parses; its boxed complaints become one line."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return parse()
    except SystemExit as stop:
        if stop.code != 2:
            raise
        sys.exit(_complain(_one_line(complaint.getvalue())))


def _complain(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _one_line(boxed: str) -> str:
    words = " ".join(_BOX.sub(" ", boxed).split())
    words = re.sub(r"^Parsing error\s*|^Unrecognized options\s*|^Required options\s*", "", words)
    return re.sub(r"\s*For full helptext,.*$", "", words)


def _user_error(error: BaseException) -> BaseException | None:
    """Return the user's mistake behind an error, also where Ray carried it from a worker."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, InputError | FileNotFoundError):
            return seen
        seen = seen.__cause__ or getattr(seen, "cause", None)
    return None
