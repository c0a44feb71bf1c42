"""Paintings: colour laid on with a brush, thick or in dots."""

import numpy as np

from .easel import (
    Array,
    blur,
    brush,
    grid,
    light,
    mix,
    noise,
    palette,
    ramp,
    resize,
    rgb,
    sample,
    scatter,
    smoothstep,
)


def finish(picture: Array, height: Array, shade: float, shine: float) -> Array:
    """Let light catch the relief of the paint."""
    lit, highlight = light(height, shine)
    lamp = np.array([1, 0.98, 0.9], np.float32)
    finished: Array = picture * (1 - shade + shade * lit)[..., None] + highlight[..., None] * lamp
    return finished


def vary(rng: np.random.Generator, colour: Array, value: float, hue: float) -> Array:
    """Let every stroke differ a little in value and hue, as paint half mixed on the palette."""
    count = len(colour)
    return np.clip(colour * (1 + value * rng.standard_normal((count, 1))) + hue * rng.standard_normal((count, 3)), 0, 1)


def enlarge(scene: Array, n: int) -> Array:
    """Resample a picture (g, g, 3) to (n, n, 3)."""
    return np.stack([resize(channel, n) for channel in np.moveaxis(scene, -1, 0)], -1)


def paint(
    n: int,
    rng: np.random.Generator,
    scene: Array,
    angle: Array,
    layers: tuple[tuple[int, float, float], ...],
    value: float = 0.09,
    hue: float = 0.035,
    body: float = 0.004,
    ground: str = "",
) -> tuple[Array, Array]:
    """Paint a scene (g, g, 3) along `angle` (g, g), in layers of (strokes per side, length, width)."""
    g = len(scene)
    c, s = np.cos(angle), np.sin(angle)
    (c_down, c_right), (s_down, s_right) = np.gradient(c), np.gradient(s)
    curvature = g * (c * (c * s_right - s * c_right) + s * (c * s_down - s * c_down))
    picture = np.tile(rgb(ground), (n, n, 1)) if ground else 0.8 * enlarge(blur(scene, 0.01), n)
    height = np.zeros((n, n), np.float32)
    for side, length, width in layers:
        x, y = scatter(rng, side)
        colour = vary(rng, sample(scene, x, y), value, hue)
        bend = np.clip(sample(curvature, x, y) / 2, -0.3 / width, 0.3 / width)
        run = length * rng.uniform(0.7, 1.2, side * side) / (1 + 0.02 * bend**2 * length)
        brush(
            picture,
            height,
            rng,
            x,
            y,
            np.arctan2(sample(s, x, y), sample(c, x, y)),
            run,
            width,
            colour,
            bend,
            body=body,
        )
    return picture, height


