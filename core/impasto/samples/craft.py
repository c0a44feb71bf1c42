"""Crafts: glass, stone, thread, dye and floating ink."""

import numpy as np
from PIL import Image, ImageDraw
from skimage.measure import find_contours

from .easel import (
    Array,
    blur,
    brush,
    cells,
    grid,
    light,
    mix,
    noise,
    palette,
    rgb,
    sample,
    smoothstep,
)


def stained_glass(n: int, rng: np.random.Generator) -> Array:
    """A rose window glows through leaded jewel colours."""
    x, y = grid(n)
    dx, dy = x - 0.5, y - 0.5
    d, phi = np.hypot(dx, dy), np.arctan2(dy, dx)
    lead = np.full((n, n), 1.0, np.float32)
    hue = np.zeros((n, n), np.int64)
    stock: list[Array] = []
    piece = np.zeros((n, n), np.int64)

    def pane(distance: Array, number: Array, jewels: str, cut: Array | float = 1.0) -> None:
        """Set glass where `distance` < 0: one jewel for each number, lead around it and along `cut`."""
        nonlocal lead, hue, piece
        inside = distance < 0
        shuffled = (number * 7919 + 104729 * len(jewels)) % 8191
        hue = np.where(inside, sum(map(len, stock)) + shuffled % len(jewels.split()), hue)
        stock.append(palette(jewels))
        piece = np.where(inside, shuffled, piece)
        lead = np.where(inside, np.minimum(-distance, cut), np.minimum(lead, distance))

    def turned(count: int, offset: float = 0.0) -> tuple[Array, Array, Array]:
        """Fold the circle into equal sectors: (sector, radial and tangential coordinate in it)."""
        sector = np.floor(phi / (2 * np.pi) * count + offset)
        local = phi - (sector - offset + 0.5) * 2 * np.pi / count
        return (sector % count).astype(np.int64), d * np.cos(local), d * np.sin(local)

    ground, gap = cells(rng, x + 0.02 * np.sin(9 * y), y + 0.02 * np.sin(8 * x), 11)
    pane(np.full((n, n), -1.0), ground, "16226e 1f3fa8 2a64c8 3b2c8c 123a80 4a90d8", gap)
    for cx, cy in ((0.09, 0.09), (0.91, 0.09), (0.09, 0.91), (0.91, 0.91)):
        boss = np.hypot(x - cx, y - cy)
        turn = np.floor((np.arctan2(y - cy, x - cx) / np.pi + 1) * 4).astype(np.int64)
        spoke = boss * np.abs(np.sin(4 * np.arctan2(y - cy, x - cx))) / 4
        pane(boss - 0.085, turn % 2, "c41e2e e8b83a", spoke)
        pane(boss - 0.046, turn * 0 + 3, "2a8a5a")
        pane(boss - 0.022, turn * 0, "f6dc78")
    rim, out, side = turned(48)
    pane(
        d - 0.485,
        rim % 2 + 2 * (rim % 3),
        "d8a428 a81c2c e8c458 1f7a4c",
        np.abs(d * np.pi / 48 - np.abs(side)),
    )
    split, gap = cells(rng, x, y, 16)
    pane(d - 0.445, split, "8c1430 c4203a b0182c e04a3a 7a1848 d8603a", gap)
    medal, out, side = turned(12, 0.5)
    ring = np.hypot(out - 0.368, side)
    pane(ring - 0.066, medal % 3, "1e48b4 2c7ac8 5a38a8")
    quarter = (np.floor(np.arctan2(side, out - 0.368) / (np.pi / 2)) + 2).astype(np.int64)
    petal = np.hypot(np.abs(out - 0.368) - 0.024, np.abs(side) - 0.024) - 0.024
    pane(petal, quarter % 2, "f0c850 f8e8b0")
    pane(ring - 0.017, medal % 2, "d42a3a e86a30")
    lancet, out, side = turned(12)
    tip = np.hypot((out - 0.200) / 1.9, side) - 0.052
    pane(
        np.maximum(tip, 0.08 - d),
        lancet * 2 + (out > 0.2),
        "1f8a6a 2aa88a 1a6a9a 58b868 148080 8cc850",
        np.abs(out - 0.2),
    )
    inner = np.hypot((out - 0.190) / 2.0, side) - 0.026
    pane(inner, lancet % 3, "f4b83a f8dc6a f09030")
    _, out, side = turned(8)
    bud = np.hypot((out - 0.064) / 1.25, side) - 0.027
    pane(d - 0.100, piece * 0 + 5, "3a1c78 2a2c98")
    pane(bud, np.floor(phi * 4 / np.pi).astype(np.int64) % 2, "e0303c f06a48")
    pane(d - 0.030, piece * 0, "fbe48a")

    glass = np.concatenate(stock)[hue]
    # hand-blown glass: streaks run another way in every piece, seeds and ripples scatter the light
    spin = (piece % 17) * 0.37
    streaks = noise(rng, 640, (10, 70), 3)
    ripple = sample(
        streaks,
        np.mod(0.5 + dx * np.cos(spin) - dy * np.sin(spin) + piece % 13 * 0.07, 1),
        np.mod(0.5 + dx * np.sin(spin) + dy * np.cos(spin), 1),
    )
    tone = 0.86 + 0.15 * ripple + 0.10 * np.sin(piece) + 0.07 * noise(rng, n, 60, 2)
    backlight = 1.12 * np.exp(-((d / 0.75) ** 2)) + 0.10 * noise(rng, n, 3, 2)
    halo = smoothstep(0.0, 0.026, lead)
    shine = (
        glass ** (1.15 - 0.25 * halo)[..., None] * (tone * (0.50 + 0.62 * backlight) * (0.70 + 0.45 * halo))[..., None]
    )
    shine += (0.10 * np.clip(ripple, 0, 3) * halo * backlight)[..., None] * (0.4 + glass)
    came = 0.0052
    solid = smoothstep(came + 0.0006, came - 0.0006, lead)
    lit, gleam = light(np.sqrt(np.clip(came**2 - lead**2, 0, None)) + 0.0002 * noise(rng, n, 120), 0.25, 20)
    metal = rgb("23242b") * (0.5 + 0.5 * lit)[..., None] + gleam[..., None] * rgb("9aa4b8")
    picture = mix(np.clip(shine, 0, 1.2), metal, solid)
    # bright glass spills over the lead
    spill = blur(np.clip(shine, 0, 1) ** 2 * (1 - solid)[..., None], 0.010)
    return picture + 0.34 * spill


