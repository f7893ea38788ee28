"""Set the bibliography as psychologists do, as Markdown, from ``references.bib``."""

from functools import cache
from typing import Any
from unicodedata import normalize

from pybtex.backends.markdown import Backend
from pybtex.database import Entry, Person, parse_file
from pybtex.style.formatting import toplevel
from pybtex.style.formatting.plain import Style
from pybtex.style.formatting.unsrt import pages
from pybtex.style.sorting.author_year_title import SortingStyle
from pybtex.style.template import field, first_of, join, names, optional, sentence, tag, words

from bookmaking.paths import ROOT


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


class Plain(Backend):  # type: ignore[misc]
    """Markdown in which dots and hyphens need no backslash."""

    def format_str(self, text: str) -> str:
        """Return text as it is."""
        return text


@cache
def references() -> str:
    """Return the list of references as Markdown: a paragraph for each, with its key as label."""
    data = parse_file(ROOT / "references.bib")
    entries = AuthorYear().format_bibliography(data, list(data.entries))
    return "\n".join(f"({entry.key})=\n{entry.text.render(Plain())}\n" for entry in entries)