def impasto(n: int, rng: np.random.Generator) -> Array:
    """Thick strokes follow the swirls of a night sky over hills."""
    g = 320
    x, y = grid(g)
    stars = [
        (0.80, 0.17, 0.085),
        (0.30, 0.13, 0.035),
        (0.56, 0.10, 0.028),
        (0.13, 0.33, 0.030),
        (0.70, 0.47, 0.034),
        (0.93, 0.43, 0.026),
        (0.30, 0.52, 0.030),
        (0.55, 0.60, 0.022),
        (0.07, 0.08, 0.026),
    ]
    swirls = [(0.47, 0.33, 0.17, 1.0), (0.66, 0.40, 0.09, -1.0), (0.20, 0.20, 0.09, -0.7)]
    flow_x = 1 + 0.25 * np.cos(7 * y)
    flow_y = 0.45 * np.sin(8.0 * x + 2.0 * y)
    wander = noise(rng, g, 5, 2)
    sky = ramp(
        0.42 + 0.30 * np.sin(19 * (y + 0.05 * np.sin(7 * x)) + 1.1 * wander) + 0.25 * (y - 0.4),
        "0d1546 15297a 2347a8 3a74c4 6fb0d8 a9d3d6",
    )
    for star_x, star_y, size in stars:
        dx, dy = x - star_x, y - star_y
        d = np.hypot(dx, dy) + 1e-4
        pull = 6 * np.exp(-((d / (2.4 * size)) ** 2))
        flow_x, flow_y = flow_x - pull * dy / d, flow_y + pull * dx / d
        halo = np.exp(-((d / (1.9 * size)) ** 2)) * (0.75 + 0.25 * np.cos(d / size * 7))
        sky = mix(
            sky,
            ramp(np.clip(1.25 - d / (1.5 * size), 0, 1), "7fb8b0 d8d476 f6d742 f9b52b fff3b8"),
            np.clip(1.25 * halo, 0, 1),
        )
    for eye_x, eye_y, size, sense in swirls:
        dx, dy = x - eye_x, (y - eye_y) * 1.25
        d = np.hypot(dx, dy) + 1e-4
        pull = sense * 7 * np.exp(-((d / size) ** 2))
        flow_x, flow_y = flow_x - pull * dy / d, flow_y + pull * dx / d
        arms = 0.5 + 0.5 * np.cos(2 * np.arctan2(dy, dx) * sense - d / size * 9)
        sky = mix(sky, ramp(arms, "1c3790 4f8cc9 b9dcd9 f1efc4"), 0.85 * np.exp(-((d / (0.9 * size)) ** 4)))
    angle = np.arctan2(flow_y, flow_x)
    far = 0.735 + 0.035 * np.sin(5.0 * x + 0.4) + 0.02 * np.sin(13 * x)
    near = 0.86 + 0.05 * np.sin(4.2 * x + 2.6)
    hills = ramp(np.clip((y - far) / 0.16 + 0.12 * wander, 0, 1), "6a9fc0 2f63a0 1d4478 16305c")
    field = ramp(
        np.clip((y - near) / 0.14 + 0.3 * np.sin(30 * (y - near) + 4 * x), 0, 1),
        "6f9a4c 2a6a5c d9b440 2f7350 8aa648",
    )
    hill_angle = 0.5 * np.cos(5.0 * x + 0.4) - 0.6 * np.sin(9 * x) * smoothstep(0, 0.1, y - far)
    ground = smoothstep(-0.004, 0.004, y - far)
    scene, angle = mix(sky, hills, ground), np.where(ground > 0.5, hill_angle, angle)
    front = smoothstep(-0.004, 0.004, y - near)
    scene, angle = mix(scene, field, front), np.where(front > 0.5, -0.25 * np.cos(4.2 * x + 2.6), angle)
    # a cypress, the flame of the picture
    lean = 0.165 + 0.018 * np.sin(9 * y) + 0.012 * np.sin(21 * y)
    climb = np.clip((y - 0.24) / 0.76, 0, 1)
    flame = np.abs(x - lean) - 0.085 * climb**0.75 * (1.15 - climb**3) * (1 + 0.18 * np.sin(34 * y + 9 * x))
    tree = smoothstep(0.004, -0.004, flame) * (y > 0.24)
    bark = ramp(0.5 + 0.5 * np.sin(60 * (x - lean) + 14 * y), "0c1a22 16352f 2c4a30 4c4a28")
    scene, angle = (
        mix(scene, bark, tree),
        np.where(tree > 0.5, np.pi / 2 + 0.5 * np.sin(16 * y + 20 * x), angle),
    )

    picture, height = paint(n, rng, scene, angle, ((28, 0.11, 0.027), (42, 0.072, 0.017), (44, 0.05, 0.012)))
    for star_x, star_y, size in stars:
        turns = rng.uniform(0, 2 * np.pi, 9)
        away = size * np.linspace(0.35, 0.0, 9)
        at_x, at_y = star_x + away * np.cos(turns), star_y + away * np.sin(turns)
        colour = vary(rng, np.tile(rgb("fff2b0"), (9, 1)), 0.03, 0.02)
        brush(picture, height, rng, at_x, at_y, turns + np.pi / 2, 0.5 * size, 0.3 * size, colour, body=0.006)
    return finish(picture, height, 0.8, 0.12)


