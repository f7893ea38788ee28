"""Every figure carries the numbers that it is given."""

import inspect
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from scipy.special import expit
from scipy.stats import norm

import multilevel as ml
from multilevel import figures, page_figures
from multilevel.estimates import MIME

RNG = np.random.default_rng(60)


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def curves(ax: Axes) -> list[np.ndarray]:
    """Return the points of each line or set of markers: columns x and y."""
    return [np.array(line.get_xydata(), float) for line in ax.lines]


def segments(ax: Axes) -> np.ndarray:
    """Return the ends of all straight strokes: (stroke, end, x or y)."""
    collections = [c for c in ax.collections if isinstance(c, LineCollection)]
    return np.array([stroke for c in collections for stroke in c.get_segments()])


def bars(ax: Axes) -> np.ndarray:
    """Return the middle, foot and height of each bar."""
    return np.array(
        [
            (p.get_x() + p.get_width() / 2, p.get_y(), p.get_height())
            for p in ax.patches
            if isinstance(p, Rectangle)
        ]
    )


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for one in figure.legends for text in one.get_texts()]


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


# Estimates ----------------------------------------------------------------------------------------


def test_forest_puts_a_point_at_each_mean_and_a_line_from_end_to_end() -> None:
    summary = pd.DataFrame(
        {"mean": [1.0, 2.0, 3.5], "lower": [0.5, 1.0, 3.0], "upper": [1.5, 3.5, 5.0]},
        index=["a[1]", "a[2]", "b"],
    )
    figure = figures.forest(summary, "log-odds", reference=0.25)
    (ax,) = figure.axes
    reference, points = curves(ax)
    close(points, [[1.0, 2], [2.0, 1], [3.5, 0]])
    close(reference[:, 0], 0.25)
    ends = [[[0.5, 2], [1.5, 2]], [[1.0, 1], [3.5, 1]], [[3.0, 0], [5.0, 0]]]
    close(segments(ax), ends)
    names = dict(zip(ax.get_yticks(), [t.get_text() for t in ax.get_yticklabels()], strict=True))
    assert names == {2: "a[1]", 1: "a[2]", 0: "b"}
    assert ax.get_xlabel() == "log-odds"


def test_forest_without_a_reference_has_points_only() -> None:
    summary = pd.DataFrame({"mean": [1.0], "lower": [0.0], "upper": [2.0]}, index=["a"])
    (ax,) = figures.forest(summary, "x", reference=None).axes
    assert len(curves(ax)) == 1


def test_forest_takes_a_summary_of_a_fit() -> None:
    draws = xr.DataArray(RNG.normal(size=(2, 50, 3)), dims=("chain", "draw", "id"), name="alpha")
    summary = ml.summarise(draws)
    (ax,) = figures.forest(summary, "x").axes
    close(curves(ax)[-1][:, 0], summary["mean"])


def test_forest_draws_a_second_interval_thicker_and_carries_its_numbers() -> None:
    draws = xr.DataArray(RNG.normal(size=(2, 50, 3)), dims=("chain", "draw", "id"), name="alpha")
    wide, half = ml.summarise(draws), ml.summarise(draws, prob=0.5)
    figure = figures.forest(wide, "x", reference=None, inner=half)
    (ax,) = figure.axes
    close(segments(ax)[:3, :, 0], wide[["lower", "upper"]])
    close(segments(ax)[3:, :, 0], half[["lower", "upper"]])
    thin, thick = (np.ravel(c.get_linewidth())[0] for c in ax.collections)
    assert thick > 2 * thin
    outer, inner = carries(figure)["tables"]
    assert (outer["name"], inner["name"]) == ("summary", "inner")
    assert inner["mcse"][0][1] == pytest.approx(half["mcse_lower"].iloc[0])
    with pytest.raises(ValueError, match="must have the rows of summary"):
        figures.forest(wide, "x", inner=half.iloc[:2])


@pytest.mark.parametrize(
    ("name", "formula"),
    {
        "mu": r"$\mu$",
        "alpha_bar": r"$\bar{\alpha}$",
        "sigma_alpha": r"$\sigma_{\alpha}$",
        "sigma_actor": r"$\sigma_{\text{actor}}$",
        "alpha[29]": r"$\alpha_{\text{29}}$",
        "alpha_actor[2]": r"$\alpha_{\text{actor, 2}}$",
        "beta_bar[R/N]": r"$\bar{\beta}_{\text{R/N}}$",
        r"beta[{a}\b]": r"$\beta_{\text{\{a\}\\b}}$",
        "beta[$5]": "beta[$5]",
        "level[6]": "level[6]",
        "actors, alone": "actors, alone",
        "alphabet": "alphabet",
        "eta = 0": "eta = 0",
    }.items(),
)
def test_symbol_of_a_parameter_has_greek_letters(name: str, formula: str) -> None:
    assert figures.symbol(name) == formula
    figure = plt.figure()
    figure.text(0.5, 0.5, formula)
    figure.draw_without_rendering()  # Matplotlib can read it


