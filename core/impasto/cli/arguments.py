"""What one word of the command line stands for: a number, `sky=painting.jpg:0.5`, `sky=sky.png`."""

from __future__ import annotations

import argparse
import math
import re
from typing import NamedTuple

from ..files import local_path


class StyleArgument(NamedTuple):
    """A style picture: `painting.jpg`, `painting.jpg:0.5` or `sky=painting.jpg:0.5`."""

    file: str
    weight: float = 1.0
    region: str = ""
    """Label of the region that it covers; "" for the whole picture."""


class RegionArgument(NamedTuple):
    """A region of the content: `sky=sky.png`."""

    label: str
    file: str


def style_argument(text: str) -> StyleArgument:
    """Return what `painting.jpg`, `painting.jpg:0.5` or `sky=painting.jpg:0.5` stands for.

    A file that exists is taken whole, so that its name may hold a colon or an equals sign.

    Raises:
        argparse.ArgumentTypeError: a weight that is not a finite number with a decimal point.

    Example:
        >>> style_argument("sky=painting.jpg:0.5")
        StyleArgument(file='painting.jpg', weight=0.5, region='sky')
    """
    file, weight = _file_and_weight(text)
    region, equals, rest = text.partition("=")
    if not equals or local_path(file).exists():
        return StyleArgument(file, weight)
    return StyleArgument(*_file_and_weight(rest), region)


def _file_and_weight(text: str) -> tuple[str, float]:
    file, colon, number = text.rpartition(":")
    if not colon or local_path(text).exists():
        return text, 1.0
    if re.fullmatch(r"[-+]?\d*,\d+", number):
        raise argparse.ArgumentTypeError(
            f"{text}: the weight {number} has a comma\n  what to type: {file}:{number.replace(',', '.')}"
        )
    try:
        weight = float(number)
    except ValueError:
        return text, 1.0
    if not math.isfinite(weight):
        raise argparse.ArgumentTypeError(f"{text}: the weight {number} is not finite\n  what to type: {file}:0.5")
    return file, weight


def region_argument(text: str) -> RegionArgument:
    """Return the label and the file that `sky=sky.png` stands for.

    Raises:
        argparse.ArgumentTypeError: either is missing.

    Example:
        >>> region_argument("sky=sky.png")
        RegionArgument(label='sky', file='sky.png')
    """
    label, _, file = text.partition("=")
    if not (label and file):
        raise argparse.ArgumentTypeError(
            f"{text}: expected a label and a file\n  what to type: --guides sky={text or 'sky.png'}"
        )
    return RegionArgument(label, file)


class FormatArgument(NamedTuple):
    """The format of files in a folder: `jpg`, or `jpg:quality=92`."""

    suffix: str = ".png"
    quality: int | None = None
    bits: int | None = None


def format_argument(text: str) -> FormatArgument:
    """Return the format that `jpg:quality=92` or `png:bits=16` stands for.

    Raises:
        argparse.ArgumentTypeError: it has another form, or a number is none.

    Example:
        >>> format_argument("jpg:quality=92")
        FormatArgument(suffix='.jpg', quality=92, bits=None)
    """
    name, *settings = text.split(":")
    values: dict[str, int] = {}
    for setting in settings:
        key, _, number = setting.partition("=")
        if key not in ("quality", "bits") or not number.isdecimal():
            raise argparse.ArgumentTypeError(
                f"{text}: {setting} is no setting of a format\n  what to type: jpg:quality=92, or png:bits=16"
            )
        values[key] = int(number)
    return FormatArgument(f".{name.lower().removeprefix('.')}", **values)


def positive_integer(text: str) -> int:
    """Return a whole number above 0.

    Raises:
        argparse.ArgumentTypeError: something else.
    """
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0\n  what would work: 1, 2, 3, …")
    return int(text)
