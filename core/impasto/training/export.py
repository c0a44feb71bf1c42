"""What a training writes for people: networks in half precision, and pictures in a grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save
from torch import Tensor

from ..files import write_atomically


def save_half(file: Path, tensors: Mapping[str, Tensor]) -> Path:
    """Write tensors in half precision as a safetensors file, whole or not at all, and return the file.

    Args:
        file: its name ends in .safetensors.
        tensors: by name, of any floating-point type, on any device.

    Example:
        >>> import tempfile, pathlib
        >>> from impasto.weights import load
        >>> file = save_half(pathlib.Path(tempfile.mkdtemp()) / "layer.safetensors", {"bias": torch.ones(2)})
        >>> load(file)
        {'bias': tensor([1., 1.], dtype=torch.float16)}
    """
    half = {name: value.detach().half().contiguous().cpu() for name, value in tensors.items()}
    # `safetensors.torch.save_file` would make a temporary file of its own, which a kill leaves for ever.
    write_atomically(file, lambda temporary: temporary.write_bytes(save(half)))
    return file


def preview_grid(rows: Iterable[Iterable[Tensor]]) -> Tensor:
    """Return pictures in rows as one picture (1, 3, H, W), its values in [0, 1].

    Args:
        rows: each of as many pictures (3, h, w), or a batch (B, 3, h, w) of them; `zip(*columns)` where they are given
            in columns.

    Example:
        >>> preview_grid([torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8)]).shape
        torch.Size([1, 3, 16, 32])
    """
    return torch.cat([torch.cat(list(row), dim=-1) for row in rows], dim=-2)[None].clamp(0, 1)


def save_preview(file: Path, image: Tensor) -> None:
    """Write a picture (1, 3, H, W) in [0, 1] as an 8-bit PNG, whole or not at all."""
    levels = image[0].detach().float().mul(255).add(0.5).clamp(0, 255).to("cpu", torch.uint8)
    picture = Image.fromarray(levels.permute(1, 2, 0).numpy())
    write_atomically(file, lambda temporary: picture.save(temporary, format="PNG"))
