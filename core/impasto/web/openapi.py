"""What a server answers, in the words of OpenAPI."""

from __future__ import annotations

from typing import Any

from .. import __version__
from .settings import MOST_STYLES, Settings

PICTURE = {"type": "string", "format": "binary"}
TEXT = {"type": "string"}


def openapi(settings: Settings) -> dict[str, Any]:
    """Return the description of the API.

    Args:
        settings: of the server.

    Example:
        >>> openapi(Settings())["openapi"]
        '3.1.0'
    """
    job = {
        "pipeline": TEXT | {"description": "what paints: TOML, or one line such as `match-color, adain:alpha=0.8`"},
        "content": PICTURE | {"description": "the photograph"},
        "styles": {"type": "array", "items": PICTURE, "maxItems": MOST_STYLES, "description": "the paintings"},
        "weights": TEXT | {"description": "of the paintings, with commas between"},
        "mask": PICTURE | {"description": "of the photograph's shape: white is painted, black stays"},
        "region.LABEL": PICTURE | {"description": "where a region is, likewise"},
        "regions": TEXT | {"description": "the label of the region that each painting covers, with commas between"},
        "seed": {"type": "integer", "default": 0},
        "size": {"type": "integer", "description": "pixels of the longer side to paint at; strokes grow as it falls"},
        "precision": {"enum": ["auto", "float32", "bfloat16"]},
        "format": {"enum": ["PNG", "JPEG"], "description": "PNG carries the recipe"},
        "draft": {"type": "boolean", "description": "whether it waits for those that are none"},
    }
    name = [{"name": "id", "in": "path", "required": True, "schema": TEXT}]
    wait = [{"name": "wait", "in": "query", "schema": {"type": "boolean"}, "description": "the picture is the answer"}]
    refused = {"4XX": {"description": "refused: what was asked, what was found, what would work", "content": _error()}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Impasto",
            "version": __version__,
            "description": f"Pictures are sent, never named: no path and no address in a request is opened. A request"
            f" has {settings.max_upload:,} bytes at most, a picture {settings.max_pixels:,} pixels.",
        },
        "paths": {
            "/stages": {"get": _about("Stages, looks, samples and limits; a JSON schema for each stage", refused)},
            "/jobs": {"post": _about("Paint a picture", refused, wait, _form(job, ["pipeline"]), "202")},
            "/jobs/{id}": {
                "get": _about("What has become of a job", refused, name),
                "delete": _about("Stop a job; what there is of it is kept", refused, name, status="202"),
            },
            "/jobs/{id}/events": {
                "get": _about("The same as it happens: server-sent events `state` and `preview`", refused, name)
            },
            "/jobs/{id}/picture": {
                "get": _about("The picture, or what there is of one that was stopped", refused, name)
            },
            "/recipes": {
                "post": _about(
                    "The pipeline of a finished picture (PNG), or of TOML or a line, as data",
                    refused,
                    body=_form({"picture": PICTURE, "pipeline": TEXT}, []),
                )
            },
            "/samples/{kind}/{name}": {"get": _about("A sample picture: kind is content or style; ?size=128", refused)},
            "/health": {"get": _about("Whether pictures are painted", {})},
        },
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}] if settings.token else [],
    }


def _about(
    summary: str,
    refused: dict[str, Any],
    parameters: list[dict[str, Any]] | None = None,
    body: dict[str, Any] | None = None,
    status: str = "200",
) -> dict[str, Any]:
    about: dict[str, Any] = {"summary": summary, "responses": {status: {"description": "done"}, **refused}}
    about |= {"parameters": parameters} if parameters else {}
    return about | ({"requestBody": body} if body else {})


def _form(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required}
    return {"content": {"multipart/form-data": {"schema": schema}}}


def _error() -> dict[str, Any]:
    return {"application/json": {"schema": {"type": "object", "properties": {"error": TEXT}}}}