def pointillism(n: int, rng: np.random.Generator) -> Array:
    """Dots of pure pigment mix in the eye to a sunset over a lake."""
    g = 320
    x, y = grid(g)
    shore = 0.475
    glow = np.exp(-(((x - 0.62) / 0.45) ** 2 + ((y - 0.40) / 0.22) ** 2))
    cloud = noise(rng, g, (14, 4), 3)
    sky = ramp(np.clip(y / shore + 0.07 * cloud, 0, 1), "5b7fc4 8fa5d8 c9b4d9 f3c3b4 f9d98c fbe79a")
    sky = mix(sky, rgb("f7955f"), np.clip(0.55 * smoothstep(0.6, 1.8, cloud) + 0.25 * glow, 0, 1))
    sun = np.hypot(x - 0.62, y - 0.37)
    sky = mix(sky, rgb("fff4b5"), np.exp(-((sun / 0.075) ** 2)))
    sky = mix(sky, rgb("fff9d8"), smoothstep(0.05, 0.04, sun))
    for base, swing, seed, colours in (
        (0.405, 0.035, 1.0, "a08fc8 c9a8cc"),
        (0.445, 0.028, 3.1, "5a68ae 8c7fbd"),
        (0.468, 0.016, 5.2, "2f5a86 4c7a7a"),
    ):
        ridge = base - swing * (np.sin(6.0 * x * seed**0.3 + seed) + 0.5 * np.sin(15 * x + 2 * seed))
        sky = mix(sky, ramp(np.clip((y - ridge) / 0.05, 0, 1), colours), smoothstep(-0.002, 0.002, y - ridge))
    ripple = noise(rng, g, (70, 9), 2)
    mirrored = sample(sky, x, np.clip(2 * shore - shore * (y - shore) / 0.4 - shore + 0.006 * ripple, 0, 1))
    water = mix(
        mirrored * [0.80, 0.90, 1.0],
        rgb("3f78b5"),
        np.clip(0.25 + 0.35 * (y - shore) + 0.22 * ripple, 0, 0.8),
    )
    path = np.exp(-(((x - 0.62 + 0.012 * ripple) / (0.02 + 0.12 * (y - shore))) ** 2))
    water = mix(water, rgb("ffe07a"), np.clip(path * (0.75 + 0.5 * ripple), 0, 1))
    scene = mix(sky, water, smoothstep(-0.002, 0.002, y - shore))
    bank = 0.80 - 0.13 * np.cos(3.6 * x + 0.2) + 0.012 * np.sin(25 * x)
    tuft = noise(rng, g, (26, 30), 2)
    lawn = ramp(np.clip(0.35 + (y - bank) * 1.2 + 0.16 * tuft, 0, 1), "9ebf4e 5d9a46 d6c84f 2f7350 23586b")
    lawn = mix(lawn, rgb("e0605a"), smoothstep(1.5, 1.9, noise(rng, g, 60)))
    scene = mix(scene, lawn, smoothstep(-0.003, 0.003, y - bank))
    trunk = np.abs(x - 0.17 - 0.03 * np.sin(5 * y)) - 0.012 - 0.02 * smoothstep(0.6, 0.85, y)
    scene = mix(
        scene,
        ramp(np.clip((x - 0.15) / 0.05, 0, 1), "3a2a5c 8a4a52 d98a4e"),
        smoothstep(0.003, -0.003, trunk) * ((y > 0.2) & (y < 0.82)),
    )
    leaves = np.full((g, g), -1, np.float32)
    for leaf_x, leaf_y, size in (
        (0.05, 0.10, 0.15),
        (0.20, 0.05, 0.16),
        (0.33, 0.14, 0.11),
        (0.10, 0.26, 0.12),
        (0.25, 0.25, 0.09),
        (0.40, 0.05, 0.09),
    ):
        leaves = np.maximum(leaves, size - np.hypot(x - leaf_x, (y - leaf_y) * 1.25))
    foliage = noise(rng, g, 22, 3)
    lit = ramp(
        np.clip(0.45 + 1.4 * (x - 0.2) - 1.2 * (y - 0.15) + 0.22 * foliage, 0, 1),
        "1f3f6a 2a6a58 4f9a48 a8c048 f0d860",
    )
    scene = mix(scene, lit, smoothstep(-0.012, 0.012, leaves + 0.018 * foliage))

    pigments = palette(
        "f6e05a fbb23a f0803c e0483e c83c78 8a4a9e 4a48a0 2a5fb0 3a93c8 8cc8dc 2f9a80 4fa848 a8cc50 "
        "fbf3d8 f6c8b8 b8a8dc 1f3a5c"
    )
    picture = np.tile(rgb("efe3c4"), (n, n, 1))
    height = np.zeros((n, n), np.float32)
    lean = np.where(y > bank, -1.2, 0.0) + np.where(leaves > 0, 0.9, 0.0)
    for side, size, spread in ((62, 0.0235, 0.012), (84, 0.0135, 0.03), (88, 0.0105, 0.04)):
        at_x, at_y = scatter(rng, side, 0.02)
        wanted = np.clip(0.5 + (sample(scene, at_x, at_y) - 0.5) * 1.12, 0, 1)
        # chance weighs the pigments by nearness: side by side they average to the colour wanted
        nearness = -((wanted[:, None] - pigments) ** 2).sum(-1) / spread + rng.gumbel(size=(side * side, len(pigments)))
        colour = 0.8 * pigments[nearness.argmax(1)] + 0.2 * wanted
        brush(
            picture,
            height,
            rng,
            at_x,
            at_y,
            sample(lean, at_x, at_y) + rng.normal(0, 0.5, side * side),
            size * 1.25,
            size,
            colour,
            streak=0.05,
            body=0.0022,
        )
    return finish(picture, height, 0.45, 0.05)


