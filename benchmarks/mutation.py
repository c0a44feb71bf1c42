"""Pictures, weights and recipes with damage in them, read one by one: is each right, or called wrong in words?

    python benchmarks/mutation.py --n 100000 --seed 7 --kind pictures

Each file is a good one with bits, bytes, fields or whole parts changed, and is read in a process of its own kind, which
is killed after five seconds.  A verdict is `fine`, `error` (one that the documentation names, in plain words) or a
FAULT: any other exception, a crash, five seconds, a gigabyte more than before, or a large area of one colour that
nobody spoke of.
The same seed gives the same files, and `--only 4711` reads that one alone; files with faults are kept in a folder.
`tests/test_mutation.py` reads a few hundred of each kind with every run of the tests.
"""

import argparse
import collections
import contextlib
import importlib
import io
import json
import random
import re
import select
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from pathlib import Path

SECONDS = 5
GIGABYTE = 1 << 30
FLAT = 0.25
"""Share of the 8×8 blocks of a picture that one colour may fill, more than in the original, without a warning."""
NUMBERS = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


# ------------------------------------------------------------------------------------------------- good files


def pictures():
    """Return a picture in every format that is read, by name."""
    import numpy as np
    import tifffile
    from PIL import Image, features

    rgb = _pixels("astronaut")
    image = Image.fromarray(rgb)
    alpha = image.copy()
    alpha.putalpha(image.convert("L"))
    deep = rgb.astype(np.uint16) * 257
    files = {}

    def save(name, picture, form, **options):
        out = io.BytesIO()
        picture.save(out, form, **options)
        files[name] = out.getvalue()

    exif = Image.Exif()
    exif[0x0112] = 6
    save("rgb.png", image, "PNG", exif=exif, dpi=(300, 300))
    save("alpha.png", alpha, "PNG")
    save("palette.png", image.quantize(64), "PNG", transparency=3)
    save("grey.png", image.convert("L"), "PNG")
    save("bits.png", image.convert("1"), "PNG")
    save("deep.png", Image.fromarray(deep[..., 0]), "PNG")
    save("moving.png", image, "PNG", save_all=True, append_images=[image.transpose(0), image.transpose(1)])
    save("rgb.jpg", image, "JPEG", exif=exif, quality=90)
    save("progressive.jpg", image, "JPEG", progressive=True)
    save("restarts.jpg", image, "JPEG", restart_marker_rows=1)
    save("grey.jpg", image.convert("L"), "JPEG")
    save("cmyk.jpg", image.convert("CMYK"), "JPEG")
    save("lossy.webp", image, "WEBP", exif=exif)
    save("lossless.webp", alpha, "WEBP", lossless=True)
    save("moving.webp", image, "WEBP", save_all=True, append_images=[image.transpose(0)])
    save("palette.gif", image.quantize(64), "GIF")
    save("moving.gif", image, "GIF", save_all=True, append_images=[image.transpose(0), image.transpose(1)])
    save("rgb.bmp", image, "BMP")
    save("palette.bmp", image.quantize(64), "BMP")
    files["rle8.bmp"] = _rle8(np.asarray(image.quantize(64)))
    save("rgb.ppm", image, "PPM")
    save("grey.pgm", image.convert("L"), "PPM")
    files["plain.ppm"] = b"P3 96 96 255\n" + b" ".join(b"%d" % level for level in rgb.ravel())
    for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        save(f"{name}.tif", image, "TIFF", compression=name)
    save("group4.tif", image.convert("1"), "TIFF", compression="group4")
    for name, pixels in (("deep", deep), ("float", (rgb / 255).astype("f4")), ("tiles", rgb)):
        out = io.BytesIO()
        tifffile.imwrite(out, pixels, photometric="rgb", tile=(32, 32) if name == "tiles" else None)
        files[f"{name}.tiff"] = out.getvalue()
    if features.check("avif"):
        save("rgb.avif", image, "AVIF")
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
        save("rgb.heic", image, "HEIF")
    return files


def _pixels(name):
    """Return a sample (96, 96, 3) with a little noise, so that nowhere in it are pixels the same by themselves."""
    import numpy as np

    import impasto

    picture = impasto.samples.content(name, 96)[..., :96, :96]
    levels = np.rint(picture[0].permute(1, 2, 0).numpy() * 255)
    return (levels + np.random.default_rng(0).integers(-6, 7, levels.shape)).clip(0, 255).astype(np.uint8)


