"""The page in a real browser: upload, wait, play, toggle, download; files that are refused; two users; a double click."""

import asyncio
import contextlib
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from datasets.media import write_video
from tests.pages.browser import PROGRAM, browsing
from tests.workflows.serve.conftest import TOKEN
from workflows.offset.answer import Tolerance
from workflows.offset.examine import Wanted
from workflows.offset.files import ask_files

KEY = "0123456789abcdef" * 2
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

TEXT = "document.querySelector('{}').textContent"
SENTENCE, ERROR, STATUS = (TEXT.format(name) for name in ("#sentence", "#error", "#status"))


@contextlib.asynccontextmanager
async def visiting(address, folder):
    """Give a page of a browser of its own, with the token given."""
    folder.mkdir()
    async with browsing(folder / "profile") as page:
        await page.download_to(folder)
        await page.open(address)
        await page.until("document.querySelector('#token')?.checkVisibility()")
        for token in ("a wrong token", TOKEN):
            await page.run(f"document.querySelector('#token').value = '{token}'")
            await page.run("document.querySelector('#token-form button').click()")
            if token != TOKEN:
                await page.until("document.querySelector('#token-error').textContent.includes('not the token')")
        await page.until("document.activeElement.id == 'file'")
        yield page


async def refused(page, path):
    """Return what is said of a file."""
    await page.choose("#file", path)
    await page.run("document.querySelector('#check').click()")
    return await page.until(ERROR)


async def until_file(path):
    while not path.exists():
        await asyncio.sleep(0.1)
    return path


def test_page_shows_the_map_of_a_video_and_gives_its_mended_copy(server, moved_scene, tmp_path):
    address, folder = server
    video = Path(moved_scene("late0.4", late=0.4))

    async def visit():
        async with (
            visiting(address, tmp_path / "first") as first,
            visiting(address, tmp_path / "second") as second,
        ):
            await first.choose("#file", video)
            await first.press("Tab", 9)
            assert await first.run("document.activeElement.id") == "check"
            await first.press("Enter", 13)
            await first.run("document.querySelector('#check').click()")
            await second.choose("#file", video)
            await second.run("document.querySelector('#check').click(), document.querySelector('#check').click()")
            await second.until(f"{STATUS}.includes('place 2 in the queue')")
            for page in (first, second):
                assert "sound 4" in await page.until(SENTENCE)
                entries = "performance.getEntriesByType('resource').filter(e => e.name.includes('?name=')).length"
                assert await page.run(entries) == 1
            assert await first.run("document.activeElement.id") == "sentence"
            await plays_with_map(first)
            await first.run("document.querySelector('#mended').click()")
            await first.run("document.querySelector('#maps').click()")
            mended = await until_file(tmp_path / "first" / "late0.4-in-sync.mp4")
            maps = np.load(await until_file(tmp_path / "first" / "late0.4-maps.npz"))
            assert maps["signed"].ndim == 3
            assert ask_files([str(mended)], Wanted(model=None, output=None, fix=None, max_offset_seconds=1.0, tolerance=Tolerance())) == 0  # fmt: skip
            await second.open(await second.run("location.href"))
            assert "sound 4" in await second.until(SENTENCE)
            await second.until("document.querySelector('#watch').checkVisibility()")
            await first.run("document.querySelector('#delete').click()")
            await first.until(f"{STATUS} == 'Deleted.'")
            assert len(list(folder.glob("sensorium-serve-*/*/preview.mp4"))) == 1
            assert "no video" in await refused(first, written(tmp_path / "<img src=x>.mp4", b"no video"))
            assert "larger than 1 MB" in await refused(first, written(tmp_path / "huge.mp4", b"0" * 1_000_001))
            await first.drop("#drop", drawn(tmp_path / "long.mp4", seconds=13))
            await first.until(f"{ERROR}.includes('minutes')")
            assert await first.run("document.querySelector('#file').files[0].name") == "long.mp4"
            assert "128 x 64 pixels" in await refused(first, drawn(tmp_path / "wide.mp4", width=128))

    asyncio.run(visit())


async def plays_with_map(page):
    await page.until("document.querySelector('#watch').checkVisibility()")
    await page.run("document.querySelector('#video').play()")
    await page.until("document.querySelector('#video').currentTime > 1")
    await page.run("document.querySelector('#video').pause()")
    await page.until("Math.abs(document.querySelector('#map').dataset.frame / 8 - document.querySelector('#video').currentTime) < 0.26")  # fmt: skip
    await page.run("document.querySelector('#map-on').click()")
    assert not await page.run("document.querySelector('#map').checkVisibility()")
    await page.run("document.querySelector('#map-on').click()")
    await page.run("opacity.value = 30, opacity.dispatchEvent(new Event('input'))")
    assert await page.run("document.querySelector('#map').style.opacity") == "0.3"


def written(path, data):
    path.write_bytes(data)
    return path


def drawn(path, *, seconds=2, width=64):
    frames = np.zeros((10 * seconds, 64, width, 3), np.uint8)
    write_video(path, frames, np.zeros(8000 * seconds), frame_rate=10, sample_rate=8000)
    return path


def test_server_refuses_strangers_large_files_and_other_names(server):
    def status(path, *, method="GET", data=None, **headers):
        asked = urllib.request.Request(f"{server[0]}/{path}", data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(asked) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.headers

    assert status(f"api/videos/{KEY}", method="PUT", data=b"x")[0] == 401
    assert status("", Host="attacker.example")[0] == 421
    found, headers = status("api/session", method="POST", data=f'{{"token": "{TOKEN}"}}'.encode(), **{"content-type": "application/json"})  # fmt: skip
    assert found == 204
    cookie = {"cookie": headers["set-cookie"].partition(";")[0]}
    assert "script-src 'self'" in headers["content-security-policy"]
    assert status(f"api/videos/{KEY}", method="PUT", data=b"0" * 1_000_001, **cookie)[0] == 413
    assert status(f"api/videos/{KEY}", **cookie)[0] == 404
    assert status(f"api/videos/{KEY}?name=../../x", method="PUT", data=b"x", **cookie)[0] == 202
    assert status(f"api/videos/{KEY}/..%2fanswer.json", **cookie)[0] == 404
