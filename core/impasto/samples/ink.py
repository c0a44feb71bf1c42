"""Works on paper: water, ink, chalk and the carved block."""

from itertools import pairwise

import numpy as np

from .easel import (
    Array,
    blur,
    brush,
    grid,
    mix,
    noise,
    palette,
    resize,
    rgb,
    sample,
    scatter,
    smoothstep,
)


def paper(rng: np.random.Generator, n: int, tint: str, tooth: float = 0.02) -> tuple[Array, Array]:
    """Make a sheet with grain and a few fibres: (picture (n, n, 3), grain (n, n) of unit deviation)."""
    grain = noise(rng, n, 230, 2)
    fibres = smoothstep(1.6, 3.2, noise(rng, n, (320, 40))) + smoothstep(1.6, 3.2, noise(rng, n, (40, 320)))
    tone = 1 + tooth * grain - 0.05 * fibres + 0.012 * noise(rng, n, 3, 2)
    return rgb(tint) * tone[..., None], grain


def ridge(rng: np.random.Generator, x: Array, bumps: int, octaves: int = 6) -> Array:
    """Draw the profile of a mountain range over x, of about unit height."""
    profile = np.zeros_like(x)
    for octave in range(octaves):
        knots = rng.standard_normal(bumps * 2**octave + 3)
        at = x * bumps * 2**octave + 1
        profile += 0.5**octave * np.interp(at, np.arange(len(knots)), knots)
    return profile


