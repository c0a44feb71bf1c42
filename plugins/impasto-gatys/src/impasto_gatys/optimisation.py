"""The stage that optimises the pixels of a picture, coarse to fine; what it minimises, its subclasses say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import Encoder, ParameterError, StageError, Style, Weights
from impasto.functional.resizing import Size, resample, resize
from impasto.networks import PRETRAINED, records
from impasto.optim import LBFGS, Adam, Average, Descent, Optimiser, descend, pyramid
from impasto.stage import CHECKPOINT_EVERY, Checkpoint, digest, run_identity

from .memory import check_step_memory
from .objective import Objective, Scene, Term
from .pieces import composite_pieces, region_pieces, with_surroundings
from .recoloring import recolor, with_shades_of


class Optimisation(impasto.Stylizer):
    """Paint by moving the pixels of a picture down a loss; what the loss is made of, a subclass says."""

    smallest: ClassVar[int] = 16
    regional: ClassVar[bool] = True
    calibrated: ClassVar[bool] = True
    known_weights: ClassVar[tuple[Weights, ...]] = tuple(PRETRAINED.values())

    encoder: str = impasto.param(
        reads=True,
        default="slim19-half",
        help="encoder: slim19 (fastest), slim19-half, vgg19 (finest), another's name, or a checkpoint's path",
    )
    pooling: Literal["max", "average"] = impasto.param(
        default="max", choices=("max", "average"), help="of the encoder; average is smoother, for vgg19"
    )
    steps: int = impasto.param(default=50, low=1, high=100_000, help="optimisation steps at each level of the pyramid")
    coarsest: int = impasto.param(
        default=128,
        low=16,
        high=65_536,
        help="longer side in pixels to begin at, growing by √2 a level; as large as the picture: one level",
    )
    optimiser: str = impasto.param(
        default="l-bfgs", choices=("l-bfgs", "adam"), help="l-bfgs, or adam, which needs less memory"
    )
    learning_rate: float = impasto.param(
        default=0.03,
        low=1e-4,
        high=1,
        help="of Adam, as a share of a pixel's range; l-bfgs finds its own",
    )
    average: float = impasto.param(
        default=0.8,
        low=0,
        high=0.999,
        help="decay of the average over steps that is the picture; 0: the last step",
    )
    smoothness: float = impasto.param(
        default=2.0,
        low=0,
        high=1e6,
        help="weight of the squared differences of neighbours, which takes away grain and then detail",
    )
    init: str = impasto.param(
        default="recolored",
        choices=("recolored", "content", "noise", "style-noise", "grey", "file"),
        help="start: the content in the style's colours, the content, noise, noise in those colours, …",
    )
    init_file: str = impasto.param(reads=True, default="", help="picture to start from with init='file'")
    checkpoint: str = impasto.param(
        default="",
        writes=True,
        help="file to keep a long run in until its picture is saved, and to go on from; empty: none",
    )

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        if (self.init == "file") != bool(self.init_file):
            raise ParameterError(
                f"{self.name}: init = {self.init!r} and init_file = {self.init_file!r} do not go together\n"
                "  what to type: init='file', init_file='start.png'"
            )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the encoder, unless it is a file or another plugin's."""
        return records(self.encoder)

    def layers(self, encoder: Encoder) -> tuple[str, ...]:
        """Return the layers of an encoder that the loss looks at."""
        raise NotImplementedError

    def terms(self, encoder: Encoder, scene: Scene) -> list[Term]:
        """Return what is minimised at one level; the scene has its size."""
        raise NotImplementedError

    def aligned(self, content: Tensor, styles: Sequence[Style]) -> Tensor | None:
        """Return a style laid over the content (1, 3, H, W), or None where the loss does not compare place by place."""
        return None

    def carried(self, content: Tensor) -> Tensor | None:
        """Return what was painted before, moved to where things are now, and how far that is trusted (1, 4, H, W).

        It becomes `Scene.carried`.  None where a picture is painted by itself.
        """
        return None

    def plan(self, size: Size, carried: Tensor | None) -> tuple[list[Size], int]:
        """Return the sizes at which a picture is painted, coarse to fine, and the steps at each."""
        return pyramid(*size, self.coarsest), self.steps

    def objective(self, encoder: Encoder, terms: Sequence[Term]) -> Objective:
        """Return the sum of the terms of one level."""
        return Objective(encoder, terms)

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Paint each region of each picture by itself, so that none depends on its neighbours."""
        device = content.device
        encoder = impasto.encoder(self.encoder, pooling=self.pooling, calibrated=self.calibrated, device=device)
        pieces = region_pieces(content, styles, guides, self.context, self.smallest)
        carried = self.carried(content)
        plans = [self.plan(piece.size, carried) for piece in pieces]
        pyramids, steps = [sizes for sizes, _ in plans], plans[0][1]
        largest = max((sizes[-1] for sizes in pyramids), key=lambda size: size[0] * size[1])
        check_step_memory(self.name, encoder, self.layers(encoder), largest, device, self.optimiser)
        generator = self.generator(device)

        def identity() -> dict[str, str]:
            words = run_identity(self, content, styles, guides)
            return words if carried is None else words | {"carried": digest(carried)}

        checkpoint = Checkpoint(self.checkpoint, identity)
        saved = checkpoint.load() or {"finished": [], "run": None}
        finished = [image.to(device) for image in saved["finished"]]
        total = sum(map(len, pyramids)) * steps

        def paint(number: int) -> Tensor:
            piece, sizes = pieces[number], pyramids[number]
            picture = piece.crop(content)
            regions, own_styles = with_surroundings(piece.region, piece.styles)
            moved = None if carried is None else piece.crop(carried)
            scene = Scene(picture, own_styles, regions, self.aligned(picture, piece.styles), moved)
            before = sum(map(len, pyramids[:number])) * steps

            def objective_at(size: Size) -> Objective:
                return self.objective(encoder, self.terms(encoder, scene.resized(size)))

            def after(run: Descent, losses: dict[str, Tensor]) -> None:
                step = before + run.level * steps + run.step
                shown = run.average.value
                if len(pieces) > 1:
                    shown = composite_pieces(content, pieces, [*finished, resample(shown, sizes[-1])])
                self.report(step, total, shown, losses)
                if step % CHECKPOINT_EVERY == 0:
                    checkpoint.save({"finished": finished, "run": run.state()})

            start = self.start(scene, sizes[0])
            run = Descent(start, self._optimiser(), Average(self.average, start), generator=generator)
            if saved["run"] is not None:
                run.restore(saved.pop("run"))
                saved["run"] = None
            try:
                return descend(run, sizes, steps, objective_at, after)
            except KeyboardInterrupt:
                if run.whole:
                    checkpoint.save({"finished": finished, "run": run.state()})
                raise

        while len(finished) < len(pieces):
            finished.append(paint(len(finished)))
        checkpoint.finish({"finished": finished, "run": None})
        return composite_pieces(content, pieces, finished)

    def _optimiser(self) -> Optimiser:
        return Adam(self.learning_rate) if self.optimiser == "adam" else LBFGS()

    def start(self, scene: Scene, size: Size) -> Tensor:
        """Return the picture (1, 3, h, w) that the optimisation starts from, at the coarsest size."""
        small = scene.resized(size)
        image = small.content
        generator = self.generator(image.device)
        if self.init == "noise":
            return torch.empty_like(image).uniform_(generator=generator)
        if self.init == "grey":
            return torch.full_like(image, 0.5)
        if self.init == "file":
            return resize(self._picture_in_file(scene.content), size)
        if self.init == "content":
            return image
        if self.init == "style-noise":
            image = torch.empty_like(image).normal_(generator=generator)
        recolored = recolor(image, small.styles, small.guides).clamp(0, 1)
        return recolored if small.aligned is None else with_shades_of(recolored, small.aligned)

    def _picture_in_file(self, content: Tensor) -> Tensor:
        """Return the picture of `init_file` as large as the content; it must have its proportions."""
        image = impasto.read(self.init_file).visible.to(content.device)
        around = self.reflection_padding
        height, width = (max(1, side - 2 * around) for side in content.shape[-2:])
        if abs(image.shape[-1] / image.shape[-2] / (width / height) - 1) > 0.02:
            raise StageError(
                f"{self.name}: init_file {self.init_file} is {image.shape[-1]}×{image.shape[-2]} pixels and the"
                f" content {width}×{height}, of other proportions\n"
                "  what would work: a picture of the content's proportions"
            )
        return F.pad(resize(image, (height, width)), 4 * (around,), mode="replicate")