def test_forest_draws_greek_names_as_letters() -> None:
    summary = pd.DataFrame({"mean": 1.0, "lower": 0.0, "upper": 2.0}, ["sigma_alpha", "new CTRL"])
    figure = figures.forest(summary, "x")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [r"$\sigma_{\alpha}$", "new CTRL"]
    assert carries(figure)["tables"][0]["index"] == ["sigma_alpha", "new CTRL"]


def test_gradient_intervals_are_the_quantiles_and_the_means() -> None:
    draws = {
        name: xr.DataArray(RNG.normal(size=(2, 200, 3)), dims=("chain", "draw", "id"))
        for name in ["no pooling", "partial pooling"]
    }
    figure = figures.gradient_intervals(draws, "person", "con", mass=0.9)
    assert [ax.get_title() for ax in figure.axes] == list(draws)
    for ax, values in zip(figure.axes, draws.values(), strict=True):
        (points,) = curves(ax)
        close(points, np.column_stack([range(3), values.mean(("chain", "draw"))]))
        widest = segments(ax)[-3:]
        low, high = np.quantile(values, [0.05, 0.95], axis=(0, 1))
        close(widest[:, 0], np.column_stack([range(3), low]))
        close(widest[:, 1], np.column_stack([range(3), high]))
        lengths = np.ptp(segments(ax)[:, :, 1], axis=1).reshape(-1, 3)
        assert (np.diff(lengths, axis=0) > 0).all()  # each interval lies within the next
        assert ax.get_ylabel() == "con"
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


ESTIMATES = pd.DataFrame(
    {
        "no pooling": [0.1, 0.2, 0.3, 0.4],
        "partial pooling": [0.15, 0.22, 0.29, 0.33],
        "n": [4, 2, 3, 2],
    }
)


def test_shrinkage_has_a_panel_for_each_number_of_observations_in_order() -> None:
    figure = figures.shrinkage(ESTIMATES, 0.25, "person", "con")
    assert [ax.get_title() for ax in figure.axes] == ["n = 2", "n = 3", "n = 4"]
    for ax, rows in zip(figure.axes, [[1, 3], [2], [0]], strict=True):
        grand_mean, no_pooling, partial_pooling = curves(ax)
        close(grand_mean[:, 1], 0.25)
        close(no_pooling[:, 1], ESTIMATES["no pooling"].iloc[rows])
        close(partial_pooling[:, 1], ESTIMATES["partial pooling"].iloc[rows])
        both = ESTIMATES[["no pooling", "partial pooling"]].iloc[rows]
        close(segments(ax)[:, :, 1], both)
        assert ax.get_ylim() == figure.axes[0].get_ylim()
    assert legend(figure) == ["no pooling", "partial pooling"]


def test_shrinkage_of_clusters_that_all_have_the_same_size_is_one_panel() -> None:
    figure = figures.shrinkage(ESTIMATES.assign(n=2), 0.25, "person", "con")
    (ax,) = figure.axes
    close(curves(ax)[1][:, 1], ESTIMATES["no pooling"])


def test_densities_have_area_one_and_are_named_in_a_legend() -> None:
    draws = {"actor": RNG.normal(2, 0.3, (4, 500)), "block": RNG.normal(0, 0.5, 2000)}
    figure = figures.densities(draws, "log-odds", reference={"prior mean": 1.0})
    (ax,) = figure.axes
    actor, block, reference = curves(ax)
    for curve, peak in [(actor, 2), (block, 0)]:
        assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(1, abs=0.03)
        assert curve[curve[:, 1].argmax(), 0] == pytest.approx(peak, abs=0.2)
    close(reference[:, 0], 1.0)
    assert legend(figure) == ["actor", "block", "prior mean"]
    assert ax.get_ylim()[1] > max(actor[:, 1].max(), block[:, 1].max())


def test_densities_are_cut_at_the_ends_of_the_axis() -> None:
    draws = {"sd": np.abs(RNG.normal(0, 1, 2000))}
    (ax,) = figures.densities(draws, "sd", xlim=(0, 2)).axes
    (curve,) = curves(ax)
    assert ax.get_xlim() == (0, 2)
    assert curve[:, 0].min() >= 0
    assert curve[:, 0].max() <= 2


def test_densities_reach_their_bounds_without_going_down() -> None:
    share = np.random.default_rng(1).uniform(size=20_000)
    draws = {"exponential": -np.log(share), "share": share, "sd": np.abs(norm.ppf(share))}
    (ax,) = figures.densities(draws, "x").axes
    for curve, at_bound in zip(curves(ax), [1, 1, 2 * norm.pdf(0)], strict=True):
        assert curve[0, 0] == pytest.approx(0, abs=0.01)
        assert curve[0, 1] == pytest.approx(at_bound, rel=0.1)
    _, even, _ = curves(ax)
    assert 0 <= even[:, 0].min() < even[:, 0].max() <= 1
    np.testing.assert_allclose(even[:, 1], 1, atol=0.15)


# Predictions --------------------------------------------------------------------------------------

ARMS = ["R/N", "L/N"]