def ink_wash(n: int, rng: np.random.Generator) -> Array:
    """Mountains fade into mist in layered wet ink, with a red seal."""
    x, y = grid(n)
    sheet, grain = paper(rng, n, "f1e8d4")
    ink: Array = np.zeros((n, n), np.float32)
    line = (np.arange(n) + 0.5) / n
    sun = np.hypot(x - 0.70, y - 0.19)
    sheet = mix(
        sheet,
        rgb("d8694a"),
        smoothstep(0.068, 0.062, sun + 0.002 * grain) * np.clip(0.78 + 0.1 * noise(rng, n, 12, 3), 0, 1),
    )
    drift = noise(rng, n, (3, 2), 3)
    for base, swing, dark, fade, bumps in (
        (0.35, 0.090, 0.19, 0.17, 2),
        (0.44, 0.095, 0.36, 0.17, 3),
        (0.59, 0.095, 0.62, 0.11, 3),
        (0.945, 0.035, 0.95, 0.26, 2),
    ):
        top = base - swing * ridge(rng, line, bumps)[None, :]
        below = y - top + 0.0016 * grain
        inside = smoothstep(-0.0022, 0.0022, below)
        wet = np.exp(-below.clip(0) / fade) * (1 + 0.16 * drift)
        # the loaded edge of a wash, where pigment settles as it dries
        edge = 0.30 * np.exp(-below.clip(0) / 0.010)
        slope = sample(noise(rng, 512, (14, 60), 3), np.mod(x + 0.25 * below, 1), y)
        texture = 1 + 0.30 * slope * np.exp(-below.clip(0) / 0.12)
        wash = np.clip(dark * (wet + edge) * texture, 0, 1) * inside
        ink = ink * (1 - 0.85 * inside * np.exp(-below.clip(0) / (1.5 * fade))) + wash * (1 - 0.3 * ink)
    mist = smoothstep(0.2, 1.6, noise(rng, n, (6, 2), 2)) * smoothstep(0.40, 0.50, y) * smoothstep(0.82, 0.66, y)
    ink *= 1 - 0.75 * mist
    ink = np.clip(ink + 0.06 * ink * grain, 0, 1)
    picture = mix(sheet, rgb("1d1f26"), ink)

    height = np.zeros((n, n), np.float32)
    black = rgb("17181d")

    def stroke(
        x0: float, y0: float, x1: float, y1: float, width: float, strength: float = 0.9, bend: float = 0.0
    ) -> None:
        brush(
            picture,
            height,
            rng,
            np.array([(x0 + x1) / 2]),
            np.array([(y0 + y1) / 2]),
            np.array([np.arctan2(y1 - y0, x1 - x0)]),
            np.hypot(x1 - x0, y1 - y0) * 1.25,
            width,
            black[None],
            bend,
            strength,
            0.3,
        )

    # an old pine leans over the mist
    trunk = [(0.02, 0.99), (0.09, 0.86), (0.085, 0.75), (0.15, 0.66), (0.17, 0.57), (0.24, 0.50)]
    for k, ((x0, y0), (x1, y1)) in enumerate(pairwise(trunk)):
        stroke(x0, y0, x1, y1, 0.030 - 0.0042 * k, 0.92, 1.5 * (-1) ** k)
    for root_x, root_y, tip_x, tip_y in (
        (0.088, 0.78, 0.30, 0.74),
        (0.16, 0.64, 0.36, 0.615),
        (0.09, 0.80, -0.02, 0.70),
        (0.17, 0.57, 0.05, 0.50),
        (0.24, 0.50, 0.34, 0.47),
    ):
        stroke(root_x, root_y, tip_x, tip_y, 0.009, 0.9, 1.2)
        for along in np.linspace(0.35, 1.05, 7):
            px, py = root_x + along * (tip_x - root_x), root_y + along * (tip_y - root_y) - 0.012
            count = 26
            fan = rng.uniform(np.pi * 1.05, np.pi * 1.95, count)
            reach = 0.028 * rng.uniform(0.6, 1.1, count)
            brush(
                picture,
                height,
                rng,
                px + 0.5 * reach * np.cos(fan) + rng.normal(0, 0.007, count),
                py + 0.5 * reach * np.sin(fan) + rng.normal(0, 0.003, count),
                fan,
                reach,
                0.0026,
                np.tile(rgb("20262a"), (count, 1)),
                0.0,
                0.75,
                0.3,
            )
    # a boat, its man, birds
    stroke(0.55, 0.835, 0.71, 0.835, 0.014, 0.95, -1.8)
    stroke(0.640, 0.792, 0.640, 0.828, 0.014)
    stroke(0.620, 0.788, 0.660, 0.788, 0.008)
    stroke(0.655, 0.78, 0.745, 0.87, 0.0034)
    for k in range(6):
        stroke(0.53 + 0.02 * k, 0.855 + 0.009 * k, 0.67 + 0.015 * k, 0.856 + 0.009 * k, 0.0028, 0.4)
    for k in range(5):
        bird_x, bird_y, span = 0.38 + 0.035 * k, 0.20 - 0.012 * k + 0.02 * (k % 2), 0.012
        stroke(bird_x - span, bird_y - 0.006, bird_x, bird_y, 0.003, 0.8, 12)
        stroke(bird_x, bird_y, bird_x + span, bird_y - 0.006, 0.003, 0.8, 12)
    # the seal: carved strokes left white in cinnabar
    u, v = (x - 0.915) / 0.034, (y - 0.745) / 0.042
    frame = np.maximum(np.abs(u), np.abs(v)) + 0.03 * noise(rng, n, 60)
    carved = (np.abs(np.abs(u) - 0.36) < 0.09) & (np.abs(v) < 0.72) | (np.abs(np.mod(v * 1.6, 1) - 0.5) < 0.13) & (
        np.abs(u) < 0.72
    )
    seal = (
        smoothstep(1.04, 0.98, frame) * np.where(carved & (frame < 0.86), 0.0, 1.0) * np.clip(0.9 + 0.12 * grain, 0, 1)
    )
    return mix(picture, rgb("b8281e"), np.clip(seal, 0, 0.95))


