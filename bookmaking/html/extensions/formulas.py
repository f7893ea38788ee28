r"""Write formulas as MathML: browsers show it and screen readers speak it, without any script.

Docutils translates LaTeX, and a command that it does not know is a warning. The rules below are for
what it reads or spaces otherwise than LaTeX.
"""

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger
from sphinx.util.math import get_node_equation_number

READING = {
    r"\\dots\b(?=\s*[<>=+])": r"\\cdots",
    r"\\dots\b": r"\\ldots",
    r"\\boldsymbol\b": r"\\mathbfit",
    # Without braces, LaTeX takes one digit and Docutils the whole number.
    r"(\\[dt]?frac|\\sqrt|[_^])\s*(\d)(?=\d)": r"\1{\2}",
    r"(\\[dt]?frac\{\d\})(\d)": r"\1{\2}",
}
THIN = '<mspace width="0.1667em"></mspace>'
SPACING = {
    r">[ \n]+<": "><",
    r'(<mo accent="true">)_(</mo></mover>)': "\\1\N{OVERLINE}\\2",
    # A word is a letter; as text it would count as a space.
    r"<mtext>(\w{2,})</mtext>": r"<mi>\1</mi>",
    # The first sign of a column stands between two columns; it is no sign of what follows it.
    r"(<mtd>(?:<mspace[^>]*></mspace>)?<mo)>": r'\1 form="infix">',
    # A slash divides closely, and a relation after a bracket has nothing on its left.
    r'<mo stretchy="false">/</mo>': '<mo lspace="0" rspace="0" stretchy="false">/</mo>',
    r'(<mo stretchy="false">\(</mo><mo)>': r'\1 lspace="0">',
    # Bars around a number open and close.
    r'<mo stretchy="false">\|</mo>(.*?)<mo stretchy="false">\|</mo>': (
        r'<mo form="prefix" stretchy="false">|</mo>\1<mo form="postfix" stretchy="false">|</mo>'
    ),
    # The name of a function stands off from what is beside it, unless that is a sign.
    r"(</m(?!o>|space>)\w+>)(?=<mi>\w{2,}</mi><mo>&ApplyFunction;)": rf"\1{THIN}",
    r"(&ApplyFunction;</mo>)(?=<m(?!o\b|row\b|space\b))": rf"\1{THIN}",
}


def as_mathml(tex: str, display: bool = False) -> str:
    r"""Return a formula as MathML.

    Parameters
    ----------
    tex
        The formula as LaTeX, without the dollars.
    display
        Whether it stands by itself.

    Examples
    --------
    >>> as_mathml(r"\frac12").partition(">")[2]
    '<mfrac><mn>1</mn><mn>2</mn></mfrac></math>'
    """
    mathml = tex2mathml(_replaced(tex, READING), as_block=display)
    return _replaced(mathml, SPACING)


def _replaced(text: str, rules: dict[str, str]) -> str:
    for found, wanted in rules.items():
        text = re.sub(found, wanted, text)
    return text


def visit_inline(translator: Any, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    translator.body.append(f'<span class="math notranslate">{_converted(node)}</span>')
    raise nodes.SkipNode


def visit_display(translator: Any, node: nodes.math_block) -> None:
    """Write a formula that stands by itself, with its number if it has one."""
    translator.body.append(translator.starttag(node, "div", CLASS="math notranslate"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append(f'<div class="formula">{_converted(node)}</div></div>\n')
    raise nodes.SkipNode


def _converted(node: nodes.math | nodes.math_block) -> str:
    try:
        return as_mathml(node.astext(), display=isinstance(node, nodes.math_block))
    except MathError as error:
        getLogger(__name__).warning("%s: %s", error, node.astext(), location=node)
        return ""


WITH_PUNCTUATION = re.compile(
    r'<span class="math notranslate">((?!</math>).)*</math></span>[.,;:)]+'
)


def add_font(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Load the font of formulas where there are any, and keep them with their punctuation."""
    if "<math" in context.get("body", ""):
        app.add_css_file("formulas.css")
        whole = r'<span class="whole">\g<0></span>'
        context["body"] = WITH_PUNCTUATION.sub(whole, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx, as a renderer of formulas that _config.yml can name."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.connect("html-page-context", add_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
