"""Which operations of torch have a kernel on a device that is not there, by torch's own tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch


@cache
def cuda_has(func: Any) -> bool:
    """Return whether CUDA has an operation; a torch built without CUDA does not know, and then it is taken to."""
    return not torch.version.cuda or bool(torch._C._dispatch_has_computed_kernel_for_dispatch_key(func.name(), "CUDA"))


@cache
def mps_has(func: Any) -> bool:
    """Return whether MPS has an operation; what torchgen's list does not say, it is taken to have."""
    return _functions_of_mps().get(func.name().removeprefix("aten::"), True)


@cache
def _functions_of_mps() -> Mapping[str, bool]:
    """Return whether MPS has each of torch's native functions, from the list that torch's kernels are declared in.

    A function has a kernel of MPS's own, or one for all devices, or is computed by its delegate's.
    """
    spec = find_spec("torchgen")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    lists = [file for folder in folders for file in Path(folder).glob("packaged/ATen/native/native_functions.yaml")]
    table: dict[str, bool] = {}
    delegates: dict[str, str] = {}
    for block in lists[0].read_text(encoding="utf-8").split("\n- func: ")[1:] if lists else []:
        name = block.split("(", 1)[0]
        lines = [line.strip() for line in block.splitlines()]
        delegate = next((line.split(": ")[1] for line in lines if line.startswith("structured_delegate:")), None)
        if delegate is not None:
            delegates[name] = delegate
        elif "dispatch:" in lines:
            keys = " ".join(line.split(":")[0] for line in lines[lines.index("dispatch:") + 1 :] if ": " in line)
            table[name] = "MPS" in keys or "Composite" in keys
    return table | {name: table.get(delegate, True) for name, delegate in delegates.items()}
