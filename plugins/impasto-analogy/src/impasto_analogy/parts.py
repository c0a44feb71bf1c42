"""Styles part by part: each place of each picture is painted with the patches of one style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

import impasto
from impasto import StageError, Style
from impasto.functional.random import random_seed
from impasto.stage import covers


class PartwiseStylizer(impasto.Stylizer):
    """Paint each picture of a batch, and what each style covers of it, by itself; how, a subclass says."""

    regional: ClassVar[bool] = True

    def paint_part(
        self,
        result: Tensor,
        content: Tensor,
        index: int,
        part: Part,
        number: int,
        jobs: int,
        generator: torch.Generator,
    ) -> Tensor:
        """Return the pictures done so far with one more painted, where one style paints."""
        raise NotImplementedError

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Return the content painted after the styles, each style in its own regions."""
        parts = parts_of_styles(self.name, content, styles, guides)
        jobs = [(index, part) for index in range(len(content)) for part in parts]
        seed = random_seed(self.generator("cpu"), below=2**31)
        result = content
        for number, (index, part) in enumerate(jobs):
            # The same random numbers for every picture of a batch: each is painted as it is alone.
            generator = torch.Generator().manual_seed(seed)
            result = self.paint_part(result, content, index, part, number, len(jobs), generator)
        return result


class Part(NamedTuple):
    """A style, and where it paints."""

    style: Style
    share: Tensor
    """(1 or B, 1, H, W): 1 where it paints alone, 0 where it does not."""
    guides: tuple[Tensor, Tensor] | None
    """The regions it covers, in the content and in the style; None: all of it covers everywhere."""


def parts_of_styles(name: str, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> list[Part]:
    """Return the styles with the regions that each of them paints.

    Raises:
        StageError: two styles for one place, which have nothing to be mixed by: patches are copied.
    """
    used = [style for style in styles if style.weight]
    everywhere = torch.ones_like(content[:1, :1])
    regions = everywhere if guides is None else guides
    present = [k for k in range(regions.shape[1]) if regions[:, k].any()]
    covered = [[k for k in present if covers(style, k)] for style in used]
    taken = [k for mine in covered for k in mine]
    if not taken or len(set(taken)) < len(taken):
        found = ", ".join(f"{style.weight:g}" for style in styles)
        raise StageError(
            f"{name}: of {len(styles)} styles with the weights {found},"
            f" {'two of them cover the same place' if taken else 'none is left to paint with'}\n"
            "  why: each place is painted with a patch of one style, so styles cannot be mixed by weight\n"
            "  what would work: one style, or one for each region, as in\n"
            "  pipe(content, [Style(a, region='sky'), Style(b, region='sea')], guides={'sky': 'sky.png', 'sea': ...})"
        )
    whole = regions.sum(1, keepdim=True).clamp_min(torch.finfo(regions.dtype).tiny)
    parts = []
    for style, mine in zip(used, covered, strict=True):
        if mine:
            own = regions * regions.new_tensor([k in mine for k in range(regions.shape[1])])[:, None, None]
            pair = None if guides is None or style.guides is None else (own, style.guides)
            parts.append(Part(style, own.sum(1, keepdim=True) / whole, pair))
    return parts
