"""What the host itself costs: a pipeline of three stages that do nothing, with a mask and four guides.

    python benchmarks/overhead.py --size 1024

Shows the median milliseconds of a call, and of each kind of stage alone.
"""

import argparse
import statistics
import time

import torch

import impasto


class Prepare(impasto.Preprocessor, name="prepare"):
    """Give the canvas back."""

    def prepare(self, canvas):
        return canvas.replace(image=canvas.image)


class Refine(impasto.Postprocessor, name="refine"):
    """Give the image back."""

    def refine(self, image, content, styles):
        return image


class Copy(impasto.Postprocessor, name="copy"):
    """Give a copy of the image back."""

    def refine(self, image, content, styles):
        return image.clone()


def milliseconds(pipe, given, options, repeats):
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        pipe(*given, **options)
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="side of the picture in pixels")
    parser.add_argument("--repeats", type=int, default=15)
    chosen = parser.parse_args()
    size = chosen.size
    content = impasto.read(torch.rand(1, 3, size, size))
    style = impasto.Style(impasto.samples.style("mosaic", 256))
    mask = torch.zeros(1, 1, size, size)
    mask[..., size // 4 :, :] = 1
    guides = torch.zeros(1, 4, size, size)
    for region, columns in enumerate(torch.arange(size).chunk(4)):
        guides[:, region, :, columns] = 1
    options = {"mask": mask, "guides": guides, "device": "cpu"}
    for title, stages in (
        ("no stage", ()),
        ("three preprocessors", (Prepare(),) * 3),
        ("three postprocessors", (Refine(),) * 3),
        ("preprocessor and two postprocessors", (Prepare(), Refine(), Refine())),
        ("three postprocessors that copy", (Copy(),) * 3),
    ):
        pipe = impasto.Pipeline(*stages)
        pipe(content, style, **options)
        print(f"{title:<40}{milliseconds(pipe, (content, style), options, chosen.repeats):8.1f} ms", flush=True)


if __name__ == "__main__":
    main()
