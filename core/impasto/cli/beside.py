"""Masks and regions of photographs: for all of them, or lying beside each under its name."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..files import PICTURES, files_in
from .loading import STANDARD, read_picture

NAME = re.compile(r"(?P<photograph>.+)\.mask(\.(?P<label>[^.]+))?")
"""What a mask is called without its suffix: IMG_1.mask, or for a region IMG_1.mask.sky."""


class MaskFiles(NamedTuple):
    """The files that say which part of a photograph is painted, and where its regions are.

    Args:
        mask: grey, white is painted; None: everything.
        guides: likewise for each region, by its label.
    """

    mask: Path | None
    guides: Mapping[str, Path]

    def read(self, limit: int | None) -> dict[str, Any]:
        """Return the options `mask` and `guides` of a run."""
        return {
            "mask": None if self.mask is None else read_picture(self.mask, limit),
            "guides": {label: read_picture(file, limit) for label, file in self.guides.items()} or None,
        }

    def files(self) -> list[Path]:
        """Return what is read."""
        return [*([] if self.mask is None else [self.mask]), *self.guides.values()]


NOTHING = MaskFiles(None, {})


def masks_beside(contents: Sequence[Path]) -> tuple[list[Path], dict[Path, MaskFiles]]:
    """Return the photographs among files, and the masks that lie beside them.

    `IMG_1.mask.png` is the mask of `IMG_1.jpg` in the same folder, whether it was named or not, and
    `IMG_1.mask.sky.png` its region `sky`.  Where there is no such photograph it is a picture like others.

    Args:
        contents: the files that are to be painted.

    Raises:
        ValueError: two files are the same mask.

    Example:
        >>> masks_beside([Path("nowhere/cat.jpg")])
        ([PosixPath('nowhere/cat.jpg')], {})
    """
    photographs = [path for path in contents if not _is_of_another(path)]
    found: dict[Path, MaskFiles] = {}
    beside: dict[Path, dict[str, dict[str, Path]]] = {}
    for photograph in photographs:
        if str(photograph) == STANDARD:
            continue
        folder = photograph.parent
        if folder not in beside:
            beside[folder] = _masks_in(folder)
        files = dict(beside[folder].get(photograph.stem, {}))
        if files:
            found[photograph] = MaskFiles(files.pop("", None), files)
    return photographs, found


def _is_of_another(path: Path) -> bool:
    """Return whether a file is the mask of a photograph beside it."""
    match = NAME.fullmatch(path.stem)
    if match is None:
        return False
    name = match["photograph"]
    return any(path.with_name(name + suffix).exists() for suffix in (*PICTURES, *map(str.upper, PICTURES)))


def _masks_in(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the masks of a folder: by the photograph's name, then by label, "" for the mask itself."""
    masks: dict[str, dict[str, Path]] = {}
    for path in sorted(files_in(folder, PICTURES)) if folder.is_dir() else []:
        match = NAME.fullmatch(path.stem)
        if match is None:
            continue
        labels = masks.setdefault(match["photograph"], {})
        label = match["label"] or ""
        if label in labels:
            raise ValueError(
                f"run: {labels[label]} and {path} are the same mask of {match['photograph']}\n"
                "  what would work: one of them"
            )
        labels[label] = path
    return masks


def masks_given(given: argparse.Namespace) -> MaskFiles:
    """Return what --mask and --guides name.

    Raises:
        ValueError: a region is named twice.
    """
    guides = {region.label: Path(region.file) for region in given.guides}
    if len(guides) < len(given.guides):
        labels = ", ".join(region.label for region in given.guides)
        raise ValueError(
            f"{given.command}: --guides names a region twice: {labels}\n  what would work: one file for each region"
        )
    return MaskFiles(None if given.mask is None else Path(given.mask), guides)


def said_of(found: Mapping[Path, MaskFiles], photographs: Sequence[Path]) -> str:
    """Return what to say of masks that were found."""
    return f"{len(found)} of {len(photographs)} photographs have masks beside them, such as {_example(found)}"


def _example(found: Mapping[Path, MaskFiles]) -> Path:
    return next(iter(found.values())).files()[0]