def rows(field: Array, inside: Array, spacing: float, step: float) -> tuple[Array, Array, Array, Array]:
    """Walk along the level lines of a field (g, g) inside a mask: x, y, angle and level of the points.

    The field is a distance in fractions of the side; rows lie `spacing` apart, points `step`.
    """
    g = len(field)
    found = [np.zeros((4, 0))]
    low, high = field[inside].min(), field[inside].max()
    for k in range(int(low / spacing) - 1, int(high / spacing) + 2):
        level = (k + 0.5) * spacing
        for line in find_contours(field, level, mask=inside):
            legs = np.hypot(*np.diff(line, axis=0).T)
            arc = np.concatenate([[0], np.cumsum(legs)]) / g
            if arc[-1] < 0.6 * step:
                continue
            count = max(1, round(arc[-1] / step))
            at = (np.arange(count) + 0.5) * arc[-1] / count
            y, x = (np.interp(at, arc, axis) for axis in line.T)
            ahead = [np.interp(at + 0.2 * step, arc, axis) - np.interp(at - 0.2 * step, arc, axis) for axis in line.T]
            found.append(np.stack([(x + 0.5) / g, (y + 0.5) / g, np.arctan2(*ahead), np.full(count, level)]))
    points = np.concatenate(found, 1)
    return points[0], points[1], points[2], points[3]


