"""A stored fit is the fit that was asked for, whatever happens to its file."""

import datetime
import hashlib
import importlib.metadata
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import multilevel as ml
from multilevel import labels as labels_
from multilevel import sampling, storage
from multilevel.priors import Prior
from multilevel.structure import Structure, declare

RNG = np.random.default_rng(31)
DATA = pd.DataFrame({"person": np.repeat(["ann", "bob", "mia"], 8), "dose": [0, 1, 2, 3] * 6})
DATA["y"] = DATA["person"].map({"ann": 0.0, "bob": 1.0, "mia": 3.0}) + RNG.normal(0, 1, 24)
WORDS = ["no", "maybe", "yes"]
DATA["answer"] = pd.Categorical(RNG.choice(WORDS, 24), WORDS, ordered=True)
SETTINGS: dict[str, Any] = {
    "seed": 1,
    "draws": 500,
    "tune": 300,
    "chains": 4,
    "target_accept": 0.9,
    "adapt_correlations": False,
    "backend": "numba",
}
GATE = {"limits": sampling.LIMITS, "expect_failure": []}
KEPT = SETTINGS | {"keep_log_likelihood": True} | GATE
"""What :func:`ml.fit` makes of them."""


def model(**priors: Any) -> pm.Model:
    return ml.no_pooling(DATA, "y", "person", **priors)


def fit(file: Path | None = None, **changed: Any) -> xr.DataTree:
    return ml.fit(model(), **(SETTINGS | changed), file=file)


def without_log_likelihood(fit: xr.DataTree) -> xr.DataTree:
    groups = {name: child.dataset for name, child in fit.children.items()}
    del groups["log_likelihood"]
    result = xr.DataTree.from_dict(groups)
    result.attrs = fit.attrs
    return result


@pytest.fixture(scope="module")
def fresh() -> xr.DataTree:
    return fit()


@pytest.fixture
def stored(tmp_path: Path, fresh: xr.DataTree) -> Path:
    """Store the fit where ``fit`` will look for it."""
    path = tmp_path / "fits" / "people.nc"
    storage.store(fresh, path, storage.fingerprint(model(), KEPT))
    return path


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch, fresh: xr.DataTree) -> list[int]:
    """Count the fits, and do not wait for them: each gives the same draws."""
    counted: list[int] = []

    def sample(*_: Any, **settings: Any) -> xr.DataTree:
        counted.append(settings["seed"])
        return fresh

    monkeypatch.setattr(sampling, "sample", sample)
    return counted


# The same, again ----------------------------------------------------------------------------------


def test_a_fit_is_stored_and_read_again(tmp_path: Path, fits: list[int]) -> None:
    path = tmp_path / "new" / "folder" / "people"
    first = fit(path)
    again = fit(path)
    assert fits == [1]
    assert again.identical(first)
    assert again.attrs == first.attrs
    assert [file.name for file in path.parent.iterdir()] == ["people.nc"]


def test_a_name_with_a_dot_in_it_is_kept(tmp_path: Path, fits: list[int]) -> None:
    for name in ["people-1.1", "people-1.2", "people-1.2.nc"]:
        fit(tmp_path / name)
    assert fits == [1, 1]
    assert {file.name for file in tmp_path.iterdir()} == {"people-1.1.nc", "people-1.2.nc"}


def test_a_stored_fit_of_counted_rows_comes_back_whole(tmp_path: Path) -> None:
    data = DATA.set_axis(RNG.permutation(24) * 3)
    ordered = ml.ordered_logit(data, "answer", ["dose"], "person")
    drawn = sampling.sample(ordered, seed=1, draws=20, tune=100, chains=2)
    path = tmp_path / "ordered.nc"
    storage.store(drawn, path, "a key")
    again = storage.load(path, "a key")
    assert again is not None
    assert again.identical(drawn)
    assert again.attrs == drawn.attrs
    assert again["log_likelihood"]["row"].to_numpy().tolist() == data.index.tolist()
    with xr.open_datatree(path, engine="h5netcdf") as file:
        assert file["log_likelihood"].sizes["distinct_row"] < 24


