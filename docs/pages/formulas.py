"""Formulas of the pages, written as $…$, become MathML, which browsers draw themselves: no script, nothing to load."""

import re

from latex2mathml.converter import convert

CODE_OR_FORMULA = re.compile(
    r"(?P<code>^```.*?^```$|`[^`\n]+`)|\$\$(?P<block>.+?)\$\$|(?<![\\$\w])\$(?P<inline>[^$\n]+?)\$(?!\w)",
    re.MULTILINE | re.DOTALL,
)


def drawn(markdown: str) -> str:
    """Return a page's text with its formulas as MathML; what stands in code stays."""

    def formula(match: re.Match[str]) -> str:
        if match["code"] is not None:
            return match[0]
        display = "block" if match["block"] else "inline"
        return convert((match["block"] or match["inline"]).strip(), display=display)

    return CODE_OR_FORMULA.sub(formula, markdown)
