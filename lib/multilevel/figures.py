"""Draw figures of estimates, intervals, draws and predictions for any chapter.

Each function takes data frames or draws and returns a figure. The figure's output in a notebook
includes the numbers that it shows, with their Monte Carlo standard errors; see
:mod:`multilevel.estimates`.

All figures share a palette that is safe for colour-blind readers: teal and terracotta, with a pale
teal and a sand for third and fourth series. Nothing is encoded by colour alone: markers, line
styles, positions or labels repeat it.
"""

import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from arviz_stats.base import array_stats
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator
from matplotlib.transforms import Bbox

from multilevel.estimates import MIME, Estimates, mcse
from multilevel.tables import interval

TEAL, TERRACOTTA, PALE, SAND = "#1c5253", "#dd7557", "#6b9b97", "#e9c46a"
PALETTE = [TEAL, TERRACOTTA, PALE, SAND]
MARKERS = ["o", "s", "D", "^"]
GREY = "#6b6b6b"
PROBABILITIES = -0.05, 1.05  # limits of an axis of probabilities


DPI = 120  # at which a figure is as wide as a page


def set_theme() -> None:
    """Set the book's theme for all figures that follow, with seaborn's ``set_theme``.

    Examples
    --------
    >>> from multilevel import figures
    >>> figures.set_theme()
    """
    sns.set_theme(
        style="ticks",
        palette=PALETTE,
        rc={
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.dpi": DPI,
            "figure.figsize": (6, 3.8),
            "font.size": 12,
            "axes.titlesize": 12,
            "axes.labelsize": 12,
            "figure.labelsize": 12,
            "xtick.labelsize": 11,
            "ytick.labelsize": 11,
            "legend.fontsize": 11,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
        },
    )
    if "IPython" in sys.modules:  # two dots per pixel in notebooks, which show the size intended
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        if get_ipython():  # the build of the book asks for a vector format as well
            set_matplotlib_formats("retina", *os.environ.get("ALSO_AS", "").split())


def refuse_more_than(things: Collection[Any], number: int) -> None:
    """Raise ValueError if there are more series than colours and styles to distinguish them."""
    if len(things) > number:
        raise ValueError(f"This figure can tell {number} things apart; it was given {len(things)}.")


GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|"
    "upsilon|phi|chi|psi|omega"
)
PARAMETER = re.compile(rf"({GREEK.pattern})(_bar)?(?:_(\w+?))?(?:\[(.+)\])?")


def symbol(name: Any) -> str:
    r"""Return the symbol of a parameter, for labels in figures.

    Parameters
    ----------
    name
        Name of a variable, with the label of one of its values or without, as in the index of
        :func:`multilevel.summarise`.

    Returns
    -------
    str
        Matplotlib's formula of a Greek letter with its subscripts; other names, as they are.

    Examples
    --------
    >>> from multilevel import figures
    >>> print(figures.symbol("alpha_actor[2]"))
    $\alpha_{\text{actor, 2}}$
    >>> print(figures.symbol("alpha_bar"), figures.symbol("level[6]"))
    $\bar{\alpha}$ level[6]
    """
    parts = PARAMETER.fullmatch(str(name))
    if not parts or "$" in str(name):
        return str(name)
    letter, bar, below, label = parts.groups()
    formula = rf"\bar{{\{letter}}}" if bar else rf"\{letter}"
    if below and GREEK.fullmatch(below) and not label:
        return rf"${formula}_{{\{below}}}$"
    words = ", ".join(part.replace("_", " ") for part in (below, label) if part)
    words = re.sub(r"([\\{}])", r"\\\1", words)
    return rf"${formula}_{{\text{{{words}}}}}$" if words else f"${formula}$"


