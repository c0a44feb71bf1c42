"""The kit finds what is wrong with a reader of files, and accuses no sound one."""

import io
import zlib

import numpy as np
import pytest

import impasto
from impasto import testing

PIXELS = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)


def sound(data):
    """Pixels deflated, with their length and checksum."""
    pixels = zlib.decompress(io.BytesIO(data).read())
    return np.frombuffer(pixels, np.uint8).reshape(12, 16, 3)


def lenient(data):
    """Take what there is of the pixels, and leave the rest grey."""
    found = zlib.decompressobj().decompress(data)
    return np.frombuffer(found.ljust(PIXELS.size, b"\x80"), np.uint8).reshape(12, 16, 3)


def nothing(data):
    """Give nothing back of a file that is cut."""
    try:
        return sound(data)
    except zlib.error:
        return None


def opening(data):
    with open(__file__, "rb"):
        return sound(data)


def shared(data, _calls=[]):  # noqa: B006
    _calls.append(data)
    return sound(data) // (1 + len(_calls) % 2)


def planes(data):
    return sound(data).transpose(2, 0, 1)


@pytest.fixture
def file(tmp_path, monkeypatch):
    def file(reader, suffix=".deflated"):
        class Deflated:
            __name__ = "impasto-deflated 1.0"

            @impasto.hookimpl
            def impasto_readers(self):
                return {suffix: reader}

        host = impasto.Host(Deflated())
        monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
        path = tmp_path / f"photo{suffix}"
        path.write_bytes(zlib.compress(PIXELS.tobytes()))
        return path

    return file


def test_a_sound_reader_passes(file, capsys):
    testing.check_reader(file(sound))
    assert capsys.readouterr().out.count("  ok ") == len(testing.SUITES["reader"].checks)


@pytest.mark.parametrize(
    ("reader", "check", "advice"),
    [
        (planes, "is asked for the file", "an array (H, W), (H, W, 3)"),
        (opening, "opens no file", "io.BytesIO(data)"),
        (shared, "reads the same in threads", "no state that the calls"),
        (lenient, "says that a file is damaged", "to raise any error for a file that is not whole"),
        (nothing, "says that a file is damaged", "to raise any error for a file that is not whole"),
    ],
)
def test_a_fault_is_found_with_advice(file, reader, check, advice):
    with pytest.raises(AssertionError) as failures:
        testing.check_reader(file(reader))
    assert f"{check}: " in str(failures.value)
    assert advice in str(failures.value)


def test_a_suffix_that_impasto_reads_by_itself_is_told(file):
    with pytest.raises(AssertionError, match=r"no installed plugin is asked for \.png files"):
        testing.check_reader(file(sound, ".png"))


def test_what_is_no_file_is_refused():
    with pytest.raises(TypeError, match="checks readers here, found int"):
        testing.check_reader(3)