def mosaic(n: int, rng: np.random.Generator) -> Array:
    """Tesserae of stone and gold follow the contours of a peacock."""
    g = 360
    x, y = grid(g)
    size = 0.0138
    fan_x, fan_y = 0.5, 0.66
    fx, fy = x - fan_x, y - fan_y
    fan, spread = np.hypot(fx, fy), np.abs(np.arctan2(fx, -fy))
    regions: list[tuple[Array, Array, object]] = []

    def lay(distance: Array, colours: object, along: Array | None = None) -> None:
        """Cover `distance` < 0 with rows along its border (or the field `along`), coloured by depth."""
        regions.append((distance, -distance if along is None else along, colours))

    edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    lay(-edge, ["1d2f6f", "1d2f6f", "e8dcc0", "a8322a", "c8503a", "e8dcc0"] + ["gold"] * 30)
    lay(
        np.maximum(6 * size - edge, 0.865 + 0.012 * np.sin(14 * x) - y),
        ["2a5a3c", "4a8a4c", "7aa850", "4a8a4c", "2f6a4a", "8ab05a"] * 3,
    )
    tail = np.maximum(fan - 0.535, (spread - 2.02) * np.minimum(fan, 0.3))
    tail = np.maximum(tail, 6.6 * size - edge)
    lay(
        tail,
        ["e0c060", "1c6a5a", "2a8a6a", "1f7a70", "15586a", "2c9a78", "6ab06a", "1f7a70"] * 6,
        0.535 - fan,
    )
    for radius, count in ((0.475, 13), (0.355, 11), (0.245, 8)):
        for k in range(count):
            turn = -np.pi / 2 + (k - (count - 1) / 2) * 3.75 / count
            ex, ey = fan_x + radius * np.cos(turn), fan_y + radius * np.sin(turn)
            if min(ex, 1 - ex) > 0.11:
                lay(
                    np.hypot(x - ex, y - ey) - 0.0485 * (0.72 + 0.6 * radius),
                    ["d8b848", "b8562c", "3aa8a0", "1c3a9a", "122258"],
                )
    body = np.hypot(fx / 0.85, fy - 0.035) - 0.118
    bow = 0.02 * np.sin(9 * (y - 0.4))
    neck = np.maximum(np.abs(x - 0.5 - bow) - 0.036 - 0.10 * np.clip(y - 0.50, 0, 1), np.abs(y - 0.53) - 0.14)
    head = np.hypot(x - 0.5, y - 0.385) - 0.047
    bird = np.minimum(np.minimum(body, neck), head)
    for k in range(5):
        turn = -np.pi / 2 + (k - 2) * 0.36
        lay(
            np.hypot(x - 0.5 - 0.105 * np.cos(turn), y - 0.365 - 0.105 * np.sin(turn)) - 0.0175,
            ["f0d878", "2a6ac0"],
        )
    lay(
        np.where((y > 0.78) & (y < 0.885), np.abs(np.abs(x - 0.5) - 0.045) - 0.009, 1),
        ["d89838"],
    )
    lay(bird, ["0e1c58", "1c3c9c", "2458b8", "2a78c8", "38a0cc", "50b8c0", "78ccb0", "a8d890"])
    lay(
        np.maximum(np.abs(x - 0.5) - 0.020 * (0.455 - y) / 0.05, np.abs(y - 0.43) - 0.024),
        ["e8a030", "f0c860"],
    )
    for eye in (0.480, 0.520):
        lay(np.hypot(x - eye, y - 0.378) - 0.010, ["fbf4e0"])

    owner = np.full((g, g), -1)
    for number, (distance, _, _) in enumerate(regions):
        owner[distance < 0] = number
    nearest = np.min([np.where(distance < 0, 1, distance) for distance, _, _ in regions[1:]], 0)
    picture = Image.new("RGB", (n, n), (92, 84, 76))
    relief = Image.new("L", (n, n), 0)
    paint, stand = ImageDraw.Draw(picture), ImageDraw.Draw(relief)
    taken = np.zeros((g * 2, g * 2), bool)
    reach = int(0.66 * size * g * 2)
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = down**2 + right**2 <= reach**2
    gold = palette("c8922a e0b040 f2cc60 b87c20 f8e08c d8a038")
    for number in reversed(range(len(regions))):
        _, along, colours = regions[number]
        inside = owner == number
        if not inside.any():
            continue
        field = along if number else np.where(edge < 6 * size, edge, 6 * size + nearest)
        for px, py, angle, level in zip(*rows(field, inside, size, size * 1.04), strict=True):
            i, j = int(py * g * 2), int(px * g * 2)
            window = taken[max(0, i - reach) : i + reach + 1, max(0, j - reach) : j + reach + 1]
            if taken[min(i, 2 * g - 1), min(j, 2 * g - 1)]:
                continue
            window |= disc[max(0, reach - i) :, max(0, reach - j) :][: window.shape[0], : window.shape[1]]
            assert isinstance(colours, list)
            code = colours[min(int(level / size), len(colours) - 1)]
            stone = (
                gold[rng.integers(6)] * rng.uniform(0.86, 1.12)
                if code == "gold"
                else rgb(code) * rng.uniform(0.80, 1.18) + rng.normal(0, 0.02, 3)
            )
            tint = tuple(int(v) for v in np.clip(stone, 0, 1) * 255)
            half = size * n * 0.46
            wide, tall, turn = (
                half * rng.uniform(0.9, 1.05),
                half * rng.uniform(0.86, 1.0),
                angle + rng.normal(0, 0.05),
            )
            c, s = np.cos(turn), np.sin(turn)
            corners = [
                (px * n + u * wide * c - v * tall * s, py * n + u * wide * s + v * tall * c)
                for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))
            ]
            paint.polygon(corners, fill=tint)
            stand.polygon(corners, fill=int(rng.integers(170, 256)))
    stones = np.asarray(picture, np.float32) / 255
    bevel = blur(np.asarray(relief, np.float32) / 255, 0.0016)
    lit, gleam = light(0.004 * bevel + 0.00012 * noise(rng, n, 240), 0.35, 60)
    wear = 1 + 0.05 * noise(rng, n, 40, 3) + 0.05 * noise(rng, n, 3, 2)
    return stones * (wear * (0.35 + 0.65 * lit))[..., None] + gleam[..., None] * stones