def small_multiples(
    number: int, height: float, columns: int | None = None
) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels that share their scales, in a grid with as few gaps as possible.

    Parameters
    ----------
    number
        Number of panels.
    height
        Height of a panel, in inches.
    columns
        Number of panels per row; by default as many as rows, or a few more, but at most four.

    Returns
    -------
    tuple of Figure and list of Axes
        The panels, row by row. The lowest one of each column has tick labels.

    Examples
    --------
    >>> from multilevel import figures
    >>> figure, axes = figures.small_multiples(5, height=1.6)
    >>> len(axes)
    5
    """
    columns = columns or min(-(-number // int(number**0.5)), 4)
    rows = -(-number // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(6, height * rows + 0.6), sharex=True, sharey=True, squeeze=False
    )
    axes = list(grid.flat)
    for ax in axes[number:]:
        ax.set_axis_off()
    for ax in axes[:number][-columns:]:
        ax.tick_params(labelbottom=True)
    return figure, axes[:number]


def label_together(figure: Figure, xlabel: str, ylabel: str | None = None) -> None:
    """Label the axes that all panels share, in the middle below and beside them.

    Parameters
    ----------
    figure
        A figure with several panels.
    xlabel, ylabel
        The labels, with units; without ``ylabel``, the vertical axes have none in common.

    Examples
    --------
    >>> from multilevel import figures
    >>> figure, axes = figures.small_multiples(4, height=1.6)
    >>> figures.label_together(figure, "time (years)", "connectivity")
    """
    figure.supxlabel(xlabel)
    if ylabel:
        figure.supylabel(ylabel)
    figure.draw_without_rendering()  # gives the panels their places
    area = Bbox.union([ax.get_position() for ax in figure.axes])
    figure.supxlabel(xlabel, x=(area.x0 + area.x1) / 2)
    if ylabel:
        figure.supylabel(ylabel, y=(area.y0 + area.y1) / 2)


def with_numbers(figure: Figure, tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Attach to a figure its numbers and text, which become part of its output in a notebook.

    Parameters
    ----------
    figure
        Any figure of Matplotlib.
    tables
        The numbers that it shows, by what they are, such as a :class:`multilevel.Estimates`.

    Returns
    -------
    Figure
        The same one; a built page shows its tables beside it.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from multilevel import figures
    >>> means = pd.DataFrame({"mean": [0.2, 0.5]}, index=["ann", "bob"])
    >>> figure, ax = plt.subplots()
    >>> bars = ax.bar(means.index, means["mean"])
    >>> figure = figures.with_numbers(figure, {"means": means})
    """

    def bundle(**_: Any) -> dict[str, Any]:
        numbers = [{"name": name, **Estimates(table).numbers()} for name, table in tables.items()]
        return {MIME: {"tables": numbers, "texts": _visible_texts(figure)}}

    vars(figure)["_repr_mimebundle_"] = bundle  # the method that IPython's display looks for
    return figure


def _visible_texts(figure: Figure) -> list[str]:
    """List the text on a figure: titles, axis labels, annotations and legends, not tick labels."""
    texts = [figure.get_supxlabel(), figure.get_supylabel()]
    for ax in figure.axes:
        texts += [ax.get_title(), ax.get_xlabel(), ax.get_ylabel()]
        texts += [text.get_text() for text in ax.texts]
    texts += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return [text for text in texts if text]


def as_estimates(number: float | xr.DataArray) -> Estimates:
    """Return a number, or the mean of draws, as a table with a single number."""
    if isinstance(number, xr.DataArray):
        return Estimates.of(
            pd.DataFrame({"value": [float(number.mean())]}), {"value": float(mcse(number))}
        )
    return Estimates({"value": [float(number)]})


def gradient_intervals(
    panels: Mapping[str, xr.DataArray], xlabel: str, ylabel: str, mass: float = 0.95
) -> Figure:
    """Draw the posterior of each cluster as a vertical bar that fades with the probability mass.

    Parameters
    ----------
    panels
        Title and draws, dims (chain, draw, cluster), of each panel.
    xlabel, ylabel
        Labels of the axes, with units.
    mass
        Probability mass of the widest of the intervals, which are equal-tailed.

    Returns
    -------
    Figure
        The panels one below the other, with a shared vertical scale.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from multilevel import figures
    >>> rng = np.random.default_rng(1)
    >>> draws = rng.normal([0.2, 0.5], 0.1, (4, 500, 2))
    >>> people = {"person": ["ann", "bob"]}
    >>> level = xr.DataArray(draws, people, dims=("chain", "draw", "person"))
    >>> figure = figures.gradient_intervals({"no pooling": level}, "person", "level")
    """
    figure, axes = plt.subplots(len(panels), figsize=(6, 2.6 * len(panels)), sharey=True)
    levels = np.linspace(0.05, mass, 20)
    for ax, (title, draws) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        x = np.arange(draws.shape[-1])
        for level in levels:
            low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=(0, 1))
            ax.vlines(x, low, high, color=TEAL, alpha=0.09, linewidth=3.2)
        ax.plot(x, draws.mean(("chain", "draw")), "o", color=TERRACOTTA, markersize=2.5)
        ax.set(title=title, ylabel=ylabel, xticks=[])
    ax.set_xlabel(xlabel)
    return with_numbers(
        figure, {title: interval(draws, prob=mass) for title, draws in panels.items()}
    )