def predictions(actors: list[int]) -> pd.DataFrame:
    rows = [(actor, arm) for actor in actors for arm in ARMS]
    table = pd.DataFrame(rows, columns=["actor", "treatment"])
    table["treatment"] = pd.Categorical(table["treatment"], ARMS, ordered=True)
    table["mean"] = np.linspace(0.3, 0.7, len(table))
    return table.assign(lower=table["mean"] - 0.1, upper=table["mean"] + 0.2)


def test_bands_have_a_panel_for_each_cluster_with_its_own_means_and_ends() -> None:
    same = predictions([1, 2, 3]).iloc[::-1]  # in any order of rows
    average = predictions([1]).drop(columns="actor")
    observed = same.assign(observed=same["mean"] + 0.05)
    figure = figures.bands(
        {"this actor": same, "average": average},
        "treatment",
        "actor",
        "treatment",
        "probability",
        points=observed,
    )
    assert len(figure.axes) == 3
    shown = {ax.get_title(): ax for ax in figure.axes if ax.axison}
    assert sorted(shown) == ["actor 1", "actor 2", "actor 3"]
    for actor in [1, 2, 3]:
        ax = shown[f"actor {actor}"]
        own = same[same["actor"] == actor].sort_values("treatment")
        mean, mean_of_average, circles = curves(ax)
        close(mean[:, 1], own["mean"])
        close(mean_of_average[:, 1], average["mean"])
        close(circles[:, 1], own["mean"] + 0.05)
        band, band_of_average = (c for c in ax.collections if isinstance(c, PolyCollection))
        for polygon, table in [(band, own), (band_of_average, average)]:
            corners = np.asarray(polygon.get_paths()[0].vertices)[:, 1]
            assert corners.min() == pytest.approx(table["lower"].min())
            assert corners.max() == pytest.approx(table["upper"].max())
    for ax in shown.values():
        assert [t.get_text() for t in ax.get_xticklabels()] == ARMS
    assert legend(figure) == ["this actor", "average", "observed"]


def test_bands_of_one_kind_need_no_legend() -> None:
    figure = figures.bands({"same": predictions([1, 2])}, "treatment", "actor", "x", "p")
    assert legend(figure) == []
    assert len(figure.axes) == 2


@pytest.mark.parametrize(
    ("number", "shape"),
    [(1, (1, 1)), (2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (6, (2, 3)), (7, (2, 4)), (30, (8, 4))],
)
def test_small_multiples_fill_their_grid(number: int, shape: tuple[int, int]) -> None:
    figure, axes = figures.small_multiples(number, 2)
    rows, columns = shape
    assert len(axes) == number
    assert len(figure.axes) == rows * columns
    assert [ax.axison for ax in figure.axes] == [True] * number + [False] * (
        rows * columns - number
    )
    labelled = [ax.xaxis.get_tick_params()["labelbottom"] for ax in axes]
    assert labelled == [k + columns >= number for k in range(number)]  # none below it


@pytest.mark.parametrize("constrained", [True, False])
def test_label_together_is_in_the_middle_of_the_panels(constrained: bool) -> None:
    with plt.rc_context({"figure.constrained_layout.use": constrained}):
        figure, axes = figures.small_multiples(7, 2)
        figures.label_together(figure, "treatment", "probability of pulling\nthe left lever")
    figure.draw_without_rendering()
    words = {t.get_text(): t.get_window_extent() for t in figure.texts}
    places = [ax.get_window_extent() for ax in figure.axes]
    middle = (min(p.x0 for p in places) + max(p.x1 for p in places)) / 2
    assert (words["treatment"].x0 + words["treatment"].x1) / 2 == pytest.approx(middle, abs=2)
    assert words["treatment"].y1 < min(place.y0 for place in places)
    other = next(box for text, box in words.items() if text.startswith("probability"))
    height = (min(p.y0 for p in places) + max(p.y1 for p in places)) / 2
    assert (other.y0 + other.y1) / 2 == pytest.approx(height, abs=2)
    assert axes[0].get_position().x0 > 0


def test_many_lines_draws_a_line_for_each_draw() -> None:
    draws = xr.DataArray(RNG.random((20, 3)), dims=("draw", "row"))
    (ax,) = figures.many_lines(draws, ["a", "b", "c"], "treatment", "probability").axes
    assert len(ax.lines) == 20
    close(np.array(curves(ax))[:, :, 1], draws)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]


def category_table() -> pd.DataFrame:
    rows = [
        (action, person, intention, category)
        for action in [1, 0]
        for person in ["zoe", "ann"]
        for intention in [0, 1]
        for category in [1, 2, 3]
    ]
    table = pd.DataFrame(rows, columns=["action", "id", "intention", "category"])
    table["mean"] = RNG.dirichlet(np.ones(3), 8).ravel()
    return table.assign(lower=0.9 * table["mean"], upper=1.1 * table["mean"])


