"""The host: hooks, what installed plugins offer by name, and the plugins that take part in a run."""

import sys
import types
from typing import NoReturn

from ..versions import version
from .hookspecs import hookimpl
from .registry import Host, get_host
from .runner import StageRunner


class _Wing(types.ModuleType):
    """This wing, which was a function once."""

    def __call__(self) -> NoReturn:
        raise TypeError("impasto.host is a module and no function any more\n  what to type: impasto.get_host()")


sys.modules[__name__].__class__ = _Wing

__all__ = ["Host", "StageRunner", "get_host", "hookimpl", "version"]
