"""Check for optional dependencies, and say how to install them."""

import os
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def need(*modules: str, purpose: str) -> None:
    """Raise ImportError, with the command to install them, if optional dependencies are missing.

    Parameters
    ----------
    modules
        Names of modules, all of the extra ``scale``.
    purpose
        What needs them, as the beginning of the message.

    Raises
    ------
    ImportError
        A module is missing; the message says how to install it.

    Examples
    --------
    >>> need("json", purpose="This example")
    >>> need("no_such_module", purpose="This example")
    Traceback (most recent call last):
    ImportError: This example needs no_such_module: pip install no_such_module
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise ImportError(
            f"{purpose} needs {' and '.join(missing)}: pip install {' '.join(missing)}"
        )


@cache
def ensure_compile_folder() -> None:
    """Let PyTensor compile in a temporary folder where the home folder is not writable.

    In a container a user may have no writable home, where PyTensor keeps its cache of compiled
    code. A folder that was chosen in the settings of PyTensor is used as it is.
    """
    from pytensor.configdefaults import config

    try:
        config.fetch_val_for_key("base_compiledir")
    except KeyError:
        folder = Path.home() / ".pytensor"  # PyTensor's default, but for Windows
        nearest = next(path for path in [folder, *folder.parents] if path.exists())
        if sys.platform != "win32" and not os.access(nearest, os.W_OK):
            # The setting cannot be changed after PyTensor's import, which may have been the user's.
            setting: Any = type(config).base_compiledir
            setting.val = Path(tempfile.mkdtemp(prefix="pytensor-"))
