"""`impasto looks`: pipelines by purpose."""

from __future__ import annotations

import argparse
import shutil
import textwrap

from ..host import get_host
from ..pipeline import Pipeline
from ..stage import Look
from .errors import DONE


def execute(given: argparse.Namespace) -> int:
    """List the looks that are installed, or say all about one."""
    if given.name is not None:
        print(look_text(given.name, get_host().look(given.name)))
        return DONE
    looks = get_host().looks
    if not looks:
        print("no look is installed\n  what to type: pip install impasto-looks")
        return DONE
    column = max(map(len, looks)) + 2
    for name, look in looks.items():
        print(f"{name:<{column}}{look.summary}")
    print("\nimpasto looks NAME shows what a look is for, and its pipeline")
    return DONE


def look_text(name: str, look: Look) -> str:
    """Return what there is to know of a look, and the line that paints with it."""
    width = min(shutil.get_terminal_size().columns, 100)
    lines = [f"{name}: {look.summary}", f"  of {get_host().distribution(look)}", ""]
    for what, text in (("for", look.suits), ("not for", look.spoils)):
        if text:
            lines.append(textwrap.fill(text, width, initial_indent=f"{what:<10}", subsequent_indent=" " * 10))
    if look.seconds:
        lines.append(f"{'seconds':<10}{look.seconds:g} for 384×256 pixels, on two cores")
    lines.append(textwrap.fill(look.stages, width, initial_indent=f"{'stages':<10}", subsequent_indent=" " * 10))
    return "\n".join([*lines, "", f"what to type: {line_to_type(name)}"])


def line_to_type(name: str) -> str:
    """Return the command that paints with a look: with a painting, if a stage of it needs one."""
    stages = Pipeline.look(name).stages
    brings_canvas = any(getattr(stage, "canvas_size", lambda: None)() is not None for stage in stages)
    styled = any(stage.style == "required" for stage in stages)
    pictures = ["photo.jpg"] * (not brings_canvas) + ["painting.jpg"] * styled
    return f"impasto paint {' '.join(pictures)} -o out.png --look {name}"