def marbling(n: int, rng: np.random.Generator) -> Array:
    """Ink drops float on water, combed into feathers: Lu and others, "Mathematical Marbling", 2012."""
    x, y = (axis.ravel() for axis in grid(n))
    # found backwards: each pixel undoes the combs, then the drops, to learn which ink it came from
    x = x - 0.014 * np.sin(2 * np.pi * (1.5 * y + 0.1))
    y = y - 0.020 * np.sin(2 * np.pi * (1.0 * x + 0.35))

    def comb(across: Array, teeth: float, pull: float, sharp: float, shift: float = 0.0) -> Array:
        """Return how far a comb of so many teeth drags the ink at each point."""
        gap = np.abs(np.mod(across * teeth + shift, 1) - 0.5)
        drag: Array = np.float32(pull) * np.exp((gap - 0.5) * sharp)
        return drag

    for cx, cy, reach, twist in (
        (0.24, 0.27, 0.115, 2.6),
        (0.74, 0.50, 0.135, -2.8),
        (0.30, 0.80, 0.105, 2.4),
    ):
        dx, dy = x - cx, y - cy
        turn = twist * np.exp(-((dx * dx + dy * dy) / reach**2))
        c, s = np.cos(turn), np.sin(turn)
        x, y = cx + dx * c - dy * s, cy + dx * s + dy * c
    y = y + comb(x, 17, 0.085, 5.0)
    x = x - comb(y, 5, 0.26, 5.0, 0.5)
    x = x + comb(y, 5, 0.26, 5.0)
    inks = palette("1c2c54 f3e6c8 a82a30 f3e6c8 1f6a78 d99a30 f3e6c8 6a1c38 2c4a7c e8b8a0")
    drops = 150
    centres, radii = (
        rng.uniform(-0.25, 1.25, (drops, 2)).astype(np.float32),
        rng.uniform(0.055, 0.115, drops).astype(np.float32),
    )
    colour = np.tile(inks[0], (n * n, 1))
    left = np.arange(n * n)
    for k in reversed(range(drops)):
        dx, dy = x - centres[k, 0], y - centres[k, 1]
        spot = dx * dx + dy * dy
        area = radii[k] ** 2
        hit = spot < area
        if hit.any():
            colour[left[hit]] = inks[k % len(inks)]
            free = ~hit
            left, dx, dy, spot = left[free], dx[free], dy[free], spot[free]
        shrink = np.sqrt(1 - area / spot)
        x, y = centres[k, 0] + dx * shrink, centres[k, 1] + dy * shrink
    picture = colour.reshape(n, n, 3)
    mottle = 1 + 0.035 * noise(rng, n, 130, 2) + 0.03 * noise(rng, n, 5, 3)
    return blur(picture, 0.0007) * mottle[..., None]


