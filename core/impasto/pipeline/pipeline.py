"""A pipeline: stages in order, as a value that runs, prints, compares and is saved to TOML."""

from __future__ import annotations

import dataclasses
import html
import itertools
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import torch
from typing_extensions import Unpack

from ..errors import StageError
from ..files import local_path, write_atomically
from ..functional.lut import Fit, check_fit, fit_cube
from ..host import get_host
from ..picture import Picture, read
from ..stage import Canvas, Preprocessor, Stage
from .blank import content_picture
from .frames import painted_frames
from .loading import load_recipe
from .named_files import relative_to_folder
from .options import RunKeywords, RunOptions
from .parsing import parse_stages, stage_line
from .provenance import makers
from .run import Run
from .toml import read_toml, stage_table, write_toml
from .unused import warn_of_unused

MOST_STAGES = 100
"""Stages of a pipeline.  A stranger's recipe of thousands would run until it is stopped."""


class Pipeline:
    """Run stages one after another: pre-processing, stylization, post-processing.

    A pipeline is a value: `repr` is valid Python, two with equal stages are equal, and TOML keeps one exactly.

    Args:
        stages: in the order they run.

    Raises:
        TypeError: something that is not a stage, such as a class that was not called.
        ValueError: more than a hundred stages.

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
        if len(stages) > MOST_STAGES:
            raise ValueError(
                f"a pipeline has at most {MOST_STAGES} stages, found {len(stages)}\n"
                "  what would work: several pipelines, each on what the one before painted"
            )
        self.stages = stages

    def __call__(self, content: Any, style: Any = None, **options: Unpack[RunKeywords]) -> Picture:
        """Run the stages and return the picture.

        Args:
            content: a path, bytes, PIL image, array, tensor or `Picture`; a batch (B, 3, H, W) too.  None where a
                stage brings a canvas of its own, such as `Texture(size="1024x768")`.
            style: a picture like `content` or a `Style`, or a list of several.
            options: `mask`, `guides`, `device`, `precision`, `seed`, `size` and others: see `RunOptions`.

        Returns:
            The picture, on the CPU, with the content's EXIF, profile and alpha.

        Raises:
            StageError: a stage failed; names the stage and its distribution.
            PictureError: a picture could not be read.
            KeyboardInterrupt: nothing was painted yet.

        Interrupting a run (Ctrl-C, or the notebook's stop button) returns the picture so far: the last step of an
        iterative stage, the regions that are painted, or what the stages before have painted; the stages after it
        are not run, save those that bring back its size, and `picture.interrupted` says where it stopped.
        """
        how = RunOptions.of(options)
        warn_of_unused(self.stages, style, how)
        given = content_picture(content, self.stages, how.mask)
        return Run(self.stages, style, how).paint(given, digest=content is not None)

    def prepare(self, content: Any, style: Any = None, **options: Unpack[RunKeywords]) -> Canvas:
        """Run the stages that come before painting, and return the canvas as the stylizer would get it.

        To see what a mask selects, `impasto.show(pipe.prepare(photo))`, or to go on with it by hand.

        Args:
            content: as for a call.
            style: as for a call.
            options: as for a call.

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
        how = RunOptions.of(options)
        run = Run(self.stages, style, how)
        first = tuple(itertools.takewhile(lambda stage: isinstance(stage, Preprocessor), self.stages))
        return run.canvas(content_picture(content, self.stages, how.mask), first).to(torch.device("cpu"))

    def stream(
        self,
        frames: Any,
        style: Any = None,
        *,
        batch: int = 1,
        ahead: int = 4,
        max_pixels: int | None = None,
        **options: Unpack[RunKeywords],
    ) -> Iterator[Picture]:
        """Run the stages on frame after frame; the styles are prepared once.

        Each is painted to the bit as by itself, unless a stage is `stateful`: such a stage looks back at the frames
        before, of this stream alone, and begins anew where a cut is found.

        A generator: frames are read by a thread of its own, a few ahead, and painted as they are asked for.
        `impasto.stream.write` writes them to a folder or a video file.

        Args:
            frames: a folder of pictures, a video file, or anything that gives one picture after another (see
                `impasto.read`); they may differ in size.
            style: as for a single picture.
            batch: frames to paint at once where they have one size, which can be faster on a GPU; the results
                then agree to rounding, and stages that draw random numbers draw others.  Where a stage is stateful,
                frames are painted one by one.
            ahead: frames that are read before they are needed, which bounds the memory.
            max_pixels: refuse larger frames before decoding them; None: as `impasto.read` does.
            options: as for a single picture; each frame starts from the seed.

        Returns:
            The pictures in order.  A video's frames know their time, `picture.meta.time`, in seconds.

        Raises:
            FrameError: a frame could not be read or painted; names it.  The frames before it came.
            KeyboardInterrupt: also where a stage would give back the picture so far.

        Example:
            >>> import impasto
            >>> two = [impasto.samples.content("astronaut", size) for size in (64, 96)]
            >>> [picture.size for picture in impasto.Pipeline().stream(two)]
            [(64, 64), (96, 96)]
        """
        how = RunOptions.of(options)
        warn_of_unused(self.stages, style, how)
        run = Run(self.stages, style, how)
        return painted_frames(run, frames, batch=batch, ahead=ahead, max_pixels=max_pixels)

    # -------------------------------------------------------------------------------------- as a value

    def __repr__(self) -> str:
        return f"Pipeline({', '.join(map(repr, self.stages))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and self.stages == other.stages

    def __hash__(self) -> int:
        return hash(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def replace(self, index: int, **values: Any) -> Pipeline:
        """Return the pipeline with parameters of one stage changed.

        Args:
            index: of the stage, from 0; negative from the end.
            values: its parameters by name.

        Raises:
            ParameterError: a parameter that the stage does not have, or a value out of its range.
            IndexError: there is no such stage.

        Example:
            >>> import impasto
            >>> class Dim(impasto.Postprocessor, name="dim"):
            ...     factor: float = impasto.param(default=0.5, low=0, high=1, help="how bright")
            ...
            ...     def refine(self, image, content, styles):
            ...         return image * self.factor
            >>> impasto.Pipeline(Dim()).replace(0, factor=0.8)
            Pipeline(Dim(factor=0.8))
        """
        stages = list(self.stages)
        stages[index] = dataclasses.replace(stages[index], **stages[index].current_names(values))
        return Pipeline(*stages)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{index}</td><td>{html.escape(stage.name)}</td><td>{stage.kind}</td>"
            f"<td>{html.escape(', '.join(f'{k}={v!r}' for k, v in stage.values().items()))}</td></tr>"
            for index, stage in enumerate(self.stages, 1)
        )
        head = "<tr><th></th><th>stage</th><th>kind</th><th>parameters</th></tr>"
        return f"<table>{head}{rows}</table>"

    def to_lut(self, content: Any, style: Any = None, *, size: int = 33, title: str = "") -> Fit:
        """Return the table of colours that does to a photograph what the pipeline does.

        Its stages have to look at colours alone.

        What such stages do depends on the pictures' statistics; the table holds it as it is for these two.

        Args:
            content: anything `impasto.read` takes; the more colours it has, the more is known of the table.
            style: likewise, if the pipeline looks at one.
            size: entries a side: 17, 33 or 65.
            title: of the look.

        Raises:
            StageError: the pipeline does more than a table can hold, or changes the picture's size.

        Example:
            >>> import impasto
            >>> photo = impasto.samples.content("cat", 64)
            >>> impasto.Pipeline().to_lut(photo, size=17).cube.size
            17
        """
        picture = read(content)
        painted = self(picture, style)
        stages = ", ".join(stage.name for stage in self.stages)
        if painted.size != picture.size:
            raise StageError(
                f"{stages}: makes a picture of another size, and a table holds colours alone\n"
                "  what would work: the pipeline without the stage that resizes"
            )
        fit = fit_cube(picture.visible, painted.visible.to(picture.tensor.device), size, title)
        check_fit(fit, stages, "stages that look at colours alone, such as match-color:target=image")
        return fit

    def to_toml(self) -> str:
        """Return the pipeline as TOML, with every parameter, so that a later default changes nothing."""
        return write_toml(stage_table(stage) for stage in self.stages)

    def save(self, path: str | Path) -> None:
        """Write the pipeline as a TOML file, with the versions of the plugins that it is made with.

        Relative names of files in it are as from its folder.
        """
        file = local_path(path)
        text = write_toml(map(stage_table, relative_to_folder(self.stages, file.parent)), makers(self.stages))
        write_atomically(file, lambda temporary: temporary.write_text(text, encoding="utf-8"))

    @classmethod
    def look(cls, name: str) -> Pipeline:
        """Return the pipeline of a look that an installed plugin offers; `impasto looks` lists them.

        Args:
            name: of the look, such as `ink`.

        Raises:
            UnknownNameError: there is no such look, or a stage of it is not installed.

        Example:
            >>> import impasto
            >>> impasto.Pipeline.look("inc")
            Traceback (most recent call last):
            impasto.errors.UnknownNameError: ...
        """
        return cls.parse(get_host().look(name).stages)

    @classmethod
    def from_toml(cls, text: str) -> Pipeline:
        """Return the pipeline that TOML text describes: a list `[[stages]]`, each with a name and parameters.

        Raises:
            ValueError: not TOML, or not a pipeline; says what is wrong and where.
            UnknownNameError: a stage that no installed plugin offers.
            ParameterError: a parameter that the stage does not have, or a value out of its range.
        """
        return cls(*read_toml(text))

    @classmethod
    def load(cls, path: str | Path, *, allow: Collection[str] = (), untrusted: bool = False) -> Pipeline:
        """Return the pipeline of a TOML file, or of a finished picture that carries its recipe.

        A picture's recipe may come from a stranger: it never writes, and reads a file or downloads only what `allow`
        names.

        Args:
            path: a `.toml` file, or a picture.
            allow: files that a picture's recipe may read, and weights that it may download.
            untrusted: treat a `.toml` file as a picture's recipe.

        Raises:
            RecipeError: the recipe asks for what it may not; names each stage, parameter and file.
            ValueError: it describes no pipeline.
        """
        return cls(*load_recipe(path, allow=allow, untrusted=untrusted).stages)

    @classmethod
    def parse(cls, text: str) -> Pipeline:
        """Return the pipeline that one line describes: `match-color, gatys:steps=200:size=512, guided-smooth`.

        Values are TOML values; a word that is not one is text, and one with `,`, `:` or `+` in it goes in
        quotation marks; entries of a list are joined by `+`.  `gatys:preset=gentle` begins with a preset's values.

        Example:
            >>> import impasto
            >>> impasto.Pipeline.parse("")
            Pipeline()
        """
        return cls(*parse_stages(text))

    def to_line(self) -> str:
        """Return the line that `Pipeline.parse` and `--with` take, with the values that are not their defaults.

        Example:
            >>> import impasto
            >>> impasto.Pipeline.parse("clip-gamut").to_line()
            'clip-gamut'
        """
        return stage_line(self.stages)