def test_a_stored_fit_is_a_plain_netcdf_file(stored: Path, fresh: xr.DataTree) -> None:
    opened = az.from_netcdf(stored)
    assert opened["posterior"].dataset.equals(fresh["posterior"].dataset)


def test_a_fit_without_a_file_leaves_nothing_behind(
    tmp_path: Path, fits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fit()
    fit()
    assert fits == [1, 1]
    assert list(tmp_path.iterdir()) == []


# A change refits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("seed", 2),
        ("draws", 301),
        ("tune", 301),
        ("chains", 3),
        ("target_accept", 0.91),
        ("adapt_correlations", True),
        ("keep_log_likelihood", False),
    ],
)
def test_another_setting_of_the_sampler_refits(
    stored: Path, fits: list[int], setting: str, value: float
) -> None:
    fit(stored)
    assert fits == []
    fit(stored, **{setting: value})
    assert len(fits) == 1
    fit(stored, **{setting: value})
    assert len(fits) == 1


def test_the_number_of_cores_does_not_matter(stored: Path, fits: list[int]) -> None:
    fit(stored, cores=1)
    assert fits == []


def changed(column: str, row: int, value: Any) -> pd.DataFrame:
    data = DATA.copy()
    data.loc[row, column] = value
    return data


OTHER_MODELS: dict[str, Callable[[], pm.Model]] = {
    "a prior": lambda: model(sigma=Prior(pm.Exponential, 1.001)),
    "the kind of a prior": lambda: model(sigma=Prior(pm.HalfNormal, 1)),
    "one value in its tenth digit": lambda: ml.no_pooling(
        changed("y", 3, DATA["y"][3] + 1e-10), "y", "person"
    ),
    "one row's cluster": lambda: ml.no_pooling(changed("person", 0, "bob"), "y", "person"),
    "a cluster's name": lambda: ml.no_pooling(DATA.replace("bob", "rob"), "y", "person"),
    "the order of the rows": lambda: ml.no_pooling(DATA[::-1], "y", "person"),
    "the index": lambda: ml.no_pooling(DATA.set_axis(range(1, 25)), "y", "person"),
    "a row less": lambda: ml.no_pooling(DATA[:-1], "y", "person"),
    "the outcome": lambda: ml.no_pooling(DATA.rename(columns={"y": "z"}), "z", "person"),
    "the model": lambda: ml.partial_pooling(DATA, "y", "person"),
}


@pytest.mark.parametrize("what", OTHER_MODELS)
def test_a_change_of_model_data_or_prior_refits(stored: Path, fits: list[int], what: str) -> None:
    assert ml.fit(model(), **SETTINGS, file=stored)
    assert fits == []
    ml.fit(OTHER_MODELS[what](), **SETTINGS, file=stored)
    assert fits == [1]


ORDERED_MODELS: dict[str, Callable[[], pm.Model]] = {
    "as it is": lambda: ml.ordered_logit(DATA, "answer", ["dose"], "person"),
    "a count": lambda: ml.ordered_logit(
        pd.concat([DATA, DATA[:1]], ignore_index=True), "answer", ["dose"], "person"
    ),
    "a response": lambda: ml.ordered_logit(
        DATA.assign(answer=DATA["answer"].cat.rename_categories({"no": "nay"})),
        "answer",
        ["dose"],
        "person",
    ),
    "a predictor": lambda: ml.ordered_logit(
        DATA.assign(dose=DATA["dose"] * 2), "answer", ["dose"], "person"
    ),
    "no group": lambda: ml.ordered_logit(DATA, "answer", ["dose"]),
    "the order of the rows": lambda: ml.ordered_logit(
        DATA[::-1].reset_index(drop=True), "answer", ["dose"], "person"
    ),
    "another likelihood": lambda: ml.crossed_intercepts(
        DATA.assign(answer=(DATA["answer"] == "yes") * 1), "answer", ["person"], "dose"
    ),
}


