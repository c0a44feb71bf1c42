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
    **{name: f"--{name}" for name in ("size", "print", "strokes", "port", "token")},
    "max_pixels": "--max-pixels",
    "recipe": "--recipe",
    "untrusted": "--untrusted",
}
"""Keywords of the library, and the options that mean the same."""
PHRASES = {
    "`impasto.testing.check_stage`": "`impasto plugins NAME --check`",
    ", or all of them, painted by Pipeline.stream": "; given as content, all are painted",
}
"""Python that is no call with keywords."""
_MASK_ARRAY = re.compile(r"((np\.asarray|impasto\.read)\()?\bmask\)?(\.tensor)? > 0(, or \S+ (\*|==) \d+)?")
"""Python that makes a mask of the array of one."""
_ADVICE = re.compile(r"\A {2}\S")
_CALL = re.compile(r"(?<![\w.])[A-Za-z_][\w.]*\(")
_NAME = r"([a-z]\w*)=(?=['\"(\[{\d.+-]|True\b|False\b|None\b)"
_KEYWORD = re.compile(rf"(?<![\w.'\":-]){_NAME}")
_ONE_MORE = re.compile(rf", {_NAME}")
_LITERAL = re.compile(r"""'[^']*'|"[^"]*"|\.\.\.|True|False|None|[+-]?\d[\d_]*(\.\d+)?(e[+-]?\d+)?(?![\w/]|\.\w)""")
_DEFAULT = re.compile(r"(?<=\(default )(?=\S)")
_TUPLE = re.compile(r"(?<![\w.()\]=])(?=\()")
_SPEAKER = re.compile(r"(?:\A|: )([a-z][a-z0-9-]*)(?=[:,] )")
_PLAIN = re.compile(r"(?!(true|false|inf|nan)\b)[A-Za-z_./~][\w./~ =#*-]*")
"""A text that `--with` takes for a text without quotation marks."""
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
    who = _speaker(first)
    return "\n".join([first, *(_advice(line, command, who) if _ADVICE.match(line) else line for line in rest)])


def _speaker(first: str) -> str:
    """Return which stage says a message, by its first line; "" where none does."""
    stages = {*_stage_names().values()}
    return next((match[1] for match in _SPEAKER.finditer(first) if match[1] in stages), "")


def _advice(line: str, command: str, who: str) -> str:
    if line.startswith("  did you mean"):  # the name of a file or a stage
        return line
    for python, words in PHRASES.items():
        line = line.replace(python, words)
    line = _MASK_ARRAY.sub("a picture of the mask in black and white", line)
    line = _replaced(line, _CALL, lambda match, text: _call(text, command), _end_of_call)
    # What is a call still is none of the command line's: its keywords are Python.
    calls = [range(match.start(), _end_of_call(line, match.start())) for match in _CALL.finditer(line)]

    # What is to be typed is typed whole: a setting behind the stage whose it is.
    stage = who if line.startswith("  what to type") else ""

    def keywords(match: re.Match[str], text: str) -> str:
        return "" if any(match.start() in call for call in calls) else _keywords(match[0] + text, command, stage)

    line = _replaced(line, _KEYWORD, keywords, _end_of_keywords)
    line = _replaced(line, _DEFAULT, lambda match, text: _literal_word(text), _end_of_literal)
    return _replaced(line, _TUPLE, lambda match, text: _tuple(text, command), _end_of_brackets)


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


def _end_of_keywords(line: str, start: int) -> int:
    """Return where `value, key=value, …` ends that begins at `start`, or `start` if no value does."""
    named = {line[:start].rpartition("=")[0].split()[-1]}
    stop = _end_of_literal(line, start)
    while stop > start and (more := _ONE_MORE.match(line, stop)) and more[1] not in named:
        end = _end_of_literal(line, more.end())
        if end == more.end():
            break
        named.add(more[1])
        stop = end
    return stop


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
    stage = _stage_names().get(last)
    if stage is None and keywords and set(keywords) <= set(OPTIONS):
        return " ".join(_option(key, value) for key, value in keywords.items())
    if stage is None or positions:
        return ""
    return _settings(stage, keywords)


def _settings(stage: str, values: Mapping[str, Any]) -> str:
    """Return settings as `--with` takes them, behind a stage's name unless that is empty."""
    return ":".join([*filter(None, [stage]), *(f"{key}={_word(value)}" for key, value in values.items())])


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


def _keywords(text: str, command: str, stage: str) -> str:
    """Return `key=value, key=value` as options, as a trainer's, or as settings of a stage."""
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        assert isinstance(call, ast.Call)
        values = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ""
    if command == "train":
        return " ".join(_option(key, value, f"--{key.replace('_', '-')}") for key, value in values.items())
    options = [_option(key, value) for key, value in values.items() if key in OPTIONS]
    settings = {key: value for key, value in values.items() if key not in OPTIONS}
    return ", ".join(filter(None, [" ".join(options), _settings(stage, settings) if settings else ""]))


def _tuple(text: str, command: str) -> str:
    """Return a tuple of values as `--with` or a trainer takes them; nothing if it is none."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ""
    if not isinstance(value, tuple) or re.search(r"\d,\d", text):  # (1,000) is a number of thousands
        return ""
    return (" ".join(map(str, value)) if command == "train" else _word(value)) or "nothing"


def _option(key: str, value: Any, flag: str = "") -> str:
    flag = flag or OPTIONS[key]
    if isinstance(value, bool):
        return flag if value else flag.replace("--", "--no-", 1)
    if isinstance(value, Mapping):
        return " ".join([flag, *(f"{label}={'…' if file is ... else file}" for label, file in value.items())])
    entries = ["…" if entry is ... else shlex.quote(str(entry)) for entry in _entries(value)]
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
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else _quoted(value)


def _quoted(value: Any) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)


def _stage_names() -> Mapping[str, str]:
    """Return the names of stages and watchers by their classes'; none where there is no host yet."""
    host = sys.modules.get("impasto.host")
    try:
        known = {} if host is None else {**host.get_host().watchers, **host.get_host().stages}
        return {named.__name__: name for name, named in known.items()}
    except LookupError:  # which is said by whoever asks for a stage; this is about another message
        return {}
