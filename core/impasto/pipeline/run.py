"""A pipeline at work on one picture after another."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from ..device import Precision, keep_memory, pick_device, use_bfloat16
from ..errors import StageError
from ..host import StageRunner, get_host, version
from ..picture import Picture, read
from ..stage import Canvas, RunContext, Stage, StreamMemo, Style, Stylizer
from .inputs import _listed, digest, read_guides, read_mask
from .text import _table


class Run:
    """A pipeline with its styles, mask and guides read and on the device, for one picture after another.

    Args:
        stages: what runs, in order; the others as in `Pipeline.__call__`.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        style: Any = None,
        mask: Any = None,
        guides: Tensor | Mapping[str, Any] | None = None,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "auto",
        seed: int = 0,
        plugins: Iterable[Any] = (),
    ) -> None:
        self.stages = tuple(stages)
        self.device = pick_device(device)
        keep_memory(self.device)
        self._low = use_bfloat16(self.device, precision)
        self._seed = seed
        self._runner = StageRunner(plugins)
        styles = [one if isinstance(one, Style) else Style(read(one).tensor) for one in _listed(style)]
        self._styles = tuple(one.to(self.device) for one in styles)
        if styles:
            _say_who_looks_at_no_style(self.stages)
        self._mask, self._guides = mask, guides
        self._fits: torch.Size | None = None
        self._tables = [_table(stage) for stage in self.stages]
        for stage, table in zip(self.stages, self._tables, strict=True):
            for parameter in stage.parameters().values():
                if parameter.writes:
                    table.pop(parameter.name, None)
        self._made = {
            "impasto": version("impasto"),
            "torch": torch.__version__,
            "plugins": sorted({get_host().distribution(type(stage)) for stage in self.stages}),
            "seed": seed,
            "precision": precision,
            "device": self.device.type,
            "styles": [
                {"sha256": digest(style.image), "weight": style.weight}
                | ({"region": style.region} if style.region else {})
                for style in styles
            ],
        }

    def __call__(self, given: Picture, content_sha256: str | None = None, *, memo: StreamMemo | None = None) -> Picture:
        """Return the picture that the stages make of one; its recipe names the content if told its digest."""
        canvas = self.through(given, self.stages, memo)
        meta = canvas.meta.replace(recipe=self._recipe(content_sha256))
        alpha = given.alpha if given.alpha is None or given.alpha.shape[-2:] == canvas.image.shape[-2:] else None
        return Picture(canvas.image.float().cpu(), alpha, meta, canvas.interrupted)

    def through(self, given: Picture, stages: Sequence[Stage], memo: StreamMemo | None = None) -> Canvas:
        """Return the canvas that the first of the stages, or all, make of a picture."""
        self._lay(given.tensor)
        content = given.tensor.to(self.device)
        canvas = Canvas(content, content, self._styles, self._area, self._maps, self._labels, given.meta)
        with ExitStack() as around:
            around.enter_context(torch.no_grad())
            around.enter_context(RunContext(self._seed, watcher=self._runner.watch, memo=memo))
            around.enter_context(torch.random.fork_rng(range(torch.cuda.device_count())))
            torch.manual_seed(self._seed)
            for index, stage in enumerate(stages, 1):
                if canvas.interrupted is not None and not stage.finishes:
                    continue
                # Networks gain from bfloat16; colours and filters, which hold eight bits or more, only lose.
                low = self._low and isinstance(stage, Stylizer)
                with torch.autocast(self.device.type, torch.bfloat16, enabled=low):
                    canvas = self._run(index, stage, canvas)
        return canvas

    def _lay(self, content: Tensor) -> None:
        """Lay mask and guides over a picture, unless they lie over one of its size already."""
        if content.shape[-2:] == self._fits:
            return
        maps, self._labels = read_guides(self._guides, content)
        self._maps = None if maps is None else maps.to(self.device)
        self._area = None if self._mask is None else read_mask(self._mask, content).to(self.device)
        self._fits = content.shape[-2:]

    def _run(self, index: int, stage: Stage, canvas: Canvas) -> Canvas:
        try:
            return self._runner.run_stage(stage, canvas)
        except (torch.OutOfMemoryError, MemoryError) as error:
            advice = "a smaller picture, precision='bfloat16', or device='cpu'"
            raise StageError(f"{self._place(index)} ran out of memory\n  what would work: {advice}") from error
        except Exception as error:
            explained = isinstance(error, (StageError, ValueError, TypeError, FloatingPointError))
            said = str(error) if explained else f"{type(error).__name__}: {error}"
            raise StageError(f"{self._place(index)}: {said}") from error

    def _place(self, index: int) -> str:
        stage = self.stages[index - 1]
        return (
            f"stage {index} of {len(self.stages)}, {stage.name or type(stage).__name__!r}"
            f" ({get_host().distribution(type(stage))})"
        )

    def _recipe(self, content_sha256: str | None) -> str:
        """Return TOML that says how a picture was made, and loads as the pipeline that made it."""
        import tomli_w

        content = {} if content_sha256 is None else {"content_sha256": content_sha256}
        return tomli_w.dumps({"stages": self._tables, "made": self._made | content})


def _say_who_looks_at_no_style(stages: Iterable[Stage]) -> None:
    """Warn that a style picture was given and no stylizer looks at it."""
    ignoring = [stage.name for stage in stages if stage.style == "ignored" and isinstance(stage, Stylizer)]
    others = [stage for stage in stages if stage.style != "ignored"]
    if ignoring and not any(isinstance(stage, Stylizer) for stage in others):
        use = f"is for {', '.join(stage.name for stage in others)} alone" if others else "is not used"
        warnings.warn(
            f"{', '.join(ignoring)}: paints without looking at a style picture; the one given {use}\n"
            "  what would work: pipe(content)",
            stacklevel=4,
        )
