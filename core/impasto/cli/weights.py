"""`impasto weights`: the networks that are known and where they are, and the record of a new one."""

from __future__ import annotations

import argparse
import json
import re
import textwrap
from pathlib import Path

from ..errors import WeightsError
from ..files import existing_file, sha256
from ..host import get_host
from ..networks import PRETRAINED, records
from ..stage import Stage
from ..weights import Weights, find, load
from .errors import DONE


def execute(given: argparse.Namespace) -> int:
    """List the networks that are known, and where they are or what to do; or print the record of one file."""
    if given.record is not None:
        print(record_code(existing_file(given.record, "")))
        return DONE
    for record, users in known_records().items():
        print(f"{record.name}: {record.size / 1e6:,.1f} MB, {record.licence}")
        print(f"  used by: {', '.join(users)}")
        try:
            place = f"found: {find(record, download=False)}"
        except WeightsError as error:
            if record.url is None:
                print(textwrap.indent(str(error), "  "))
                continue
            place = f"not here yet; downloaded when first used, from {record.url}"
        print(f"  it is: {record.expects}\n  {place}")
    return DONE


def record_code(file: Path) -> str:
    """Return the `Weights` record of a file as Python to paste, with words to replace where only its author knows more.

    Args:
        file: a network that `impasto.weights.load` opens.

    Raises:
        WeightsError: it is no such file; the message says what it is.
    """
    tensors = load(file)
    numbers = sum(value.numel() for value in tensors.values())
    name = re.sub(r"\W+", "_", file.stem).upper()
    lines = [
        f"{name if name[:1].isalpha() else f'NETWORK_{name}'} = impasto.Weights(",
        f"    name={json.dumps(file.name, ensure_ascii=False)},",
        f'    sha256="{sha256(file)}",',
        f"    size={file.stat().st_size:_},",
        '    licence="… such as CC-BY-4.0",',
        '    origin="… who trained it, on what, by which command",',
        f'    expects="… what it is and takes: {len(tensors)} tensors, {numbers:,} numbers",',
        _place(file),
        ")",
    ]
    return "\n".join(lines)


def _place(file: Path) -> str:
    """Return the line that says where a file can be had: inside the package that it lies in, else from an address."""
    folders = list(file.absolute().parents)
    packages = [(folder / "__init__.py").is_file() for folder in folders]
    if True not in packages:
        return '    url="https://…",'
    innermost = packages.index(True)
    outermost = packages.index(False, innermost) - 1 if False in packages[innermost:] else len(folders) - 1
    inside = file.absolute().relative_to(folders[outermost].parent).as_posix()
    return f"    file={json.dumps(inside, ensure_ascii=False)},"


def known_records() -> dict[Weights, list[str]]:
    """Return every known network's record with the names of what uses it; a file of several records is listed once."""
    users: dict[Weights, list[str]] = {record: ["encoders"] for record in PRETRAINED.values()}
    for kind, offered in (("encoders", get_host().encoders), ("decoders", get_host().decoders)):
        for name in offered:
            users.update({record: [kind] for record in records(name)})
    by_file = {record.sha256: record for record in users}
    for name, stage in get_host().stages.items():
        for record in dict.fromkeys((*stage.known_weights, *_default_weights(stage))):
            users.setdefault(by_file.setdefault(record.sha256, record), []).append(name)
    return users


def _default_weights(stage: type[Stage]) -> tuple[Weights, ...]:
    """Return the records of what a stage needs with its defaults, networks by name among them; none where it has none.

    A stage without a default for each of its parameters is known by what its class declares.
    """
    return () if any(parameter.required for parameter in stage.parameters().values()) else stage().weights()
