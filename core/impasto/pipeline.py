"""A pipeline: stages in order, as a value that runs, prints, compares and is saved to TOML."""

from __future__ import annotations

import hashlib
import html
import itertools
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from .host import Runner, host, version
from .memory import keep_memory
from .picture import MAX_PIXELS, Picture, read
from .stage import Canvas, Parameter, ParameterError, Preprocessor, Stage, StageError, Style, Stylizer
from .training import write_atomically

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Precision = Literal["auto", "float32", "bfloat16"]

PASSING = ("seed", "resized")
"""What stages know of a canvas and its finished picture does not."""
TOML_LIMIT = 1_000_000
"""Bytes; a pipeline is a page of text, so a larger file is something else."""


class Pipeline:
    """Run stages one after another: pre-processing, stylization, post-processing.

    A pipeline is a value: `repr` is valid Python, two with equal stages are equal, and TOML keeps one exactly.

    Args:
        stages: in the order they run.

    Raises:
        TypeError: something that is not a stage, such as a class that was not called.

    Example:
        >>> import impasto
        >>> pipe = impasto.Pipeline()
        >>> pipe(impasto.samples.content("astronaut", 64))
        Picture(64×64, mean 0.56 0.42 0.38)
    """

    def __init__(self, *stages: Stage) -> None:
        for stage in stages:
            if isinstance(stage, type) and issubclass(stage, Stage):
                raise TypeError(f"{stage.__name__} is a kind of stage\n  what to type: {stage.__name__}()")
            if not isinstance(stage, Stage):
                raise TypeError(
                    f"a pipeline is made of stages, found {type(stage).__name__}\n"
                    "  what to type: impasto.Pipeline(Gatys(steps=200), GuidedSmooth()),"
                    " or impasto.Pipeline.parse('gatys:steps=200, guided-smooth')"
                )
        self.stages = stages

    def __call__(
        self,
        content: Any,
        style: Any = None,
        *,
        mask: Any = None,
        guides: Tensor | Mapping[str, Any] | None = None,
        device: str | torch.device = "auto",
        precision: Precision = "auto",
        seed: int = 0,
        plugins: Iterable[Any] = (),
    ) -> Picture:
        """Run the stages and return the picture.

        Args:
            content: a path, bytes, PIL image, array, tensor or `Picture`; a batch (B, 3, H, W) too.
            style: a picture like `content` or a `Style`, or a list of several.
            mask: where to paint, as a tensor (B or 1, 1, H, W) or any grey picture of the content's size:
                white is painted, black keeps the content to the bit.
            guides: where each region is: masks by label, `{"sky": "sky.png", "sea": "sea.png"}`, which leave
                the rest of the picture alone; or region maps (B or 1, K, H, W) that sum to 1 over K.
            device: "auto" takes cuda, mps or cpu, in this order.
            precision: "auto" computes networks in bfloat16 where the hardware does so faster;
                "float32" is the reference.
            seed: the same seed on the same CPU gives the same bits.
            plugins: objects with `impasto_run_stage` or `impasto_step`, for this run alone.

        Returns:
            The picture, on the CPU, with the content's EXIF, profile and alpha.

        Raises:
            StageError: a stage failed; names the stage and its distribution.
            PictureError: a picture could not be read.

        Interrupting an iterative stage (Ctrl-C, or the notebook's stop button) returns the picture so far;
        the stages after it are not run, save those that bring back its size, and
        `picture.meta["interrupted"]` says where it stopped.
        """
        run = Run(self, style, mask, guides, device=device, precision=precision, seed=seed, plugins=plugins)
        given = read(content)
        return run(given, digest(given.tensor))

    def prepare(
        self,
        content: Any,
        style: Any = None,
        *,
        mask: Any = None,
        guides: Tensor | Mapping[str, Any] | None = None,
        device: str | torch.device = "auto",
        seed: int = 0,
        plugins: Iterable[Any] = (),
    ) -> Canvas:
        """Run the stages that come before painting, and return the canvas as the stylizer would get it.

        To see what a mask selects, `impasto.show(pipe.prepare(photo))`, or to go on with it by hand.

        Args:
            content: as for a call, and so the others.
            style: likewise.
            mask: likewise.
            guides: likewise.
            device: likewise.
            seed: likewise.
            plugins: likewise.

        Returns:
            The canvas, on the CPU: its `mask`, its `guides` with their `labels`, its `styles`, and the `image`.

        Raises:
            StageError: a stage failed; names the stage and its distribution.
            PictureError: a picture could not be read.

        Example:
            >>> import impasto
            >>> left = (torch.arange(64) < 32).float().expand(1, 1, 64, 64)
            >>> impasto.Pipeline().prepare(impasto.samples.content("astronaut", 64), mask=left).mask.mean()
            tensor(0.5000)
        """
        run = Run(self, style, mask, guides, device=device, seed=seed, plugins=plugins)
        first = tuple(itertools.takewhile(lambda stage: isinstance(stage, Preprocessor), self.stages))
        return run.through(read(content), first).to(torch.device("cpu"))

    def stream(
        self,
        frames: Any,
        style: Any = None,
        *,
        mask: Any = None,
        guides: Tensor | Mapping[str, Any] | None = None,
        device: str | torch.device = "auto",
        precision: Precision = "auto",
        seed: int = 0,
        plugins: Iterable[Any] = (),
        batch: int = 1,
        ahead: int = 4,
        max_pixels: int = MAX_PIXELS,
    ) -> Iterator[Picture]:
        """Run the stages on frame after frame, each to the bit as by itself; the styles are prepared once.

        A generator: frames are read by a thread of its own, a few ahead, and painted as they are asked for.
        `impasto.stream.write` writes them to a folder or a video file.

        Args:
            frames: a folder of pictures, a video file, or anything that gives one picture after another (see
                `impasto.read`); they may differ in size.
            style: as for a single picture, and so `mask`, `guides`, `device`, `precision`, `seed` (each frame
                starts from it) and `plugins`.
            batch: frames to paint at once where they have one size, which can be faster on a GPU; the results
                then agree to rounding, and stages that draw random numbers draw others.
            ahead: frames that are read before they are needed, which bounds the memory.
            max_pixels: refuse larger frames before decoding them.

        Returns:
            The pictures in order.  A video's frames know their time, `picture.meta["time"]`, in seconds.

        Raises:
            FrameError: a frame could not be read or painted; names it.  The frames before it came.
            KeyboardInterrupt: also where a stage would give back the picture so far.

        Example:
            >>> import impasto
            >>> two = [impasto.samples.content("astronaut", size) for size in (64, 96)]
            >>> [picture.size for picture in impasto.Pipeline().stream(two)]
            [(64, 64), (96, 96)]
        """
        from .stream import painted

        run = Run(self, style, mask, guides, device=device, precision=precision, seed=seed, plugins=plugins)
        return painted(run, frames, batch=batch, ahead=ahead, max_pixels=max_pixels)

    # -------------------------------------------------------------------------------------- as a value

    def __repr__(self) -> str:
        return f"Pipeline({', '.join(map(repr, self.stages))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and self.stages == other.stages

    def __hash__(self) -> int:
        return hash(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{index}</td><td>{html.escape(stage.name)}</td><td>{stage.kind}</td>"
            f"<td>{html.escape(', '.join(f'{k}={v!r}' for k, v in stage.values().items()))}</td></tr>"
            for index, stage in enumerate(self.stages, 1)
        )
        head = "<tr><th></th><th>stage</th><th>kind</th><th>parameters</th></tr>"
        return f"<table>{head}{rows}</table>"

    def to_toml(self) -> str:
        """Return the pipeline as TOML, with every parameter, so that a later default changes nothing."""
        import tomli_w

        return tomli_w.dumps({"stages": [_table(stage) for stage in self.stages]})

    def save(self, path: str | Path) -> None:
        """Write the pipeline as a TOML file."""
        write_atomically(Path(path), lambda temporary: temporary.write_text(self.to_toml(), encoding="utf-8"))

    @classmethod
    def from_toml(cls, text: str) -> Pipeline:
        """Return the pipeline that TOML text describes: a list `[[stages]]`, each with a name and parameters.

        Raises:
            ValueError: not TOML, or not a pipeline; says what is wrong and where.
            LookupError: a stage that no installed plugin offers.
            ParameterError: a parameter that the stage does not have, or a value out of its range.
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"the pipeline is not valid TOML: {error}") from error
        tables = document.get("stages")
        if not isinstance(tables, list) or not all(
            isinstance(table, dict) and isinstance(table.get("stage"), str) for table in tables
        ):
            raise ValueError(
                "the TOML describes no pipeline\n  what would work:\n"
                '    [[stages]]\n    stage = "gatys"\n    steps = 200'
            )
        stages = []
        for table in tables:
            values = {key: value for key, value in table.items() if key != "stage"}
            stages.append(host().stage(table["stage"])(**values))
        return cls(*stages)

    @classmethod
    def load(cls, path: str | Path) -> Pipeline:
        """Return the pipeline of a TOML file, or of a finished picture that carries its recipe."""
        from .picture import read_recipe

        path = Path(path)
        if path.suffix.lower() != ".toml":
            pipeline = cls.from_toml(read_recipe(path))
            for stage in pipeline.stages:
                for parameter in stage.parameters().values():
                    if parameter.writes and getattr(stage, parameter.name) != parameter.default:
                        raise ValueError(
                            f"{path}: its recipe asks {stage.name} to write the file"
                            f" {getattr(stage, parameter.name)!r} ({parameter.name}), which a picture may not\n"
                            "  what would work: the same pipeline in a TOML file of yours"
                        )
            return pipeline
        if path.exists() and path.stat().st_size > TOML_LIMIT:
            raise ValueError(f"{path} has {path.stat().st_size:,} bytes; a pipeline has less than {TOML_LIMIT:,}")
        return cls.from_toml(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> Pipeline:
        """Return the pipeline that one line describes: `match-color, gatys:steps=200:size=512, guided-smooth`.

        Values are TOML values; a word that is not one is text, and one with `,`, `:` or `+` in it goes in
        quotation marks; entries of a list are joined by `+`.

        Example:
            >>> import impasto
            >>> impasto.Pipeline.parse("")
            Pipeline()
        """
        stages = []
        for part in filter(None, (part.strip() for part in _split(text, ","))):
            name, *settings = _split(part, ":")
            if "(" in name:
                raise ParameterError(
                    f"{part!r} is written as Python; here parameters follow a colon\n"
                    f"  what to type: {name.partition('(')[0].strip()}:parameter=value"
                )
            kind = host().stage(name.strip())
            values: dict[str, Any] = {}
            for word in settings:
                key, equals, value = word.partition("=")
                if not equals:
                    raise ParameterError(f"{name}: {word!r} is not a setting\n  what to type: {name}:parameter=value")
                key = key.strip().replace("-", "_")
                values[key] = setting(kind.parameters().get(key), value)
            stages.append(kind(**values))
        return cls(*stages)


class Run:
    """A pipeline with its styles, mask and guides read and on the device, for one picture after another.

    Args:
        pipeline: what runs; the others as in `Pipeline.__call__`.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        style: Any = None,
        mask: Any = None,
        guides: Tensor | Mapping[str, Any] | None = None,
        *,
        device: str | torch.device = "auto",
        precision: Precision = "auto",
        seed: int = 0,
        plugins: Iterable[Any] = (),
    ) -> None:
        self.stages = pipeline.stages
        self.device = pick_device(device)
        keep_memory(self.device)
        self._low = use_bfloat16(self.device, precision)
        self._seed = seed
        self._runner = Runner(plugins)
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
            "plugins": sorted({host().distribution(type(stage)) for stage in self.stages}),
            "seed": seed,
            "precision": precision,
            "device": self.device.type,
            "styles": [
                {"sha256": digest(style.image), "weight": style.weight}
                | ({"region": style.region} if style.region else {})
                for style in styles
            ],
        }

    def __call__(self, given: Picture, content_sha256: str | None = None) -> Picture:
        """Return the picture that the stages make of one; its recipe names the content if told its digest."""
        canvas = self.through(given, self.stages)
        meta = {key: value for key, value in canvas.meta.items() if key not in PASSING}
        meta["recipe"] = self._recipe(content_sha256)
        alpha = given.alpha if given.alpha is None or given.alpha.shape[-2:] == canvas.image.shape[-2:] else None
        return Picture(canvas.image.float().cpu(), alpha, meta)

    def through(self, given: Picture, stages: Sequence[Stage]) -> Canvas:
        """Return the canvas that the first of the stages, or all, make of a picture."""
        self._lay(given.tensor)
        content = given.tensor.to(self.device)
        meta = {**given.meta, "seed": self._seed}
        canvas = Canvas(content, content, self._styles, self._area, self._maps, self._labels, meta)
        with ExitStack() as around:
            around.enter_context(torch.no_grad())
            around.enter_context(torch.random.fork_rng(range(torch.cuda.device_count())))
            torch.manual_seed(self._seed)
            for index, stage in enumerate(stages, 1):
                if "interrupted" in canvas.meta and not stage.finishes:
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
            return self._runner.run(stage, canvas)
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
            f" ({host().distribution(type(stage))})"
        )

    def _recipe(self, content_sha256: str | None) -> str:
        """Return TOML that says how a picture was made, and loads as the pipeline that made it."""
        import tomli_w

        content = {} if content_sha256 is None else {"content_sha256": content_sha256}
        return tomli_w.dumps({"stages": self._tables, "made": self._made | content})


