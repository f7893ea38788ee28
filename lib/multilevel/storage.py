"""Cache fits in NetCDF files: reuse a stored fit while model, data and settings are unchanged.

Each file is an ordinary NetCDF 4 file, which ArviZ and xarray can open, followed by the SHA-256 of
its content (32 bytes). Files are written atomically, so a reader finds the old file or the new one,
never a part; and the checksum detects later damage.
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
"""Modules of this package whose code the draws depend on, in addition to the model."""
DIGEST = 32  # bytes of a SHA-256
STALE_AFTER = 3600  # s: older temporary files are deleted


def fingerprint(model: pm.Model, settings: Mapping[str, Any]) -> str:
    """Return the cache key of a fit: a checksum of everything that its draws depend on.

    Parameters
    ----------
    model
        The model, with its data.
    settings
        Settings of the sampler, including the seed.

    Returns
    -------
    str
        SHA-256, in hexadecimal, of the model's log density and derived quantities (the graph, and
        the values of all constants and data), its coordinates and initial point, the settings, the
        versions of the packages that compile and sample, and the code (syntax tree) of
        :mod:`multilevel.compilation` and :mod:`multilevel.sampling`.
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
            digest.update(_bytes_of(value))
    return digest.hexdigest()


def load(path: Path, key: str) -> xr.DataTree | None:
    """Load a stored fit from the cache, if it is undamaged and has the right key.

    Parameters
    ----------
    path
        File of the fit.
    key
        :func:`fingerprint` of the fit.

    Returns
    -------
    DataTree or None
        The fit; None if there is no file, it is damaged (with a warning), or it has another key.

    Warns
    -----
    UserWarning
        The file is damaged.
    """
    if not path.exists():
        return None
    if not _is_undamaged(path):
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
    return _expand_log_likelihood(fit)


def store(fit: xr.DataTree, path: Path, key: str) -> None:
    """Store a fit in the cache, atomically.

    If it cannot be written, for example because the disk is full, a warning is issued and an
    earlier file stays as it was; the fit itself is not lost.

    Parameters
    ----------
    fit
        A fit, as returned by :func:`multilevel.fit`.
    path
        File to write; missing folders are created.
    key
        :func:`fingerprint` of the fit.

    Warns
    -----
    UserWarning
        The file could not be written.
    """
    compact = _compress_log_likelihood(fit)
    compact.attrs = {**fit.attrs, "fingerprint": key}
    with compact.to_netcdf(engine="h5netcdf") as view:
        content = bytes(view)
    try:
        _delete_stale_files(path)
        with atomic(path) as temporary:
            temporary.write_bytes(content + hashlib.sha256(content).digest())
    except OSError as error:
        warnings.warn(f"The fit could not be stored in {path}: {error}.", stacklevel=3)


def distinct_rows(fit: xr.DataTree) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct rows of a fit's data, and which distinct row each row equals.

    Parameters
    ----------
    fit
        A fit, as returned by :func:`multilevel.fit`.

    Returns
    -------
    first : ndarray
        Position of the first occurrence of each distinct row.
    kind : ndarray
        For every row, the number of its distinct row. If the model evaluates every row separately,
        both are simply the positions of all rows.
    """
    if "constant_data" not in fit.children:
        rows = np.arange(fit["observed_data"].sizes["row"])
        return rows, rows
    cells = fit["constant_data"]["cell_of_row"].to_numpy()
    _, first, kind = np.unique(cells, return_index=True, return_inverse=True)
    return first, kind


def _bytes_of(value: Any) -> bytes:
    """Return the bytes of a constant or of shared data, to be hashed."""
    if isinstance(value, np.ndarray | np.number):
        return f"{value.dtype} {value.shape}".encode() + value.tobytes()
    return repr(value).encode()


def _compress_log_likelihood(fit: xr.DataTree) -> xr.DataTree:
    """Keep the log likelihood of distinct rows only: equal rows have equal values."""
    groups = {name: child.dataset for name, child in fit.children.items()}
    if "log_likelihood" in groups:  # absent where rows were counted before
        first, _ = distinct_rows(fit)
        few = groups["log_likelihood"].isel(row=first)
        groups["log_likelihood"] = few.rename(row="distinct_row")
    return xr.DataTree.from_dict(groups)


def _expand_log_likelihood(compact: xr.DataTree) -> xr.DataTree:
    """Restore the log likelihood of every row from that of the distinct rows."""
    groups = {name: child.dataset for name, child in compact.children.items()}
    if "log_likelihood" in groups:
        _, kind = distinct_rows(compact)
        few = groups["log_likelihood"].rename(distinct_row="row")
        groups["log_likelihood"] = few.isel(row=kind).assign_coords(groups["observed_data"].coords)
    fit = xr.DataTree.from_dict(groups)
    fit.attrs = compact.attrs
    return fit


def _is_undamaged(path: Path) -> bool:
    """Check the SHA-256 at the end of a file against its content."""
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


def _delete_stale_files(path: Path) -> None:
    """Delete temporary files of killed processes, by age: writing takes seconds, not an hour."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(FileNotFoundError):  # another process finished or deleted it
            if time.time() - leftover.stat().st_mtime > STALE_AFTER:
                leftover.unlink()
