"""A pipeline at work on one picture after another."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from ..device import keep_memory, pick_device, use_bfloat16, without_tf32
from ..errors import StageError
from ..functional.resizing import resize, size_of, size_text
from ..host import StageRunner, get_host
from ..moved import moved_name
from ..picture import Interrupted, Picture, read
from ..stage import Canvas, Frame, RunContext, Stage, Style, Stylizer, Watcher, pictures_of
from .input_files import files_of
from .masks import read_guides, read_mask
from .named_files import check_kept, check_named_files
from .options import RunOptions
from .recipe import Recipe
from .stream_state import StreamState
from .unused import prepared
from .work_size import at_full_size, at_size, print_density, work_size


class Run:
    """A pipeline with its styles, mask and guides read and on the device, for one picture after another.

    Args:
        stages: what runs, in order.
        style: a picture or a `Style`, a list of several, or None.
        options: how it runs.
    """

    def __init__(self, stages: Sequence[Stage], style: Any, options: RunOptions) -> None:
        self.stages = tuple(stages)
        self._declared = (*stages, *(plugin for plugin in options.plugins if isinstance(plugin, Watcher)))
        check_named_files(self._declared, files_of(style, options.mask, options.guides))
        self.device = pick_device(options.device)
        keep_memory(self.device)
        self._options = options
        self._low_precision = use_bfloat16(self.device, options.precision)
        self._runner = StageRunner(options.plugins)
        given = [] if style is None else style if isinstance(style, (list, tuple)) else [style]
        styles = [picture if isinstance(picture, Style) else Style(read(picture)) for picture in given]  # type: ignore[arg-type]
        self._styles = tuple(style.to(self.device) for style in styles)
        self._side = work_size(self.stages, options.size, options.print, options.strokes)
        self._recipe = Recipe(self.stages, styles, options, self.device, self._side)
        self._size: torch.Size | None = None

    def paint(self, given: Picture, *, digest: bool = False, stream: StreamState | None = None) -> Picture:
        """Return the picture that the stages make of one.

        Args:
            given: the content.
            digest: whether the recipe says which content it was.
            stream: what is kept from frame to frame.
        """
        self._check_styles()
        canvases = self._canvases(given, self.stages, stream, back=True)
        last = canvases[-1]
        meta = last.meta.replace(recipe=self._recipe.text(given.tensor if digest else None))
        if self._options.print is not None:
            meta = meta.replace(density=print_density(self._options.print, size_of(last.image)))
        opacities = [alpha for alpha in map(_opacity, canvases) if alpha is not None]
        if len(canvases) == 1:
            image = last.image.float().cpu()
        elif len({canvas.image.shape for canvas in canvases}) > 1:  # one was interrupted before its size came back
            raise KeyboardInterrupt
        else:
            image = torch.cat([canvas.image.float().cpu() for canvas in canvases])
        if stream is not None and stream.stateful and image is last.image:
            image = image.clone()  # the caller's to change, while the next frame looks back at the stage's
        return Picture(image, torch.cat(opacities) if opacities else None, meta, last.interrupted)

    def keep(self, *sources: Any) -> None:
        """Raise where a stage or watcher would write over a file that pictures or frames are read from."""
        check_kept(self._declared, files_of(*sources))

    def canvas(self, given: Picture, stages: Sequence[Stage]) -> Canvas:
        """Return the canvas that the first of the stages make of a picture.

        Raises:
            StageError: one of them paints pictures one by one, and there are several.
        """
        stateful = [stage.name for stage in stages if stage.stateful]
        if stateful and len(given) > 1:
            raise StageError(
                f"{stateful[0]}: takes pictures one by one, and {len(given)} were given\n"
                "  what would work: a call of prepare() for each"
            )
        return self._canvases(given, stages, None)[0]

    def _canvases(
        self, given: Picture, stages: Sequence[Stage], stream: StreamState | None, back: bool = False
    ) -> list[Canvas]:
        """Return what the stages make of a picture or a batch: one canvas, or one a picture if a stage is stateful.

        Args:
            given: the content.
            stages: to run, at the size of the run.
            stream: what is kept from frame to frame.
            back: whether the picture comes back in its own size.
        """
        self.keep(given)
        content = given.visible.to(self.device)
        self._read_maps(content)
        alpha = None if given.alpha is None else given.alpha.to(self.device)
        canvas = Canvas(content, content, self._styles, self._mask, self._guides, self._labels, given.meta, alpha=alpha)
        if len(content) == 1 or not any(stage.stateful for stage in stages):
            return [self._run(canvas, stages, stream, back)]
        done: list[Canvas] = []
        for index in range(len(content)):  # which have nothing to do with each other
            one = pictures_of(canvas, torch.tensor([index], device=content.device))
            # After an interruption the others stay as they are.
            done.append(self._run(one.replace(interrupted=done[-1].interrupted if done else None), stages, None, back))
        return done

    def _run(self, canvas: Canvas, stages: Sequence[Stage], stream: StreamState | None, back: bool) -> Canvas:
        change = at_size(canvas, self._side)
        if change is not None:
            canvas = change.after
        memo = None if stream is None else stream.memo
        context = RunContext(self._options.seed, watcher=self._runner.watch, memo=memo)
        exact = without_tf32(self.device) if self._options.precision == "float32" else nullcontext()
        with torch.no_grad(), context, exact:
            for index, stage in enumerate(stages, 1):
                if canvas.interrupted is not None and not stage.finishes:
                    continue
                # Networks gain from bfloat16; colours and filters, which hold eight bits or more, only lose.
                low = self._low_precision and isinstance(stage, Stylizer)
                try:
                    with self._explained(index), torch.autocast(self.device.type, torch.bfloat16, enabled=low):
                        canvas = self._run_stage(stage, index, canvas, context, stream)
                except KeyboardInterrupt:
                    if not any(isinstance(before, Stylizer) for before in stages[: index - 1]):
                        raise
                    # What was painted before this stage is kept.
                    canvas = canvas.replace(interrupted=canvas.interrupted or Interrupted(stage.name, 0, 1))
        if change is not None and back:
            canvas = at_full_size(canvas, change)
        if context.superseded and canvas.interrupted is None:
            canvas = canvas.replace(meta=canvas.meta.replace(superseded=tuple(context.superseded)))
        return canvas

    def _run_stage(
        self, stage: Stage, index: int, canvas: Canvas, context: RunContext, stream: StreamState | None
    ) -> Canvas:
        if not stage.stateful:
            with context.at_stage(stage.name, None):
                return self._runner.run_stage(stage, canvas)
        frame = Frame(time=canvas.meta.time) if stream is None else stream.frame(index, canvas)
        with context.at_stage(stage.name, frame):
            after = self._runner.run_stage(stage, canvas)
        if stream is not None:
            stream.keep(index, canvas, after)
        return after

    def _check_styles(self) -> None:
        """Raise where a stage needs a style picture that it will not have, before those ahead of it work."""
        for index, stage in enumerate(self.stages, 1):
            if self._styles or "styles" in prepared(stage):
                return
            if stage.style == "required":
                with self._explained(index):
                    stage.require_styles(self._styles)

    def _read_maps(self, content: Tensor) -> None:
        """Read mask and guides for a picture, unless they were read for one of its size."""
        if content.shape[-2:] == self._size:
            return
        self._guides, self._labels = read_guides(self._options.guides, content)
        mask = self._options.mask
        self._mask = None if mask is None else read_mask(mask, content)
        self._size = content.shape[-2:]

    @contextmanager
    def _explained(self, index: int) -> Iterator[None]:
        """Turn what goes wrong in a stage into a `StageError` that names it."""
        try:
            yield
        except (torch.OutOfMemoryError, MemoryError) as error:
            advice = "a smaller picture, precision='bfloat16', or device='cpu'"
            raise StageError(f"{self._place(index)} ran out of memory\n  what would work: {advice}") from error
        except (Exception, SystemExit) as error:  # a stage ends no program
            explained = isinstance(error, (StageError, ValueError, TypeError, FloatingPointError))
            message = str(error) if explained else f"{type(error).__name__}: {error}{moved_name(error)}"
            raise StageError(f"{self._place(index)}: {message}") from error

    def _place(self, index: int) -> str:
        stage = self.stages[index - 1]
        return (
            f"stage {index} of {len(self.stages)}, {stage.name or type(stage).__name__!r}"
            f" ({get_host().distribution(type(stage))})"
        )


def _opacity(canvas: Canvas) -> Tensor | None:
    """Return the opacity (B, 1, H, W) of a finished picture, on the CPU; None where it is opaque."""
    alpha, size = canvas.alpha, size_of(canvas.image)
    if alpha is None:
        return None
    if size_of(alpha) != size:  # a stage has changed the size and left it
        if abs(size[0] * alpha.shape[-1] - size[1] * alpha.shape[-2]) > max(*size, *alpha.shape[-2:]):
            warnings.warn(
                f"a stage made {size_text(size)} pixels of {size_text(size_of(alpha))} and left the opacity, which is"
                " stretched to fit\n  what would work: a stage that changes canvas.alpha likewise",
                stacklevel=3,
            )
        alpha = resize(alpha, size).clamp(0, 1)
    return alpha.float().expand(len(canvas.image), -1, -1, -1).cpu()