def embroidery(n: int, rng: np.random.Generator) -> Array:
    """Silk rows fill blossoms and vines on linen, each stitch catching the light."""
    g = 400
    x, y = grid(g)
    patches: list[tuple[Array, str]] = []

    def blossom(cx: float, cy: float, radius: float, petals: int, colours: str) -> None:
        dx, dy = x - cx, y - cy
        d, phi = np.hypot(dx, dy), np.arctan2(dy, dx)
        tones = colours.split()
        for k, tone in enumerate(tones):
            scale = 1 - k / len(tones)
            scallop = 1 + (0.10 if k % 2 == 0 else 0.03) * np.abs(np.cos(petals * phi / 2 + k)) * (1 + k % 2)
            patches.append((d - radius * scale * scallop * 0.93, tone))

    def leaf(cx: float, cy: float, turn: float, length: float, tone: str, vein: str) -> None:
        dx, dy = x - cx, y - cy
        u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
        v = v - 1.3 * u * u / length * 0.35
        shape = np.hypot(u / 1.0, v * 2.7) - length / 2 + 0.12 * np.abs(u)
        patches.append((shape, tone))
        patches.append((shape + 0.013, vein))

    spin = np.arctan2(y - 0.5, x - 0.5)
    wreath = np.hypot(x - 0.5, y - 0.5) - 0.365 - 0.030 * np.cos(8 * spin)
    patches.append((np.abs(wreath) - 0.0085, "2f6a4a"))
    for k in range(16):
        turn = 2 * np.pi * (k + 0.5) / 16
        side = 1 if k % 2 else -1
        away = 0.365 + 0.030 * np.cos(8 * turn) + 0.055 * side
        leaf(
            0.5 + away * np.cos(turn),
            0.5 + away * np.sin(turn),
            turn + np.pi / 2 - 0.6 * side,
            0.088,
            "2f7a52",
            "8fb04a" if k % 4 < 2 else "d8b040",
        )
    for cx, cy in ((0.11, 0.11), (0.89, 0.11), (0.11, 0.89), (0.89, 0.89)):
        toward = np.arctan2(0.5 - cy, 0.5 - cx)
        for k in (-1, 1):
            leaf(
                cx + 0.155 * np.cos(toward + 0.62 * k),
                cy + 0.155 * np.sin(toward + 0.62 * k),
                toward + 0.62 * k,
                0.10,
                "1f6a5a",
                "9ab850",
            )
        blossom(cx, cy, 0.118, 10, "28386e e8a83a c8283a f0d8b0 c8283a 28386e")
    for k in range(8):
        turn = 2 * np.pi * k / 8
        tones = "1f3a7a 3a78b8 e8dcc0 d89a30" if k % 2 else "8a1c3c d8485a f0c8b0 e8a83a"
        blossom(0.5 + 0.375 * np.cos(turn), 0.5 + 0.375 * np.sin(turn), 0.062, 7, tones)
    for k in range(8):
        turn = 2 * np.pi * (k + 0.5) / 8
        blossom(0.5 + 0.300 * np.cos(turn), 0.5 + 0.300 * np.sin(turn), 0.030, 5, "3f7ab0 f4dcae d8485a")
        for side in (-1, 1):
            leaf(
                0.5 + 0.285 * np.cos(turn + 0.16 * side),
                0.5 + 0.285 * np.sin(turn + 0.16 * side),
                turn + 0.9 * side,
                0.06,
                "2f7a52",
                "8fb04a",
            )
    blossom(0.5, 0.5, 0.245, 16, "5a1428 c4223a 961c34 e8a03a d8503a f4dcae 28386e 3f7ab0 c4223a f0c050")

    owner = np.full((g, g), -1)
    for number, (shape, _) in enumerate(patches):
        owner[shape < 0] = number
    fine_x, fine_y = grid(n)
    threads = 120
    slub = 0.15 * noise(rng, n, (120, 6)), 0.15 * noise(rng, n, (6, 120))
    warp, weft = np.sin(np.pi * threads * fine_x + slub[1]), np.sin(np.pi * threads * fine_y + slub[0])
    over = np.sign(np.sin(np.pi * threads * (fine_x)) * np.sin(np.pi * threads * fine_y)) > 0
    linen = np.where(over, np.abs(warp), np.abs(weft))
    picture = rgb("efe4cb") * (0.80 + 0.16 * np.sqrt(linen) + 0.02 * noise(rng, n, 30, 2))[..., None]
    height = np.zeros((n, n), np.float32)
    shadow = blur(
        np.asarray(Image.fromarray((owner >= 0).astype(np.float32)).resize((n, n), Image.Resampling.BILINEAR)),
        0.006,
    )
    fall = round(0.005 * n)
    picture *= (1 - 0.35 * np.roll(shadow, (fall, fall), (0, 1)))[..., None]
    for number, (shape, tone) in enumerate(patches):
        inside = owner == number
        if not inside.any():
            continue
        # satin stitch: threads lie side by side across each row
        at_x, at_y, angle, _ = rows(-shape, inside, 0.0125, 0.0052)
        count = len(at_x)
        across = angle + np.pi / 2 + 0.35 + rng.normal(0, 0.06, count)
        colour = rgb(tone) * rng.normal(1, 0.08, (count, 1))
        for width, opacity, sheen in ((0.0068, 1.0, 0.78), (0.0030, 0.8, 1.2)):
            silk = np.clip(colour * sheen + 0.05 * (sheen > 1), 0, 1)
            brush(
                picture,
                height,
                rng,
                at_x,
                at_y,
                across,
                0.0165 - width / 2,
                width,
                silk,
                0.0,
                opacity,
                0.06,
                0.0,
            )
    return picture


