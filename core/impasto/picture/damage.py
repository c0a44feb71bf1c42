"""Damage that decoders pass over: rows and blocks that a file does not have, and that come out in one colour."""

from __future__ import annotations

import io
import itertools
import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from .chunks import WEBP, chunks
from .decoding import image_file, load
from .formats import JPEGS, PLAIN_PIXELS

_SCAN, _END, _RESTART_INTERVAL, _SCAN_DATA = 0xDA, 0xD9, 0xDD, -1
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA}
_PROGRESSIVE = {0xC2, 0xCA}
_LAST_ROWS = 2  # of an interlaced picture, one of them is among the last that come
_BLOCK, _BAND = 8, 256
_SPARE = 64
_LEAST_NEEDED, _WITH_OTHER_CODES = 0.9, 0.8  # of the bytes found, that are needed again for what they say
_LARGEST_TILE = 4  # times the picture
_LAST_BITS = 5  # a fifth of them
_FAX = 4  # the compression that libtiff calls CCITT group 4
_RUNS = {1: 1, 2: 2}  # kinds of runs in a BMP, and the pixels in a byte of what is in none
_END_OF_ROW, _END_OF_PICTURE, _SKIP = 0, 1, 2  # what stands in the place of a run
_NEAR_GREY = 24  # as far as the colours of a block that is there reach into one that is not
_STRIPES = 500 * int(8 * "001011111", 2).to_bytes(9, "big")  # two white and two black pixels, again and again
_PADDING = bytes((37 * i * i + 11 * i) % 255 for i in range(4096))  # anything without a marker


def check_rows(image: ImageFile.ImageFile, data: bytes) -> None:
    """Raise an `OSError` where a decoded PNG or GIF lacks its last rows, though its compressed data has an end."""
    top = max(0, image.height - _LAST_ROWS)
    if image.format in ("PNG", "GIF") and _is_flat(_rows(image, top), 0 if image.format == "PNG" else 255):
        # Rows that are there do not depend on what was in memory before.
        twin = image_file(data, said=True)
        load(twin, blank=1)
        if _rows(twin, top).tobytes() != _rows(image, top).tobytes():
            raise OSError("its last rows are missing")


def missing_parts(image: ImageFile.ImageFile) -> str | None:
    """Return what a GIF, not yet decoded, has no pixels for, or None.

    Raises:
        OSError: a PNG lacks its palette, or has pixels for a part of it alone; the codes of a GIF have no bits; the
            tiles of a TIFF are much larger than it is.
    """
    if image.format == "PNG":
        if image.mode == "P" and image.palette is None:
            raise OSError("its palette is missing")
        if any(tile[1] != (0, 0, *image.size) for tile in image.tile):
            raise OSError("its rows are missing")
    if image.format == "TIFF":
        tags: Any = image.tag_v2  # type: ignore[attr-defined]
        pixels = tags.get(322, 0) * tags.get(323, 0)
        if pixels > max(PLAIN_PIXELS, _LARGEST_TILE * image.width * image.height):
            raise OSError(f"a tile of it has {pixels:,} pixels")
    if image.format == "GIF" and image.tile:
        bits: Any = image.tile[0][3][0]  # type: ignore[index]
        if bits < 1:
            raise OSError("its codes have no bits")
        whole = (0, 0, *image.size)
        left, top, right, bottom = image.tile[0][1] or whole
        if (left, top, right, bottom) != whole:
            share = (right - left) * (bottom - top) / (image.width * image.height)
            return (
                f"its first frame is {share:.0%} of its {image.width} × {image.height}, and the rest is of one colour"
            )
    return None


def missing_blocks(image: ImageFile.ImageFile, data: bytes) -> str | None:
    """Return what a decoded picture lacks, though it has an end; or None.

    Looked at are JPEGs, TIFFs that hold such or are coded as a fax, the runs and the palette of BMPs, the first frame
    of a WebP, and the bits of lossy WebPs and of AVIFs.

    Args:
        image: decoded.
        data: the bytes that it was opened from.
    """
    if image.format == "TIFF":
        return _missing_in_tiff(image, data)
    if image.format == "BMP":
        return _missing_in_runs(data, image.size) or _missing_colours(image)
    if image.format == "WEBP":
        lacking = None if image.has_transparency_data else _missing_in_frame(data, image.size)
        return lacking or _idle_bits(image, data)
    if image.format == "AVIF" and getattr(image, "n_frames", 1) == 1:
        return _idle_bits(image, data)
    return _missing_in_jpeg(image, data) if image.format in JPEGS else None


