"""List the commands, each with its sentence.

python -m workflows
"""

import ast
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PLACES = ("workflows/*.py", "workflows/*/__main__.py", "tune/*.py", "workflows/studies/*/__main__.py")


def commands() -> dict[str, str]:
    """Return the first sentence of every module that can be run, by its name; nothing is imported."""
    found = {}
    for place in _PLACES:
        for path in sorted(_ROOT.glob(place)):
            tree = ast.parse(path.read_text())
            if path != Path(__file__).resolve() and _is_run(tree):
                name = ".".join(path.relative_to(_ROOT).with_suffix("").parts).removesuffix(".__main__")
                found[name] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def _is_run(tree: ast.Module) -> bool:
    """Whether a module ends with `if __name__ == "__main__":`."""
    last = tree.body[-1]
    return isinstance(last, ast.If) and ast.unparse(last.test) == "__name__ == '__main__'"


def main() -> None:
    """Print the list."""
    listed = commands()
    width = max(map(len, listed))
    print("usage: python -m COMMAND [OPTIONS]; COMMAND --help lists its options\n")
    for name, sentence in listed.items():
        print(f"{name:<{width}}  {sentence}")


if __name__ == "__main__":
    main()
