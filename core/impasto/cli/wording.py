"""What messages tell a user to type, in the words of the command line.

The library's messages are for those who write Python: `device='cpu'`, `pipe(content, style)`, `AdaIN(alpha=...)`.  Who
typed a command is told the same in a command's words.  Here is the one place that knows both.
"""

from __future__ import annotations

import ast
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from typing import Any

OPTIONS = {
    **{name: f"--{name}" for name in ("mask", "guides", "device", "precision", "seed", "bits", "quality", "allow")},
    "max_pixels": "--max-pixels",
    "recipe": "--recipe",
    "untrusted": "--untrusted",
}
"""Keywords of the library, and the options that mean the same."""
PHRASES = {
    "`impasto.testing.check_stage`": "`impasto plugins STAGE --check`",
    "Pipeline.stream": "`impasto paint` or `impasto run`",
    "mask > 0, or mask * 255": "a picture of the mask in black and white",
}
"""Python that is no call with keywords."""
_ADVICE = re.compile(r"\A {2}\S")
_CALL = re.compile(r"(?<![\w.])[A-Za-z_][\w.]*\(")
_KEYWORD = re.compile(r"(?<![\w.'\":-])([a-z]\w*)=(?=['\"(\[{\d.+-]|True\b|False\b|None\b)")
_LITERAL = re.compile(r"""'[^']*'|"[^"]*"|\.\.\.|True|False|None|[+-]?\d[\d_]*(\.\d+)?(e[+-]?\d+)?(?![\w/]|\.\w)""")
_DEFAULT = re.compile(r"(?<=\(default )(?=\S)")
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def command_line_words(message: str, command: str = "paint") -> str:
    """Return a message of the library with what it tells to type in the words of the command line.

    The first line says what was asked and found, and stays as it is.

    Args:
        message: of an error or a warning.
        command: which was typed: a stage's parameter is written otherwise to `--with` than to `impasto train`.

    Example:
        >>> print(command_line_words("too large\\n  what would work: device='cpu', or layers=('a', 'b')"))
        too large
          what would work: --device cpu, or layers=a+b
    """
    first, *rest = message.split("\n")
    return "\n".join([first, *(_advice(line, command) if _ADVICE.match(line) else line for line in rest)])


def _advice(line: str, command: str) -> str:
    if line.startswith("  did you mean"):  # the name of a file or a stage
        return line
    for python, words in PHRASES.items():
        line = line.replace(python, words)
    line = _replaced(line, _CALL, lambda match, text: _call(text, command), _end_of_call)
    # What is a call still is none of the command line's: its keywords are Python.
    calls = [range(match.start(), _end_of_call(line, match.start())) for match in _CALL.finditer(line)]

    def keyword(match: re.Match[str], text: str) -> str:
        return "" if any(match.start() in call for call in calls) else _keyword(match[1], text, command)

    line = _replaced(line, _KEYWORD, keyword, _end_of_literal)
    return _replaced(line, _DEFAULT, lambda match, text: _literal_word(text), _end_of_literal)


def _replaced(
    line: str, pattern: re.Pattern[str], words: Callable[[re.Match[str], str], str], end: Callable[[str, int], int]
) -> str:
    """Return a line with each place that a pattern finds in other words; where those are none, as it was.

    Args:
        line: the line.
        pattern: finds the places.
        words: makes other words of a match and of the Python that begins at its end, or for a call at its beginning.
        end: says where that Python ends.
    """
    done, at = "", 0
    for match in pattern.finditer(line):
        if match.start() < at:
            continue
        start = match.start() if pattern is _CALL else match.end()
        stop = end(line, start)
        other = words(match, line[start:stop]) if stop > start else ""
        if other:
            done += line[at : match.start()] + other
            at = stop
    return done + line[at:]


def _end_of_call(line: str, start: int) -> int:
    return _end_of_brackets(line, line.index("(", start))


def _end_of_brackets(line: str, start: int) -> int:
    """Return where the bracket that opens at `start` is closed, or `start` if it is not."""
    waiting: list[str] = []
    quote = ""
    for index in range(start, len(line)):
        letter = line[index]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in _PAIRS:
            waiting.append(_PAIRS[letter])
        elif waiting and letter == waiting[-1]:
            waiting.pop()
            if not waiting:
                return index + 1
    return start


