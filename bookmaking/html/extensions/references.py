"""Set the bibliography as psychologists do, and let Markdown link to its entries by their keys."""

from typing import Any
from unicodedata import normalize

from docutils import nodes
from pybtex.database import Entry, Person
from pybtex.plugin import register_plugin
from pybtex.style.formatting import toplevel
from pybtex.style.formatting.plain import Style
from pybtex.style.formatting.unsrt import pages
from pybtex.style.sorting.author_year_title import SortingStyle
from pybtex.style.template import field, first_of, join, names, optional, sentence, tag, words
from sphinx.application import Sphinx


class Alphabet(SortingStyle):  # type: ignore[misc]
    """Order by author, year and title, with accents left aside: Säilynoja before Silk."""

    def person_key(self, person: Person) -> str:
        """Return what a person is sorted by."""
        written = person.rich_last_names + person.rich_first_names + person.rich_middle_names
        return normalize("NFD", " ".join(map(str, written)).lower())


class AuthorYear(Style):  # type: ignore[misc]
    """Authors, year and title of a work, where it appeared, and links to it."""

    default_name_style = "lastfirst"

    def __init__(self) -> None:
        """Write initials for first names."""
        super().__init__(abbreviate_names=True)
        self.sort = Alphabet().sort

    def template(self, entry: Entry) -> Any:
        """Return the form of an entry of any type; what an entry lacks is left out."""
        authors = names("author", sep=", ", sep2=", & ", last_sep=", & ")
        title = field("title")
        volume = optional[join[tag("em")[field("volume")], optional["(", field("number"), ")"]]]
        container = first_of[
            optional[tag("em")[field("journal")]],
            optional["In ", tag("em")[field("booktitle")]],
            optional[field("howpublished")],
        ]
        return toplevel[
            words[authors, join["(", field("year"), ")."]],
            sentence[
                tag("em")[title] if entry.type == "book" else title,
                optional[field("edition"), " edition"],
            ],
            sentence[container, volume, optional[pages], optional[field("publisher")]],
            self.format_web_refs(entry),
        ]

    get_article_template = get_book_template = template
    get_incollection_template = get_inproceedings_template = get_misc_template = template


def offer_keys(app: Sphinx, doctree: nodes.document) -> None:
    """Let links such as ``bibliography.ipynb#vehtari2021`` find their entry, or warn."""
    page = app.env.docname
    for place, bibliography in app.env.get_domain("cite").data["bibliographies"].items():
        if place.docname == page:
            slugs = app.env.metadata[page].setdefault("myst_slugs", {})
            slugs.update({key: (0, key, key) for key in bibliography.citation_nodes})


def list_entries(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Make a list of the entries, without labels, which only a text with labels needs."""
    for place in {entry.parent for entry in doctree.findall(nodes.citation)}:
        items = [
            nodes.list_item("", *entry.children[1:], ids=entry["ids"]) for entry in place.children
        ]
        place.replace_self(nodes.bullet_list("", *items))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    register_plugin("pybtex.style.formatting", "author_year", AuthorYear)
    app.connect("doctree-read", offer_keys)
    app.connect("doctree-resolved", list_entries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