def fauvism(n: int, rng: np.random.Generator) -> Array:
    """Untamed colours and blue contours make a village between red trees."""
    g = 400
    x, y = grid(g)
    wave = noise(rng, g, 6, 2)
    scene = ramp(np.clip(0.5 + 0.9 * (y - 0.2) + 0.13 * wave, 0, 1), "38a8b0 7cc8b8 f4e08a f7b070 f08090")
    angle = 0.35 * np.sin(5 * x + 3 * y) - 0.3
    contours: list[Array] = []

    def region(inside: Array, colours: str, tone: Array, along: Array | float) -> None:
        nonlocal scene, angle
        mask = smoothstep(-0.002, 0.002, inside)
        scene, angle = (
            mix(scene, ramp(np.clip(tone + 0.12 * wave, 0, 1), colours), mask),
            np.where(mask > 0.5, along, angle),
        )
        for i, outline in enumerate(contours):
            contours[i] = np.where(inside > 0, 1.0, outline)
        contours.append(np.abs(inside))

    slope = np.sin(4 * x + 0.6)
    region(y - 0.36 - 0.05 * np.sin(5 * x), "7a50a8 4668c0 9a78d0", 3 * x - 1, -0.3)
    region(y - 0.43 + 0.05 * np.sin(4 * x + 0.6), "2f9a70 58b860 f0d048", x, 0.2 * slope)
    for left, top, wide, tall, wall, roof in (
        (0.31, 0.40, 0.09, 0.11, "88c8d8 b8e0d0", "c02850 e85070"),
        (0.52, 0.36, 0.09, 0.13, "f090a8 f8b8a0", "3050b0 4880d0"),
        (0.60, 0.37, 0.12, 0.15, "f8e070 f8c048", "d83828 e86028"),
        (0.39, 0.37, 0.12, 0.14, "fbe8c0 f8b088", "e03a30 f06840"),
    ):
        box = np.minimum(wide / 2 - np.abs(x - left - wide / 2), np.minimum(y - top, top + tall - y))
        region(box, wall, (x - left) / wide, np.pi / 2)
        gable = np.minimum(y - top + 0.6 * wide - np.abs(x - left - wide / 2), top - y)
        region(gable, roof, (x - left) / wide, 0.6)
        door = np.minimum(0.11 * wide - np.abs(x - left - 0.62 * wide), y - top - 0.35 * tall)
        region(np.minimum(door, top + tall - y), "2a3890 3a68a8", y, np.pi / 2)
    region(y - 0.52 - 0.06 * np.sin(3 * x + 2), "f8a030 f8d040 e86838", 0.5 + 0.5 * np.sin(9 * x), -0.2)
    region(
        np.minimum(y - 0.53, 0.025 + 0.30 * (y - 0.5) - np.abs(x - 0.56 + 0.16 * np.sin(7 * (y - 0.5)))),
        "f8c8c8 e890b8 b878c8",
        2 * y - 1,
        1.2,
    )
    region(
        y - 0.76 - 0.10 * np.sin(3.4 * x + 4.2),
        "20885a 38a850 1868a0",
        0.5 + 0.5 * np.sin(6 * x),
        0.5 * slope,
    )
    for foot, bow, thick, colours in (
        (0.12, 0.07, 0.021, "c02030 e84030 f07838"),
        (0.27, -0.05, 0.017, "2038a0 3860c8 e84058"),
        (0.80, 0.06, 0.021, "d82840 f06030 8828a0"),
        (0.93, -0.04, 0.019, "2848b0 6840b0 e03850"),
    ):
        middle = foot + bow * np.sin(4.2 * y + foot * 20)
        region(
            np.minimum(thick * (0.55 + 0.8 * y) - np.abs(x - middle), 0.93 - 0.2 * np.abs(foot - 0.5) - y),
            colours,
            (x - middle) / thick * 0.5 + 0.5,
            np.pi / 2 - 0.3,
        )
    for leaf_x, leaf_y, size, colours in (
        (0.06, 0.07, 0.16, "107850 30a848 a8d048"),
        (0.31, 0.07, 0.13, "c82848 e85030 f89030"),
        (0.17, 0.20, 0.10, "1858a0 2898a8 58c878"),
        (0.76, 0.04, 0.14, "b82858 e84048 f8a040"),
        (0.96, 0.06, 0.15, "187858 48b050 d8d850"),
        (0.86, 0.20, 0.10, "e06020 f8a038 f8e068"),
    ):
        around = np.arctan2(y - leaf_y, x - leaf_x)
        bulge = 0.13 * np.abs(np.sin(4 * around + 40 * leaf_x)) + 0.07 * np.sin(3 * around) + 0.10 * wave
        region(
            size * (1 + bulge) - np.hypot(x - leaf_x, (y - leaf_y) * 1.2),
            colours,
            0.5 + (leaf_y - y) / size * 0.5,
            0.8 + 2 * (x - leaf_x),
        )

    # unpainted canvas glows between the strokes
    picture, height = paint(
        n,
        rng,
        scene,
        angle,
        ((25, 0.085, 0.028), (30, 0.05, 0.019), (40, 0.030, 0.012)),
        0.08,
        0.05,
        ground="f7ead0",
    )
    for outline in contours:
        down, right = np.gradient(outline)
        at_x, at_y = scatter(rng, 160, 0)
        hit = np.flatnonzero(sample(outline, at_x, at_y) < 0.0035)
        at_x, at_y = at_x[hit], at_y[hit]
        along = np.arctan2(sample(right, at_x, at_y), -sample(down, at_x, at_y))
        colour = vary(rng, np.tile(rgb("1c2a6c"), (len(hit), 1)), 0.2, 0.04)
        brush(picture, height, rng, at_x, at_y, along, 0.03, 0.0085, colour, body=0.003)
    return finish(picture, height, 0.6, 0.06)


