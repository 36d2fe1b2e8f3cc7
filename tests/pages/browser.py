"""A headless Chromium that a test asks about a page, over its own debugging protocol."""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_SECONDS = 60
_SAME_PICTURES = 3
"""In a row, half a second apart, that say that a page changes no more."""


class Page:
    """One tab.

    Args:
        socket: connection to the tab.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    async def open(self, address: str) -> None:
        """Go to an address."""
        await self._call("Page.navigate", url="about:blank")
        await self._call("Page.navigate", url=address)

    async def until(self, condition: str) -> Any:
        """Return the value of a JavaScript expression once it is true.

        Raises:
            AssertionError: With the page's text, if it does not become so.
        """
        for _ in range(_SECONDS * 4):
            if found := await self.run(condition):
                return found
            await asyncio.sleep(0.25)
        raise AssertionError(f"{condition}\n{await self.run('document.body.innerText')}")

    async def picture(self, path: Path) -> None:
        """Write what the window shows as a PNG, once it changes no more."""
        before, same = "", 0
        for _ in range(_SECONDS * 2):
            now = (await self._call("Page.captureScreenshot", format="png"))["data"]
            before, same = now, same + 1 if now == before else 0
            if same == _SAME_PICTURES:
                break
            await asyncio.sleep(0.5)
        path.write_bytes(base64.b64decode(before))

    async def run(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, as if a user had caused it."""
        found = await self._call("Runtime.evaluate", expression=expression, returnByValue=True, userGesture=True)
        return found.get("result", {}).get("value")

    async def choose(self, selector: str, path: Path) -> None:
        """Choose a file in an input of type file."""
        found = await self._call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        await self._call("DOM.setFileInputFiles", files=[str(path)], objectId=found["result"]["objectId"])

    async def drop(self, selector: str, path: Path) -> None:
        """Drag a file from outside onto the middle of an element, and let it go."""
        box = await self.run(f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()")
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            await self._call("Input.dispatchDragEvent", type=kind, data=data, **place)

    async def press(self, key: str, code: int) -> None:
        """Press a key that has a name, such as Tab (9) or Enter (13)."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self._call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    async def download_to(self, folder: Path) -> None:
        """Keep what is downloaded from now on in a folder."""
        await self._call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == number:
                return answer.get("result", {})


@contextlib.asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Page]:
    """Give a page of a browser that keeps its files below a folder."""
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--window-size=1500,1100",
        "--remote-debugging-port=0",
    ]
    assert PROGRAM is not None
    process = subprocess.Popen(
        [PROGRAM, *options, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        record = folder / "DevToolsActivePort"
        for _ in range(_SECONDS * 10):
            if record.exists() and record.read_text().count("\n"):
                break
            await asyncio.sleep(0.1)
        port = record.read_text().splitlines()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tab = next(each for each in await answer.json() if each["type"] == "page")
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        process.wait()
