"""Cache fits in NetCDF files: reuse a stored fit while model, data and settings are unchanged.

Each file is an ordinary NetCDF 4 file, which ArviZ and xarray can open, followed by the SHA-256 of
its content (32 bytes). Labels that NetCDF cannot represent, such as dates and bands, are stored as
JSON, and restored when the fit is loaded. Files are written atomically, so that a reader finds the
old file or the new one, never a part; the checksum detects later damage.
"""

import hashlib
import time
import warnings
from collections.abc import Callable, Mapping
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
from multilevel.labels import as_objects, from_text, to_text
from multilevel.structure import structure_or_none, to_json

PACKAGES = ["multilevel", "pymc", "pytensor", "nutpie", "numba", "numpy"]
SAMPLING_CODE = ["compilation", "labels", "sampling"]
"""Modules of this package whose code the draws depend on, in addition to the model."""
DIGEST = 32  # bytes of a SHA-256
KIND = "multilevel_labels"
"""Attribute of a variable whose values NetCDF cannot represent: how they are restored."""
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
        the values of all constants and data), its coordinates, initial point and structure, the
        settings, the versions of the packages that compile and sample, and the code (syntax tree)
        of the modules of this package that do.
    """
    derived = model.replace_rvs_by_values(model.deterministics)
    graph = [model.logp(), *derived]
    labels = {name: list(values or ()) for name, values in model.coords.items()}
    start = {name: np.asarray(value) for name, value in model.initial_point().items()}
    structure = structure_or_none(model)
    digest = hashlib.sha256()
    for part in [
        debugprint(graph, file="str", print_type=True),
        [variable.name for variable in model.deterministics],
        model.named_vars_to_dims,
        labels,
        {name: value.tolist() for name, value in start.items()},
        structure and to_json(structure),
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
        The fit; None if the file does not exist, is damaged (with a warning) or has another key.

    Warns
    -----
    UserWarning
        The file is damaged.
    """
    try:
        if not path.exists():
            return None
        if not _is_undamaged(path):
            _warn(f"{path} is damaged, so the model is fitted again.")
            return None
        with xr.open_datatree(path, engine="h5netcdf") as stored:
            if stored.attrs.get("fingerprint") != key:
                return None
            fit = _restore_labels(stored.load())
    except Exception as error:
        _warn(f"{path} cannot be read, so the model is fitted again: {error}.")
        return None
    fit.attrs = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in fit.attrs.items()
        if name != "fingerprint"
    }
    return _expand_log_likelihood(fit)


def store(fit: xr.DataTree, path: Path, key: str) -> None:
    """Store a fit in the cache, atomically.

    If it cannot be written for any reason (a full disk, a folder that is a file, labels of a kind
    that no file can represent), a warning is issued and an earlier file stays as it was; the fit
    itself is not lost.

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
    try:
        compact = _labels_as_text(_compress_log_likelihood(fit))
        compact.attrs = {**fit.attrs, "fingerprint": key}
        with compact.to_netcdf(engine="h5netcdf") as content:
            _delete_stale_files(path)
            with atomic(path) as temporary, temporary.open("wb") as file:
                file.write(content)
                file.write(hashlib.sha256(content).digest())
    except Exception as error:
        reason = str(error).rstrip(".") or type(error).__name__
        _warn(
            f"The fit could not be stored in {path}: {reason}. The fit itself is not lost: it is "
            f"what fit() returns."
        )


def _warn(message: str) -> None:
    """Issue a warning that points at the reader's line, not into this library."""
    warnings.warn(message, stacklevel=2, skip_file_prefixes=(str(Path(__file__).parent),))


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
        few = groups["log_likelihood"]
        if "constant_data" in groups:
            few = few.isel(row=distinct_rows(fit)[0])
        groups["log_likelihood"] = few.drop_vars("row", errors="ignore").rename(row="distinct_row")
    return xr.DataTree.from_dict(groups)


def _expand_log_likelihood(compact: xr.DataTree) -> xr.DataTree:
    """Restore the log likelihood of every row from that of the distinct rows."""
    groups = {name: child.dataset for name, child in compact.children.items()}
    if "log_likelihood" in groups:
        few = groups["log_likelihood"].rename(distinct_row="row")
        if "constant_data" in groups:
            few = few.isel(row=distinct_rows(compact)[1])
        groups["log_likelihood"] = few.assign_coords(groups["observed_data"].coords)
    fit = xr.DataTree.from_dict(groups)
    fit.attrs = compact.attrs
    return fit


def _labels_as_text(fit: xr.DataTree) -> xr.DataTree:
    """Convert to JSON the labels that NetCDF would refuse or change."""
    return _with_variables(fit, _variable_as_text)


def _restore_labels(fit: xr.DataTree) -> xr.DataTree:
    """Restore the labels that are stored as JSON, and the types of the others."""
    return _with_variables(fit, _restored_variable)


def _with_variables(fit: xr.DataTree, change: Callable[[xr.Variable], xr.Variable]) -> xr.DataTree:
    """Replace the variables of all groups, including coordinates."""
    groups = {}
    for name, child in fit.children.items():
        dataset = child.dataset
        changed = {key: change(variable) for key, variable in dataset.variables.items()}
        coords = {key: changed[key] for key in dataset.coords}
        data = {key: changed[key] for key in dataset.data_vars}
        groups[name] = xr.Dataset(data, coords, dataset.attrs)
    result = xr.DataTree.from_dict(groups)
    result.attrs = fit.attrs
    return result


def _variable_as_text(variable: xr.Variable) -> xr.Variable:
    """Convert to JSON values that NetCDF would change; record the type of the others."""
    kind = variable.dtype.kind
    if kind in "biuf":
        return variable
    values = variable.to_numpy().ravel()
    attrs = {**variable.attrs, KIND: variable.dtype.str}
    if kind == "M" and not _is_far(values):
        # times as xarray writes them, but in their unit
        unit = UNITS[np.datetime_data(variable.dtype)[0]]
        encoding = {"units": f"{unit} since 1970-01-01", "dtype": "int64"}
        return xr.Variable(variable.dims, variable.to_numpy(), attrs, encoding)
    if kind == "U" and all(map(_is_plain, values)):
        return xr.Variable(variable.dims, variable.to_numpy(), attrs)
    plain = all(type(value) is str and _is_plain(value) for value in values)
    texts = values if plain else np.array([to_text(value) for value in values], object)
    note = "object" if plain else f"json {variable.dtype.str}"
    return xr.Variable(variable.dims, texts.reshape(variable.shape), {KIND: note})


def _is_far(times: np.ndarray) -> bool:
    """Return whether there are times that nanoseconds since 1970 cannot count, as xarray does."""
    years = times[~np.isnat(times)].astype("datetime64[Y]").astype(int)
    return bool((abs(years) > 290).any())


UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


def _restored_variable(variable: xr.Variable) -> xr.Variable:
    """Restore what :func:`_variable_as_text` changed."""
    attrs = dict(variable.attrs)
    note = attrs.pop(KIND, None)
    if note is None:
        return variable
    values = variable.to_numpy()
    if note.startswith("json "):
        dtype = note.removeprefix("json ")
        labels = [from_text(text) for text in values.ravel()]
        values = as_objects(labels)
        values = values.reshape(variable.shape)
        note = dtype
    restored = values.astype(object if note in ("object", "|O") else np.dtype(note))
    return xr.Variable(variable.dims, restored, attrs)


def _is_plain(text: str) -> bool:
    """Return whether NetCDF can represent a text: it has no NUL, and can be written as UTF-8."""
    return "\0" not in text and text.encode(errors="ignore").decode() == text


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