def _say_who_looks_at_no_style(stages: Iterable[Stage]) -> None:
    """Warn that a style picture was given and no stylizer looks at it."""
    deaf = [stage.name for stage in stages if stage.styleless and isinstance(stage, Stylizer)]
    others = [stage for stage in stages if not stage.styleless]
    if deaf and not any(isinstance(stage, Stylizer) for stage in others):
        use = f"is for {', '.join(stage.name for stage in others)} alone" if others else "is not used"
        warnings.warn(
            f"{', '.join(deaf)}: paints without looking at a style picture; the one given {use}\n"
            "  what would work: pipe(content)",
            stacklevel=4,
        )


def _table(stage: Stage) -> dict[str, Any]:
    values = {
        key: list(value) if isinstance(value, tuple) else "none" if value is None else value
        for key, value in stage.values().items()
    }
    return {"stage": stage.name, **values}


def _split(text: str, separator: str) -> list[str]:
    """Split text at a character, except inside quotation marks."""
    parts, quoted = [""], False
    for letter in text:
        quoted ^= letter == '"'
        if letter == separator and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def setting(parameter: Parameter | None, text: str) -> Any:
    """Return the value that a word stands for; where the parameter is a list, its entries are joined by `+`."""
    if parameter is not None and parameter.listed:
        return [_value(entry) for entry in _split(text, "+")] if text else []
    return _value(text)


