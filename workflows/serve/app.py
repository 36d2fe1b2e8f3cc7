"""The page's addresses: files of the page itself, uploads, their state, and what was made of them."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from workflows.serve.access import COOKIE, Access, Headers
from workflows.serve.jobs import Job, Jobs, QueueFullError
from workflows.serve.limits import NO_SPACE, Limits, is_disk_full

_PAGE = Path(__file__).parent / "page"
_PAGE_FILES = {"": "index.html", "page.css": "page.css", "page.js": "page.js", "player.js": "player.js"}
_RESULTS = {
    "preview.mp4": "video/mp4",
    "curve.png": "image/png",
    "maps.bin": "application/octet-stream",
    "maps.npz": "application/octet-stream",
    "answer.json": "application/json",
    "mended": "application/octet-stream",
}
_GONE = "This file was deleted, or never came here. Choose a video again."
_Key = Annotated[str, InPath(pattern=r"^[0-9a-f]{32}$")]


def make_app(jobs: Jobs, limits: Limits, *, token: str | None, local: bool, method: str) -> FastAPI:
    """Return the application.

    Args:
        jobs: the queue.
        limits: what is taken.
        token: what users have to give; None asks for none.
        local: whether only names of this machine are answered.
        method: what answers are found with, for people.
    """
    access = Access(token)

    def admitted(request: Request) -> None:
        if not access.allows(request.cookies.get(COOKIE)):
            raise HTTPException(401, "Give the token of this server.")

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Headers, local=local)

    @app.post("/api/session", status_code=204)
    def open_session(token: Annotated[str, Body(embed=True, max_length=1000)], response: Response) -> None:
        session = access.open_session(token)
        if session is None:
            raise HTTPException(403, "This is not the token of this server.")
        response.set_cookie(COOKIE, session, httponly=True, samesite="strict")

    @app.get("/api/about", dependencies=[Depends(admitted)])
    def about() -> dict[str, Any]:
        return {
            "method": method,
            "max_bytes": limits.max_bytes,
            "max_minutes": limits.max_seconds / 60,
            "keep_minutes": limits.keep_seconds / 60,
        }

    app.include_router(_videos(jobs, limits), dependencies=[Depends(admitted)])
    for address, name in _PAGE_FILES.items():
        app.get(f"/{address}")(_giver(_PAGE / name))
    return app


def _giver(path: Path) -> Any:
    def give() -> FileResponse:
        return FileResponse(path)

    return give


def _videos(jobs: Jobs, limits: Limits) -> APIRouter:
    """Return the addresses of uploads."""
    videos = APIRouter(prefix="/api/videos/{key}")

    def job_of(key: _Key) -> Job:
        job = jobs.get(key)
        if job is None:
            raise HTTPException(404, _GONE)
        return job

    @videos.put("", status_code=202)
    async def upload(key: _Key, request: Request, name: str = "video") -> dict[str, Any]:
        """Take a file; the same key again changes nothing."""
        refused = limits.refuse_bytes(int(request.headers.get("content-length") or 0))
        if refused:
            raise HTTPException(413, refused)
        try:
            job, is_new = jobs.begin(key, name[:200])
        except QueueFullError:
            raise HTTPException(503, "Too many files are waiting. Try again in a few minutes.") from None
        except OSError as error:
            if is_disk_full(error):
                raise HTTPException(507, NO_SPACE) from None
            raise
        if is_new:
            await _receive(jobs, limits, key, job, request)
        return _state(jobs, job)

    @videos.get("")
    def state(job: Annotated[Job, Depends(job_of)]) -> dict[str, Any]:
        return _state(jobs, job)

    @videos.delete("", status_code=204)
    def delete(key: _Key) -> None:
        jobs.remove(key)

    @videos.get("/{result}")
    def result(job: Annotated[Job, Depends(job_of)], result: str) -> FileResponse:
        if result not in _RESULTS or job.answer is None:
            raise HTTPException(404, _GONE)
        kept = job.answer["fix"] if result == "mended" else result
        if kept is None or not (job.folder / kept).exists():
            raise HTTPException(404, _GONE)
        stem = Path(job.name).stem or "video"
        names = {"mended": f"{stem}-in-sync{Path(kept).suffix}", "maps.npz": f"{stem}-maps.npz"}
        names["answer.json"] = f"{stem}-answer.json"
        return FileResponse(job.folder / kept, media_type=_RESULTS[result], filename=names.get(result))

    return videos


async def _receive(jobs: Jobs, limits: Limits, key: str, job: Job, request: Request) -> None:
    """Write an upload to the disk as it comes, and let it wait; one that is too large or broken off leaves nothing."""
    size = 0
    try:
        with job.source.open("wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                refused = limits.refuse_bytes(size)
                if refused:
                    raise HTTPException(413, refused)
                file.write(chunk)
    except BaseException as error:
        jobs.remove(key)
        if isinstance(error, ClientDisconnect):
            raise HTTPException(400, "The upload was broken off.") from None
        if is_disk_full(error):
            raise HTTPException(507, NO_SPACE) from None
        raise
    jobs.enter(job)


def _state(jobs: Jobs, job: Job) -> dict[str, Any]:
    """Return what the page is told of a file."""
    stage, done, total = job.progress
    return {
        "state": job.state,
        "ahead": jobs.place(job) if job.state == "waiting" else 0,
        "stage": stage,
        "done": done,
        "total": total,
        "message": job.message,
        "answer": job.answer,
    }
