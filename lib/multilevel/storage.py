"""Store fits, each in a NetCDF file of its own, and read them while nothing changed.

The file is an ordinary NetCDF 4 file, which ArviZ and xarray open, with the SHA-256 of its content
as its last 32 bytes. It is written atomically, so a reader finds either no file, or the old one, or
the new one; and whatever happens to it later is noticed.
"""

import hashlib
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Constant
from pytensor.graph.traversal import ancestors
from pytensor.printing import debugprint

from multilevel.files import atomic, module_state

PACKAGES = ["multilevel", "pymc", "pytensor", "nutpie", "numba", "numpy"]
SAMPLING_CODE = ["compilation", "sampling"]
"""The modules of this package that the draws depend on beside the model."""
DIGEST = 32  # bytes of a SHA-256
STALE_AFTER = 3600  # s: older temporary files are deleted


def fingerprint(model: pm.Model, settings: Mapping[str, Any]) -> str:
    """Return a checksum of everything that the draws of a fit depend on.

    Parameters
    ----------
    model
        The model, with its data.
    settings
        Of the sampler, the seed included.

    Returns
    -------
    SHA-256, in hexadecimal, of the model's log density and derived quantities (the graph, and the
    values of all constants and data), its coordinates and initial values, the settings, the
    versions of the packages that draw, and the code (its syntax tree) of
    :mod:`multilevel.compilation` and :mod:`multilevel.sampling`
    """
    derived = model.replace_rvs_by_values(model.deterministics)
    graph = [model.logp(), *derived]
    labels = {name: list(values or ()) for name, values in model.coords.items()}
    start = {name: np.asarray(value) for name, value in model.initial_point().items()}
    digest = hashlib.sha256()
    for part in [
        debugprint(graph, file="str", print_type=True),
        [variable.name for variable in model.deterministics],
        model.named_vars_to_dims,
        labels,
        {name: value.tolist() for name, value in start.items()},
        dict(settings),
        {package: version(package) for package in PACKAGES},
        module_state(*(Path(__file__).with_name(f"{name}.py") for name in SAMPLING_CODE)),
    ]:
        digest.update(repr(part).encode())
    for node in ancestors([*graph, *model.data_vars]):
        if isinstance(node, Constant | SharedVariable):
            value = node.data if isinstance(node, Constant) else node.get_value()
            digest.update(_content(value))
    return digest.hexdigest()


def load(path: Path, key: str) -> xr.DataTree | None:
    """Read a stored fit, if it is whole and still the one that is asked for.

    Parameters
    ----------
    path
        Where the fit may be.
    key
        Its :func:`fingerprint`.

    Returns
    -------
    The fit; or None if there is no file, or it is damaged (which a warning says), or it holds
    another fit
    """
    if not path.exists():
        return None
    if not _is_whole(path):
        warnings.warn(f"{path} is damaged, so the model is fitted anew.", stacklevel=3)
        return None
    with xr.open_datatree(path, engine="h5netcdf") as stored:
        if stored.attrs.get("fingerprint") != key:
            return None
        fit = stored.load()
    fit.attrs = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in fit.attrs.items()
        if name != "fingerprint"
    }
    return _for_every_row(fit)


def store(fit: xr.DataTree, path: Path, key: str) -> None:
    """Write a fit to a file, atomically.

    A fit that cannot be written, for example because the disk is full, is not lost: a warning says
    so, and the file that was there stays as it was.

    Parameters
    ----------
    fit
        What :func:`multilevel.fit` returns.
    path
        Where to; folders are made if need be.
    key
        Its :func:`fingerprint`.
    """
    compact = _for_distinct_rows(fit)
    compact.attrs = {**fit.attrs, "fingerprint": key}
    with compact.to_netcdf(engine="h5netcdf") as view:
        content = bytes(view)
    try:
        _remove_stale(path)
        with atomic(path) as temporary:
            temporary.write_bytes(content + hashlib.sha256(content).digest())
    except OSError as error:
        warnings.warn(f"The fit could not be stored in {path}: {error}.", stacklevel=3)


def distinct_rows(fit: xr.DataTree) -> tuple[np.ndarray, np.ndarray]:
    """Find one row of each kind, and the kind of each row, where equal rows were counted.

    Parameters
    ----------
    fit
        What :func:`multilevel.fit` returns.

    Returns
    -------
    The position of the first row of each kind, and for every row the number of its kind
    """
    if "constant_data" not in fit.children:
        rows = np.arange(fit["observed_data"].sizes["row"])
        return rows, rows
    cells = fit["constant_data"]["cell_of_row"].to_numpy()
    _, first, kind = np.unique(cells, return_index=True, return_inverse=True)
    return first, kind


def _content(value: Any) -> bytes:
    if isinstance(value, np.ndarray | np.number):
        return f"{value.dtype} {value.shape}".encode() + value.tobytes()
    return repr(value).encode()


def _for_distinct_rows(fit: xr.DataTree) -> xr.DataTree:
    """Keep the log likelihood of one row of each kind: equal rows have equal values."""
    groups = {name: child.dataset for name, child in fit.children.items()}
    if "log_likelihood" in groups:  # it is not where rows were counted before
        first, _ = distinct_rows(fit)
        few = groups["log_likelihood"].isel(row=first)
        groups["log_likelihood"] = few.rename(row="distinct_row")
    return xr.DataTree.from_dict(groups)


def _for_every_row(compact: xr.DataTree) -> xr.DataTree:
    groups = {name: child.dataset for name, child in compact.children.items()}
    if "log_likelihood" in groups:
        _, kind = distinct_rows(compact)
        few = groups["log_likelihood"].rename(distinct_row="row")
        groups["log_likelihood"] = few.isel(row=kind).assign_coords(groups["observed_data"].coords)
    fit = xr.DataTree.from_dict(groups)
    fit.attrs = compact.attrs
    return fit


def _is_whole(path: Path) -> bool:
    with path.open("rb") as file:
        left = path.stat().st_size - DIGEST
        digest = hashlib.sha256()
        while left > 0:
            part = file.read(min(left, 1 << 20))
            if not part:
                return False
            digest.update(part)
            left -= len(part)
        return digest.digest() == file.read()


def _remove_stale(path: Path) -> None:
    """Delete temporary files that killed processes left. Writing takes seconds, not hours."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(FileNotFoundError):  # another process has just finished it
            if time.time() - leftover.stat().st_mtime > STALE_AFTER:
                leftover.unlink()
