"""Weights downloaded: to a temporary file, checked, and only then under their name."""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from pathlib import Path
from typing import IO

from tqdm import tqdm

from ..errors import WeightsError
from ..files import PartFile, make_folder
from .record import Weights
from .verification import CHUNK, advice, cache_folder, check_digest, verify


def download_file(record: Weights, url: str) -> Path:
    """Download to a temporary file beside the goal, check it, and only then give it its name."""
    file = cache_folder() / record.name
    try:
        make_folder(file.parent)
        # Some servers turn away Python's own name.
        request = urllib.request.Request(url, headers={"User-Agent": "impasto"})
        with PartFile(file) as part:
            with urllib.request.urlopen(request, timeout=30) as response, part.path.open("wb") as saved:
                digest, size = _copy(response, saved, record)
            check_digest(record, digest, size, f"what {url} sent is not {record.name}", None)
            part.publish()
    except (OSError, http.client.HTTPException) as error:
        what = f"{record.name} is not on this machine, and downloading it failed"
        why = f"  why: {type(error).__name__}: {error}"
        raise WeightsError(f"{what}\n{why}\n{advice(record)}") from error
    return verify(record, file)


def _copy(response: http.client.HTTPResponse, saved: IO[bytes], record: Weights) -> tuple[str, int]:
    """Copy at most one chunk more than the record's size, so that no server can fill the disk."""
    digest, size = hashlib.sha256(), 0
    with tqdm(total=record.size, desc=record.name, unit="B", unit_scale=True) as bar:
        while size <= record.size and (chunk := response.read(CHUNK)):
            saved.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            bar.update(len(chunk))
    return digest.hexdigest(), size
