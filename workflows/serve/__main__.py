"""Serve a page that tells whether a video is in sync, mends it, and shows where its sound comes from; Ctrl-C ends it.

python -m workflows.serve
python -m workflows.serve --model runs/first/model --port 8001
"""

from workflows.cli import command


def serve(
    model: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    max_mb: float = 500.0,
    max_minutes: float = 10.0,
    max_side: int = 4096,
    max_waiting: int = 20,
    work_minutes: float = 10.0,
    keep_minutes: float = 30.0,
) -> None:
    """Serve a page on which people drop a video and see by how much its sound is off and where it comes from.

    Args:
        model: A model with maps: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID, or a folder. If not given,
            models:/coincidence@champion; where there is none, motion is correlated with loudness and there are no maps.
        host: Address to listen on. One that other machines reach needs a token.
        port: Port; 0 takes a free one.
        token: What the page asks its users for, 16 characters or more; SENSORIUM_TOKEN if not given.
        max_mb: Largest file, in millions of bytes.
        max_minutes: Longest video.
        max_side: Largest width and height in pixels.
        max_waiting: Most files that are uploaded or wait at a time.
        work_minutes: Time after which the work on one file is stopped.
        keep_minutes: Time after which a file and what was made of it are deleted; all are at the end.
    """
    import os

    from infra.errors import refuse_outside
    from workflows.serve.limits import Limits
    from workflows.serve.server import serve_page

    refuse_outside("--port", port, 0, 65535)
    for name, value, low, high in (
        ("--max-mb", max_mb, 0.001, 1e6),
        ("--max-minutes", max_minutes, 0.05, 1e4),
        ("--max-side", max_side, 16, 16384),
        ("--max-waiting", max_waiting, 1, 1000),
        ("--work-minutes", work_minutes, 0.01, 1e4),
        ("--keep-minutes", keep_minutes, 0.1, 1e5),
    ):
        refuse_outside(name, value, low, high)
    limits = Limits(
        max_bytes=round(max_mb * 1e6),
        max_seconds=60 * max_minutes,
        max_side=max_side,
        max_waiting=max_waiting,
        work_seconds=60 * work_minutes,
        keep_seconds=60 * keep_minutes,
    )
    serve_page(
        model=model, host=host, port=port, token=token or os.environ.get("SENSORIUM_TOKEN") or None, limits=limits
    )


def main() -> None:
    """Parse the command line and serve."""
    command.parse(serve)


if __name__ == "__main__":
    command.run(main)