def shrinkage(
    estimates: pd.DataFrame, grand_mean: float | xr.DataArray, xlabel: str, ylabel: str
) -> Figure:
    """Draw the no-pooling and partial-pooling estimate of each cluster, and the grand mean.

    Parameters
    ----------
    estimates
        One row per cluster, in the order of drawing: ``no pooling``, ``partial pooling`` (the two
        estimates) and ``n`` (number of observations of the cluster).
    grand_mean
        What the estimates shrink towards: a number, or draws, whose mean is drawn.
    xlabel, ylabel
        Labels of the axes, with units.

    Returns
    -------
    Figure
        A panel for each number of observations, with a shared scale.

    Examples
    --------
    >>> import pandas as pd
    >>> from multilevel import figures
    >>> columns = {"no pooling": [0.1, 0.6], "partial pooling": [0.2, 0.5], "n": [3, 4]}
    >>> estimates = pd.DataFrame(columns, index=["ann", "bob"])
    >>> figure = figures.shrinkage(estimates, 0.35, "person", "level")
    """
    sizes = sorted(estimates["n"].unique())
    widths = [max((estimates["n"] == n).sum(), 12) for n in sizes]
    grid = {"width_ratios": widths}
    size = (6.4, 4.2)
    figure, (axes,) = plt.subplots(
        1, len(sizes), figsize=size, sharey=True, squeeze=False, gridspec_kw=grid
    )
    for ax, n in zip(axes, sizes, strict=True):
        part = estimates[estimates["n"] == n]
        x = np.arange(len(part))
        ax.axhline(float(np.mean(grand_mean)), color=GREY, linestyle="--", linewidth=1)
        ax.vlines(x, part["no pooling"], part["partial pooling"], color=GREY, linewidth=0.6)
        ax.plot(x, part["no pooling"], "o", mfc="white", color=TERRACOTTA, ms=4, label="no pooling")
        ax.plot(x, part["partial pooling"], "s", color=TEAL, ms=3, label="partial pooling")
        ax.set(title=f"n = {n}", xticks=[], xlim=(-1.5, len(part) + 0.5))
    axes[0].set_ylabel(ylabel)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    label_together(figure, xlabel)
    return with_numbers(figure, {"estimates": estimates, "grand mean": as_estimates(grand_mean)})