def _value(text: str) -> Any:
    text = text.strip()
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _listed(style: Any) -> list[Any]:
    if style is None:
        return []
    return list(style) if isinstance(style, (list, tuple)) else [style]


def digest(tensor: Tensor) -> str:
    """Return the sha256 of a picture's values in 16 bits, which tells whether two runs saw the same picture."""
    # Files hold no more.  Of float32, of style and content, it would take a twentieth of the fastest painting.
    levels = tensor.mul(65535).add_(0.5).to(torch.uint16)
    return hashlib.sha256(levels.contiguous().cpu().flatten().numpy().data).hexdigest()


REST = "rest"
"""Label of what the regions given by name leave of a picture."""


def read_guides(guides: Tensor | Mapping[str, Any] | None, content: Tensor) -> tuple[Tensor | None, tuple[str, ...]]:
    """Return region maps (1 or B, K, H, W) that sum to 1, and their labels, from masks by label.

    Where masks overlap they share; what none of them covers becomes one more region, `rest`.

    Raises:
        ValueError: a mask that selects nothing or has another size than the content; names its label.
    """
    if guides is None or isinstance(guides, Tensor):
        return guides, ()
    maps = []
    for label, mask in guides.items():
        try:
            maps.append(read_mask(mask, content))
        except ValueError as error:
            raise ValueError(f"guides, region {label!r}: {error}") from error
        if not maps[-1].any():
            raise ValueError(f"guides, region {label!r}: the mask selects nothing\n  what would work: leave it out")
    if not maps:
        raise ValueError("guides: no region is named\n  what to type: guides={'sky': 'sky.png'}")
    batch = max(map(len, maps))
    stacked = torch.cat([one.expand(batch, -1, -1, -1) for one in maps], dim=1)
    total = stacked.sum(1, keepdim=True)
    stacked = stacked / total.clamp_min(1)
    rest = 1 - total.clamp_max(1)
    if not rest.any():
        return stacked, tuple(guides)
    if REST in guides:
        raise ValueError(
            f"guides: the masks leave a part of the picture free, which would be called {REST!r}, as one of them is\n"
            f"  what would work: another name for that region, or masks that cover the picture"
        )
    return torch.cat([stacked, rest], dim=1), (*guides, REST)