def _end_of_literal(line: str, start: int) -> int:
    """Return where the Python literal that begins at `start` ends, or `start` if none does."""
    if line[start : start + 1] in _PAIRS:
        return _end_of_brackets(line, start)
    match = _LITERAL.match(line, start)
    return match.end() if match else start


def _call(text: str, command: str) -> str:
    """Return a call of the library as what to type; nothing if it is none."""
    try:
        call = ast.parse(text.replace("…", "..."), mode="eval").body
        if not isinstance(call, ast.Call):
            return ""
        name = ast.unparse(call.func)
        positions = [ast.unparse(argument) for argument in call.args]
        keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ""
    last = name.rpartition(".")[2]
    if last == "pipe":
        return _painting(positions, keywords, command)
    if name.endswith("Pipeline.parse") and call.args:
        return f"--with {shlex.quote(ast.literal_eval(call.args[0]).replace('...', '…'))}"
    if last == "Style":
        region = f"{keywords['region']}=" if keywords.get("region") else ""
        return f"{region}painting.jpg" + (f":{keywords['weight']}" if "weight" in keywords else "")
    if keywords and set(keywords) <= set(OPTIONS):
        return " ".join(_option(key, value) for key, value in keywords.items())
    stage = _stage_names().get(last)
    if stage is None or positions:
        return ""
    return ":".join([stage, *(f"{key}={_word(value)}" for key, value in keywords.items())])


def _painting(positions: list[str], keywords: Mapping[str, Any], command: str) -> str:
    """Return how a command is given its pictures and options."""
    given = [argument for argument in positions if argument != "..."]
    options = " ".join(_option(key, value) for key, value in keywords.items() if key in OPTIONS)
    if not given:
        return options
    styles = "painting.jpg" if len(given) > 1 else ""
    if "[" in "".join(given):
        labels = re.findall(r"region='(\w+)'", "".join(given))
        styles = " ".join(f"{label}={label}.jpg" for label in labels)
    words = ["impasto paint photo.jpg", styles, options]
    if command == "run":
        words = ["--content photo.jpg", styles and f"--style {styles}", options]
    return " ".join(filter(None, words)) + ("" if styles else ", without a painting")


def _keyword(key: str, text: str, command: str) -> str:
    """Return `key=value` as an option, as a trainer's, or as a stage's parameter."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ""
    if command == "train":
        return _option(key, value, f"--{key.replace('_', '-')}")
    return _option(key, value) if key in OPTIONS else f"{key}={_word(value)}"


def _option(key: str, value: Any, flag: str = "") -> str:
    flag = flag or OPTIONS[key]
    if isinstance(value, bool):
        return flag if value else flag.replace("--", "--no-", 1)
    if isinstance(value, Mapping):
        return " ".join([flag, *(f"{label}={'…' if file is ... else file}" for label, file in value.items())])
    entries = [shlex.quote("…" if entry is ... else str(entry)) for entry in _entries(value)]
    return " ".join(f"{flag} {entry}" for entry in entries) if key == "allow" else " ".join([flag, *entries])


def _entries(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def _literal_word(text: str) -> str:
    try:
        return _word(ast.literal_eval(text)) or "none"
    except (SyntaxError, ValueError):
        return ""


def _word(value: Any) -> str:
    """Return a value as `--with` takes it."""
    if isinstance(value, (tuple, list)):
        return "+".join(map(_word, value))
    if value is ...:
        return "…"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return value if isinstance(value, str) and re.fullmatch(r"[\w./~ -]+", value) else _quoted(value)


def _quoted(value: Any) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)


def _stage_names() -> Mapping[str, str]:
    """Return the names of stages by their classes'; none where the host was not needed yet, or cannot be had."""
    host = sys.modules.get("impasto.host")
    try:
        return {} if host is None else {stage.__name__: name for name, stage in host.get_host().stages.items()}
    except LookupError:  # which is said by whoever asks for a stage; this is about another message
        return {}
