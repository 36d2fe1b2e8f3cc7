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


_SYSTEM_WORDS = (
    "sync_accuracy",
    "audio_only",
    "video_only",
    "swapped_source",
    "crop_size",
    '"clips"]',
    "encode_sound",
    "encode_picture",
    "pairings",
    "multisensory",
    "audio_tagging",
    "batch_pairs",
)
_ENGINE = ("train", "learners", "contract", "trained", "evaluate", "promote", "cli", "prepare", "inspect")
"""Folders of workflows/ that serve any recipe; localize, audit, demo and studies are about sound and picture."""


def test_the_engine_knows_no_system_by_name():
    places = [ROOT / "workflows" / name for name in _ENGINE] + [ROOT / "tune"]
    for path in (path for place in places for path in sorted(place.rglob("*.py"))):
        code = _code_without_examples(path.read_text())
        assert not [word for word in _SYSTEM_WORDS if word in code], path


def _code_without_examples(text):
    """A file's code without its docstrings, which may show examples."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def test_names_in_a_folder_differ_by_more_than_their_ending():
    for room in ROOMS:
        for folder in {path.parent for path in (ROOT / room).rglob("*.py")}:
            paths = [p for p in folder.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()]
            names = [p.stem for p in paths if not p.stem.startswith("__") and not (p / "__main__.py").exists()]
            stems = [_stem(name) for name in names]  # but for the verbs, which are folders beside what they make
            assert len(stems) == len(set(stems)), (folder, names)


def _stem(name):
    for ending in ("ations", "ation", "ings", "ing", "ions", "ion", "ers", "er", "es", "ed", "s", "e"):
        if name.endswith(ending) and len(name) > len(ending) + 3:
            name = name.removesuffix(ending)
            break
    return name[:-1] if len(name) > 2 and name[-1] == name[-2] else name


def test_folders_have_at_most_fourteen_entries():
    registries = {ROOT / "workflows", ROOT / "workflows" / "recipes", ROOT / "workflows" / "evaluators"}
    for room in ROOMS:
        for folder in {path.parent for path in (ROOT / room).rglob("*.py")} - registries:
            entries = [p.name for p in folder.iterdir() if p.name not in ("__init__.py", "__pycache__")]
            assert len(entries) <= 14, (folder, entries)


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


def test_a_training_worker_imports_neither_mlflow_nor_matplotlib():
    code = "import sys, workflows.train.loop; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"mlflow", "matplotlib", "pandas"} & set(done.stdout.split())
