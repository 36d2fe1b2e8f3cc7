"""How every command begins and ends: its help with examples; bad input in one clear line and status 2, Ctrl-C in 130, bugs with their traceback.

Entry modules import at their top only what their options need, and inside the verb what does the work: `--help` needs no torch, no Ray
and no MLflow, which take seconds.
"""

import contextlib
import dataclasses
import functools
import inspect
import io
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeVar

import tyro

from infra.errors import InputError
from workflows.cli.optional import OPTIONAL

T = TypeVar("T")

_BOX = re.compile(r"[\u2500-\u257f]+")


def run(main: Callable[[], object]) -> None:
    """Call an entry module's main and exit with its status.

    `main` hands its verb to `parse`. What the terminal's encoding lacks is printed with escapes.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if threading.current_thread() is threading.main_thread():
        # As Ctrl-C does, it lets what was begun end: runs become KILLED, Ray's processes go.
        signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(128 + signum))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        known = _user_error(error)
        if known is None:
            raise
        sys.exit(_complain(str(known)))


def parse(verb: Callable[..., object], words: Sequence[str] | None = None) -> None:
    """Call a verb with what tyro reads from the command line, or from some words; tyro's boxed complaints become one line."""
    complaint, terminal = io.StringIO(), sys.stderr
    parsed = False

    @functools.wraps(verb)
    def called(*args: Any, **kwargs: Any) -> object:
        nonlocal parsed
        parsed = True
        with contextlib.redirect_stderr(terminal):
            return verb(*args, **kwargs)

    try:
        with contextlib.redirect_stderr(complaint):
            tyro.cli(called, args=words, prog=_program(), description=_description(verb), registry=OPTIONAL)
    except SystemExit as stop:
        if parsed or stop.code != 2:
            raise
        sys.exit(_complain(_one_line(complaint.getvalue())))


def _description(verb: Callable[..., object]) -> str:
    """Return what help says of a verb: its docstring without the arguments, and the commands in its module's docstring."""
    text = (inspect.getdoc(verb) or "").partition("\nArgs:")[0].strip()
    module = inspect.getmodule(inspect.unwrap(verb.func if isinstance(verb, functools.partial) else verb))
    return f"{text}\n\n{examples(module)}".strip()


def examples(module: ModuleType | None) -> str:
    """Return the commands in a module's docstring, a line each; empty where there are none."""
    lines = [line.strip() for line in (inspect.getdoc(module) or "").splitlines()]
    found = [f"  {line}" for line in lines if line.startswith("python -m ")]
    return "\n".join(["examples:", *found]) if found else ""


def _program() -> str | None:
    """Return how this process was started, for help texts; tyro's own guess where it was not by `python -m`."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return None if spec is None else f"python -m {spec.name.removesuffix('.__main__')}"


def _complain(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _one_line(boxed: str) -> str:
    words = " ".join(_BOX.sub(" ", boxed).split())
    words = re.sub(
        r"^(Parsing error|Unrecognized options|Required options|Value error Error parsing|Invalid choice|Missing argument)\s*",
        "",
        words,
    )
    return re.sub(r"\s*(Argument helptext:|For full helptext,).*$", "", words)


def _user_error(error: BaseException) -> BaseException | None:
    """Return the user's mistake behind an error, also where Ray carried it from a worker."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, InputError | FileNotFoundError):
            return seen
        seen = seen.__cause__ or getattr(seen, "cause", None)
    return None


def peek(option: str, default: str) -> str:
    """Return an option's value before the command line is parsed: presets decide the other options' defaults."""
    words = sys.argv[1:]
    for place, word in enumerate(words):
        if word == option and place + 1 < len(words):
            return words[place + 1]
        if word.startswith(option + "="):
            return word.partition("=")[2]
    return default


def choices(names: Iterable[str]) -> str:
    """Return names as help shows what an option takes."""
    return f"{{{','.join(names)}}}"


def choose(table: Mapping[str, T], name: str, *, option: str) -> T:
    """Return a preset by its name.

    Raises:
        InputError: If there is none of that name.
    """
    if name not in table:
        raise InputError(f"{option}: '{name}' does not exist; choose one of {', '.join(table)}")
    return table[name]


def first_argument(names: Sequence[str], *, field: str) -> str:
    """Return the first word of the command line, before it is parsed: what it names decides the options.

    Raises:
        InputError: If there is none; a bare --help lists the names instead, and ends.
    """
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if word in ("-h", "--help"):
        usage = f"usage: {_program() or sys.argv[0]} {field.upper()} [OPTIONS]"
        of_one = f"{_program() or sys.argv[0]} {names[0]} --help"
        shown = (usage, f"{field}s: {', '.join(names)}\noptions of one: {of_one}", examples(sys.modules["__main__"]))
        print("\n\n".join(filter(None, shown)))
        sys.exit(0)
    if not word or word.startswith("-"):
        raise InputError(f"{field}: missing; give one of {', '.join(names)} first")
    return word


def with_cadence(config: Any, **short: Any) -> Any:
    """Return a configuration with the short options that were given put into its cadence."""
    given = {name: value for name, value in short.items() if value is not None}
    return dataclasses.replace(config, cadence=dataclasses.replace(config.cadence, **given))