def watercolour(n: int, rng: np.random.Generator) -> Array:
    """Loose flowers in transparent washes, with dark edges, blooms and granulation."""
    x, y = grid(n)
    sheet, grain = paper(rng, n, "fbf7ee", 0.014)
    valley = np.clip(-grain, 0, None)
    wobble = noise(rng, n, 9, 4)
    drift_x, drift_y = 0.010 * noise(rng, n, 5, 3), 0.010 * noise(rng, n, 5, 3)
    density = np.zeros((n, n, 3), np.float32)

    def wash(distance: Array, where: tuple[slice, slice], colour: Array, strength: float, soft: float = 0.0022) -> None:
        """Add one transparent layer inside `distance` < 0 (a fraction of the side)."""
        distance = distance + 0.0025 * wobble[where]
        inside = smoothstep(soft, -soft, distance)
        edge = 0.75 * np.exp(np.minimum(distance, 0) / 0.0042) * (soft < 0.01)
        pooled = 0.66 + edge + 0.20 * wobble[where]
        # Beer's law: pigment multiplies the light that the paper sends back
        density[where] += (inside * strength * np.clip(pooled, 0.12, None))[..., None] * -np.log(
            np.clip(colour, 0.02, 0.98)
        )

    whole = slice(0, n), slice(0, n)
    for cx, cy, size, colour in (
        (0.25, 0.22, 0.34, "bcd8ea"),
        (0.78, 0.28, 0.30, "f6dcc0"),
        (0.55, 0.78, 0.38, "cfe2c4"),
        (0.12, 0.75, 0.25, "e4d0e8"),
        (0.93, 0.80, 0.2, "c8dcec"),
    ):
        cloud = np.hypot(x - cx, y - cy) - size + 0.10 * noise(rng, n, 4, 4)
        wash(cloud, whole, rgb(colour), 0.9, 0.16)
        wash(cloud + 0.12, whole, rgb(colour), 0.4)

    def window(cx: float, cy: float, reach: float) -> tuple[slice, slice]:
        rows, columns = (slice(int(max(0, (c - reach) * n)), int((c + reach) * n)) for c in (cy, cx))
        return rows, columns

    def leaf(px: float, py: float, turn: float, length: float, slim: float, colour: str, strength: float) -> None:
        where = window(px, py, length * 1.1)
        dx, dy = (x + drift_x)[where] - px, (y + drift_y)[where] - py
        u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
        t = np.clip(u / length, 0, 1)
        width = slim * length * np.sin(np.pi * t**0.8) ** 0.8
        bow = v - 0.35 * length * t * t * np.sign(np.sin(7 * px + 5 * py))
        wash(
            np.where((u > 0) & (u < length), np.abs(bow) - width, 0.02),
            where,
            rgb(colour) * rng.uniform(0.92, 1.06),
            strength,
        )

    flowers = [
        (0.36, 0.36, 0.165, "e8506a f08a80 d83868"),
        (0.69, 0.52, 0.150, "f2a03c f6c454 e8703a"),
        (0.27, 0.68, 0.125, "8a5cc0 b48ad8 6a48a8"),
        (0.66, 0.20, 0.115, "5a88d0 8ab4e4 4a60b8"),
        (0.56, 0.80, 0.115, "ee7a9a f6b0b8 d04880"),
        (0.88, 0.29, 0.085, "e85a48 f2907a c83850"),
        (0.10, 0.45, 0.085, "f2b84a f8d878 e89040"),
        (0.86, 0.76, 0.095, "a05ab8 cf9ad8 7a4aa8"),
        (0.13, 0.14, 0.085, "d84a80 f090a8 b83878"),
        (0.08, 0.88, 0.080, "5a90cc a0c4e8 4868b0"),
    ]
    for cx, cy, size, _ in flowers:
        stem = np.abs(x + drift_x - cx - (0.5 - cx) * 0.55 * np.clip((y - cy) / (1.02 - cy), 0, 2) ** 1.4) - 0.0035
        wash(np.where(y > cy, stem, 0.02), whole, rgb("6a9a4a"), 0.9)
        for _leaf in range(5):
            turn = rng.uniform(0, 2 * np.pi)
            away = size * rng.uniform(0.5, 0.9)
            green = ("5a9a50", "8ab84a", "3a8a78", "a8b850", "4a7a9a")[rng.integers(5)]
            leaf(
                cx + away * np.cos(turn),
                cy + away * np.sin(turn),
                turn + rng.normal(0, 0.4),
                size * rng.uniform(0.7, 1.25),
                0.17,
                green,
                0.85,
            )
    for cx, cy, size, tones in flowers:
        # the flower lifts what lies beneath it, as clean water does
        lifted = smoothstep(1.0, 0.55, np.hypot(x + drift_x - cx, y + drift_y - cy) / size)
        density *= (1 - 0.8 * lifted)[..., None]
        petals = int(rng.integers(6, 9))
        start = rng.uniform(0, 2)
        for ring, (reach, strength) in enumerate(((1.0, 0.62), (0.72, 0.62))):
            for petal in range(petals):
                turn = start + 2 * np.pi * (petal + 0.5 * ring) / petals + rng.normal(0, 0.12)
                mid = 0.55 * reach * size
                px, py = cx + mid * np.cos(turn), cy + mid * np.sin(turn)
                where = window(px, py, 0.75 * size)
                dx, dy = (x + 0.8 * drift_x)[where] - px, (y + 0.8 * drift_y)[where] - py
                u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
                plump = 0.33 * reach * size * (1 + 0.35 * u / mid)
                outline = (np.hypot(u / mid * 1.05, v / plump) - 1) * plump * 0.9 + 0.05 * size * np.sin(
                    5 * np.arctan2(v, u) + petal
                ) ** 2
                wash(outline, where, palette(tones)[(petal + ring) % 3], strength * rng.uniform(0.6, 1.1))
        heart = np.hypot(x + drift_x - cx, y + drift_y - cy) - 0.16 * size
        wash(heart - 0.05 * size, whole, rgb("e8a030"), 0.6, 0.02)
        wash(heart, whole, rgb("5a3048"), 0.9)
    for _drop in range(70):
        px, py, size = rng.random(), rng.random(), 0.0016 + 0.006 * rng.random() ** 4
        where = window(px, py, 0.02)
        tones = flowers[rng.integers(len(flowers))][3]
        wash(np.hypot(x[where] - px, y[where] - py) - size, where, palette(tones)[rng.integers(3)], 0.8, 0.0012)
    granulated = density * (1 + 0.20 * valley - 0.08)[..., None]
    return sheet * np.exp(-granulated)