def forest(
    summary: pd.DataFrame,
    xlabel: str,
    reference: float | xr.DataArray | None = 0.0,
    inner: pd.DataFrame | None = None,
) -> Figure:
    """Draw a forest plot: the interval of each parameter as a line, its mean as a point.

    Parameters
    ----------
    summary
        A table as returned by :func:`multilevel.summarise`: ``mean``, ``lower``, ``upper``, one row
        per parameter, drawn from top to bottom. Greek names are drawn as letters.
    xlabel
        Label of the axis, with the unit and the kind and mass of the interval.
    reference
        Position of a dashed vertical line: a number, or draws, whose mean is drawn; None draws
        none.
    inner
        The same rows with shorter intervals, drawn as thicker lines on the others: the summary of
        the same draws with ``prob=0.5``.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        ``inner`` has other rows than ``summary``.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import xarray as xr
    >>> from multilevel import figures
    >>> rng = np.random.default_rng(1)
    >>> draws = rng.normal([0.2, 0.5], 0.1, (4, 500, 2))
    >>> people = {"person": ["ann", "bob"]}
    >>> level = xr.DataArray(draws, people, dims=("chain", "draw", "person"))
    >>> summary = ml.summarise(level.rename("alpha"))
    >>> figure = figures.forest(summary, "level (95 % interval)")
    """
    if inner is not None and not inner.index.equals(summary.index):
        raise ValueError("inner must have the rows of summary: summarise the same draws twice.")
    figure, ax = plt.subplots(figsize=(6, 0.8 + 0.27 * len(summary)))
    y = np.arange(len(summary))[::-1]
    tables = {"summary": summary} if inner is None else {"summary": summary, "inner": inner}
    shown = {
        key: table[[name for name in table if name in FOREST]] for key, table in tables.items()
    }
    if reference is not None:
        shown["reference"] = as_estimates(reference)
        ax.axvline(float(np.mean(reference)), color=GREY, linestyle="--", linewidth=1)
    for table, width in zip(tables.values(), (1.6 if len(tables) > 1 else 2, 4.5), strict=False):
        ax.hlines(y, table["lower"], table["upper"], color=TEAL, linewidth=width)
    ax.plot(summary["mean"], y, "o", color=TERRACOTTA, markersize=5, mec="white", mew=0.5)
    names = [symbol(name) for name in summary.index]
    ax.set(yticks=y, yticklabels=names, xlabel=xlabel, ylim=(-0.7, len(summary) - 0.3))
    return with_numbers(figure, shown)


FOREST = ["mean", "lower", "upper", "mcse_mean", "mcse_lower", "mcse_upper"]


def densities(
    draws: Mapping[str, Any],
    xlabel: str,
    xlim: tuple[float, float] | None = None,
    reference: Mapping[str, float] | None = None,
) -> Figure:
    """Draw the density of each quantity: a kernel density estimate, corrected at the bounds.

    Parameters
    ----------
    draws
        Name and draws (of any shape) of each quantity, at most four.
    xlabel
        Label of the axis, with its unit.
    xlim
        Limits of the axis; by default the range of the draws.
    reference
        Names and positions of dotted vertical lines.

    Returns
    -------
    Figure

    Examples
    --------
    >>> import numpy as np
    >>> from multilevel import figures
    >>> draws = np.random.default_rng(1).exponential(size=(4, 500))
    >>> figure = figures.densities({"sigma": draws}, "sd", (0, 5), reference={"mean": 1})
    """
    refuse_more_than(draws, 4)
    figure, ax = plt.subplots(figsize=(6, 3.4))
    top = 0.0
    for (name, values), color, style in zip(
        draws.items(), PALETTE, ["-", "--", "-.", ":"], strict=False
    ):
        x, density = _density(values, xlim or (-np.inf, np.inf))
        ax.fill_between(x, density, color=color, alpha=0.35, linewidth=0)
        ax.plot(x, density, color=color, linestyle=style, label=symbol(name))
        top = max(top, density.max())
    for name, place in (reference or {}).items():
        ax.axvline(place, color=GREY, linestyle=":", linewidth=1.5, label=name)
    ax.set(xlabel=xlabel, ylabel="density", yticks=[], ylim=(0, 1.05 * top))
    if xlim:
        ax.set_xlim(*xlim)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    shown = {"densities": pd.concat({name: _quantiles(values) for name, values in draws.items()})}
    if reference:
        shown["reference"] = pd.DataFrame({"place": pd.Series(reference)})
    return with_numbers(figure, shown)


