"""Render students' texts as HTML that executes nothing and needs no network.

It replaces nbconvert's filter for Markdown, in formgrader and in feedback pages.
"""

import html
import subprocess
from functools import lru_cache

import nh3
import pypandoc

READER = "commonmark+tex_math_dollars+pipe_tables-raw_html"
SECONDS = 5
MOST = 20
"""Largest length of the HTML, relative to the text and 10,000 characters: references multiply."""
MATHML = {"math", "semantics", "annotation", "mrow", "mi", "mo", "mn", "mtext", "mspace", "mfrac"}
MATHML |= {"msub", "msup", "msubsup", "munder", "mover", "munderover", "msqrt", "mroot", "mpadded"}
MATHML |= {"mtable", "mtr", "mtd", "mstyle", "mphantom", "menclose", "mmultiscripts", "mprescripts"}
TAGS = (nh3.ALLOWED_TAGS - {"img"}) | MATHML
"""No pictures: their server would learn that the page was opened."""
ATTRIBUTES = nh3.ALLOWED_ATTRIBUTES | {
    "math": {"display", "xmlns"},
    "annotation": {"encoding"},
    "mi": {"mathvariant"},
    "mtext": {"mathvariant"},
    "mo": {"stretchy", "form", "accent", "minsize", "maxsize"},
    "mtd": {"columnalign"},
    "mspace": {"width"},
}


@lru_cache(256)  # what was handed out stands in every notebook
def safe_html(text: str) -> str:
    """Return Markdown as sanitised HTML, with formulas in MathML.

    Parameters
    ----------
    text
        Anything.

    Returns
    -------
    HTML without scripts, handlers, styles, forms, pictures, or links to anything but http, https
    and mailto; the text as it is if it takes more than ``SECONDS`` to read or becomes too long

    Examples
    --------
    >>> safe_html("*A* <b onclick=x>b</b>")
    '<p><em>A</em> <b>b</b></p>'
    """
    command = [pypandoc.get_pandoc_path(), "--sandbox", "--mathml", f"--from={READER}", "--to=html"]
    command += ["--wrap=preserve", "+RTS", "-M512m", "-RTS"]
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, encoding="utf-8", timeout=SECONDS, check=True
        )
        too_long = len(done.stdout) > MOST * len(text) + 10_000
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        too_long = True
    if too_long:
        return f"<pre>{html.escape(text)}</pre>"
    return nh3.clean(
        done.stdout, tags=TAGS, attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto"}
    ).strip()
