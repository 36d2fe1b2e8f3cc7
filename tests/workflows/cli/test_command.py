import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_names_that_the_terminal_cannot_show_are_printed_escaped():
    program = "from workflows.cli import command; command.run(lambda: print('caf\\u00e9 \\udcff'))"
    variables = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=ROOT, env=variables, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, rb"caf\xe9 \udcff"), done.stderr