def _missing_in_tiff(image: Any, data: bytes) -> str | None:
    """Say what libtiff passed over: what its JPEGs lack, and rows of a fax that are not what its bits say."""
    tags = image.tag_v2
    starts, lengths = (tags.get(273) or tags.get(324) or ()), (tags.get(279) or tags.get(325) or ())
    # A length that is not there, or is 0, reaches to the end.
    parts = [
        data[at : at + size if size else None] for at, size in itertools.zip_longest(starts, lengths[: len(starts)])
    ]
    if tags.get(259) == 7:
        tables = tags.get(347, b"")
        across, down = tags.get(322, image.width), tags.get(323) or tags.get(278, image.height)
        for index, part in enumerate(parts):
            # Quantisation and codes may stand apart, once for all parts.
            whole = tables[:-2] + part[2:] if tables.startswith(b"\xff\xd8") else part
            twin = image_file(whole)
            load(twin)
            if tags.get(262) == 2:  # red, green and blue, which such a JPEG says in a marker of Adobe's
                twin.info["adobe_transform"] = 0
            # The last strip has the rows that are left; a tile is always whole.
            size = (across, down if 323 in tags else min(down, image.height - down * index))
            if tags.get(284) != 2 and any(side < due for side, due in zip(twin.size, size, strict=True)):
                return f"a JPEG in it has {twin.width} × {twin.height} pixels, of {size[0]} × {size[1]}"
            if twin.format == "JPEG" and (lacking := _missing_in_jpeg(twin, whole)):
                return lacking
    if tags.get(259) == _FAX and image.mode == "1" and 273 in tags:
        return _missing_in_fax(image, parts)
    return None


def _missing_in_fax(image: Any, strips: list[bytes]) -> str | None:
    """Say where the bits of a fax end before its rows do, or say more than its rows."""
    kept = {tag: image.tag_v2.get(tag, default) for tag, default in ((278, image.height), (266, 1), (262, 0))}
    # Rows that are there are the same with more data after each strip, whatever that is.
    twin = image_file(_fax(image.size, kept, [strip + _STRIPES for strip in strips]))
    load(twin)
    if twin.tobytes() != image.tobytes():
        return "its bits end before its rows do, and the last of them are of one colour"
    # What is left when a row goes wrong needs fewer bits; the same rows need the same.
    again = io.BytesIO()
    image.save(again, "TIFF", compression="group4", tiffinfo=kept)
    needed = sum(image_file(again.getvalue()).tag_v2[279])  # type: ignore[attr-defined]
    found = sum(map(len, strips))
    if needed < _LEAST_NEEDED * found - _SPARE:
        return f"its bits, {found:,} bytes, say more than was decoded, which needs {needed:,}"
    return None


def _fax(size: tuple[int, int], tags: dict[int, int], strips: list[bytes]) -> bytes:
    """Return the TIFF of a fax, of its strips as they are coded."""
    *starts, end = itertools.accumulate(map(len, strips), initial=8)
    count, lengths = len(strips), [len(strip) for strip in strips]
    listed = struct.pack(f"<{2 * count}I", *starts, *lengths)
    # One number stands in the table itself, several stand where it says.
    places = {273: starts[0], 279: lengths[0]} if count == 1 else {273: end, 279: end + 4 * count}
    entries = {256: size[0], 257: size[1], 258: 1, 259: _FAX, 277: 1, **tags, **places}
    rows = b"".join(
        struct.pack("<HHII", tag, 4, count if tag in places else 1, value) for tag, value in sorted(entries.items())
    )
    head = struct.pack("<4sI", b"II*\0", end + len(listed))
    return head + b"".join(strips) + listed + struct.pack("<H", len(entries)) + rows + bytes(4)