def test_category_bars_have_the_right_heights_in_the_right_panels() -> None:
    table = category_table()
    figure = figures.category_bars(table, "intention", ["action"], "id", "response")
    titles = ["id zoe\naction 0", "id ann\naction 0", "id zoe\naction 1", "id ann\naction 1"]
    assert [ax.get_title() for ax in figure.axes] == titles
    cells = [(0, "zoe"), (0, "ann"), (1, "zoe"), (1, "ann")]
    for ax, (action, person) in zip(figure.axes, cells, strict=True):
        part = table[(table["action"] == action) & (table["id"] == person)]
        part = part.sort_values(["intention", "category"])
        close(bars(ax)[:, 2], part["mean"])
        close(bars(ax)[:, 0], part["category"] + 0.4 * part["intention"] - 0.2)
        close(segments(ax)[:, :, 1], part[["lower", "upper"]])
        assert ax.get_ylim() == figure.axes[0].get_ylim()
    assert legend(figure) == ["intention 0", "intention 1"]


def test_category_bars_without_columns_have_one_panel_for_each_combination() -> None:
    table = category_table().query("id == 'ann'")
    figure = figures.category_bars(table, "intention", ["action", "id"], None, "response")
    assert [ax.get_title() for ax in figure.axes] == ["action 0, id ann", "action 1, id ann"]
    for ax, action in zip(figure.axes, [0, 1], strict=True):
        part = table[table["action"] == action].sort_values(["intention", "category"])
        close(bars(ax)[:, 2], part["mean"])


def test_predictive_counts_are_those_of_the_data_and_of_each_replicate() -> None:
    observed = pd.Series(pd.Categorical([1, 1, 3, 2, 1], [1, 2, 3, 4], ordered=True))
    replicates = xr.DataArray([[4, 4, 1, 2, 2], [3, 3, 3, 3, 3]], dims=("draw", "row"))
    figure = figures.predictive_counts(observed, replicates, "response")
    shown = {ax.get_title(): bars(ax)[:, 2].tolist() for ax in figure.axes if ax.patches}
    assert shown == {
        "observed": [3, 1, 1, 0],
        "simulated 1": [1, 2, 0, 2],
        "simulated 2": [0, 0, 5, 0],
    }
    assert next(iter(shown)) == "observed"


def test_predictive_by_cluster_sets_observed_means_on_those_of_the_simulated_data() -> None:
    index = [10, 20, 30, 40, 50]
    data = pd.DataFrame({"g": list("babab"), "y": [5.0, 1, 6, 2, 7]}, index=index)
    rows = RNG.normal(size=(400, 5)) + data["y"].to_numpy()
    replicates = xr.DataArray(rows, {"row": index}, ("draw", "row"))
    figure = figures.predictive_by_cluster(data, "y", "g", replicates, "y")
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]  # 1.5, then 6
    close(ax.lines[0].get_ydata(), [1.5, 6])
    means = np.array([rows[:, [1, 3]].mean(1), rows[:, [0, 2, 4]].mean(1)])
    lines = [c for c in ax.collections if isinstance(c, LineCollection)]
    for collection, probs in zip(lines, [(0.025, 0.975), (0.25, 0.75)], strict=True):
        ends = [segment[:, 1] for segment in collection.get_segments()]
        close(ends, np.quantile(means, probs, axis=1).T)
    wide, half = carries(figure)["tables"]
    assert wide["columns"] == ["mean", "lower", "upper", "observed"]
    assert half["columns"] == ["mean", "lower", "upper"]
    with pytest.raises(ValueError, match="simulated for other rows"):
        figures.predictive_by_cluster(data.iloc[::-1], "y", "g", replicates, "y")


def test_cumulative_logit_shows_the_probabilities_between_the_thresholds() -> None:
    thresholds, etas = [-1.0, 0.5, 2.0], {"no action": 0.0, "action": -0.7}
    figure = page_figures.cumulative_logit(thresholds, etas)
    panels = [figure.axes[:2], figure.axes[2:]]
    for (left, right), (name, eta) in zip(panels, etas.items(), strict=True):
        assert left.get_title() == name
        close(segments(left)[:, 0, 0], thresholds)
        (density,) = curves(left)
        assert density[density[:, 1].argmax(), 0] == pytest.approx(eta, abs=0.05)
        assert np.trapezoid(density[:, 1], density[:, 0]) == pytest.approx(1, abs=0.05)
        at_most = expit(np.array([-np.inf, *thresholds, np.inf]) - eta)
        close(bars(right)[:, 2], np.diff(at_most))
        close(bars(right)[:, 0], [1, 2, 3, 4])


# Why cluster --------------------------------------------------------------------------------------


def test_interval_stacks_mark_exactly_the_intervals_that_miss() -> None:
    table = pd.DataFrame({"lower": [2.0, -1.0, 0.5], "upper": [3.0, 0.5, 2.0]})
    figure = page_figures.interval_stacks({"a": table, "b": table - 5}, 1.0, "x", "study")
    left, right = figure.axes
    assert [left.get_title(), right.get_title()] == ["a", "b"]
    # From the lowest estimate to the highest: -1 to 0.5 misses, 0.5 to 2 holds, 2 to 3 misses.
    truth, crosses = curves(left)
    close(truth[:, 0], 1.0)
    close(crosses, [[-0.25, 0], [2.5, 2]])
    close(segments(left)[:, :, 0], [[0.5, 2.0], [-1.0, 0.5], [2.0, 3.0]])
    close(segments(left)[:, 0, 1], [1, 0, 2])
    assert len(curves(right)[1]) == 3
    assert legend(figure) == ["contains the truth", "misses it"]