def _density(values: Any, xlim: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Estimate a density on a grid from the smallest to the largest value, within the limits.

    Values are reflected at both ends: a density that is high at its bound, like that of an
    exponential distribution at zero, does not go down there.
    """
    x, density, _ = array_stats.kde(np.ravel(values), grid_len=1024)
    inside = (x >= xlim[0]) & (x <= xlim[1])
    return x[inside], density[inside]


def _quantiles(values: Any) -> Estimates:
    """Summarise a distribution by five quantiles, with their Monte Carlo standard errors."""
    if not isinstance(values, xr.DataArray) or "chain" not in values.dims:
        values = xr.DataArray(np.ravel(values)[None], dims=("chain", "draw"))
    probs = [0.025, 0.25, 0.5, 0.75, 0.975]
    # Draws of several rows are pooled; their error is approximated by that of a single row.
    errors = [float(mcse(values, "quantile", prob).mean()) for prob in probs]
    table = pd.DataFrame({"quantile": np.quantile(values, probs)}, index=probs)
    return Estimates.of(table, {"quantile": errors})


def scatter_of_draws(
    panels: Mapping[str, xr.Dataset], xlabel: str, ylabel: str, log_y: bool = False
) -> Figure:
    """Draw two quantities of each draw as a scatter plot, and mark divergent transitions.

    Parameters
    ----------
    panels
        Title and draws of each panel, dims (chain, draw): ``x``, ``y`` and ``diverging``.
    xlabel, ylabel
        Labels of the axes, with units.
    log_y
        Whether the vertical scale is logarithmic.

    Returns
    -------
    Figure
        The panels side by side, with shared scales.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from multilevel import figures
    >>> rng = np.random.default_rng(1)
    >>> draws = xr.DataArray(rng.normal(size=(2, 4, 100)), dims=("name", "chain", "draw"))
    >>> panel = xr.Dataset({"x": draws[0], "y": draws[1]})
    >>> panel["diverging"] = panel["x"] < -2
    >>> figure = figures.scatter_of_draws({"centred": panel}, "alpha", "log sigma")
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6, 3.6), sharex=True, sharey=True)
    for ax, (title, draws) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        x, y, divergent = (draws[name].to_numpy().ravel() for name in ("x", "y", "diverging"))
        ax.plot(x[~divergent], y[~divergent], "o", color=TEAL, ms=2, alpha=0.25, mew=0)
        ax.plot(x[divergent], y[divergent], "^", color=TERRACOTTA, ms=7, mec="black", mew=0.6)
        ax.set(title=title, yscale="log" if log_y else "linear")
        if log_y:
            ax.yaxis.set_major_formatter("{x:g}")
    label_together(figure, xlabel, ylabel)
    shown = {
        f"{name} of {title}": _quantiles(draws[name])
        for title, draws in panels.items()
        for name in ("x", "y")
    }
    return with_numbers(figure, shown)


def bands(
    tables: Mapping[str, pd.DataFrame],
    x: str,
    facet: str,
    xlabel: str,
    ylabel: str,
    points: pd.DataFrame | None = None,
    ylim: tuple[float, float] = PROBABILITIES,
) -> Figure:
    """Draw predicted means as lines and their intervals as bands, with a panel for each cluster.

    Parameters
    ----------
    tables
        Name and table of each kind of prediction, at most two: columns ``mean``, ``lower``,
        ``upper``, the column ``x`` and the column ``facet``. A table without the column ``facet``
        is drawn in each panel.
    x, facet
        Names of columns.
    xlabel, ylabel
        Labels of the axes.
    points
        Observed values, drawn as open circles: columns ``x``, ``facet`` and ``observed``.
    ylim
        Limits of the vertical axis; by default those for probabilities.

    Returns
    -------
    Figure
        A panel for each level of ``facet``, with shared scales.

    Examples
    --------
    >>> import pandas as pd
    >>> from multilevel import figures
    >>> table = pd.DataFrame({"day": [0, 1], "mean": [0.3, 0.5]}).assign(person="ann")
    >>> table = table.assign(lower=table["mean"] - 0.1, upper=table["mean"] + 0.1)
    >>> figure = figures.bands({"fitted": table}, "day", "person", "day", "probability")
    """
    refuse_more_than(tables, 2)
    levels = next(table[facet].unique() for table in tables.values() if facet in table)
    figure, axes = small_multiples(len(levels), 1.9)
    for ax, level in zip(axes, levels, strict=True):
        for (name, table), color, style in zip(tables.items(), PALETTE, ["-", "--"], strict=False):
            part = (table[table[facet] == level] if facet in table else table).sort_values(x)
            at = part[x].astype(str)
            ax.fill_between(at, part["lower"], part["upper"], color=color, alpha=0.3, linewidth=0)
            ax.plot(at, part["mean"], color=color, linestyle=style, label=name)
        if points is not None:
            seen = points[points[facet] == level].sort_values(x)
            ax.plot(
                seen[x].astype(str),
                seen["observed"],
                "o",
                mfc="white",
                color="black",
                ms=5,
                label="observed",
            )
        ax.set(title=f"{facet} {level}", ylim=ylim)
    handles, names = axes[0].get_legend_handles_labels()
    if len(names) > 1:
        figure.legend(handles, names, loc="outside upper center", ncols=3)
    label_together(figure, xlabel, ylabel)
    observed = {} if points is None else {"observed": points}
    return with_numbers(figure, {**tables, **observed})


