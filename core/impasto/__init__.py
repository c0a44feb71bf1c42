"""Impasto: image style transfer by plugins, chained into pipelines."""

import os
import sys

import lazy_loader

from .moved import moved_name

# Read by torch at its first tensor: large ones are laid on huge pages, as NumPy lays its arrays.  On the CPU a
# picture of 1024×1024 otherwise spends a fifth of its time in the kernel, which clears pages of 4 kB one by one.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
# Read by libgomp when torch loads it: how long threads spin while they wait for each other.  As it comes, two processes
# on shared cores take up to 25 times as long as one; with this, about twice, and one alone loses nothing that one sees.
_SETS_SPINCOUNT = "torch" not in sys.modules and not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys()
if _SETS_SPINCOUNT:
    os.environ["GOMP_SPINCOUNT"] = "3000"

__version__ = "0.1.0"

# Names are loaded when they are asked for, from where `__init__.pyi` says: torch waits until something is painted.
_attribute, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """Return what `__init__.pyi` lists under a name; raise an `AttributeError` that says where an older name went."""
    try:
        return _attribute(name)
    except AttributeError as error:
        if where := moved_name(error):
            raise AttributeError(f"{error}{where}", name=name) from None
        raise
