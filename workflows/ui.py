"""Show runs beside each other in a browser, by MLflow on this machine's own address; Ctrl-C ends it.

python -m workflows.ui
python -m workflows.ui --port 5001
"""

from workflows.cli import command


def ui(port: int | None = None) -> None:
    """Serve MLflow's pages of the runs below the home folder; where MLFLOW_TRACKING_URI names a server, say its page.

    Args:
        port: Port of 127.0.0.1; 5000 if not given.
    """
    from infra.tracking import UI_PORT, has_server, send_unsent, serve_ui, ui_page

    port = UI_PORT if port is None else port
    send_unsent(wait=True)
    print(f"open {ui_page(port)}", flush=True)
    if not has_server():
        serve_ui(port)


def main() -> None:
    """Parse the command line and serve."""
    command.parse(ui)


if __name__ == "__main__":
    command.run(main)
