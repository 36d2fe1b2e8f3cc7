import shlex

from infra.tracking import tracking_uri, ui_command


def test_the_command_of_the_ui_can_be_copied_whole(monkeypatch):
    monkeypatch.setenv("SENSORIUM_HOME", "/with a space")
    assert shlex.split(ui_command())[-2:] == ["--backend-store-uri", tracking_uri()]
