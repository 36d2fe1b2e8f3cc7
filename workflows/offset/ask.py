"""The answer about one file, from Python: the same as that of the command line, of a corpus, and of the page.

from workflows.offset.ask import ask
print(ask("film.mp4").sentence())
print(ask("film.mp4", model="models:/coincidence@champion").as_dict())
"""

from infra import storage
from workflows.offset.answer import Answer, Tolerance, answer_about
from workflows.offset.reading import reading_for


def ask(
    video: str, *, model: str | None = None, max_offset_ms: float = 1000.0, tolerance: Tolerance = Tolerance()
) -> Answer:
    """Return by how much the sound of a video is late or early.

    Args:
        video: the file.
        model: a coincidence model; without one, motion is correlated with loudness.
        max_offset_ms: largest offset that is tried, in both directions.
        tolerance: which offsets count as in sync.

    Raises:
        InputError: If the file cannot be read, or the model is of another kind.
    """
    path = storage.resolve(video, field="video")
    with reading_for(model) as (reading, method):
        return answer_about(path, reading, method=method, tolerance=tolerance, max_offset_seconds=max_offset_ms / 1000)
