"""Store outputs as JupyterLab would save them again, and pictures lighter than they come."""

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image

COLOURS = 256


def as_stored(output: Any) -> Any:
    """Return an output of a cell in the form in which it is stored.

    Parameters
    ----------
    output
        An output in nbformat's form.

    Returns
    -------
    A copy, with lighter pictures, and with whole numbers as JavaScript writes them: 1, not 1.0
    """
    copy = json.loads(json.dumps(output), parse_float=_whole)
    data = copy.get("data", {})
    if "image/png" in data:
        data["image/png"] = lighter(data["image/png"])
    return nbformat.from_dict(copy)


def _whole(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 1e16 else number


def lighter(picture: str) -> str:
    """Return a PNG with a palette of its colours, about a third of the size.

    Parameters
    ----------
    picture
        The PNG, in base 64, as notebooks keep it.

    Returns
    -------
    The same picture, in at most ``COLOURS`` colours; the one given if that is smaller
    """
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGBA")
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    written = io.BytesIO()
    palette = page.quantize(COLOURS, dither=Image.Dither.NONE)
    palette.save(written, "PNG", optimize=True)
    return min(base64.b64encode(written.getvalue()).decode(), picture, key=len)


def keep_vector(drawing: str, picture: str, folder: Path) -> None:
    """Write a figure as vectors, under the name that Sphinx gives to its pixels.

    Parameters
    ----------
    drawing
        The figure as SVG.
    picture
        The same figure as the notebook has it: a PNG, in base 64.
    folder
        Where to write it.
    """
    name = hashlib.sha256(base64.b64decode(picture)).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.svg").write_text(drawing, encoding="utf-8")
