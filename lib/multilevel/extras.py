"""Say what to install where an optional dependency is missing."""

from importlib.util import find_spec


def need(*modules: str, purpose: str) -> None:
    """Make sure that optional dependencies are installed.

    Parameters
    ----------
    modules
        Names of modules, all of the extra ``scale``.
    purpose
        What they are needed for, as the beginning of the message.

    Raises
    ------
    ImportError
        One is missing; the message says how to install it.

    Examples
    --------
    >>> need("json", purpose="This example")
    >>> need("no_such_module", purpose="This example")
    Traceback (most recent call last):
    ImportError: This example needs no_such_module: pip install "multilevel[scale]".
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise ImportError(
            f'{purpose} needs {" and ".join(missing)}: pip install "multilevel[scale]".'
        )