def cubism(n: int, rng: np.random.Generator) -> Array:
    """Shaded planes in ochre and umber take a guitar and a bottle apart."""
    g = 512
    x, y = grid(g)
    scene = ramp(
        np.clip(0.5 + 0.5 * (0.6 - np.hypot(x - 0.5, (y - 0.5) * 0.8)) + 0.12 * noise(rng, g, 4, 2), 0, 1),
        "4a4238 6e6450 8f8468 b5a47c",
    )
    lines = np.ones((g, g), np.float32)
    tones = [
        "54402c c09458",
        "6a4a2a d9b070",
        "3a443e a0a690",
        "8a5a30 f0d8a0",
        "4a5048 c8bc98",
        "a06a34 e8c07a",
        "3a3024 98835c",
        "5a3a24 c88a50",
        "5c6a68 d8d0b4",
    ]
    angle = np.full((g, g), 0.2, np.float32)
    spread_x, spread_y = scatter(rng, 5)
    for i in range(58):
        # big planes over the whole canvas first, small ones where the still life stands
        depth = max(0.0, (i - 15) / 43)
        spin, away = rng.uniform(0, 2 * np.pi), (0.50 - 0.28 * depth) * np.sqrt(rng.random())
        px, py = 0.5 + away * np.cos(spin) * 0.8, 0.5 + away * np.sin(spin) * 1.05
        if i < 25:
            px, py = spread_x[i], spread_y[i]
        tilt = rng.choice([-1.0, -0.45, 0.0, 0.45, 1.0]) + rng.normal(0, 0.12)
        size = (0.32 - 0.20 * depth) * rng.uniform(0.7, 1.2)
        u = (x - px) * np.cos(tilt) + (y - py) * np.sin(tilt)
        v = (y - py) * np.cos(tilt) - (x - px) * np.sin(tilt)
        skew = rng.uniform(-0.6, 0.6)
        inside = np.minimum(size * rng.uniform(0.35, 0.75) - np.abs(u + skew * v), size - np.abs(v - 0.3 * skew * u))
        if i % 3 == 0:
            inside = np.minimum(inside, size * 0.5 + u * 0.8 - v * 0.6)
        shade = np.clip(0.5 + (u * rng.choice([-1, 1]) + 0.35 * v) / size * 0.75, 0, 1)
        opaque = smoothstep(-0.001, 0.001, inside) * (0.92 - 0.55 * shade * rng.random())
        scene = mix(scene, ramp(shade, tones[rng.integers(len(tones))]), opaque)
        angle = np.where(inside > 0, tilt + rng.choice([0, np.pi / 2]) + 0.4 * np.sin(9 * u), angle)
        lines = np.minimum(
            np.where(inside > 0, np.maximum(lines, 0.55 * opaque), lines),
            np.maximum(np.abs(inside) / 0.0022, 0.45 + 0.55 * shade),
        )

    def trace(distance: Array, dark: Array | float = 0.0) -> None:
        nonlocal lines
        lines = np.minimum(lines, np.maximum(np.abs(distance) / 0.0026, dark))

    # the motif, seen from two sides at once: a guitar, its sound hole and strings, a bottle, a glass
    split = x + 0.22 * y - 0.63
    for side, slip, wood in (
        (split < 0, 0.0, "6e3f1c b8742e f2c877"),
        (split >= 0, 0.05, "f6dca0 d89a4a 8a4f22"),
    ):
        down = y - slip
        waist = np.minimum(
            np.hypot(x - 0.46, (down - 0.68) * 1.05) - 0.20, np.hypot(x - 0.52, (down - 0.44) * 1.1) - 0.145
        )
        tone = np.clip(0.5 + 1.8 * (x - 0.5) - 0.5 * (down - 0.6), 0, 1)
        seen = smoothstep(0.002, -0.002, waist) * side
        scene = mix(scene, 0.3 * scene + 0.7 * ramp(tone, wood), 0.85 * seen)
        lines = np.where(seen > 0.5, np.maximum(lines, 0.6), lines)
        trace(np.abs(waist) - 0.0015, np.where(side, 0.0, 1.0))
        hole = np.hypot(x - 0.50, down - 0.55)
        scene = mix(scene, rgb("1c1712"), 0.92 * smoothstep(0.056, 0.053, hole) * side)
        trace(hole - 0.068, np.where(side, 0.3, 1.0))
    trace(split, np.where(np.abs(y - 0.55) < 0.34, 0.2, 1.0))
    neck = smoothstep(0.036, 0.034, np.abs(x - 0.545 + 0.09 * (y - 0.3))) * ((y > 0.10) & (y < 0.44))
    scene = mix(scene, ramp(np.clip((x - 0.50) / 0.08, 0, 1), "241a12 4a3220 7a5430"), neck)
    for string in range(5):
        gap = x - 0.527 - 0.011 * string + 0.09 * (y - 0.3)
        wire = smoothstep(0.0022, 0.0008, np.abs(gap)) * ((y > 0.11 + 0.01 * string) & (y < 0.76))
        scene = mix(scene, rgb("f4e6c0"), 0.9 * wire)
    bottle = np.abs(x - 0.79) - np.where(y < 0.36, 0.024, 0.024 + 0.055 * smoothstep(0.36, 0.46, y))
    stands = (y > 0.22) & (y < 0.78)
    glass = ramp(np.clip((x - 0.72) / 0.14, 0, 1), "d8dcc0 5c7464 26342c 8a9a80")
    scene = mix(scene, glass, 0.8 * smoothstep(0.002, -0.002, bottle) * stands * (x > 0.765 + 0.2 * (y - 0.5)))
    trace(bottle, np.where(stands, 0.0, 1.0))
    trace(np.hypot(x - 0.22, (y - 0.40) * 2.2) - 0.075)
    trace(np.abs(x - 0.22) - 0.075 + 0.25 * np.clip(y - 0.40, 0, 1), np.where((y > 0.40) & (y < 0.64), 0.0, 1.0))
    for line in range(9):
        # a strip of newsprint
        print_y = y - 0.80 - 0.016 * line - 0.25 * (x - 0.2)
        trace(np.abs(print_y) - 0.0012, np.where((x > 0.10) & (x < 0.31 + 0.03 * np.sin(7 * line)), 0.45, 1.0))

    scene = np.clip(0.5 + 1.3 * (scene - 0.44), 0.05, 0.97)
    picture, height = paint(n, rng, scene, angle, ((44, 0.040, 0.020), (50, 0.03, 0.013)), 0.06, 0.012, 0.0025)
    fine = enlarge(scene, n)
    picture = 0.35 * picture + 0.65 * fine
    charcoal = np.clip(1 - resize(lines, n), 0, 1) * np.clip(0.85 + 0.2 * noise(rng, n, 220), 0, 1)
    return finish(mix(picture, rgb("17120d"), 0.85 * charcoal), height, 0.38, 0.03)


