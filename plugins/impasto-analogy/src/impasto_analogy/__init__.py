"""Deep image analogy and neural colour transfer: pictures of the same kind of thing exchange looks, or colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

import impasto
from impasto import ParameterError, StageError, Style, Weights
from impasto.functional.batches import batch_item
from impasto.functional.patches import NNF
from impasto.functional.random import random_seed
from impasto.functional.resizing import resize, size_of
from impasto.networks import PRETRAINED, records
from impasto.stage import covers

from .color import Report, color_transfer, neural_color
from .fields import LEVEL_2, LEVEL_3, SMALLEST, Analogy, deep_analogy

__all__ = [
    "LEVEL_2",
    "LEVEL_3",
    "Analogy",
    "DeepAnalogy",
    "NeuralColor",
    "color_transfer",
    "deep_analogy",
    "neural_color",
]

TASKS = {"photo-to-style": LEVEL_2, "style-to-photo": LEVEL_3, "photo-to-photo": LEVEL_3}
"""What content and style are, and the shares of the content's own features that suit them."""


class Correspondence(impasto.Stylizer):
    """Paint each part of the content after the part of the style that means the same; how, a subclass says."""

    smallest: ClassVar[int] = SMALLEST
    regional: ClassVar[bool] = True
    known_weights: ClassVar[tuple[Weights, ...]] = tuple(PRETRAINED.values())

    encoder: str = impasto.param(
        reads=True,
        default="slim19",
        help="encoder: slim19 (fastest), slim19-half, vgg19, another's name, or a checkpoint's path",
    )
    size: int = impasto.param(
        default=448,
        low=64,
        high=65_536,
        help="longer side in pixels at which parts are matched; larger pictures take the matches over",
    )
    iterations: int = impasto.param(
        default=3, low=1, high=1000, help="of PatchMatch at each layer; more follow fine texture and lose the meaning"
    )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the encoder, unless it is a file or another plugin's."""
        return records(self.encoder)

    def paint(
        self,
        a: Tensor,
        b_prime: Tensor,
        guides: tuple[Tensor, Tensor] | None,
        report: Report,
        generator: torch.Generator,
    ) -> Tensor:
        """Return one picture (1, 3, H, W) painted after another one."""
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
        a, share = batch_item(content, index), batch_item(part.share, index)

        def with_part(picture: Tensor) -> Tensor:
            painted = batch_item(result, index) + share * (picture - a)
            return torch.cat([result[:index], painted, result[index + 1 :]])

        def report(step: int, steps: int, picture: Tensor, forward: NNF, backward: NNF) -> None:
            losses = {
                "forward": forward.distances.mean(),
                "backward": backward.distances.mean(),
                "inconsistency": forward.consistency(backward).mean(),
            }
            # Larger pictures are matched smaller.
            shown = with_part(resize(picture, size_of(a)))
            self.report(number * steps + step, jobs * steps, shown, losses)

        guides = None if part.guides is None else (batch_item(part.guides[0], index), batch_item(part.guides[1], index))
        return with_part(self.paint(a, batch_item(part.style.image, index), guides, report, generator))


class DeepAnalogy(Correspondence, name="analogy"):
    """Paint each part of the content with the part of the style that means the same (Liao et al. 2017)."""

    bytes_per_pixel: ClassVar[int] = 1300
    reflection_padding: ClassVar[int] = 8
    stroke: ClassVar[int] = 10

    task: Literal["photo-to-style", "style-to-photo", "photo-to-photo"] = impasto.param(
        default="photo-to-style",
        choices=tuple(TASKS),
        help="what content and style are; photo-to-photo takes the style's colours and keeps the content's detail",
    )
    blend: tuple[float, ...] = impasto.param(
        default=(),
        low=0,
        high=1,
        help="shares of the content's own features at relu4_1, 3_1, 2_1 and 1_1; none: those of the task",
    )
    steps: int = impasto.param(
        default=10, low=0, high=100_000, help="L-BFGS steps in search of the next layer's features"
    )

    def check(self) -> None:
        """Refuse a blend of too few or too many levels."""
        super().check()
        if len(self.blend) not in (0, len(LEVEL_2)):
            raise ParameterError(
                f"{self.name}: blend has {len(self.blend)} entr{'y' if len(self.blend) == 1 else 'ies'}\n"
                f"  what would work: 4, for relu4_1, relu3_1, relu2_1 and relu1_1, such as blend={LEVEL_2};"
                f" or blend=() for those of the task"
            )

    def paint(
        self,
        a: Tensor,
        b_prime: Tensor,
        guides: tuple[Tensor, Tensor] | None,
        report: Report,
        generator: torch.Generator,
    ) -> Tensor:
        """Return A′."""
        found = deep_analogy(
            a,
            b_prime,
            encoder=self.encoder,
            weights=self.blend or TASKS[self.task],
            size=self.size,
            steps=self.steps,
            iterations=self.iterations,
            guides=guides,
            report=lambda step, steps, now: report(step, steps, now.a_prime, now.forward, now.backward),
            generator=generator,
        )
        return color_transfer(a, found.a_prime) if self.task == "photo-to-photo" else found.a_prime


class NeuralColor(Correspondence, name="neural-color"):
    """Give each part of the content the colours of the part of the style that means the same (He et al. 2017)."""

    bytes_per_pixel: ClassVar[int] = 350

    def paint(
        self,
        a: Tensor,
        b_prime: Tensor,
        guides: tuple[Tensor, Tensor] | None,
        report: Report,
        generator: torch.Generator,
    ) -> Tensor:
        """Return the picture recoloured."""
        return neural_color(
            a,
            b_prime,
            encoder=self.encoder,
            size=self.size,
            iterations=self.iterations,
            guides=guides,
            report=report,
            generator=generator,
        )


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


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stage]]:
    """Offer the stylizers."""
    return [DeepAnalogy, NeuralColor]