@pytest.mark.slow
def test_every_model_has_its_own_fingerprint() -> None:
    builders = [model, *OTHER_MODELS.values(), *ORDERED_MODELS.values()]
    keys = [storage.fingerprint(build(), SETTINGS) for build in builders]
    assert len(set(keys)) == len(keys)
    assert keys == [storage.fingerprint(build(), SETTINGS) for build in builders]


def test_the_structure_is_part_of_the_fingerprint() -> None:
    one, other = model(), model()
    for each, form in [(one, "adapted"), (other, "centred")]:
        declare(each, Structure("normal", "y", groups=("person",), forms={"person": form}))
    assert len({storage.fingerprint(each, SETTINGS) for each in (one, other)}) == 2


def test_a_fit_without_its_log_likelihood_is_stored_too(tmp_path: Path, fresh: xr.DataTree) -> None:
    few = without_log_likelihood(fresh)
    storage.store(few, tmp_path / "few.nc", "a key")
    again = storage.load(tmp_path / "few.nc", "a key")
    assert again is not None
    assert again.identical(few)


def test_a_derived_quantity_is_part_of_the_fingerprint() -> None:
    one, other = model(), model()
    with one:
        pm.Deterministic("variance", one["sigma"] ** 2)
    with other:
        pm.Deterministic("variance", other["sigma"] ** 2 / 1)
    keys = {storage.fingerprint(each, SETTINGS) for each in (model(), one, other)}
    assert len(keys) == 3