def test_within_and_between_draws_each_clusters_line_and_that_of_the_averages() -> None:
    within = np.array([0.0, 1.0, 2.0])
    data = pd.concat(
        pd.DataFrame({"group": g, "x": within + 3 * g, "y": -within + 5 * g}) for g in range(3)
    )
    (ax,) = page_figures.within_and_between(data, "x", "y", "group", "dose", "harm").axes
    points, *lines, means, between = curves(ax)
    close(points, data[["x", "y"]])
    for g, line in enumerate(lines):
        close(line, [[3 * g, 5 * g], [3 * g + 2, 5 * g - 2]])
    close(means, [[3 * g + 1, 5 * g - 1] for g in range(3)])
    close(np.diff(between[:, 1]) / np.diff(between[:, 0]), 5 / 3)


def test_lines_and_slopes_splits_the_clusters_by_their_property() -> None:
    clusters = pd.DataFrame(
        {"intercept": [1.0, 2.0, 3.0], "slope": [0.5, 1.0, 2.0], "size": [10.0, 20.0, 40.0]}
    )
    figure = page_figures.lines_and_slopes(clusters, (0, 4), 20, ("hours", "score", "slope"))
    left, right = figure.axes
    assert [line[:, 1].tolist() for line in curves(left)] == [[1, 3], [2, 6], [3, 11]]
    assert [line.get_linestyle() for line in left.lines] == ["--", "-", "-"]
    below, above, fitted = curves(right)
    close(below, [[10, 0.5]])
    close(above, [[20, 1.0], [40, 2.0]])
    close(fitted[:, 1], np.polyval(np.polyfit([10, 20, 40], [0.5, 1, 2], 1), [10, 40]))
    assert legend(figure) == ["size below 20", "size 20 or more"]


def test_two_scatters_have_axes_of_equal_length() -> None:
    one = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [0.0, 2.0, 4.0]})
    two = pd.DataFrame({"x": [5.0, 6.0, 9.0], "y": [1.0, 1.5, 3.0]})
    figure = page_figures.two_scatters({"one": one, "two": two}, ["x1", "x2"], ["y1", "y2"])
    for ax, table, slope in zip(figure.axes, [one, two], [2, 0.5], strict=True):
        points, line = curves(ax)
        close(points, table)
        close(np.diff(line[:, 1]) / np.diff(line[:, 0]), slope)
        low, high = ax.get_xlim()
        assert low < table["x"].min() < table["x"].max() < high
    left, right = figure.axes
    close(np.ptp(left.get_xlim()), np.ptp(right.get_xlim()))
    close(np.ptp(left.get_ylim()), np.ptp(right.get_ylim()))


def test_causal_diagram_has_an_arrow_from_each_cause_to_its_effect() -> None:
    places = {"trait": (0.5, 1.0), "dose": (0.0, 0.0), "harm": (1.0, 0.0)}
    panels = {"a": [("trait", "dose"), ("trait", "harm")], "b": [("dose", "harm")]}
    figure = page_figures.causal_diagram(panels, places, ["trait"])
    left, right = figure.axes
    assert [text.get_text() for text in right.texts if text.get_text()] == ["dose", "harm"]
    ends = [(arrow.xyann, arrow.xy) for arrow in left.texts if isinstance(arrow, Annotation)]
    assert ends == [(places[cause], places[effect]) for cause, effect in panels["a"]]
    boxes = {text.get_text(): text.get_bbox_patch() for text in left.texts}
    lines = {name: box.get_linestyle() for name, box in boxes.items() if box}
    assert [lines[name] for name in ("trait", "dose")] == ["--", "-"]


def test_variance_parts_are_stacked_bars_beside_the_sorted_measurements() -> None:
    measurements = np.array([[3.0, 5.0], [0.0, 2.0], [9.0, 7.0]])
    parts = pd.DataFrame({"between": [2.0, 1.0], "within": [0.5, 3.0]}, index=["a", "b"])
    figure = page_figures.variance_parts(measurements, parts, "person", "score", "points²")
    left, right = figure.axes
    close(curves(left)[0][:, 1], measurements.mean())
    close(curves(left)[-1], [[0, 1], [1, 4], [2, 8]])
    close(segments(left)[:, :, 1], [[0, 2], [3, 5], [7, 9]])
    close(bars(right)[:, 1:], [[0, 2.0], [0, 1.0], [2.0, 0.5], [1.0, 3.0]])
    assert right.get_ylabel() == "variance (points²)"


