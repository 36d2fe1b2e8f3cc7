"""Who may use the page."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import InputError
from workflows.cli import command
from workflows.serve import __main__ as serve
from workflows.serve.access import Access, refuse_open

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_serve_refuses_addresses_of_others_without_a_token(host, monkeypatch, capsys):
    monkeypatch.delenv("SENSORIUM_TOKEN", raising=False)
    monkeypatch.setattr(sys, "argv", ["serve", "--host", host])
    with pytest.raises(SystemExit) as ended:
        command.run(serve.main)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: --host: other machines reach")


def test_serve_takes_this_machine_without_a_token_and_others_with_a_long_one():
    for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"):
        refuse_open(host, None)
    refuse_open("0.0.0.0", "0123456789abcdef")
    with pytest.raises(InputError, match="5 characters can be guessed"):
        refuse_open("0.0.0.0", "guess")


def test_access_opens_sessions_for_the_right_token_only():
    access = Access("0123456789abcdef")
    assert access.open_session("0123456789abcdeé") is None
    session = access.open_session("0123456789abcdef")
    assert access.allows(session)
    assert not access.allows(None) and not access.allows("other")


def test_serve_shows_its_help_without_torch_ray_and_mlflow():
    code = (
        "import sys, runpy; sys.argv = ['serve', '--help']\n"
        "try: runpy.run_module('workflows.serve', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'ray', 'mlflow', 'av', 'fastapi') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
    assert "--max-minutes" in done.stdout