def woodcut(n: int, rng: np.random.Generator) -> Array:
    """Gouged lines follow sun, hills and sea in black, vermilion and blue on warm paper."""
    x, y = grid(n)
    sheet, grain = paper(rng, n, "efdfbd")
    wander = noise(rng, n, 7, 2)
    shore = 0.66
    dx, dy = x - 0.5, y - 0.40
    d, phi = np.hypot(dx, dy), np.arctan2(dy, dx)
    hills = []
    for base, swing, shift in ((0.56, 0.070, 0.5), (0.62, 0.055, 2.4)):
        hills.append(base - swing * (np.sin(5.2 * x + shift) + 0.45 * np.sin(11.7 * x + 3 * shift)))
    # each part has a phase, whose level lines are the gouge marks, and a tone: the share left black
    phase = phi * 190 / (2 * np.pi) + 0.12 * wander
    tone = 0.16 + 0.75 * smoothstep(0.20, 0.68, d + 0.012 * wander) * (0.75 + 0.25 * np.cos(phi * 14))
    phase, tone = (
        np.where(d < 0.17, d * 95, phase),
        np.where(d < 0.17, 0.10 + 0.25 * smoothstep(-0.10, 0.16, dy + 0.3 * dx), tone),
    )
    tone = np.where(np.abs(d - 0.178) < 0.006, 0.0, tone)
    for k, top in enumerate(hills):
        below = y - top
        inside = below > 0
        slope = np.gradient(top, axis=1) * n
        lean = below * (62 - 10 * k) + 20 * x + 1.2 * wander
        phase = np.where(inside, lean + 3 * np.sin(12 * x), phase)
        tone = np.where(inside, np.clip(0.52 + 0.16 * k + 0.5 * slope + 1.1 * below, 0.2, 0.9), tone)
        tone = np.where(np.abs(below) < 0.004, 1.0, tone)
    sea = y - shore
    swell = 0.008 * np.sin(16 * x + 40 * sea) + 0.004 * np.sin(39 * x - 25 * sea)
    depth = np.sqrt(np.clip(sea, 0, None) + 0.003)
    phase = np.where(sea > 0, (depth + swell * (0.3 + depth)) * 66, phase)
    glitter = np.exp(-((dx / (0.05 + 0.35 * np.clip(sea, 0, 1))) ** 2))
    tone = np.where(sea > 0, np.clip(0.72 - 0.60 * glitter + 0.10 * wander * (1 - glitter), 0.08, 0.95), tone)
    tone = np.where(np.abs(sea) < 0.003, 1.0, tone)
    tri = np.abs(np.mod(phase, 1) * 2 - 1)
    broken = 0.10 * noise(rng, n, 90) + 0.08 * noise(rng, n, 30, 2)
    rate = np.hypot(*np.gradient(phase))
    rate = np.minimum(rate, 0.5)
    cut = tri - (1 - tone) + broken * (1 - np.abs(2 * tone - 1))
    key = np.clip(cut / (2 * rate + 1e-4) * 0.9 + 0.5, 0, 1)

    # bare trees and birds in silhouette
    solid = np.full((n, n), 1.0, np.float32)

    def limb(x0: float, y0: float, turn: float, length: float, thick: float) -> None:
        nonlocal solid
        x1, y1 = x0 + length * np.cos(turn), y0 + length * np.sin(turn)
        pad = thick + 0.012
        rows = slice(int(np.clip(min(y0, y1) - pad, 0, 1) * n), int(np.clip(max(y0, y1) + pad, 0, 1) * n))
        cols = slice(int(np.clip(min(x0, x1) - pad, 0, 1) * n), int(np.clip(max(x0, x1) + pad, 0, 1) * n))
        px, py = x[rows, cols] - x0, y[rows, cols] - y0
        t = np.clip((px * np.cos(turn) + py * np.sin(turn)) / length, 0, 1)
        gap = np.hypot(px - t * length * np.cos(turn), py - t * length * np.sin(turn)) - thick * (1 - 0.35 * t)
        solid[rows, cols] = np.minimum(solid[rows, cols], gap)
        if thick > 0.0016:
            for side in (-1, 1):
                limb(
                    x1,
                    y1,
                    turn + side * rng.uniform(0.22, 0.62),
                    length * rng.uniform(0.68, 0.86),
                    thick * 0.66,
                )

    limb(0.10, 1.02, -1.50, 0.24, 0.030)
    limb(0.93, 1.02, -1.66, 0.20, 0.023)
    bank = y - 0.93 + 0.05 * np.cos(6.5 * x - 0.3) + 0.010 * np.sin(31 * x)
    solid = np.minimum(solid, -bank)
    for k in range(5):
        u, v = (x - 0.33 - 0.07 * k) / 0.02, (y - 0.16 - 0.035 * np.sin(2.1 * k)) / 0.02
        solid = np.minimum(
            solid,
            0.02
            * np.maximum(np.abs(v + 0.5 * np.sqrt(np.abs(u)) - 0.4 * u * u) - 0.16 * (1 - np.abs(u)), np.abs(u) - 1),
        )
    # the carver leaves a white line around his silhouettes, and nicks in them
    key = np.where(solid < 0.0075, 0.0, key)
    nick = np.clip((np.abs(np.mod(phase * 0.5 + 55 * x, 1) * 2 - 1) - 0.86) * 8, 0, 1) * smoothstep(
        0.5, 1.5, noise(rng, n, 14)
    )
    key = np.maximum(key, smoothstep(0.0006, -0.0006, solid + 0.0015 * broken) * (1 - nick * (bank > 0.004)))

    pull = np.clip(0.93 + 0.06 * grain - 0.25 * smoothstep(1.5, 2.6, noise(rng, n, 40, 2)), 0, 1)
    off = 0.0025
    red = np.where(sea < 0, smoothstep(0.171, 0.167, np.hypot(dx - off, dy - off)), 0)
    dusk = np.exp(-(((y - 0.56) / 0.20) ** 2)) * (sea < 0) * 0.55
    blue = np.where(
        sea + off > 0,
        0.35 + 0.55 * smoothstep(0.0, 0.33, sea),
        np.where(y > hills[0] + off, 0.55, 0.75 * smoothstep(0.30, 0.0, y)),
    )
    blue = blue * (1 - 0.85 * glitter * (sea > 0))
    picture = mix(sheet, sheet * rgb("e9a23b"), np.clip(dusk, 0, 1) * pull)
    picture = mix(picture, sheet * rgb("3f6f8f"), np.clip(blue * (1 - red), 0, 1) * pull)
    picture = mix(
        picture,
        rgb("d2452a"),
        np.clip(np.maximum(red, 0.75 * glitter * (sea > 0) * (tri < 0.4)), 0, 1) * pull,
    )
    return mix(picture, rgb("1b1718"), key * pull)