def read_mask(mask: Any, content: Tensor) -> Tensor:
    """Return a mask (1 or B, 1, H, W) in [0, 1] from a tensor or any picture of the content's size.

    Raises:
        ValueError: the mask has another size than the content; a mask is never stretched unasked.
    """
    name = ""
    if isinstance(mask, Tensor) and mask.ndim == 4 and mask.shape[1] == 1 and mask.is_floating_point():
        values = mask.float()
    else:
        given = read(mask)
        values = given.tensor.mean(1, keepdim=True)
        name = given.meta.get("file", "")
    if values.shape[-2:] != content.shape[-2:]:
        raise ValueError(
            f"the mask{name and f' {name}'} is {values.shape[-2]}×{values.shape[-1]} pixels and the content is"
            f" {content.shape[-2]}×{content.shape[-1]}\n"
            "  what would work: a mask drawn over the content itself, of the same size;"
            " or the stage mask-file (impasto-segment), which resizes one of the same proportions"
        )
    return values


def pick_device(device: str | torch.device) -> torch.device:
    """Return the device to run on; one that was asked for by name and is not there is an error."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        picked = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device {device!r} is not one\n  what would work: auto, cpu, cuda, cuda:1, mps") from error
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if picked.type == "cuda" and (picked.index or 0) >= torch.cuda.device_count():
        there["cuda"] = False
    if not there.get(picked.type, True):
        raise ValueError(
            f"device {str(device)!r} was asked for and is not there (torch {torch.__version__} finds"
            f" {torch.cuda.device_count()} CUDA devices)\n  what would work: device='auto' or device='cpu'"
        )
    return picked


def use_bfloat16(device: torch.device, precision: Precision) -> bool:
    """Return whether networks compute in bfloat16: as asked, or where the hardware multiplies it natively."""
    if precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(f"precision {precision!r} is not one\n  what would work: auto, float32, bfloat16")
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type == "cpu":
        has: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(has.get("amx_bf16") or has.get("avx512_bf16") or has.get("bf16"))
    return False
