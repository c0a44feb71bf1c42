"""Requests with pictures: read into memory, each field by its name, and nothing that has no place."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import NamedTuple

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from ..pipeline.options import SEEDS
from .messages import Message
from .protection import RefusedError
from .recipes import read_pipeline
from .settings import MOST_REGIONS, MOST_STYLES, Settings

FIELDS = ("content", "styles", "mask", "pipeline", "seed", "size", "precision", "weights", "regions", "format", "draft")
LABEL = re.compile(r"[\w][\w -]{0,39}")
LONGEST_FIELD = 1 << 18
"""Bytes of a field of text."""


class Form(NamedTuple):
    """What a request with pictures says."""

    texts: dict[str, str]
    files: dict[str, list[bytes]]


async def read_form(request: Request, settings: Settings, fields: tuple[str, ...] = FIELDS) -> Form:
    """Return the fields of a multipart request.

    Args:
        request: whose body is read.
        settings: of the server.
        fields: that it may have, and beside them `region.LABEL`.

    Raises:
        RefusedError: another kind of request, or a field that has no place.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise RefusedError(
            415, "a request with pictures is multipart/form-data\n  what would work: curl -F content=@photo.jpg"
        )

    class InMemory(MultiPartParser):
        spool_max_size = settings.max_upload + 1  # nothing is written to a disk

    async def body() -> AsyncGenerator[bytes, None]:
        async for part in request.stream():
            yield part

    parser = InMemory(
        Headers(raw=request.headers.raw),
        body(),
        max_files=MOST_STYLES + MOST_REGIONS + 2,
        max_fields=len(FIELDS) + 2,
        max_part_size=LONGEST_FIELD,
    )
    try:
        data = await parser.parse()
    except (MultiPartException, ValueError, KeyError) as error:
        raise RefusedError(400, f"the request is not put together as multipart/form-data is: {error}") from None
    form = Form({}, {})
    for name, value in data.multi_items():
        if name not in fields and not (name.startswith("region.") and "regions" in fields):
            raise RefusedError(400, f"a request has no field {name[:40]!r}\n  it may have: {', '.join(fields)}")
        if isinstance(value, UploadFile):
            form.files.setdefault(name, []).append(await value.read())
            await value.close()
        elif name in form.texts:
            raise RefusedError(400, f"the field {name} comes twice")
        else:
            form.texts[name] = value
    return form


def order(form: Form, settings: Settings) -> Message:
    """Return what a worker is told to paint, from the fields of a request.

    Args:
        form: of the request.
        settings: of the server.

    Raises:
        RefusedError: a field is missing, or does not fit.
        ValueError: the pipeline does not fit.
    """
    texts = form.texts
    if "pipeline" not in texts:
        raise RefusedError(400, "a request says what paints\n  what would work: the field pipeline=adain")
    for name in ("content", "mask"):
        if len(form.files.get(name, ())) > 1:
            raise RefusedError(400, f"one picture goes into the field {name}")
    for name in ("content", "styles", "mask"):
        if name in texts:
            raise RefusedError(
                400,
                f"{name} is a picture that is sent, no text: nothing is opened or fetched for a request\n"
                f"  what would work: curl -F {name}=@file.jpg",
            )
    styles = form.files.get("styles", [])
    if len(styles) > MOST_STYLES:
        raise RefusedError(400, f"{len(styles)} style pictures\n  what would work: up to {MOST_STYLES}")
    weights = [_number("weights", text, 0, 100) for text in filter(None, texts.get("weights", "").split(","))]
    covers = [text.strip() for text in texts.get("regions", "").split(",")] if texts.get("regions") else []
    if len(weights) not in (0, len(styles)) or len(covers) not in (0, len(styles)):
        raise RefusedError(400, "weights and regions are one for each style picture, with commas between")
    areas = {name.partition(".")[2]: files for name, files in form.files.items() if name.startswith("region.")}
    for label in {*areas, *filter(None, covers)}:
        if not LABEL.fullmatch(label):
            raise RefusedError(400, "a region is called by letters, digits, spaces and '-', 40 at most")
    if any(len(files) > 1 for files in areas.values()) or any(name.startswith("region.") for name in texts):
        raise RefusedError(400, "each region is one picture: white where it is")
    pipeline = read_pipeline(texts["pipeline"], settings)
    names = ["content"] * ("content" in form.files) + [f"style.{index + 1}" for index in range(len(styles))]
    names += ["mask"] * ("mask" in form.files) + [f"region.{label}" for label in areas]
    pictures = [*form.files.get("content", ()), *styles, *form.files.get("mask", ())]
    pictures += [files[0] for files in areas.values()]
    header = {
        "pipeline": pipeline.to_toml(),
        "names": names,
        "styles": [
            (f"style.{index + 1}", weights[index] if weights else 1.0, covers[index] if covers else "")
            for index in range(len(styles))
        ],
        "regions": list(areas),
        "seed": int(_number("seed", texts.get("seed") or "0", 0, SEEDS[-1], whole=True)),
        "size": int(_number("size", texts["size"], 16, 16384, whole=True)) if texts.get("size") else None,
        "precision": _one_of("precision", texts.get("precision") or "auto", ("auto", "float32", "bfloat16")),
        "format": _one_of("format", texts.get("format") or "PNG", ("PNG", "JPEG")),
        "max_pixels": settings.max_pixels,
        "work": settings.work,
    }
    return Message(header, pictures)


def _number(name: str, text: str, low: float, high: float, whole: bool = False) -> float:
    if (
        re.fullmatch(r"[0-9]{1,19}" if whole else r"[0-9]{1,6}(\.[0-9]{1,6})?", text.strip())
        and low <= float(text) <= high
    ):
        return int(text) if whole else float(text)
    kind = "a whole number" if whole else "a number"
    raise RefusedError(400, f"{name} = {text[:40]!r} does not fit\n  what would work: {kind}, {low:,} to {high:,}")


def _one_of(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise RefusedError(400, f"{name} = {text[:40]!r} does not fit\n  what would work: {', '.join(choices)}")
    return text