def chalk(n: int, rng: np.random.Generator) -> Array:
    """Cross-hatching in black, red and white chalk models a still life on toned paper."""
    g = 512
    x, y = grid(g)
    tone = np.clip(0.40 + 0.25 * smoothstep(0.0, 0.9, x) - 0.15 * y + 0.04 * noise(rng, g, 3, 2), 0, 1)
    warm = np.zeros((g, g), np.float32)
    angle = np.full((g, g), 0.8, np.float32)
    table = 0.60
    flat = 0.62 - 0.25 * smoothstep(0.4, 1.0, x) + 0.10 * smoothstep(table, 1.0, y)
    folds = noise(rng, g, (3, 7), 1)
    cloth = y - 0.80 - 0.05 * np.sin(5 * x + 1)
    tone, angle = np.where(y > table, flat, tone), np.where(y > table, 0.05, angle)
    tone = np.where(
        cloth > 0,
        np.clip(0.72 + 0.22 * np.gradient(folds, axis=1) * g / 12 - 0.6 * np.exp(-cloth.clip(0) / 0.006), 0.1, 1),
        tone,
    )
    angle = np.where(cloth > 0, 1.3 + 0.25 * folds, angle)
    lamp = np.array([-0.58, -0.52, 0.63])

    def solid(axis: float, foot: float, tall: float, profile: Array, red: float, squash: float = 0.16) -> None:
        """Turn a profile (radii from top to foot) on a lathe, light it, and cast its shadow."""
        nonlocal tone, warm, angle
        t = np.clip((y - foot + tall) / tall, 0, 1)
        radius = np.interp(t, np.linspace(0, 1, len(profile)), profile)
        widest = profile.max()
        shadow = np.hypot(
            (x - axis - 0.9 * widest) / (1.9 * widest), (y - foot + 0.01) / (squash * 1.6 * widest + 0.012)
        )
        tone = np.where(y > table, tone * (1 - 0.72 * smoothstep(1.05, 0.45, shadow)), tone)
        lip = np.hypot((x - axis) / profile[-1], (y - foot) / (squash * profile[-1] + 1e-3)) < 1
        inside = (np.abs(x - axis) < radius) & (y > foot - tall) & (y < foot) | lip
        across = np.clip((x - axis) / np.maximum(radius, 1e-3), -1, 1)
        flare = -np.gradient(radius, axis=0) * g
        depth = np.sqrt(np.clip(1 - across**2, 0, 1))
        length = np.sqrt(1 + flare**2)
        facing = (across * lamp[0] + flare * lamp[1] + depth * lamp[2]) / length
        bounce = 0.20 * np.clip(across, 0, 1) ** 3 + 0.10 * np.clip(t - 0.8, 0, 1) * 3
        shaded = 0.07 + 0.80 * np.clip(facing, 0, 1) ** 1.1 + bounce + 1.2 * np.clip(facing - 0.93, 0, 1) * 7
        tone, warm = np.where(inside, np.clip(shaded, 0, 1), tone), np.where(inside, red, warm)
        angle = np.where(inside, np.arctan(0.45 * across) * 1.6 + 0.35, angle)

    arc = np.linspace(0, 1, 600)
    jug = 0.046 + 0.100 * np.exp(-(np.abs((arc - 0.66) / 0.27) ** 2.6)) + 0.026 * np.exp(-((arc / 0.06) ** 2))
    solid(0.37, 0.74, 0.50, jug, 0.35)
    handle = np.abs(np.hypot((x - 0.475) * 1.15, y - 0.41) - 0.085) - 0.013
    grip = (handle < 0) & (x > 0.455)
    tone, warm = (
        np.where(grip, np.clip(0.55 - 14 * handle - 3.5 * (x - 0.5) - 2.5 * (y - 0.41), 0.1, 1), tone),
        np.where(grip, 0.35, warm),
    )
    globe = np.sqrt(np.clip(1 - (2 * arc - 1) ** 2, 0, 1))
    solid(0.80, 0.735, 0.20, 0.105 * globe**0.9 + 0.002, 0.75, 0.05)
    pear = np.sqrt(np.clip(arc * 14, 0, 1)) * 0.034 + 0.066 * np.exp(-(np.abs((arc - 0.72) / 0.30) ** 2.4))
    solid(0.60, 0.80, 0.235, pear * np.sqrt(np.clip((1.0 - arc) * 9, 0, 1)) + 0.002, 0.95, 0.05)
    solid(0.20, 0.82, 0.155, 0.082 * globe**0.9 + 0.002, 1.0, 0.05)
    for stalk_x, stalk_y in ((0.60, 0.565), (0.80, 0.535), (0.20, 0.665)):
        tone = np.where(
            (np.abs(x - stalk_x - 0.4 * (stalk_y - y)) < 0.006) & (np.abs(y - stalk_y + 0.022) < 0.026),
            0.03,
            tone,
        )

    sheet, _ = paper(rng, n, "b59c7c", 0.03)
    tooth = np.clip(0.80 + 0.26 * noise(rng, n, 260), 0.2, 1.0)
    picture, height = sheet.copy(), np.zeros((n, n), np.float32)
    smudge = resize(blur(tone, 0.012), n)
    picture *= (0.80 + 0.40 * smudge)[..., None]
    picture = mix(picture, rgb("a8502e"), 0.35 * resize(blur(warm, 0.006), n) * np.clip(1.2 - smudge, 0, 1))
    layer = picture.copy()

    def hatch(side: int, turn: float, code: str, wanted: Array, length: float, width: float) -> None:
        """Lay chalk strokes where `wanted` (g, g) is positive, pressed harder the more it is."""
        at_x, at_y = scatter(rng, side, 0.02)
        press = sample(wanted, at_x, at_y) + rng.normal(0, 0.03, len(at_x))
        at_x, at_y, press = at_x[press > 0], at_y[press > 0], np.clip(press[press > 0] * 3, 0, 1)
        count = len(at_x)
        heading = sample(angle, at_x, at_y) + turn + rng.normal(0, 0.05, count)
        brush(
            layer,
            height,
            rng,
            at_x,
            at_y,
            heading,
            length * rng.uniform(0.7, 1.2, count),
            width * (0.7 + 0.6 * press),
            np.tile(rgb(code), (count, 1)),
            rng.normal(0, 0.8, count),
            0.75,
        )

    red, shadow = warm - 0.2, np.maximum(0, 0.15 - warm)
    hatch(80, 0.35, "8a3018", np.minimum(red, 0.72 - tone), 0.032, 0.0036)
    hatch(80, -0.55, "a8401e", np.minimum(red, 0.55 - tone), 0.030, 0.0034)
    hatch(78, 0.0, "2c231f", 0.48 - tone - 0.06 * warm, 0.055, 0.0028)
    hatch(74, 0.75, "2a211d", 0.36 - tone - 0.04 * warm, 0.050, 0.0028)
    hatch(74, -0.7, "171210", 0.26 - tone, 0.045, 0.0032)
    hatch(62, -0.25, "5a4a40", np.minimum(shadow * 9, 0.60 - tone), 0.060, 0.0026)
    hatch(84, 0.15, "fbf3e2", tone - 0.66, 0.028, 0.0042)
    down, right = np.gradient(blur(warm, 0.003))
    rim = np.hypot(down, right) * g
    angle = np.arctan2(right, -down)
    hatch(150, 0.0, "1c1512", rim - 30, 0.026, 0.0022)
    return mix(picture, layer, tooth)