def test_pooling_shows_estimates_truth_and_errors() -> None:
    people = pd.DataFrame(
        {
            "n": [2, 8, 32],
            "truth": [1.0, 2.0, 3.0],
            "no pooling": [0.0, 2.5, 3.1],
            "partial pooling": [0.8, 2.3, 3.0],
        }
    )
    errors = pd.DataFrame(
        {
            "no pooling": [1.0, 0.5, 0.1],
            "partial pooling": [0.4, 0.3, 0.1],
            "complete pooling": [0.6, 0.6, 0.6],
        },
        index=[2, 8, 32],
    )
    figure = page_figures.pooling(people, errors, 2.2, "measurements", "score", "points²")
    left, right = figure.axes
    complete, no_pooling, partial_pooling, truth = curves(left)
    close(complete[:, 1], 2.2)
    close(no_pooling[:, 1], people["no pooling"])
    close(partial_pooling[:, 1], people["partial pooling"])
    close(truth[:, 1], people["truth"])
    close(segments(left)[:, :, 1], people[["no pooling", "partial pooling"]])
    assert [t.get_text() for t in left.get_xticklabels()] == ["2", "8", "32"]
    for curve, name in zip(curves(right), errors, strict=True):
        close(curve, np.column_stack([errors.index, errors[name]]))
    assert legend(figure) == [*errors, "truth"]


def test_layers_show_population_clusters_and_measurements() -> None:
    data = pd.DataFrame(
        {
            "kind": ["a"] * 4 + ["b"] * 2,
            "cluster": [1, 1, 2, 2, 1, 1],
            "level": [0.0, 0.0, 1.0, 1.0, 5.0, 5.0],
            "measurement": [-0.5, 0.5, 1.5, 0.8, 4.0, 6.0],
        }
    )
    figure = page_figures.layers(data, "kind", {"a": (0.5, 1.0), "b": (5.0, 2.0)}, "score")
    axes = np.array(figure.axes).reshape(3, 2)
    assert [ax.get_title() for ax in axes[0]] == ["a", "b"]
    for (top, middle, bottom), mean, kind in zip(axes.T, [0.5, 5.0], "ab", strict=True):
        part = data[data["kind"] == kind]
        (density,) = curves(top)
        assert density[density[:, 1].argmax(), 0] == pytest.approx(mean, abs=0.05)
        levels = part["level"].unique()
        close(curves(middle)[0][:, 0], levels)
        close(curves(bottom)[0][:, 0], levels)
        close(curves(bottom)[1], part[["measurement", "cluster"]])
    heights = [curves(ax)[0][:, 1].max() for ax in axes[0]]
    assert heights[0] / heights[1] == pytest.approx(2, abs=0.01)  # the wider, the lower
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["population", "clusters", "measurements"]


# Checks of the book -------------------------------------------------------------------------------


def test_agreement_has_a_row_of_points_for_each_model_and_crosses_beyond_the_limit() -> None:
    table = pd.DataFrame(
        {
            "model": ["a", "a", "a", "b"],
            "parameter": list("wxyz"),
            "statistic": "mean",
            "standard_errors": [0.0, -2.0, 7.0, 1.0],
            "mcse_standard_errors": 0.5,
        }
    )
    figure = page_figures.agreement(table)
    (ax,) = figure.axes
    _, _, _, near_a, far_a, near_b, far_b = curves(ax)
    close(near_a[:, 0], [0.0, -2.0])
    close(far_a[:, 0], [7.0])
    close(near_b, [[1.0, 1.0]])
    assert len(far_b) == 0
    assert ax.lines[4].get_marker() == "x"
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert [curve[0, 0] for curve in curves(ax)[:3]] == [-5, 5, 0]
    (carried,) = carries(figure)["tables"]
    assert [row[-1] for row in carried["values"]] == [0.0, -2.0, 7.0, 1.0]


def test_psis_errors_are_drawn_against_pareto_k() -> None:
    k, error = [0.2, 0.6, 0.9], [0.0, 0.3, -0.5]
    table = pd.DataFrame({"pareto_k": k, "error": error, "mcse_elpd": 0.01})
    figure = page_figures.psis_errors({"one": table, "two": table})
    for ax, title in zip(figure.axes, ["one", "two"], strict=True):
        _, limit, good, high = curves(ax)
        close(limit[:, 0], 0.7)
        close(good, [[0.2, 0.0], [0.6, 0.3]])
        close(high, [[0.9, -0.5]])
        assert ax.get_title() == title


def test_rank_histograms_show_the_counts_and_the_count_expected() -> None:
    panels = {"even": [5, 5, 5, 5], "uneven": [9, 1, 2, 8]}
    figure = page_figures.rank_histograms(panels, "rank", "tries")
    assert [ax.get_title() for ax in figure.axes] == list(panels)
    for ax, counts in zip(figure.axes, panels.values(), strict=True):
        close(bars(ax)[:, 0], [0.125, 0.375, 0.625, 0.875])
        close(bars(ax)[:, 2], counts)
        close(curves(ax)[0][:, 1], 5)