def _rle8(pixels):
    """Return palette pixels as a BMP in RLE8, as few programs write it."""
    height, width = pixels.shape
    rows = b"".join(b"".join(bytes([1, value]) for value in row) + b"\0\0" for row in pixels[::-1]) + b"\0\1"
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(rows), 2835, 2835, 256, 0)
    start = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + head + palette + rows


def weights():
    """Return small networks of every kind in every form of file, by name."""
    import torch
    from safetensors.torch import save

    from impasto.networks import VGG, VGGDecoder
    from impasto_cyclegan import generators
    from impasto_fast import Network, tensors
    from impasto_local import LocalNetwork

    torch.manual_seed(0)
    networks = {
        "vgg": VGG((4, 8, 16), "3_1").state_dict(),
        "decoder": VGGDecoder((4, 8, 16), "relu3_1").state_dict(),
        "fast": tensors(Network(4, ["wave", "mosaic"])),
        "generators": generators.ResNetGenerator(width=4, blocks=2).state_dict(),
        "local": LocalNetwork((4, 6, 8), blocks=1, embedding=4).state_dict(),
    }
    files = {}
    for name, state in networks.items():
        dense = {key: value.detach().clone().contiguous() for key, value in state.items()}
        files[f"{name}.safetensors"] = save(dense)
        for suffix, zipped in (("pth", True), ("old.pth", False)):
            out = io.BytesIO()
            torch.save(dense, out, _use_new_zipfile_serialization=zipped)
            files[f"{name}.{suffix}"] = out.getvalue()
    return files


def recipes():
    """Return pipelines as TOML, and in the text of pictures as Impasto and as other programs write it, by name."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    import impasto

    lines = ["gatys:steps=20", "adain, match-color:target=image", "wct", "resize:size=64, mrf, guided-smooth"]
    texts = [impasto.Pipeline.parse(line).to_toml() for line in lines]
    files = {f"{number}.toml": text.encode() for number, text in enumerate(texts)}
    image = Image.fromarray(_pixels("astronaut")[:24, :24])
    for number, text in enumerate(texts):
        for how, packed in (("plain", False), ("packed", True)):
            info, out = PngInfo(), io.BytesIO()
            info.add_itxt("impasto", text, zip=packed)
            image.save(out, "PNG", pnginfo=info)
            files[f"{number}-{how}.png"] = out.getvalue()
    return files


# ------------------------------------------------------------------------------------------------------ damage


def mutated(name, files, rng):
    """Return the bytes of one of the files with damage of one to three kinds."""
    data = files[name]
    own = STRUCTURES.get(Path(name).suffix, [])
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        change = rng.choice(own) if own and rng.random() < 0.4 else rng.choice(CHANGES)
        if data:
            # What fits no longer, after other damage, is left as it is.
            with contextlib.suppress(Exception):
                data = bytes(change(bytearray(data), rng, files))
    return data


def flip_bits(data, rng, files):
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def change_bytes(data, rng, files):
    for _ in range(rng.choice((1, 2, 16))):
        data[rng.randrange(len(data))] = rng.choice((0, 0xFF, rng.randrange(256)))
    return data


def cut_end(data, rng, files):
    kept = data[: rng.randrange(len(data))]
    return kept + rng.choice((b"", b"", b"\xff\xd9", data[-12:]))


def cut_middle(data, rng, files):
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[end:]


def repeat_part(data, rng, files):
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:]


def splice(data, rng, files):
    other = files[rng.choice(sorted(files))]
    start = rng.randrange(len(other))
    part = other[start : start + rng.choice((4, 64, 1024))]
    place = rng.randrange(len(data))
    return data[:place] + part + data[place + rng.choice((0, len(part))) :]


def change_number(data, rng, files):
    """Write a number of two or four bytes that programs trip over, mostly where headers are."""
    width, order = rng.choice((2, 4)), rng.choice("<>")
    end = min(len(data), rng.choice((64, 256, len(data)))) - width
    place = rng.randrange(max(1, end))
    number = rng.choice(NUMBERS) & (256**width - 1)
    data[place : place + width] = struct.pack(order + {2: "H", 4: "I"}[width], number)
    return data


CHANGES = [flip_bits, change_bytes, cut_end, cut_middle, repeat_part, splice, change_number]


def _shuffled(parts, rng):
    """Return parts of a file with one left out, doubled, or in the place of another; the first stays."""
    place, other = (rng.randrange(1, len(parts)) for _ in range(2))
    kind = rng.randrange(3)
    if kind == 0:
        del parts[place]
    elif kind == 1:
        parts.insert(other, parts[place])
    else:
        parts[place], parts[other] = parts[other], parts[place]
    return b"".join(parts)


def png_chunks(data, rng, files):
    """Reorder chunks, or change a byte in one and put its checksum right."""
    parts, place = [bytes(data[:8])], 8
    while place + 12 <= len(data):
        length = struct.unpack(">I", data[place : place + 4])[0]
        parts.append(bytes(data[place : place + 12 + length]))
        place += 12 + length
    if rng.random() < 0.4:
        return _shuffled(parts, rng)
    chosen = rng.randrange(1, len(parts))
    kind, body = parts[chosen][4:8], bytearray(parts[chosen][8:-4])
    if kind == b"IDAT" and rng.random() < 0.5:
        pixels = bytearray(zlib.decompress(bytes(body)))
        pixels = flip_bits(pixels, rng, files) if rng.random() < 0.5 else pixels[: rng.randrange(len(pixels))]
        body = bytearray(zlib.compress(bytes(pixels)))
    elif body:
        body = change_number(body, rng, files) if len(body) > 4 and rng.random() < 0.3 else flip_bits(body, rng, files)
    parts[chosen] = _png_chunk(kind, bytes(body))
    return b"".join(parts)


def _png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg_segments(data, rng, files):
    parts, place = [bytes(data[:2])], 2
    while data[place] == 0xFF and data[place + 1] != 0xDA:
        length = 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
        parts.append(bytes(data[place : place + length]))
        place += length
    return _shuffled(parts, rng) + bytes(data[place:])


def riff_chunks(data, rng, files):
    parts, place = [bytes(data[:12])], 12
    while place + 8 <= len(data):
        length = 8 + struct.unpack("<I", data[place + 4 : place + 8])[0]
        length += length % 2
        parts.append(bytes(data[place : place + length]))
        place += length
    return _shuffled(parts, rng)


def tiff_entries(data, rng, files):
    """Change tag, type, count or value of one entry of the first directory."""
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack(order + "I", data[4:8])[0]
    count = struct.unpack(order + "H", data[start : start + 2])[0]
    entry = start + 2 + 12 * rng.randrange(count)
    field = rng.choice((0, 2, 4, 8, 8))
    if field < 4:
        data[entry + field : entry + field + 2] = struct.pack(order + "H", rng.choice((*range(1, 14), 256, 277, 339)))
    else:
        data[entry + field : entry + field + 4] = struct.pack(order + "I", rng.choice(NUMBERS))
    return data


def zip_members(data, rng, files):
    """Change a member of a PyTorch file and put its checksum right; or leave one out, or pack it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        members = old.infolist()
        chosen = rng.choice([member for member in members if member.filename.endswith("data.pkl")] * 3 + members)
        what = rng.choice(("change", "change", "change", "leave out", "pack"))
        for member in members:
            content = bytearray(old.read(member))
            if member is chosen and content and what == "change":
                content = rng.choice(CHANGES)(content, rng, files)
            if not (member is chosen and what == "leave out"):
                packing = zipfile.ZIP_DEFLATED if member is chosen and what == "pack" else zipfile.ZIP_STORED
                new.writestr(member.filename, bytes(content), packing)
    return out.getvalue()


