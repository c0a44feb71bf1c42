"""How messages call a frame, and what they say of its error."""

from __future__ import annotations

from ..errors import StageError
from ..picture import Metadata


def _name(meta: Metadata) -> str:
    return f"frame {meta.frame}" + (f" ({meta.file})" if meta.file else "")


def _said(error: BaseException) -> str:
    explained = isinstance(error, (StageError, ValueError, TypeError, OSError)) and str(error)
    return str(error) if explained else f"{type(error).__name__}: {error}"