def test_rank_curves_show_the_excess_and_name_what_leaves_the_band() -> None:
    places = [0.25, 0.5, 0.75]
    band = pd.DataFrame({"lower": [-0.1, -0.2, -0.1], "upper": [0.1, 0.2, 0.1]}, places)
    wider = 3 * band
    counts = {"mu": [25, 25, 25, 25], "low": [10, 20, 30, 40], "high": [50, 25, 20, 5]}
    table = pd.DataFrame.from_dict(counts, orient="index")
    panels = {"one": table, "two": table, "three": table.loc[["mu"]]}
    bands = {"one": band, "two": wider, "three": band}
    figure = page_figures.rank_curves(panels, bands, "rank", "excess")
    assert [ax.get_title() for ax in figure.axes] == [*panels, ""]
    assert not figure.axes[3].axison
    first = figure.axes[0]
    _, *lines = curves(first)
    close(lines[0][:, 1], 0)
    close(lines[1], np.column_stack([[0, *places, 1], [0, -0.15, -0.2, -0.15, 0]]))
    close(lines[2][:, 1], [0, 0.25, 0.25, 0.2, 0])
    (filled,) = (c for c in first.collections if isinstance(c, PolyCollection))
    edge = np.asarray(filled.get_paths()[0].vertices, float)
    assert edge[:, 1].min() == pytest.approx(-0.2)
    assert edge[:, 1].max() == pytest.approx(0.2)
    written = {t.get_text(): t for t in first.texts if isinstance(t, Annotation)}
    assert set(written) == {"low", "high"}
    close(written["low"].xy, (0.5, -0.2))
    close(written["high"].xy, (0.25, 0.25))
    assert [len(ax.texts) for ax in figure.axes[1:]] == [0, 0, 0]
    widths = [line.get_linewidth() for line in first.lines[1:]]
    assert widths[0] < widths[1] == widths[2]


def test_rank_curves_have_labels_that_cross_neither_curves_nor_each_other() -> None:
    places = np.linspace(0, 1, 11)[1:-1]
    steps = {"sigma_alpha": [2, -2] * 5, "alpha_bar": [6, 0, 0, 0, 0, 0, 0, -3, -3, 0]}
    steps |= {"mu": [-3, 0, 0, 0, -2, 5, 0, 0, 0, 0], "log likelihood": [-2] * 5 + [2] * 5}
    steps |= {"inside": [0, 0, 4, 4, 0, 0, -4, -4, 0, 0], "too": [0, 0, -8, 0, 0, 0, 0, 8, 0, 0]}
    table = 10 + pd.DataFrame.from_dict(steps, orient="index")
    width = np.array([1, 4, 10, 10, 12, 12, 10, 4, 1]) / 100
    band = pd.DataFrame({"lower": -width, "upper": width}, places)
    with plt.rc_context():
        figures.set_theme()
        panels = {str(k): table for k in range(6)}
        figure = page_figures.rank_curves(panels, dict.fromkeys(panels, band), "x", "y", columns=3)
        figure.set_dpi(100)
        figure.draw_without_rendering()
    for ax in figure.axes:
        boxes = [text.get_window_extent() for text in ax.texts]
        assert len(boxes) == 2
        assert not boxes[0].overlaps(boxes[1])
        for box in boxes:
            assert ax.get_window_extent().y0 < box.y0 < box.y1 < ax.get_window_extent().y1
            for line in ax.lines:
                assert (
                    not line.get_path()
                    .transformed(line.get_transform())
                    .intersects_bbox(box, filled=False)
                )
    named = {name for text in figure.axes[0].texts for name in text.get_text().split(", ")}
    assert named == {figures.symbol(name) for name in steps if name not in ("inside", "too")}


def test_compared_puts_every_program_on_the_line_of_its_task() -> None:
    table = pd.DataFrame({"ours": [10.0, 300.0], "theirs": [1.0, 20.0]}, index=["small", "large"])
    figure = page_figures.compared(table, "draws per second")
    (ax,) = figure.axes
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["small", "large"]
    for line, values in zip(ax.lines, table.T.to_numpy(), strict=True):
        close(line.get_xydata(), np.column_stack([values, [0, 1]]))
    assert len({line.get_marker() for line in ax.lines}) == 2
    with pytest.raises(ValueError, match="can tell 4 things apart"):
        page_figures.compared(pd.DataFrame(np.ones((1, 5))), "x")


def test_growth_draws_each_measure_against_the_size() -> None:
    table = pd.DataFrame({"ours": [1.0, 3.0], "yardstick": [1.0, 2.0]}, index=[10, 1000])
    figure = page_figures.growth({"rows": table, "people": 2 * table}, "time")
    first, second = figure.axes
    assert (first.get_xscale(), first.get_yscale(), first.get_xlabel()) == ("log", "log", "rows")
    close(first.lines[1].get_xydata(), [[10, 1], [1000, 2]])
    close(second.lines[0].get_xydata(), [[10, 2], [1000, 6]])


def test_curves_draw_each_method_with_its_intervals() -> None:
    table = pd.DataFrame(
        {
            "x": [1, 10, 1, 10],
            "method": ["none", "none", "partial", "partial"],
            "value": [1.0, 0.5, 0.8, 0.4],
            "lower": [0.9, 0.4, 0.7, 0.3],
            "upper": [1.2, 0.6, 0.9, 0.5],
        }
    )
    figure = figures.curves({"small": table, "large": table}, "size", "error", columns=2)
    assert legend(figure) == ["none", "partial"]
    first, second = figure.axes
    assert (first.get_xscale(), first.get_yscale(), first.get_title()) == ("log", "log", "small")
    close(first.lines[0].get_xydata(), [[1, 1.0], [10, 0.5]])
    close(segments(second)[:2, :, 1], [[0.9, 1.2], [0.4, 0.6]])
    assert carries(figure)["tables"][0]["values"][1] == [10, "none", 0.5, 0.4, 0.6]
    turned = table.iloc[::-1]
    even = figures.curves({"a": table, "b": turned}, "distance", "error", log_x=False)
    assert even.axes[0].get_xscale() == "linear"
    assert not even.axes[2].axison
    for one, other in zip(even.axes[0].lines, even.axes[1].lines, strict=True):
        assert one.get_color() == other.get_color()
        close(
            np.sort(np.array(one.get_xydata()), axis=0),
            np.sort(np.array(other.get_xydata()), axis=0),
        )