TYPES = ("F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "C64", "F4", "x")


def tensor_header(data, rng, files):
    """Change the list of tensors of a safetensors file: shapes, types, offsets, names."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    key = rng.choice([key for key in header if key != "__metadata__"])
    entry = header[key]
    what = rng.randrange(5)
    if what == 0:
        entry["shape"] = [rng.choice((0, 1, -1, 3, 10**6, 2**63, *entry["shape"])) for _ in range(rng.randrange(5))]
    elif what == 1:
        entry["dtype"] = rng.choice(TYPES)
    elif what == 2:
        entry["data_offsets"] = [rng.choice((0, 1, 2**40, *entry["data_offsets"])) for _ in range(2)]
    elif what == 3:
        header[rng.choice(("", "x" * 1000, "\x1b[2J", "0.weight", "module.a", key + ".q"))] = header.pop(key)
    else:
        header[key] = rng.choice((None, 3, [], {}, "x", {"dtype": "F32"}))
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


VALUES = (
    *(
        "1e999",
        "-1",
        "0",
        "nan",
        "inf",
        "1" * 400,
        "1" * 5000,
        "9223372036854775808",
        "0x_",
        "1.",
        "1979-05-27",
        "true",
    ),
    *("[]", "[[[[1]]]]", "[" * 5000, '["a", 1, 2.5]', "{a={b=1}}", '""', '"none"', '"\\u0000"', '"\\ud800"', '"' * 3),
    *('"\\u001b]0;x\\u0007"', '"/dev/zero"', '"../../x"', '"~root/x"', '"' + "x" * 70_000 + '"'),
)
KEYS = ("cls", "self", "name", "__class__", "a.b.c", "''", '"\\u001b"', "stage", "made", "seed", "é")


def toml_words(data, rng, files):
    """Change a value, a name or a line of TOML."""
    text = data.decode()
    what = rng.randrange(4)
    if what < 2:
        pattern, words = ((r"= (.*)", VALUES), (r"^(\w+)", KEYS))[what]
        place = rng.choice(list(re.finditer(pattern, text, re.MULTILINE)))
        return (text[: place.start(1)] + rng.choice(words) + text[place.end(1) :]).encode()
    if what == 2:
        return _shuffled([line.encode() for line in text.splitlines(keepends=True)], rng)
    return text.encode() * rng.choice((2, 40))


def png_text(data, rng, files):
    """Change the recipe in a picture's text, and put the checksum right."""
    place = data.index(b"iTXt")
    length = struct.unpack(">I", data[place - 4 : place])[0]
    body = bytes(data[place + 4 : place + 4 + length])
    head, packed = body[:12], body[8] == 1
    text = bytearray(zlib.decompress(body[12:]) if packed else body[12:])
    text = bytes((toml_words if rng.random() < 0.7 else rng.choice(CHANGES))(text, rng, files))
    return (
        data[: place - 4]
        + _png_chunk(b"iTXt", head + (zlib.compress(text) if packed else text))
        + data[place + 8 + length :]
    )


STRUCTURES = {
    ".png": [png_chunks, png_chunks, png_text],
    ".jpg": [jpeg_segments],
    ".webp": [riff_chunks],
    ".tif": [tiff_entries],
    ".tiff": [tiff_entries],
    ".pth": [zip_members],
    ".safetensors": [tensor_header],
    ".toml": [toml_words],
}
GOOD = {"pictures": pictures, "weights": weights, "recipes": recipes}


# ----------------------------------------------------------------------------------------- reading, one by one


def flat_share(picture):
    """Return the share of 8×8 blocks that are of one and the same colour, the commonest, to the bit."""
    import torch
    import torch.nn.functional as F

    image = picture[:1].float()
    height, width = (side // 8 * 8 for side in image.shape[-2:])
    if not height or not width:
        return 0.0
    blocks = F.unfold(image[..., :height, :width], 8, stride=8)[0].T.unflatten(1, (image.shape[1], -1))
    flat = blocks[(blocks == blocks[..., :1]).all(-1).all(-1)][..., 0]
    return int(torch.unique(flat, dim=0, return_counts=True)[1].max()) / len(blocks) if len(flat) else 0.0


def read_picture(file):
    import torch

    import impasto

    picture = impasto.read(file).tensor
    if not (torch.isfinite(picture).all() and picture.min() >= 0 and picture.max() <= 1):
        raise AssertionError("values that are not in [0, 1]")
    return flat_share(picture)


def read_weights(file):
    from impasto.networks import load_decoders, load_vgg
    from impasto_cyclegan import generators
    from impasto_fast import load_network
    from impasto_local import load_network as load_local

    readers = {"vgg": load_vgg, "decoder": load_decoders, "fast": load_network, "local": load_local}
    readers["generators"] = generators.load_generators
    readers[Path(file).name.rpartition("-")[2].partition(".")[0]](file)
    return 0.0


def read_recipe(file):
    import impasto

    impasto.Pipeline.load(file, untrusted=True)
    return 0.0


READERS = {"pictures": read_picture, "weights": read_weights, "recipes": read_recipe}


def documented(kind, error):
    """Return whether an error is one that the documentation names, in words for people."""
    from impasto import ParameterError, PictureError, WeightsError
    from impasto.errors import RecipeError, UnknownNameError

    known = {"pictures": (PictureError,), "weights": (WeightsError,)}.get(
        kind, (PictureError, ParameterError, RecipeError, UnknownNameError)
    )
    plain = kind == "recipes" and type(error) is ValueError
    message = str(error)
    in_words = "\n  " in message and message.replace("\n", "").isprintable() and len(message) < 4000
    return (isinstance(error, known) or plain) and in_words


def work():
    """Read the files that come in as lines, and say a verdict of each."""
    import os
    import resource
    import warnings

    # Loaded here, so that the first file is not blamed for the time.
    for module in ("impasto.networks", "impasto_cyclegan", "impasto_fast", "impasto_local", "PIL.ImageFile"):
        importlib.import_module(module)
    importlib.import_module("impasto.host").get_host().stages  # noqa: B018 - the plugins
    with contextlib.suppress(ValueError, OSError):
        most = (int(re.search(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text())[1]) << 10) + (6 << 30)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    print("ready", flush=True)
    for line in sys.stdin:
        kind, file = json.loads(line)
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        before = _peak(resource)
        verdict, why, share = "fine", "", 0.0
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                share = READERS[kind](file)
            except Exception as error:  # which it is decides
                verdict = "error" if documented(kind, error) else "FAULT"
                why = f"{type(error).__name__}: {str(error)[:300]}"
        # That there are more frames is said of good files too.
        count = sum("of which the first is read" not in str(one.message) for one in said)
        print(json.dumps([verdict, why, share, count, _peak(resource) - before]), flush=True)
    os._exit(0)


def _peak(resource):
    """Return the bytes that the process took at most."""
    with contextlib.suppress(OSError, TypeError):
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


class Worker:
    """A process that reads files; another takes its place where it hangs, dies or has taken too much.

    Args:
        command: that starts it.
        seconds: it may take for a file.
    """

    def __init__(self, command=(sys.executable, __file__, "--work"), seconds=SECONDS):
        self.command, self.seconds, self.process = command, seconds, None

    def verdict(self, kind, file):
        """Return (verdict, why, share of the picture that is flat, number of warnings) of one file."""
        if self.process is None:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            self._line(600)
        self.process.stdin.write(json.dumps([kind, str(file)]) + "\n")
        self.process.stdin.flush()
        line = self._line(self.seconds)
        if line is None:
            self.stop()
            return "FAULT", f"hangs: over {self.seconds} s", 0.0, 0
        if not line:
            code = self.process.wait()
            self.stop()
            return "FAULT", f"the process ends with {code}", 0.0, 0
        verdict, why, share, said, peak = json.loads(line)
        if peak > GIGABYTE:
            verdict, why = "FAULT", f"takes {peak / GIGABYTE:.1f} GB; {why}"
            self.stop()
        return verdict, why, share, said

    def _line(self, seconds):
        """Return the next line, an empty one at the end, None where none comes."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        return self.process.stdout.readline() if ready else None

    def stop(self):
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None


def run(kind, numbers, seed, worker, keep=None, show=lambda number: None):
    """Read mutated files and return (verdicts by good file, [(number, name, why)] of those with faults)."""
    files = GOOD[kind]()
    names = sorted(files)
    counts = {name: collections.Counter() for name in names}
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        flat = {}
        for name in names:
            file = Path(folder, f"good-{name}")
            file.write_bytes(files[name])
            verdict, why, flat[name], _ = worker.verdict(kind, file)
            if verdict != "fine":
                raise AssertionError(f"{name}, which is good, is not read: {why}")
        for number in numbers:
            rng = random.Random(f"{seed} {kind} {number}")
            name = rng.choice(names)
            file = Path(folder, f"{number}-{name}")
            file.write_bytes(data := mutated(name, files, rng))
            verdict, why, share, said = worker.verdict(kind, file)
            if verdict == "fine" and not said and share > flat[name] + FLAT:
                verdict, why = "FAULT", f"{share:.0%} of the picture is of one colour, and nothing is said"
            if verdict == "FAULT":
                faults.append((number, name, why))
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    Path(keep, file.name).write_bytes(data)
            counts[name][verdict] += 1
            file.unlink()
            show(number)
    return counts, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=1000, help="how many files (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--kind", choices=sorted(GOOD), default="pictures", help="(default: %(default)s)")
    parser.add_argument("--only", type=int, help="the number of one file")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for a file (default: %(default)s)")
    parser.add_argument("--keep", type=Path, default=Path("mutation-faults"), help="folder (default: %(default)s)")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        return work()
    numbers = range(given.n) if given.only is None else [given.only]
    started = time.monotonic()

    def show(number):
        if (number + 1) % 500 == 0:
            print(f"  {number + 1} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    worker = Worker(seconds=given.seconds)
    try:
        counts, faults = run(given.kind, numbers, given.seed, worker, given.keep, show)
    finally:
        worker.stop()
    print(f"{given.kind}, seed {given.seed}: {len(numbers)} files in {time.monotonic() - started:.0f} s\n")
    print(f"{'of':<24}{'fine':>8}{'error':>8}{'FAULT':>8}")
    for name, count in [*counts.items(), ("all", sum(counts.values(), collections.Counter()))]:
        print(f"{name:<24}{count['fine']:>8}{count['error']:>8}{count['FAULT']:>8}")
    for number, name, why in faults:
        print(f"\n{number} of {name}: {why}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