def many_lines(
    draws: xr.DataArray,
    labels: Sequence[str],
    xlabel: str,
    ylabel: str,
    ylim: tuple[float, float] = PROBABILITIES,
) -> Figure:
    """Draw one thin line for each draw.

    Parameters
    ----------
    draws
        Dims row (the points along the horizontal axis) and one other (the lines).
    labels
        Labels of the rows.
    xlabel, ylabel
        Labels of the axes.
    ylim
        Limits of the vertical axis; by default those for probabilities.

    Returns
    -------
    Figure

    Examples
    --------
    >>> import xarray as xr
    >>> from multilevel import figures
    >>> draws = xr.DataArray([[0.2, 0.3, 0.1], [0.6, 0.7, 0.4]], dims=("row", "cluster"))
    >>> figure = figures.many_lines(draws, ["before", "after"], "time", "probability")
    """
    figure, ax = plt.subplots()
    ax.plot(list(labels), draws.transpose("row", ...), color=TERRACOTTA, alpha=0.45, linewidth=1)
    ax.set(xlabel=xlabel, ylabel=ylabel, ylim=ylim)
    (lines,) = set(draws.dims) - {"row"}
    values = draws.transpose(lines, "row").to_numpy()[None]
    each = xr.DataArray(values, {"row": list(labels)}, ("chain", "draw", "row"))
    return with_numbers(figure, {"lines": interval(each)})


def category_bars(
    table: pd.DataFrame,
    hue: str,
    rows: Sequence[str],
    column: str | None,
    xlabel: str,
    ylabel: str = "probability",
) -> Figure:
    """Draw the probability of each category as a bar, with its interval as a line.

    Parameters
    ----------
    table
        Columns ``category``, ``mean``, ``lower``, ``upper``, and those named below.
    hue
        Name of a column; its levels (at most two) are bars side by side.
    rows
        Names of columns; each combination of their levels is a row of panels.
    column
        Name of a column, whose levels are the columns of panels; None draws a single column.
    xlabel, ylabel
        Labels of the axes.

    Returns
    -------
    Figure
        The grid of panels, with shared scales.

    Examples
    --------
    >>> import pandas as pd
    >>> from multilevel import figures
    >>> table = pd.DataFrame({"category": [1, 2], "mean": [0.4, 0.6]})
    >>> table = table.assign(lower=table["mean"] - 0.1, upper=table["mean"] + 0.1)
    >>> table = table.assign(kind="new", case="a")
    >>> figure = figures.category_bars(table, "kind", ["case"], None, "response")
    """
    combinations = table[list(rows)].drop_duplicates().sort_values(list(rows))
    columns = table[column].unique() if column else [None]
    hues = sorted(table[hue].unique())
    refuse_more_than(hues, 2)
    size = (max(6, 2.4 * len(columns)), 2.1 * len(combinations) + 0.9)
    figure, axes = plt.subplots(
        len(combinations), len(columns), figsize=size, sharex=True, sharey=True, squeeze=False
    )
    for i, combination in enumerate(combinations.itertuples(index=False)):
        for j, level in enumerate(columns):
            ax, part = axes[i, j], table
            for name, value in zip(rows, combination, strict=True):
                part = part[part[name] == value]
            if column:
                part = part[part[column] == level]
            _draw_bars(ax, part, hue, hues)
            where = ", ".join(
                f"{name} {value}" for name, value in zip(rows, combination, strict=True)
            )
            ax.set_title(f"{column} {level}\n{where}" if column else where, fontsize=11)
    handles = [
        Patch(facecolor=color, edgecolor="black", hatch=hatch, label=f"{hue} {value}")
        for value, color, hatch in zip(hues, PALETTE, ["", "///"], strict=False)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(hues))
    label_together(figure, xlabel, ylabel)
    return with_numbers(figure, {"bars": table})