def batik(n: int, rng: np.random.Generator) -> Array:
    """Rain clouds in graded blues on red, the wax crackled."""
    x, y = grid(n)
    grain_x, grain_y = np.sin(np.pi * 300 * x), np.sin(np.pi * 300 * y)
    # the ground: rows of rice grains left in wax
    u, v = x * 44, y * 44
    row = np.floor(v)
    u = np.mod(u + 0.5 * np.mod(row, 2), 1) - 0.5
    v = np.mod(v, 1) - 0.5
    tilt = np.where(np.mod(row, 2) > 0, 0.7, -0.7)
    grains = np.hypot((u * np.cos(tilt) + v * np.sin(tilt)) * 0.55, v * np.cos(tilt) - u * np.sin(tilt)) - 0.10
    picture = mix(np.broadcast_to(rgb("8c1f28"), (n, n, 3)), rgb("d8743f"), 0.75 * smoothstep(0.05, -0.05, grains))
    steps = palette("f8efd8 0d1c4c 163a80 2a62ac 4f90cc 86b8e0 b8d8ee e4f0f2")
    clouds = [
        (0.14, 0.07, 0.28, 1),
        (0.70, 0.05, 0.31, -1),
        (0.41, 0.235, 0.28, 1),
        (0.95, 0.27, 0.28, -1),
        (0.06, 0.35, 0.27, -1),
        (0.66, 0.42, 0.33, 1),
        (0.27, 0.545, 0.31, 1),
        (0.97, 0.60, 0.27, -1),
        (0.02, 0.72, 0.27, 1),
        (0.58, 0.70, 0.33, -1),
        (0.90, 0.87, 0.29, 1),
        (0.26, 0.90, 0.31, -1),
        (0.62, 1.02, 0.28, 1),
    ]
    for cx, cy, size, sense in clouds:
        window = tuple(
            slice(max(0, int((c - reach) * n)), int((c + reach) * n))
            for c, reach in ((cy, 0.48 * size), (cx, 1.22 * size))
        )
        px, py = x[window], y[window]
        dx, dy = (px - cx) / size * sense, (py - cy) / size
        shape = np.full(px.shape, 9.0, np.float32)
        for lobe_x, lobe_y, wide, tall in (
            (0.0, 0.0, 0.46, 0.30),
            (-0.42, 0.07, 0.34, 0.20),
            (0.44, 0.06, 0.36, 0.21),
            (-0.16, -0.20, 0.27, 0.22),
            (0.22, -0.17, 0.25, 0.20),
            (0.02, 0.16, 0.30, 0.17),
        ):
            shape = np.minimum(shape, (np.hypot((dx - lobe_x) / wide, (dy - lobe_y) / tall) - 1) * tall)
        # the tails of the cloud draw out to points
        for tail, lift in ((-1, 0.15), (1, 0.12)):
            along = (dx * tail - 0.45) / 0.72
            curl = dy - lift + 0.18 * np.sin(2.6 * np.clip(along, 0, 1))
            drawn = np.abs(curl) - 0.085 * np.clip(1 - along, 0, 1)
            shape = np.minimum(shape, np.where((along > -0.2) & (along < 1), drawn, 9.0))
        depth = -shape * size + 0.0012 * np.sin(60 * px + 47 * py)
        band = np.clip(depth / 0.0098, -1, len(steps) - 1.01)
        # a soft step between the dyes, a hard one at the waxed outline
        step, part = np.floor(band), smoothstep(0.90, 1.0, np.mod(band, 1))
        low = steps[np.clip(step, 0, len(steps) - 1).astype(int)]
        high = steps[np.clip(step + 1, 0, len(steps) - 1).astype(int)]
        picture[window] = mix(picture[window], mix(low, high, part), smoothstep(-0.0008, 0.0008, depth))
    bend_x, bend_y = x + 0.012 * noise(rng, n, 8, 3), y + 0.012 * noise(rng, n, 8, 3)
    veins = np.zeros((n, n), np.float32)
    for side, width, strength in ((5, 0.0013, 0.9), (13, 0.0009, 0.75), (27, 0.0006, 0.55)):
        _, gap = cells(rng, bend_x, bend_y, side)
        here = smoothstep(-0.6, 0.8, noise(rng, n, 5, 2))
        veins = np.maximum(veins, strength * here * np.exp(-((gap / width) ** 2)))
        veins = np.maximum(veins, 0.16 * here * np.exp(-gap / (5 * width)))
    picture = mix(picture, rgb("1a1438"), np.clip(veins, 0, 1) * 0.8)
    seep = 1 + 0.05 * noise(rng, n, 6, 4) + 0.02 * (grain_x + grain_y)
    return picture * seep[..., None]
