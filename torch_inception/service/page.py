"""The page in the package's folder `page/`: its files, and what a browser lets it do."""

import importlib.resources
from pathlib import Path
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; media-src blob:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self)",
    "Cache-Control": "no-cache",
}

INDEX = "index.html"

_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
"""Not asked of the operating system: in some, scripts are plain text, which browsers do not run."""


class PageFile(NamedTuple):
    """A file of the page, and its media type."""

    content: bytes
    media_type: str


def page_files() -> dict[str, PageFile]:
    """Return the files of the page by their names."""
    folder = importlib.resources.files("torch_inception") / "page"
    return {
        file.name: PageFile(file.read_bytes(), _MEDIA_TYPES[Path(file.name).suffix])
        for file in folder.iterdir()
        if file.is_file()
    }


async def page(request: Request) -> Response:
    """Give a file of the page; its first one where none is named."""
    files: dict[str, PageFile] = request.app.state.page
    file = files.get(request.path_params.get("name", INDEX))
    if file is None:
        raise HTTPException(404, "the page has no such file.")
    return Response(file.content, headers=PAGE_HEADERS, media_type=file.media_type)