def orphism(n: int, rng: np.random.Generator) -> Array:
    """Discs of simultaneous colours turn against each other."""
    g = 512
    x, y = grid(g)
    wheel = palette("e4342c f26a2a f9a825 f8d83a b8cc3c 3f9e4c 1f8a8a 2f6fc0 2c3f98 5a3494 98308c d8386c")
    scene = np.zeros((g, g, 3), np.float32)
    angle = np.zeros((g, g), np.float32)
    discs = [
        (0.5, 0.5, 0.9, 0.16),
        (0.13, 0.86, 0.34, 0.075),
        (0.86, 0.12, 0.33, 0.07),
        (0.90, 0.62, 0.20, 0.05),
        (0.12, 0.24, 0.24, 0.055),
        (0.42, 0.52, 0.335, 0.056),
        (0.68, 0.86, 0.215, 0.047),
        (0.50, 0.08, 0.125, 0.036),
    ]
    for turn, (cx, cy, radius, band) in enumerate(discs):
        dx, dy = x - cx, y - cy
        d, phi = np.hypot(dx, dy), np.arctan2(dy, dx) + 0.35 * turn
        ring = np.floor(d / band).astype(int)
        # rings are cut into quarters and eighths, each cut shifting the colour against its neighbour
        cut = np.floor(phi / (np.pi / 2)).astype(int) + 2
        hue = (ring * 5 + cut * (3 + 2 * (ring % 2)) + turn * 4) % 12
        colour = wheel[hue]
        pale = ((ring + cut + turn) % 4 == 0)[..., None]
        dark = ((ring * 2 + cut) % 7 == 3)[..., None]
        colour = np.where(
            pale,
            0.35 * colour + 0.65 * rgb("fbf1d6"),
            np.where(dark, 0.45 * colour + 0.35 * rgb("14204c"), colour),
        )
        swell = 0.5 + 0.5 * np.sin(phi * 2 + ring)
        colour = colour * (0.84 + 0.22 * swell[..., None])
        mask = smoothstep(0.001, -0.001, d - radius)
        scene, angle = (
            mix(scene, colour.astype(np.float32), mask),
            np.where(mask > 0.5, np.arctan2(dx, -dy), angle),
        )
    picture, height = paint(n, rng, scene, angle, ((50, 0.05, 0.017), (70, 0.034, 0.0105)), 0.05, 0.02, 0.0028)
    fine = enlarge(scene, n)
    weave = noise(rng, n, 260) * 0.00028
    return finish(0.6 * picture + 0.4 * fine, height + weave, 0.6, 0.05)
