import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("workflows", "models", "datasets", "tune", "infra")
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def tracked():
    found = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if found.returncode:
        pytest.skip("not a git checkout")
    return found.stdout.split()


def test_the_folders_at_the_top_are_the_rooms():
    folders = {path.split("/")[0] for path in tracked() if "/" in path and not path.startswith(".")}
    assert folders <= {*ROOMS, "tests", "docs"}


def test_the_import_contracts_hold():
    done = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_hugging_face_datasets_is_absent_and_our_packages_are_not_installed():
    site = Path(importlib.util.find_spec("numpy").origin).parent.parent
    assert not [room for room in ROOMS if (site / room).exists()]


def test_entry_modules_define_no_class_and_have_a_short_main():
    for path in [*(ROOT / "workflows").rglob("*.py"), ROOT / "tune" / "sweep.py"]:
        tree = ast.parse(path.read_text())
        if "command.run(main)" not in path.read_text():
            continue
        assert not [node.name for node in tree.body if isinstance(node, ast.ClassDef)], path
        main = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
        assert main.end_lineno - main.lineno < 60, path


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short_and_say_what_they_are(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") <= 400
    assert ast.get_docstring(tree)
    assert "utils" not in path.name
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name


def test_the_lock_names_no_address():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "sys_platform == 'linux'" in lock