def test_scatter_of_draws_marks_divergent_transitions() -> None:
    x = xr.DataArray(RNG.normal(size=(2, 20)), dims=("chain", "draw"))
    draws = xr.Dataset({"x": x, "y": np.exp(x), "diverging": x > 1.0})
    figure = figures.scatter_of_draws({"one": draws, "two": draws}, "x", "y", log_y=True)
    ax, _ = figure.axes
    good, bad = ax.lines
    assert (good.get_marker(), bad.get_marker(), ax.get_yscale()) == ("o", "^", "log")
    values = x.to_numpy()
    assert len(np.array(bad.get_xydata())) == (values > 1.0).sum() > 0
    close(np.array(good.get_xydata())[:, 1], np.exp(values[values <= 1.0]))
    assert [table["name"] for table in carries(figure)["tables"]] == [
        "x of one", "y of one", "x of two", "y of two"
    ]  # fmt: skip


# What a figure carries ----------------------------------------------------------------------------


def carries(figure: Figure) -> dict[str, Any]:
    bundle: dict[str, Any] = vars(figure)["_repr_mimebundle_"]()[MIME]
    return bundle


def test_a_figure_carries_its_words() -> None:
    figure = figures.densities({"prior": np.arange(9.0)}, "log-odds", reference={"here": 2.0})
    assert carries(figure)["texts"] == ["log-odds", "density", "prior", "here"]


def test_a_figure_carries_its_numbers_with_their_errors() -> None:
    draws = xr.DataArray(RNG.normal(size=(4, 250)), dims=("chain", "draw"))
    quantiles, reference = carries(figures.densities({"x": draws}, "x", reference={"here": 2.0}))[
        "tables"
    ]
    assert (quantiles["name"], reference["name"]) == ("densities", "reference")
    assert [value for (value,) in quantiles["values"]] == pytest.approx(
        np.quantile(draws, [0.025, 0.25, 0.5, 0.75, 0.975]).tolist()
    )
    middle = float(ml.mcse(draws, "quantile", 0.5))
    assert quantiles["mcse"][2] == [pytest.approx(middle)]
    assert reference["values"] == [[2.0]]
    assert reference["mcse"] == [[None]]


def test_the_errors_of_a_summary_come_along() -> None:
    draws = xr.DataArray(RNG.normal(size=(2, 50, 3)), dims=("chain", "draw", "id"), name="alpha")
    summary = ml.summarise(draws)
    table, reference = carries(figures.forest(summary, "x", reference=draws.sel(id=0)))["tables"]
    assert table["index"] == ["alpha[0]", "alpha[1]", "alpha[2]"]
    assert table["columns"] == ["mean", "lower", "upper"]
    assert table["mcse"][1][0] == pytest.approx(summary["mcse_mean"].iloc[1])
    assert reference["values"] == [[pytest.approx(draws.sel(id=0).mean().item())]]
    assert reference["mcse"][0][0] > 0


def test_counts_of_simulated_data_carry_the_error_of_a_count() -> None:
    observed = pd.Series(pd.Categorical([1, 1, 2], [1, 2], ordered=True))
    simulated = xr.DataArray([[1, 2, 2]], dims=("draw", "row"))
    (table,) = carries(figures.predictive_counts(observed, simulated, "response"))["tables"]
    assert table["values"] == [[2, 1], [1, 2]]
    assert table["mcse"] == [[None, 1.0], [None, pytest.approx(2**0.5)]]


# The look -----------------------------------------------------------------------------------------


def test_the_theme_sets_the_palette_for_figures_that_follow() -> None:
    with plt.rc_context():
        figures.set_theme()
        colors = plt.rcParams["axes.prop_cycle"].by_key()["color"]
        assert plt.rcParams["figure.constrained_layout.use"]
    as_hex = [to_hex(color) for color in colors]
    assert as_hex == figures.PALETTE


NO_FIGURES = {"set_theme", "as_estimates", "refuse_more_than", "with_numbers"}


def test_every_public_figure_is_tested_here() -> None:
    here = [
        name
        for module in (figures, page_figures)
        for name, f in inspect.getmembers(module, inspect.isfunction)
        if f.__module__ == module.__name__
    ]
    public = {name for name in here if not name.startswith("_")}
    tested = " ".join(name for name in globals() if name.startswith("test_"))
    assert not {name for name in public - NO_FIGURES if f"test_{name}" not in tested}


def test_more_things_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="can tell 4 things apart; it was given 5"):
        figures.densities({str(i): np.arange(9.0) for i in range(5)}, "x")