@pytest.mark.slow
@pytest.mark.parametrize("package", storage.PACKAGES)
def test_another_version_refits(
    stored: Path, fits: list[int], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    version = importlib.metadata.version
    monkeypatch.setattr(storage, "version", lambda name: version(name) + "1" * (name == package))
    fit(stored)
    assert fits == [1]


def run(code: str, *arguments: object, **settings: Any) -> subprocess.Popen[str]:
    """Run code that finds this module, in a process of its own."""
    command = [sys.executable, "-c", f"from test_storage import *\n{code}", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True, **settings
    )


@pytest.mark.slow
def test_the_fingerprint_is_the_same_in_another_process() -> None:
    code = "for build in ORDERED_MODELS.values(): print(storage.fingerprint(build(), SETTINGS))"
    here = [storage.fingerprint(build(), SETTINGS) for build in ORDERED_MODELS.values()]
    there, _ = run(code, env={**os.environ, "PYTHONHASHSEED": "3"}).communicate(timeout=300)
    assert there.split() == here


def test_a_fit_that_cannot_be_trusted_is_not_stored(tmp_path: Path) -> None:
    path = tmp_path / "short.nc"
    with pytest.raises(ml.ConvergenceError):
        fit(path, draws=20)
    assert list(tmp_path.iterdir()) == []


def test_a_stored_fit_is_checked_before_it_is_stored_and_not_again(
    stored: Path, fits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "check_convergence", None)
    assert fit(stored)
    assert fits == []


@pytest.mark.parametrize("what", ["limits", "expect_failure"])
def test_a_fit_that_passed_another_gate_is_sampled_and_checked_again(
    stored: Path, fits: list[int], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    expected, words = ["r_hat"], "expected to fail by r_hat, but it did not"
    if what == "limits":
        monkeypatch.setitem(sampling.LIMITS, "ess_bulk", 25_000)  # for each of four chains
        expected, words = [], "ess_bulk: not above 100000"
    with pytest.raises(ml.ConvergenceError, match=words):
        fit(stored, expect_failure=expected)
    assert fits == [1]


def test_a_stored_fit_still_warns_of_its_trees(stored: Path, fresh: xr.DataTree) -> None:
    deep = fresh.copy(deep=True)
    deep["sample_stats"].dataset["reached_max_treedepth"].data[0, :3] = True
    storage.store(deep, stored, storage.fingerprint(model(), KEPT))
    with pytest.warns(UserWarning, match="3 transitions were cut short"):
        fit(stored)


# Labels of every kind -----------------------------------------------------------------------------

DAY = datetime.date
LABELS: dict[str, list[Any]] = {
    "dates": [DAY(2024, 5, 1), DAY(2024, 5, 2), DAY(2024, 5, 3)],
    "times of the day": [datetime.time(8), datetime.time(12, 30), datetime.time(20)],
    "bands": list(pd.cut(np.arange(30.0), 3).categories),
    "bands of dates": list(pd.interval_range(pd.Timestamp("2024-01-01"), periods=3)),
    "months": list(pd.period_range("2024-01", periods=3, freq="M")),
    "quarters": list(pd.period_range("2024Q1", periods=3)),
    "times": list(pd.date_range("2024-01-01", periods=3)),
    "times in nanoseconds": list(pd.date_range("2024-01-01", periods=3).as_unit("ns")),
    "times in a zone": list(pd.date_range("2024-03-30", periods=3, tz="Europe/Berlin")),
    "times long ago": list(pd.date_range("1500-01-01", periods=3, unit="us")),
    "durations": list(pd.timedelta_range("1h", periods=3)),
    "numbers beside text": [7, "x7", 2.5],
    "truth values": [True, False, True],
    "truth values beside numbers": [True, 0, "yes"],
    "a missing label": ["a", None, "b"],
    "decimal numbers": [Decimal("1.10"), Decimal(2), Decimal("-3.5")],
    "text": ["ann", "", "Zoë"],
    "text with a NUL": ["a\0", "a", "b"],
    "half a character": ["\ud800", "a", "b"],
    "small numbers": list(np.array([1, 2, 3], np.int8)),
    "large numbers": [2**63 + 1, 2, 3],
    "huge numbers": [10**30, 2, 3],
    "broken numbers": [0.1, 2.0, 1e300],
}


def labelled(labels: list[Any]) -> xr.DataTree:
    """Make a fit whose clusters, rows and outcomes have labels."""
    array = labels_.one_dimensional(labels)
    dims = ("chain", "draw")
    numbers = {"chain": [0, 1], "draw": [0, 1, 2]}
    alpha = xr.Dataset(
        {"alpha": ((*dims, "g"), RNG.normal(size=(2, 3, 3)))}, numbers | {"g": array}
    )
    observed = xr.Dataset({"y": ("row", array[[2, 1, 0, 0]])}, {"row": array[[0, 1, 2, 1]]})
    pointwise = xr.Dataset({"y": ((*dims, "row"), RNG.normal(size=(2, 3, 4)))}, numbers)
    groups = {
        "posterior": alpha,
        "log_likelihood": pointwise.assign_coords(observed.coords),
        "observed_data": observed,
    }
    return xr.DataTree.from_dict(groups)


@pytest.mark.parametrize("kind", LABELS)
def test_labels_come_back_equal_and_of_the_same_type(tmp_path: Path, kind: str) -> None:
    made = labelled(LABELS[kind])
    storage.store(made, tmp_path / "fit.nc", "a key")
    again = storage.load(tmp_path / "fit.nc", "a key")
    assert again is not None
    for group in made.children:
        there, here = again[group].dataset, made[group].dataset
        assert there.sizes == here.sizes
        for name, variable in here.variables.items():
            found = there.variables[name]
            assert found.dtype == variable.dtype
            assert found.attrs == variable.attrs
            values = found.to_numpy().ravel(), variable.to_numpy().ravel()
            assert all(map(labels_.is_same, values[0].tolist(), values[1].tolist()))
        for name, index in here.indexes.items():
            assert type(there.indexes[name]) is type(index)
            assert there.indexes[name].equals(index)
    assert again.identical(made) or kind == "a missing label"


def test_labels_of_a_kind_that_cannot_be_kept_do_not_cost_the_fit(tmp_path: Path) -> None:
    made = labelled([object(), object(), object()])
    words = r"could not be stored in .*labels of the type object.*\.astype\(str\).*not lost"
    with pytest.warns(UserWarning, match=words):
        storage.store(made, tmp_path / "fit.nc", "a key")
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_bands_by_days_is_stored_whole(tmp_path: Path) -> None:
    """The response has bands as categories, clusters are days, and rows have months."""
    days = [DAY(2024, 1, 1 + k % 3) for k in range(24)]
    band = pd.cut(DATA["y"], 3)
    months = pd.period_range("2024-01", periods=24, freq="M")
    data = DATA.assign(day=days, band=band).set_index(months)
    data["band"] = band.to_numpy()
    data["band"] = pd.Categorical(data["band"], band.cat.categories, ordered=True)
    drawn = sampling.sample(
        ml.ordered_logit(data, "band", ["dose"], "day"), seed=1, draws=20, tune=100, chains=2
    )
    path = tmp_path / "bands.nc"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        storage.store(drawn, path, "a key")
    again = storage.load(path, "a key")
    assert again is not None
    assert again.identical(drawn)
    assert again["posterior"]["day"].to_numpy().tolist() == days[:3]
    assert again["observed_data"]["band"].to_numpy().tolist() == data["band"].tolist()
    assert again["observed_data"]["row"].to_numpy().tolist() == months.tolist()


# Damage -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.9, 0.9999])
def test_a_truncated_file_is_noticed_and_replaced(
    stored: Path, fits: list[int], fresh: xr.DataTree, kept: float
) -> None:
    content = stored.read_bytes()
    stored.write_bytes(content[: int(kept * len(content))])
    with pytest.warns(UserWarning, match=r"people\.nc is damaged, so the model is fitted again"):
        assert fit(stored).identical(fresh)
    assert fits == [1]
    assert fit(stored).identical(fresh)
    assert fits == [1]


@pytest.mark.parametrize("place", [*np.linspace(0, 0.9999, 12), -1])
def test_an_altered_byte_is_noticed(stored: Path, fits: list[int], place: float) -> None:
    content = bytearray(stored.read_bytes())
    content[int(place * len(content)) if place >= 0 else -1] ^= 1
    stored.write_bytes(content)
    with pytest.warns(UserWarning, match="is damaged"):
        fit(stored)
    assert fits == [1]


@pytest.mark.slow
def test_a_file_of_another_kind_is_not_taken_for_a_fit(stored: Path, fits: list[int]) -> None:
    words = b"not a fit" * 1000
    stored.write_bytes(words)
    with pytest.warns(UserWarning, match="is damaged"):
        fit(stored)
    (xr.Dataset({"a": 1})).to_netcdf(stored, engine="h5netcdf")
    stored.write_bytes(stored.read_bytes() + hashlib.sha256(stored.read_bytes()).digest())
    fit(stored)
    assert fits == [1, 1]


@pytest.mark.parametrize("place", ["a file/fit", "fit.nc/fit", "nul\0"])
def test_a_place_that_cannot_be_written_does_not_cost_the_fit(
    tmp_path: Path, fits: list[int], fresh: xr.DataTree, place: str
) -> None:
    (tmp_path / "a file").write_text("not a folder", encoding="utf-8")
    (tmp_path / "fit.nc").write_text("not a folder", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"could not be stored in .*not lost"):
        assert fit(tmp_path / place).identical(fresh)
    assert fits == [1]


def test_a_folder_in_the_place_of_the_file_does_not_cost_the_fit(
    tmp_path: Path, fits: list[int], fresh: xr.DataTree
) -> None:
    (tmp_path / "fit.nc").mkdir()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert fit(tmp_path / "fit").identical(fresh)
    assert [str(each.message).split(str(tmp_path))[0] for each in warned] == [
        "",
        "The fit could not be stored in ",
    ]
    assert fits == [1]


@pytest.mark.parametrize("error", [ValueError("no"), MemoryError(), KeyError("g"), RuntimeError()])
def test_no_error_in_storing_costs_the_fit(
    tmp_path: Path,
    fits: list[int],
    fresh: xr.DataTree,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(xr.DataTree, "to_netcdf", fail)
    with pytest.warns(UserWarning, match=r"could not be stored in ") as warned:
        assert fit(tmp_path / "fit").identical(fresh)
    assert warned[0].filename == __file__
    assert fits == [1]


# Processes that are killed, and a disk that is full -----------------------------------------------


def start_writer(fit: xr.DataTree, path: Path, key: str) -> int:
    """Start a process that stores a fit again and again; return its number.

    It is a copy of this one, which has imported everything already.
    """
    process = os.fork()
    if process == 0:
        while True:
            storage.store(fit, path, key)
    return process


@pytest.mark.slow
def test_a_kill_in_the_middle_of_writing_never_leaves_half_a_fit(
    stored: Path, fresh: xr.DataTree
) -> None:
    key = storage.fingerprint(model(), KEPT)
    unfinished = 0
    for k in range(30):  # on a busy machine many kills come too early or too late
        writer = start_writer(fresh, stored, key)
        # Kill it while it writes: when the temporary file has been there for a moment.
        deadline = time.monotonic() + 60
        while not list(stored.parent.glob("*.tmp")) and time.monotonic() < deadline:
            pass
        time.sleep(0.0003 * (k % 4))
        os.kill(writer, signal.SIGKILL)
        assert os.waitpid(writer, 0)[1] == signal.SIGKILL
        again = storage.load(stored, key)
        assert again is not None
        assert again.identical(fresh)
        unfinished += len(list(stored.parent.glob(".*.tmp")))
        for leftover in stored.parent.glob(".*.tmp"):
            leftover.unlink()
        if unfinished >= 2 and k >= 2:
            break
    assert unfinished >= 1, "no kill fell into the writing"


def test_what_a_killed_process_left_behind_is_removed_later(
    stored: Path, fresh: xr.DataTree
) -> None:
    old, young, other = (
        stored.parent / f".{name}.tmp" for name in ["people.nc.a", "people.nc.b", "x"]
    )
    for leftover in (old, young, other):
        leftover.write_bytes(b"half")
    for leftover in (old, other):
        os.utime(leftover, (time.time() - 2 * storage.STALE_AFTER,) * 2)
    storage.store(fresh, stored, "a key")
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def test_a_file_that_another_process_has_just_finished_does_not_disturb(
    stored: Path, fresh: xr.DataTree
) -> None:
    # Listed, and gone when it is looked at: that is what a link to nothing looks like.
    (stored.parent / ".people.nc.other.tmp").symlink_to("renamed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        storage.store(fresh, stored, "a key")
    assert storage.load(stored, "a key") is not None


FULL_DISK = """
import resource
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
with pytest.warns(UserWarning, match="could not be stored in .*people.nc: .*File too large"):
    result = fit(path, seed=5)
print(float(result["posterior"]["sigma"].mean()), flush=True)
"""


@pytest.mark.slow
def test_a_full_disk_loses_neither_the_fit_nor_the_stored_one(
    stored: Path, fresh: xr.DataTree
) -> None:
    before = stored.read_bytes()
    process = run(FULL_DISK, stored)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert float(printed) == pytest.approx(float(fresh["posterior"]["sigma"].mean()), abs=0.1)
    assert stored.read_bytes() == before
    assert [file.name for file in stored.parent.iterdir()] == ["people.nc"]


AT_ONCE = """
result = fit(Path(sys.argv[1]))
print(hashlib.sha256(result["posterior"]["alpha"].values.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_two_processes_that_fit_at_once_do_not_disturb_each_other(
    tmp_path: Path, fresh: xr.DataTree
) -> None:
    path = tmp_path / "people.nc"
    kernels = [run(AT_ONCE, path) for _ in range(2)]
    printed = [kernel.communicate(timeout=300)[0].strip() for kernel in kernels]
    alpha = fresh["posterior"]["alpha"].to_numpy()
    assert printed == [hashlib.sha256(alpha.tobytes()).hexdigest()] * 2
    again = storage.load(path, storage.fingerprint(model(), KEPT))
    assert again is not None
    assert again.identical(fresh)
    assert [file.name for file in tmp_path.iterdir()] == ["people.nc"]