def _missing_in_runs(data: bytes, size: tuple[int, int]) -> str | None:
    """Say how many pixels the runs of a BMP leave out, which are then of the first colour of its palette."""
    start, compression = (int.from_bytes(data[at : at + 4], "little") for at in (10, 30))
    if compression not in _RUNS:
        return None
    written, place, in_row = 0, start, 0
    while place + 2 <= len(data):
        count, value = data[place], data[place + 1]
        place += 2
        if not count and value == _END_OF_PICTURE:
            break
        if not count and value == _END_OF_ROW:
            in_row = 0
        elif count or value > _SKIP:
            pixels = min(count or value, size[0] - in_row)
            written, in_row = written + pixels, in_row + pixels
            if not count:  # so many pixels by themselves, up to an even number of bytes
                length = -(-value // _RUNS[compression])
                place += length + length % 2
        else:
            place += 2  # a skip, across and down, which writes nothing
    missing = size[0] * size[1] - written
    return f"its runs leave out {missing:,} of its {size[0] * size[1]:,} pixels" if missing > 0 else None


def _missing_colours(image: Any) -> str | None:
    """Say where the pixels of a BMP name colours that its palette does not have."""
    if image.mode != "P":
        return None
    most, colours = image.getextrema()[1], len(image.getpalette()) // 3
    return f"its pixels name colour {most}, and its palette has {colours}" if most >= colours else None


def _missing_in_frame(data: bytes, size: tuple[int, int]) -> str | None:
    """Say where the first frame of an animated WebP is smaller than the picture."""
    for kind, body, _ in chunks(data, WEBP, "<"):
        if kind == b"ANMF":
            width, height = (int.from_bytes(data[body][at : at + 3], "little") + 1 for at in (6, 9))
            share = width * height / (size[0] * size[1])
            return f"its first frame is {share:.0%} of its {size[0]} × {size[1]}" if share < 1 else None
    return None


def _idle_bits(image: ImageFile.ImageFile, data: bytes) -> str | None:
    """Say where the last bits of a lossy WebP or of an AVIF, parts of which are flat, mean nothing to the decoder."""
    start, end = data.find(b"VP8 ") + 8, len(data)
    if image.format == "WEBP":
        end = min(start + int.from_bytes(data[start - 4 : start], "little"), end)
    else:
        start = data.rfind(b"mdat") + 8  # which lies last
    last = (end - start) // _LAST_BITS
    if start < 8 or last < _SPARE or not _has_flat_blocks(image):
        return None
    other = (_PADDING * -(-last // len(_PADDING)))[:last]
    try:
        twin = image_file(data[: end - last] + other + data[end:])
        load(twin)
    except (OSError, EOFError, ValueError, RuntimeError):  # then the decoder looks at them
        return None
    same = twin.tobytes() == image.tobytes()
    return "its last bits say nothing, and blocks of it are of one colour" if same else None


def _missing_in_jpeg(image: ImageFile.ImageFile, data: bytes) -> str | None:
    segments = list(_segments(data))
    if lacking := _missing_scans(data, segments) or _missing_restarts(data, segments, image.size):
        return lacking
    # libjpeg fills the blocks that are not there with zeros, which is a middle grey, and a scan with no more detail.
    last = image.getpixel((image.width - 1, image.height - 1))
    grey = abs(np.subtract(last, 128)).max() <= _NEAR_GREY  # type: ignore[arg-type]
    if _has_flat_blocks(image) and _says_more(image, data, segments):
        return "blocks of it are of one colour, and its bits say more"
    if not grey and not any(marker in _PROGRESSIVE for marker, _ in segments):
        return None
    # A file that lacks none looks the same with more data, whatever that is.
    ends = [place.stop for marker, place in segments if marker == _SCAN_DATA]
    parts = (data[start:end] for start, end in itertools.pairwise([0, *ends, len(data)]))
    twin = image_file(_PADDING.join(parts))
    load(twin)
    for top in range(0, image.height, _BAND):  # in bands, for large pictures
        if _rows(twin, top).tobytes() != _rows(image, top).tobytes():
            return "its last blocks are missing, and are grey or blurred"
    return None


def _has_flat_blocks(image: Image.Image) -> bool:
    """Return whether the last block of a picture, or about an eighth of all, are of one colour to the bit."""
    box = (max(0, image.width - _BLOCK), max(0, image.height - _BLOCK), *image.size)
    corner = image._new(image.im.crop(box))  # `crop` would compare even these with the limit that Pillow has
    if _is_flat(corner, 255):
        return True
    seen = image.convert("RGB") if image.mode == "CMYK" else image  # under black, the other inks are not
    rows = np.asarray(seen)[::_BLOCK]  # one of each block says enough
    runs = rows[:, : image.width // _BLOCK * _BLOCK].reshape(len(rows), -1, _BLOCK, len(seen.getbands()))
    return bool((runs == runs[:, :, :1]).all((2, 3)).mean() > 1 / _BLOCK) if runs.size else False


def _says_more(image: Any, data: bytes, segments: list[tuple[int, slice]]) -> bool:
    """Return whether a JPEG has many more bits than what was decoded of it needs when it is coded as it is."""
    # As it is: luminance and colours where it has those, inks or red, green and blue where it has them.
    plain = image.info.get("adobe_transform") == 0
    if image.mode not in ("L", "RGB", "CMYK") or (image.mode == "CMYK" and not plain):
        return False
    if any(marker == _RESTART_INTERVAL for marker, _ in segments):  # which take room, and tell by their number
        return False
    same = Image.frombytes("YCbCr", image.size, image.tobytes()) if image.mode == "RGB" and plain else image
    again = io.BytesIO()
    same.save(again, "JPEG", qtables=image.quantization, subsampling=JpegImagePlugin.get_sampling(image))
    coded = again.getvalue()
    found, needed = (
        sum(place.stop - place.start for marker, place in parts if marker == _SCAN_DATA)
        for parts in (segments, _segments(coded))
    )
    least = _LEAST_NEEDED if same is image else _WITH_OTHER_CODES
    return bool(needed < least * found - _SPARE)


def _rows(image: Image.Image, top: int) -> Image.Image:
    """Return some rows; `crop` would compare even these with the limit that Pillow has for the process."""
    return image._new(image.im.crop((0, top, image.width, min(top + _BAND, image.height))))


def _is_flat(image: Image.Image, brightest: int) -> bool:
    ranges: Any = image.getextrema()
    return all(low == high <= brightest for low, high in (ranges if isinstance(ranges[0], tuple) else [ranges]))


def _segments(data: bytes) -> Iterator[tuple[int, slice]]:
    """Iterate over the markers of a JPEG to its first end: each, and where its parameters or its scan's bits stand."""
    place = 2
    while found := re.compile(rb"\xff+([\x01-\xfe])").search(data, place):
        marker, place = found[1][0], found.end()
        if marker == _END:
            yield marker, slice(found.start(), found.end())
            return
        if 0xD0 <= marker <= 0xD8 or place + 2 > len(data):
            continue
        length = struct.unpack_from(">H", data, place)[0]
        yield marker, slice(place + 2, place + length)
        place += length
        if marker == _SCAN:
            ends = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]").search(data, place)
            after = ends.start() if ends else len(data)
            yield _SCAN_DATA, slice(place, after)
            place = after


def _missing_scans(data: bytes, segments: list[tuple[int, slice]]) -> str | None:
    """Say where no scan of a JPEG comes to the last bit of some coefficient."""
    waiting: set[tuple[int, int]] = set()
    progressive = False
    for marker, place in segments:
        body = data[place]
        if marker in _FRAMES:
            progressive = marker in _PROGRESSIVE
            waiting = set(itertools.product(body[6::3], range(64)))
        elif marker == _SCAN and len(body) >= 6:
            first, last, bits = body[-3:] if progressive else (0, 63, 0)
            if not bits & 15:
                waiting -= set(itertools.product(body[1:-3:2], range(first, last + 1)))
    return "its last scans are missing, and it is blurred" if waiting else None


def _missing_restarts(data: bytes, segments: list[tuple[int, slice]], size: tuple[int, int]) -> str | None:
    """Say where a JPEG that is coded in intervals lacks some, which come out grey."""
    interval = 0
    sampling: dict[int, tuple[int, int]] = {}
    for index, (marker, place) in enumerate(segments):
        body = data[place]
        if marker == _RESTART_INTERVAL and len(body) >= 2:
            interval = struct.unpack_from(">H", body)[0]
        elif marker in _FRAMES:
            sampling = {number: divmod(both, 16) for number, both in zip(body[6::3], body[7::3], strict=False)}
        elif marker == _SCAN and not interval and re.search(rb"\xff[\xd0-\xd7]", data[segments[index + 1][1]]):
            return "it has restart markers and does not say how often, and parts of it are grey"
        elif marker == _SCAN and interval and sampling:
            chosen = [sampling[number] for number in body[1:-3:2] if number in sampling]
            widest, highest = (max(sides) for sides in zip(*sampling.values(), strict=True))
            across, down = (_BLOCK * widest, _BLOCK * highest)
            if len(chosen) == 1:  # not interleaved: block by block
                across, down = across // max(chosen[0][0], 1), down // max(chosen[0][1], 1)
            units = -(-size[0] // max(across, 1)) * -(-size[1] // max(down, 1))
            expected = -(-units // interval) - 1
            bits = data[segments[index + 1][1]]
            found = len(re.findall(rb"\xff[\xd0-\xd7]", bits))
            if found < expected:
                return f"it has {found} of {expected} of its restart markers, and parts of it are grey"
    return None
