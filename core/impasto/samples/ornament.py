"""Ornament: gold leaf and the printed wave."""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from .easel import Array, blur, grid, light, mix, noise, palette, ramp, rgb, smoothstep


def dye(colour: Array) -> tuple[int, int, int]:
    """Turn a colour in [0, 1] into the bytes that Pillow draws with."""
    red, green, blue = (int(v) for v in np.clip(colour, 0, 1) * 255 + 0.5)
    return red, green, blue


def gilding(n: int, rng: np.random.Generator) -> Array:
    """Spirals of a golden tree curl over gold leaf and a jewelled meadow."""
    x, y = grid(n)
    leaf = 9
    column, row = np.floor(x * leaf + 0.1 * np.sin(3 * y)), np.floor(y * leaf)
    tone = rng.random((leaf + 2, leaf + 2))[row.astype(int), column.astype(int)]
    fray_x, fray_y = (
        np.abs(np.mod(x * leaf + 0.1 * np.sin(3 * y), 1) - 0.5),
        np.abs(np.mod(y * leaf, 1) - 0.5),
    )
    seam = smoothstep(0.475, 0.5, np.maximum(fray_x, fray_y) + 0.006 * noise(rng, n, 60, 2))
    age = noise(rng, n, 6, 5)
    picture = ramp(
        np.clip(0.52 + 0.20 * (tone - 0.5) + 0.17 * age - 0.35 * seam, 0, 1),
        "6b4413 a8741f cf9a34 e6bd58 f6dc90",
    )
    worn = smoothstep(1.7, 2.5, noise(rng, n, 40, 3))
    picture = mix(picture, rgb("8a3a20"), 0.55 * worn)

    colour = Image.new("RGB", (n, n))
    cover = Image.new("L", (n, n))
    raised = Image.new("L", (n, n))
    draw, mask, stand = (ImageDraw.Draw(image) for image in (colour, cover, raised))

    def spot(px: float, py: float, radius: float, tint: Array, height: int) -> None:
        box = [(px - radius) * n, (py - radius) * n, (px + radius) * n, (py + radius) * n]
        draw.ellipse(box, fill=dye(tint))
        mask.ellipse(box, fill=255)
        stand.ellipse(box, fill=height)

    bark = palette("5a3210 7a4a1a 9a6424")

    def curl(px: float, py: float, turn: float, length: float, thick: float, sense: int, depth: int) -> None:
        """Draw a branch that winds ever tighter, with smaller ones springing from its back."""
        steps = max(30, int(560 * length))
        path, buds = [], []
        for k in range(steps):
            t = k / steps
            turn += sense * (0.9 + 17.0 * t**2.4 + 8 * t**8) / steps
            px, py = px + length / steps * np.cos(turn), py + length / steps * np.sin(turn)
            path.append((px, py, thick * (1 - 0.72 * t)))
            if depth and any(k == int(steps * place) for place in (0.16, 0.36, 0.56)):
                buds.append((px, py, turn - sense * 0.5, length * (0.52 - 0.2 * t), thick * 0.62, -sense, depth - 1))
        for bud in buds:
            curl(*bud)
        for rim, height in ((0.0030, 120), (0.0, 255)):
            for k, (qx, qy, wide) in enumerate(path):
                spot(qx, qy, wide + rim, rgb("2a1608") if rim else bark[(k // 20) % 3], height)
        qx, qy, wide = path[-1]
        spot(qx, qy, wide * 1.7 + 0.003, rgb("2a1608"), 200)
        spot(qx, qy, wide * 1.7, rgb("f0d080"), 255)

    for px, py, turn, length, thick, sense in (
        (0.14, 0.88, -1.62, 0.66, 0.0085, 1),
        (0.86, 0.88, -1.52, 0.66, 0.0085, -1),
        (0.47, 0.70, -2.30, 0.72, 0.0115, -1),
        (0.53, 0.70, -0.84, 0.72, 0.0115, 1),
        (0.49, 0.60, -2.02, 0.82, 0.0125, 1),
        (0.51, 0.60, -1.12, 0.82, 0.0125, -1),
        (0.49, 0.58, -1.72, 0.86, 0.0135, -1),
        (0.51, 0.58, -1.42, 0.86, 0.0135, 1),
    ):
        curl(px, py, turn, length, thick, sense, 2)
    # the trunk, inlaid with triangles and eyes
    for k in range(70):
        t = k / 70
        spot(0.5 + 0.012 * np.sin(6 * t), 0.55 + 0.45 * t, 0.030 + 0.030 * t * t, bark[k // 4 % 3], 235)
    for _ in range(46):
        t = rng.random()
        px, py, size = (
            0.5 + (0.024 + 0.024 * t * t) * rng.uniform(-1, 1),
            0.54 + 0.40 * t,
            0.0085 * rng.uniform(0.7, 1.2),
        )
        tint = palette("f2d27a d8a83a f8f0d8 1c1410 c05a2a 3a7a8a")[rng.integers(6)]
        up = rng.choice([-1, 1])
        corners = [
            ((px - size) * n, (py + up * size) * n),
            ((px + size) * n, (py + up * size) * n),
            (px * n, (py - up * size) * n),
        ]
        draw.polygon(corners, fill=dye(tint))
    # a meadow of discs
    flowers = [
        "c8283a f6c8b0 f2c040",
        "2a4a9a 9ac0e0 f8f0d8",
        "e8782a f8d870 a82a2a",
        "6a3a8a d8a8d8 f2d060",
        "f4ecd8 e8b040 b04a28",
        "2a8a7a b8e0c0 e8c050",
        "d84a7a f8d0d8 6a1a3a",
    ]
    spread = [(rng.random(), rng.random()) for _ in range(330)]
    for px, depth in sorted(spread, key=lambda at: at[1]):
        py = 0.80 + 0.23 * depth + 0.035 * np.cos(6.28 * px * 1.5 + 2.0)
        size = (0.008 + 0.017 * depth) * rng.uniform(0.65, 1.15)
        if rng.random() < 0.36:
            green = palette("2f6a3a 4a8a3a 1f5a4a 8aa63a 1f4a5a")[rng.integers(5)]
            for k in range(3):
                spot(
                    px + 0.007 * (k - 1),
                    py - size * (1 - abs(k - 1)) * 0.9,
                    size * 0.75,
                    green * rng.uniform(0.8, 1.15),
                    190,
                )
            continue
        for ring, code in enumerate(flowers[rng.integers(7)].split()):
            spot(px, py, size * (1 - 0.32 * ring), rgb(code), 200 + 20 * ring)
        for k in range(6):
            spot(
                px + 0.82 * size * np.cos(k * 1.047),
                py + 0.82 * size * np.sin(k * 1.047),
                size * 0.13,
                rgb("f8e8b0"),
                255,
            )
    # medallions and small tiles scattered between the spirals, as on a robe
    for _ in range(60):
        px, py, size = rng.random(), 0.74 * rng.random(), rng.uniform(0.006, 0.011)
        if rng.random() < 0.55:
            for ring, code in enumerate(("2a1608", "f8f0d8", "1c1410", "e8c050")):
                spot(px, py, size * (1.15 - 0.27 * ring), rgb(code), 230)
        else:
            tint = palette("1c1410 f8f0d8 b8bcc0 a83a28 2a5a7a")[rng.integers(5)]
            box = [(px - size * 0.7) * n, (py - size * 1.3) * n, (px + size * 0.7) * n, (py + size * 1.3) * n]
            draw.rectangle(box, fill=dye(tint))
            mask.rectangle(box, fill=255)
            stand.rectangle(box, fill=210)

    covered = np.asarray(cover, np.float32) / 255
    painted = np.asarray(colour, np.float32) / 255
    gilt = smoothstep(0.3, 1.2, noise(rng, n, 110)) * 0.45
    painted = mix(painted, rgb("e8c060"), gilt * (painted.max(-1) < 0.66))
    picture = mix(picture, painted, covered)
    body = blur(np.asarray(raised, np.float32) / 255, 0.0017)
    lit, gleam = light(0.006 * body + 0.00022 * noise(rng, n, 200) + 0.0005 * noise(rng, n, 45, 2), 0.6, 26)
    metal = np.where(covered > 0.5, 0.30, 0.55)
    shade = (0.45 + 0.55 * lit) * (1.06 - 0.5 * ((x - 0.45) ** 2 + (y - 0.4) ** 2))
    gilded: Array = picture * (shade + gleam * metal)[..., None]
    return gilded


def wave(n: int, rng: np.random.Generator) -> Array:
    """A great wave breaks in Prussian blue bands under a pale printed sky."""
    _, y = grid(n)
    wood = noise(rng, n, (150, 5), 2)
    sky = ramp(np.clip(y / 0.75 + 0.012 * wood, 0, 1), "8a9aa6 b8bcb4 e2d6b4 f0e2bf f2e4c4 ecd9b4")
    image = Image.fromarray((np.clip(sky, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    line = rgb("14284e")

    def spline(points: list[tuple[float, float]], count: int = 160) -> Array:
        """Run a Catmull-Rom curve through points: (count, 2)."""
        knots = np.array([points[0], *points, points[-1]])
        t = np.linspace(0, len(points) - 1.0001, count)
        k, f = t.astype(int), (t % 1)[:, None]
        a, b, c, d = (knots[k + i] for i in range(4))
        curve: Array = 0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3)
        return curve

    def polygon(points: Array, tint: Array) -> None:
        draw.polygon([(px * n, py * n) for px, py in points], fill=dye(tint))

    def stroke(points: Array, width: float, tint: Array) -> None:
        draw.line(
            [(px * n, py * n) for px, py in points],
            fill=dye(tint),
            width=max(1, round(width * n)),
            joint="curve",
        )

    def bands(back: Array, face: Array, codes: str, edges: Array) -> None:
        """Fill the water between two curves with bands that bend from the one into the other."""
        tones = palette(codes)
        for k, (start, stop) in enumerate(pairwise(edges)):
            near, far = back + (face - back) * start, back + (face - back) * stop
            polygon(np.concatenate([near, far[::-1]]), tones[k % len(tones)])
        for edge in edges:
            stroke(back + (face - back) * edge, 0.0022, line)

    def foam(path: Array, reach: float, lean: float, curl: float, every: int) -> None:
        """Let claws of foam hang from a crest: dark outlines first, white on top."""
        claws = []
        for k in range(0, len(path) - 1, every):
            (px, py), (qx, qy) = path[k], path[min(k + every, len(path) - 1)]
            heading = np.arctan2(qy - py, qx - px) + lean + rng.normal(0, 0.18)
            size = reach * rng.uniform(0.7, 1.2)
            for finger in (-0.55, 0.0, 0.6):
                turn, fx, fy = heading + finger, px, py
                for step in range(9):
                    t = step / 9
                    turn += curl * (0.10 + 0.22 * t)
                    fx, fy = fx + size / 7 * np.cos(turn), fy + size / 7 * np.sin(turn)
                    claws.append((fx, fy, size * 0.21 * (1 - 0.72 * t)))
            claws.append((px, py, size * 0.34))
        for rim, tint in ((0.0026, line), (0.0, rgb("f8f2e2"))):
            for px, py, radius in claws:
                grown = (radius + rim) * n
                draw.ellipse([px * n - grown, py * n - grown, px * n + grown, py * n + grown], fill=dye(tint))
        for px, py, radius in claws[::4]:
            grown = 0.55 * radius * n
            draw.ellipse(
                [px * n - grown, py * n - 0.4 * grown, px * n + grown, py * n + 1.4 * grown],
                fill=dye(rgb("b9d3dc")),
            )
            draw.ellipse([px * n - grown, py * n - grown, px * n + grown, py * n + grown], fill=dye(rgb("f8f2e2")))

    # the mountain far away
    slope = spline(
        [
            (0.50, 0.74),
            (0.62, 0.685),
            (0.70, 0.60),
            (0.745, 0.545),
            (0.785, 0.545),
            (0.83, 0.60),
            (0.91, 0.685),
            (1.04, 0.74),
        ]
    )
    polygon(slope, rgb("5c7a92"))
    stroke(slope, 0.002, line)
    cap = spline([(0.700, 0.600), (0.745, 0.545), (0.785, 0.545), (0.830, 0.600)], 60)
    zigzag = np.array(
        [
            (0.815, 0.605),
            (0.800, 0.588),
            (0.785, 0.618),
            (0.768, 0.592),
            (0.752, 0.622),
            (0.735, 0.590),
            (0.718, 0.610),
        ]
    )
    polygon(np.concatenate([cap, zigzag]), rgb("f8f2e2"))
    # a far swell
    back = spline([(0.40, 0.78), (0.55, 0.735), (0.72, 0.755), (0.88, 0.715), (1.05, 0.74)])
    bands(
        back,
        back + np.array([0.0, 0.16]),
        "2f6796 f3ead4 4f8ab0 1f4a7c 7fb0c8",
        np.array([0, 0.12, 0.2, 0.38, 0.6, 1.0]),
    )
    foam(back[::4], 0.022, -1.2, 0.9, 3)
    # the great wave: its back, and the hollow face it curls over
    back = spline(
        [
            (-0.05, 0.56),
            (0.05, 0.43),
            (0.16, 0.27),
            (0.30, 0.145),
            (0.45, 0.105),
            (0.58, 0.14),
            (0.665, 0.225),
            (0.69, 0.325),
        ]
    )
    face = spline(
        [
            (-0.05, 1.02),
            (0.16, 0.97),
            (0.30, 0.88),
            (0.355, 0.74),
            (0.365, 0.60),
            (0.41, 0.46),
            (0.50, 0.36),
            (0.61, 0.335),
        ]
    )
    bands(
        back,
        face,
        "1d3f78 f3ead4 2a5c94 5f9abf 1a3568 f3ead4 3a76a8 86b6cc 1d3f78 4a86b0",
        np.array([0, 0.13, 0.17, 0.30, 0.37, 0.50, 0.54, 0.68, 0.75, 0.88, 1.0]),
    )
    floor = spline(
        [
            (-0.05, 1.02),
            (0.16, 0.97),
            (0.30, 0.88),
            (0.37, 0.80),
            (0.52, 0.835),
            (0.70, 0.87),
            (0.88, 0.82),
            (1.05, 0.80),
        ]
    )
    bands(
        floor,
        floor + np.array([0.0, 0.25]),
        "6aa2c2 1f4a7c 3a76a8 f3ead4 1a3568 4f8ab0 14284e",
        np.array([0, 0.10, 0.28, 0.42, 0.47, 0.68, 0.8, 1.0]),
    )
    foam(floor[50:][::3], 0.020, -1.3, 0.8, 3)
    crest = back[24:]
    foam(crest[:-10:1], 0.034, -0.9, 0.9, 6)
    foam(np.concatenate([back[-46:], face[-1:]]), 0.074, 0.75, 0.75, 6)
    foam(back[-70:-20], 0.058, 1.1, 0.7, 7)
    # a second, nearer wave
    back = spline([(0.42, 1.05), (0.58, 0.955), (0.72, 0.875), (0.84, 0.835), (0.93, 0.855), (0.965, 0.905)])
    face = spline([(0.60, 1.10), (0.72, 1.05), (0.80, 1.00), (0.85, 0.95), (0.90, 0.93), (0.945, 0.925)])
    bands(back, face, "1d3f78 f3ead4 2f6796 7fb0c8 1a3568", np.array([0, 0.22, 0.30, 0.55, 0.72, 1.0]))
    foam(back[60:], 0.040, 0.9, 0.75, 8)
    for _ in range(170):
        px, py = 0.36 + 0.58 * rng.random(), 0.05 + 0.48 * rng.random() ** 1.3
        radius = rng.uniform(0.0012, 0.0042) * n
        if np.hypot(px - 0.62, (py - 0.27) * 1.1) < 0.30:
            draw.ellipse([px * n - radius, py * n - radius, px * n + radius, py * n + radius], fill=dye(rgb("fbf7ea")))

    print_ = np.asarray(image, np.float32) / 255
    grain = noise(rng, n, 230, 2)
    fade = 1 + 0.022 * wood + 0.016 * grain - 0.03 * smoothstep(1.0, 2.5, noise(rng, n, 30, 3))
    bokashi = mix(print_, print_ * rgb("b8cde0"), 0.8 * smoothstep(0.16, 0.0, y))
    return bokashi * fade[..., None] * rgb("fffaf0")