def _draw_bars(ax: Axes, part: pd.DataFrame, hue: str, hues: Sequence[Any]) -> None:
    """Draw the bars and intervals of one panel."""
    width = 0.8 / len(hues)
    for k, (value, color, hatch) in enumerate(zip(hues, PALETTE, ["", "///"], strict=False)):
        bar = part[part[hue] == value]
        x = bar["category"].astype(float) + (k - (len(hues) - 1) / 2) * width
        ax.bar(x, bar["mean"], width, color=color, hatch=hatch, edgecolor="black", linewidth=0.4)
        ax.vlines(x, bar["lower"], bar["upper"], color="black", linewidth=1.2)
    ax.set_xticks(sorted(part["category"].unique()))


def predictive_counts(observed: pd.Series, replicates: xr.DataArray, xlabel: str) -> Figure:
    """Draw a posterior predictive check: counts of an ordered response, observed and simulated.

    Parameters
    ----------
    observed
        The response, an ordered categorical.
    replicates
        Posterior predictive data sets, as returned by :func:`multilevel.replicate`: dims (draw,
        row).
    xlabel
        Label of the horizontal axis.

    Returns
    -------
    Figure
        A panel for each data set, the observed one first, with shared scales.

    Examples
    --------
    >>> import pandas as pd
    >>> import xarray as xr
    >>> from multilevel import figures
    >>> observed = pd.Series(pd.Categorical([1, 2, 2, 3], ordered=True))
    >>> simulated = xr.DataArray([[1, 1, 2, 3], [2, 2, 3, 3]], dims=("draw", "row"))
    >>> figure = figures.predictive_counts(observed, simulated, "response")
    """
    categories = list(observed.cat.categories)
    sets = {"observed": observed.to_numpy()}
    sets |= {f"simulated {i}": values for i, values in enumerate(replicates.to_numpy(), start=1)}
    figure, axes = small_multiples(len(sets), 1.6)
    counted = {
        name: [int((values == category).sum()) for category in categories]
        for name, values in sets.items()
    }
    for ax, (name, counts) in zip(axes, counted.items(), strict=True):
        first = name == "observed"
        ax.bar(
            categories,
            counts,
            color=TERRACOTTA if first else TEAL,
            hatch="///" if first else "",
            edgecolor="white",
        )
        ax.set(title=name, xticks=categories)
    label_together(figure, xlabel, "number of responses")
    table = pd.DataFrame(counted, index=categories)
    errors = np.sqrt(table.drop(columns="observed"))  # standard error of a Poisson count
    return with_numbers(figure, {"counts": Estimates.of(table, errors)})


