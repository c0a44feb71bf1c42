"""The host: hooks, what installed plugins offer by name, and the plugins that take part in a run."""

from .hookspecs import hookimpl
from .moved import moved_name
from .registry import Host, get_host
from .runner import StageRunner
from .versions import version

__all__ = ["Host", "StageRunner", "get_host", "hookimpl", "moved_name", "version"]
