"""`impasto weights`: the networks that are known, and where they are or what to do."""

from __future__ import annotations

import argparse
import textwrap

from ..errors import WeightsError
from ..host import get_host
from ..networks import PRETRAINED
from ..weights import Weights, find
from .errors import DONE


def execute(given: argparse.Namespace) -> int:
    """List the networks that are known, and where they are or what to do."""
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


def known_records() -> dict[Weights, list[str]]:
    """Return every known network's record with the names of what uses it."""
    users: dict[Weights, list[str]] = {record: ["encoders"] for record in PRETRAINED.values()}
    for name, stage in get_host().stages.items():
        for record in stage.known_weights:
            users.setdefault(record, []).append(name)
    return users