def predictive_by_cluster(
    data: pd.DataFrame, outcome: str, group: str, replicates: xr.DataArray, ylabel: str
) -> Figure:
    """Draw a posterior predictive check: each cluster's mean, observed and simulated.

    Parameters
    ----------
    data
        The rows that the data sets were simulated for.
    outcome, group
        Names of its columns: the observed outcome, a number, and the cluster of each row.
    replicates
        Posterior predictive data sets, as returned by :func:`multilevel.replicate` for ``data``:
        dims (draw, row) or (chain, draw, row). A few hundred draws give steady intervals.
    ylabel
        Label of the vertical axis, with units.

    Returns
    -------
    Figure
        The clusters in the order of their observed means, which are dots over the central 50 % and
        95 % of the means of the simulated data sets.

    Raises
    ------
    ValueError
        The rows of ``data`` are not those of the data sets.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import xarray as xr
    >>> from multilevel import figures
    >>> person = np.repeat(["ann", "bob"], 3)
    >>> data = pd.DataFrame({"person": person, "y": [1, 2, 3, 4, 5, 6]})
    >>> draws = np.random.default_rng(1).normal(data["y"], 1, (200, 6))
    >>> simulated = xr.DataArray(draws, {"row": data.index}, ("draw", "row"))
    >>> figure = figures.predictive_by_cluster(data, "y", "person", simulated, "mean of y")
    """
    if list(replicates["row"].to_numpy()) != list(data.index):
        raise ValueError("The data sets were simulated for other rows: use replicate(fit, data).")
    clusters = data[group].astype(object)
    observed = data[outcome].astype(float).groupby(clusters).mean().sort_values(kind="stable")
    simulated = _means_by_cluster(replicates, clusters, observed.index)
    half, wide = (interval(simulated, prob=prob).set_index("cluster") for prob in (0.5, 0.95))
    figure, ax = plt.subplots(figsize=(6.4, 3.4))
    x = np.arange(len(observed))
    ax.vlines(x, wide["lower"], wide["upper"], color=TEAL, linewidth=1.2, label="95 % of simulated")
    ax.vlines(x, half["lower"], half["upper"], color=PALE, linewidth=4, label="50 % of simulated")
    ax.plot(x, observed, "o", color=TERRACOTTA, mec="white", mew=0.5, ms=5, label="observed")
    few = len(observed) <= 20
    ax.set(xticks=x if few else [], xlabel=f"{group}, in the order of the observed means")
    ax.set(xticklabels=observed.index if few else [], ylabel=ylabel)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    table = wide.assign(observed=observed)
    return with_numbers(figure, {"95 %": table, "50 %": half})


def _means_by_cluster(
    replicates: xr.DataArray, clusters: pd.Series, order: pd.Index
) -> xr.DataArray:
    """Return the mean of each cluster in each simulated data set, dims (chain, draw, cluster)."""
    if "chain" not in replicates.dims:
        replicates = replicates.expand_dims("chain")
    values = replicates.transpose("chain", "draw", "row").to_numpy().astype(float)
    member = np.array([clusters.to_numpy() == cluster for cluster in order], dtype=float)
    means = values @ (member / member.sum(axis=1, keepdims=True)).T
    return xr.DataArray(means, {"cluster": order.to_numpy()}, ("chain", "draw", "cluster"))


def curves(
    panels: Mapping[str, pd.DataFrame],
    xlabel: str,
    ylabel: str,
    columns: int = 3,
    log_x: bool = True,
) -> Figure:
    """Draw a measure of several methods against another variable, with an interval at each point.

    Parameters
    ----------
    panels
        Title and table of each panel, with the columns ``x``, ``method``, ``value``, and the ends
        of the interval, ``lower`` and ``upper``, all positive. The first panel has all methods.
    xlabel, ylabel
        Labels of the axes, with units.
    columns
        Number of panels per row.
    log_x
        Whether the horizontal scale is logarithmic, like the vertical one.

    Returns
    -------
    Figure
        A curve with its own marker for each method.

    Examples
    --------
    >>> import pandas as pd
    >>> from multilevel import figures
    >>> methods = ["none", "none", "partial", "partial"]
    >>> table = pd.DataFrame({"x": [5, 50, 5, 50], "method": methods})
    >>> table = table.assign(value=[0.4, 0.2, 0.3, 0.2], lower=0.1, upper=0.5)
    >>> figure = figures.curves({"error": table}, "clusters", "root mean square error")
    """
    methods = list(dict.fromkeys(next(iter(panels.values()))["method"]))
    refuse_more_than(methods, len(MARKERS))
    figure, axes = small_multiples(len(panels), 2.2, columns)
    for ax, (title, table) in zip(axes, panels.items(), strict=True):
        for method, marker, color in zip(methods, MARKERS, PALETTE, strict=False):
            part = table[table["method"] == method]
            ends = [part["value"] - part["lower"], part["upper"] - part["value"]]
            look: dict[str, Any] = {"color": color, "ms": 5, "mec": GREY, "mew": 0.5}
            look |= {"lw": 1.2, "elinewidth": 1, "label": method}
            ax.errorbar(part["x"], part["value"], ends, fmt=marker + "-", **look)
        ax.set(title=title, yscale="log", xscale="log" if log_x else "linear")
        for axis in [ax.yaxis, ax.xaxis][: 1 + log_x]:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    label_together(figure, xlabel, ylabel)
    return with_numbers(figure, panels)
