"""What the drawings share: noise, colour ramps, brushes, light on relief.

Lengths are fractions of the picture's side and no random number depends on how many pixels there are,
so that one drawing is one composition at any size.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from skimage.filters import gaussian

Array = npt.NDArray[Any]
Drawing = Callable[[int, np.random.Generator], Array]
"""A function of the side in pixels and of random numbers, which draws a picture (n, n, 3) in [0, 1]."""


def rgb(code: str) -> Array:
    """Turn a hexadecimal colour, `"f2c14e"`, into three numbers in [0, 1]."""
    return np.frombuffer(bytes.fromhex(code), np.uint8).astype(np.float32) / 255


def palette(codes: str) -> Array:
    """Turn colours separated by spaces into an array (K, 3)."""
    return np.stack([rgb(code) for code in codes.split()])


def ramp(t: Array, codes: str) -> Array:
    """Blend through evenly spaced colours as `t` runs from 0 to 1."""
    colours = palette(codes)
    stops = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(t, stops, channel) for channel in colours.T], -1).astype(np.float32)


def mix(a: Array, b: Array, t: Array) -> Array:
    """Blend two pictures (or colours) by a map `t` (H, W) in [0, 1]."""
    blend: Array = a + (b - a) * t[..., None]
    return blend


def smoothstep(low: float, high: float, t: Array) -> Array:
    """Rise smoothly from 0 at `low` to 1 at `high` (or fall, where `low` is the larger)."""
    t = np.clip((t - low) / (high - low), 0, 1)
    rise: Array = t * t * (3 - 2 * t)
    return rise


def grid(n: int) -> tuple[Array, Array]:
    """Return the x and y (n, n) of the pixel centres, in [0, 1], y downwards."""
    axis = (np.arange(n, dtype=np.float32) + 0.5) / n
    x, y = np.meshgrid(axis, axis)
    return x, y


def resize(field: Array, n: int) -> Array:
    """Resample a field (h, w) to (n, n), bicubic, antialiased when it shrinks."""
    source = torch.from_numpy(np.ascontiguousarray(field, np.float32))[None, None]
    shrinks = max(field.shape) > n
    return F.interpolate(source, size=(n, n), mode="bicubic", antialias=shrinks)[0, 0].numpy()


def noise(rng: np.random.Generator, n: int, cells: int | tuple[int, int], octaves: int = 1) -> Array:
    """Draw smooth noise (n, n) of unit deviation, with `cells` = (down, across) bumps in the first octave."""
    down, across = (cells, cells) if isinstance(cells, int) else cells
    total = np.zeros((n, n), np.float32)
    for octave in range(octaves):
        lattice = rng.standard_normal((down << octave, across << octave), np.float32)
        total += resize(lattice, n) * 0.55**octave
    smooth: Array = total / total.std()
    return smooth


def blur(field: Array, radius: float) -> Array:
    """Blur a field (H, W) or picture (H, W, 3) by a Gaussian, `radius` a fraction of the side."""
    axis = -1 if field.ndim == 3 else None
    wide = radius * len(field)
    blurred: Array = gaussian(field, wide, mode="reflect", channel_axis=axis, truncate=3)
    return blurred


def sample(field: Array, x: Array, y: Array) -> Array:
    """Look up a square field (h, h) or picture (h, h, 3) bilinearly at points in [0, 1]."""
    h = len(field)
    fx, fy = np.clip(x * h - 0.5, 0, h - 1.001), np.clip(y * h - 0.5, 0, h - 1.001)
    left, top = fx.astype(np.int64), fy.astype(np.int64)
    tx, ty = fx - left, fy - top
    if field.ndim == 3:
        tx, ty = tx[..., None], ty[..., None]
    upper = field[top, left] * (1 - tx) + field[top, left + 1] * tx
    lower = field[top + 1, left] * (1 - tx) + field[top + 1, left + 1] * tx
    looked_up: Array = upper * (1 - ty) + lower * ty
    return looked_up


def light(height: Array, shine: float = 0.0, gloss: float = 30.0) -> tuple[Array, Array]:
    """Light a relief from the upper left: (shade, about 1 on the flat; highlight in [0, `shine`])."""
    n = len(height)
    slope_y, slope_x = np.gradient(height.astype(np.float32))
    nx, ny = -slope_x * n, -slope_y * n
    length = np.sqrt(nx * nx + ny * ny + 1)
    lamp = np.array([-0.5, -0.6, 0.85], np.float32)
    lamp /= np.linalg.norm(lamp)
    half = lamp + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    shade = np.clip((nx * lamp[0] + ny * lamp[1] + lamp[2]) / length, 0, None) / lamp[2]
    facing = np.clip((nx * half[0] + ny * half[1] + half[2]) / length, 0, 1)
    return shade, shine * facing**gloss


def scatter(rng: np.random.Generator, side: int, margin: float = 0.03) -> tuple[Array, Array]:
    """Spread `side`² points evenly but not regularly over the picture and a margin, in random order."""
    column, row = np.meshgrid(np.arange(side), np.arange(side))
    x = (column + rng.random((side, side))) / side
    y = (row + rng.random((side, side))) / side
    order = rng.permutation(side * side)
    span = 1 + 2 * margin
    return x.ravel()[order] * span - margin, y.ravel()[order] * span - margin


def cells(rng: np.random.Generator, x: Array, y: Array, side: int) -> tuple[Array, Array]:
    """Divide the square into `side`² Voronoi cells: (number of the cell, distance to its border)."""
    jitter = rng.random((side + 4, side + 4, 2), np.float32)
    x, y = x * side, y * side
    column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    in_x, in_y = x - column.astype(np.float32), y - row.astype(np.float32)
    near = np.full(x.shape, 9, np.float32)
    next_near, number = near.copy(), np.zeros(x.shape, np.int32)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            cell = np.clip(row + (down + 2), 0, side + 3) * (side + 4) + np.clip(column + (right + 2), 0, side + 3)
            seed = jitter.reshape(-1, 2)[cell]
            distance = np.hypot(in_x - right - seed[..., 0], in_y - down - seed[..., 1])
            closer = distance < near
            next_near = np.where(closer, near, np.minimum(next_near, distance))
            number = np.where(closer, cell, number)
            near = np.where(closer, distance, near)
    return number, (next_near - near) / (2 * side)


def brush(
    picture: Array,
    height: Array,
    rng: np.random.Generator,
    x: Array,
    y: Array,
    angle: Array,
    length: float | Array,
    width: float | Array,
    colour: Array,
    bend: float | Array = 0.0,
    opacity: float = 0.95,
    streak: float = 0.12,
    body: float = 0.006,
) -> None:
    """Lay brush strokes on a picture and its relief, in place, in the order given.

    Args:
        picture: (n, n, 3); height: (n, n), as a fraction of the side.
        x, y: middles of the strokes (N,); angle: radians (N,); colour: (N, 3).
        length, width: of the strokes; bend: their curvature, half the inverse radius.
        opacity: of the paint; streak: how far single bristles differ; body: how thick the paint stands.
    """
    n, count = len(height), len(x)
    bristles = rng.random((24, 40), np.float32)
    bristles = 0.25 * np.roll(bristles, 1, 1) + 0.5 * bristles + 0.25 * np.roll(bristles, -1, 1)
    bristles = np.clip(0.5 + (bristles - 0.5) * 2, 0, 1).astype(np.float32)
    head = rng.integers(0, 24, count)
    middle_x, middle_y = x * n, y * n
    half_length = np.broadcast_to(np.asarray(length) * n / 2, count)
    half_width = np.broadcast_to(np.asarray(width) * n / 2, count)
    bow = np.broadcast_to(np.asarray(bend) / n, count)
    cosine, sine = np.cos(angle), np.sin(angle)
    reach = half_width + np.abs(bow) * half_length**2 + 1
    reach_x = np.abs(cosine) * half_length + np.abs(sine) * reach + 1
    reach_y = np.abs(sine) * half_length + np.abs(cosine) * reach + 1
    left, right = (np.clip(middle_x + sign * reach_x, 0, n).astype(int) for sign in (-1, 1))
    top, bottom = (np.clip(middle_y + sign * reach_y, 0, n).astype(int) for sign in (-1, 1))
    colour = colour.astype(np.float32)
    for i in np.flatnonzero((right > left) & (bottom > top)):
        dx = np.arange(left[i], right[i], dtype=np.float32) + np.float32(0.5 - middle_x[i])
        dy = (np.arange(top[i], bottom[i], dtype=np.float32) + np.float32(0.5 - middle_y[i]))[:, None]
        c, s = np.float32(cosine[i]), np.float32(sine[i])
        along = dx * c + dy * s
        across = dy * c - dx * s - np.float32(bow[i]) * along * along
        across /= np.float32(half_width[i])
        tooth = bristles[head[i]][np.clip(across * 19.5 + 20, 0, 39).astype(np.int8)]
        far, out = np.abs(along), np.abs(across)
        run = np.float32(half_length[i])
        # bristles lift off one by one: the ends are ragged, the long edges clean
        alpha = np.clip((run * (0.72 + 0.28 * tooth) - far) * np.float32(6 / run) + 0.5, 0, 1)
        alpha *= np.clip((1 - out) * np.float32(half_width[i]) + 0.5, 0, 1)
        paint = colour[i] * (1 + streak * (2 * tooth - 1))[..., None]
        # a loaded brush pushes paint to its sides and leaves a lump where it lifts
        thick = body * (0.35 + 0.45 * tooth + 0.3 * out**4 + 0.2 * along / run)
        where = slice(top[i], bottom[i]), slice(left[i], right[i])
        under = height[where]
        height[where] = under + alpha * (thick + 0.35 * under - under)
        alpha *= opacity
        picture[where] += alpha[..., None] * (paint - picture[where])
