"""How is it seen? Each function takes a tidy frame or labelled draws and returns one figure.

The figure carries the numbers that it shows, with their Monte Carlo standard errors, as a further
representation beside its image; see :mod:`multilevel.estimates`.

One palette throughout: teal and terracotta, which colour-blind readers can tell apart, with a
pale teal and a sand for third and fourth things. No meaning rests on colour alone: marker, line
style, position or a label in words says the same.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator
from scipy.special import expit

from multilevel.estimates import MIME, Estimates, mcse
from multilevel.tables import interval

TEAL, TERRACOTTA, PALE, SAND = "#1c5253", "#e07a5f", "#8fb9b5", "#e9c46a"
PALETTE = [TEAL, TERRACOTTA, PALE, SAND]
GREY = "#6b6b6b"
PROBABILITIES = -0.05, 1.05


def set_theme() -> None:
    """Set the book's look for all figures that follow, as seaborn's ``set_theme`` does."""
    sns.set_theme(
        style="ticks",
        palette=PALETTE,
        rc={
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.dpi": 240,  # two dots for each pixel of a page, as wide as it gets
            "figure.figsize": (6, 3.8),
            "font.size": 12,
            "axes.titlesize": 12,
            "axes.labelsize": 12,
            "xtick.labelsize": 11,
            "ytick.labelsize": 11,
            "legend.fontsize": 11,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
        },
    )


def _at_most(things: Collection[Any], number: int) -> None:
    """Refuse to draw more things than there are colours and styles to tell them apart."""
    if len(things) > number:
        raise ValueError(f"This figure can tell {number} things apart; it was given {len(things)}.")


def _with_numbers(figure: Figure, tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Let a figure carry the tables that it shows, and the words that are written on it."""

    def bundle(**_: Any) -> dict[str, Any]:
        numbers = [{"name": name, **Estimates(table).numbers()} for name, table in tables.items()]
        return {MIME: {"tables": numbers, "texts": _texts(figure)}}

    vars(figure)["_repr_mimebundle_"] = bundle  # IPython asks every object for it
    return figure


def _texts(figure: Figure) -> list[str]:
    """List what is written on a figure: titles, names of axes and things, not the ticks."""
    texts = [figure.get_supxlabel(), figure.get_supylabel()]
    for ax in figure.axes:
        texts += [ax.get_title(), ax.get_xlabel(), ax.get_ylabel()]
        texts += [text.get_text() for text in ax.texts]
    texts += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    return [text for text in texts if text]


def _mean(number: float | xr.DataArray) -> Estimates:
    """Give a number, or the mean of draws, as a table of one number."""
    if isinstance(number, xr.DataArray):
        return Estimates.of(
            pd.DataFrame({"value": [float(number.mean())]}), {"value": float(mcse(number))}
        )
    return Estimates({"value": [float(number)]})


def gradient_intervals(
    panels: Mapping[str, xr.DataArray], xlabel: str, ylabel: str, mass: float = 0.95
) -> Figure:
    """Draw every cluster's posterior as a vertical bar that fades away from its middle.

    Parameters
    ----------
    panels
        Title and draws, dims (chain, draw, cluster), of each panel.
    xlabel, ylabel
        Names of the axes, with units.
    mass
        Mass of the widest interval drawn; the intervals are equal-tailed.

    Returns
    -------
    Figure with the panels below each other, on one vertical scale
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
    return _with_numbers(
        figure, {title: interval(draws, prob=mass) for title, draws in panels.items()}
    )


def shrinkage(
    estimates: pd.DataFrame, grand_mean: float | xr.DataArray, xlabel: str, ylabel: str
) -> Figure:
    """Set each cluster's two estimates beside each other, and the grand mean behind them.

    Parameters
    ----------
    estimates
        One row per cluster, in the order to draw them: ``no pooling``, ``partial pooling`` (two
        estimates) and ``n`` (how many observations the cluster has).
    grand_mean
        What the estimates shrink towards: a number, or draws whose mean it is.
    xlabel, ylabel
        Names of the axes, with units.

    Returns
    -------
    Figure with a panel for each number of observations, on one scale
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
    figure.supxlabel(xlabel, fontsize=12)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return _with_numbers(figure, {"estimates": estimates, "grand mean": _mean(grand_mean)})


def forest(
    summary: pd.DataFrame, xlabel: str, reference: float | xr.DataArray | None = 0.0
) -> Figure:
    """Draw the interval of each parameter as a line, its mean as a point.

    Parameters
    ----------
    summary
        What :func:`multilevel.summarise` gives: ``mean``, ``lower``, ``upper``, one row per
        parameter, drawn from top to bottom.
    xlabel
        Name of the axis, with its unit and the kind and mass of the interval.
    reference
        Where to draw a dashed vertical line (a number, or draws whose mean it is); None draws none.

    Returns
    -------
    Figure
    """
    figure, ax = plt.subplots(figsize=(6, 0.8 + 0.27 * len(summary)))
    y = np.arange(len(summary))[::-1]
    shown = {"summary": summary[[name for name in summary if name in FOREST]]}
    if reference is not None:
        shown["reference"] = _mean(reference)
        ax.axvline(float(np.mean(reference)), color=GREY, linestyle="--", linewidth=1)
    ax.hlines(y, summary["lower"], summary["upper"], color=TEAL, linewidth=2)
    ax.plot(summary["mean"], y, "o", color=TERRACOTTA, markersize=5)
    ax.set(yticks=y, yticklabels=summary.index, xlabel=xlabel, ylim=(-0.7, len(summary) - 0.3))
    return _with_numbers(figure, shown)


FOREST = ["mean", "lower", "upper", "mcse_mean", "mcse_lower", "mcse_upper"]


def densities(
    draws: Mapping[str, Any],
    xlabel: str,
    xlim: tuple[float, float] | None = None,
    reference: Mapping[str, float] | None = None,
) -> Figure:
    """Draw the density of each quantity, with its name written beside its peak.

    Parameters
    ----------
    draws
        Name and draws (of any shape) of each quantity.
    xlabel
        Name of the axis, with its unit.
    xlim
        Ends of the axis; by default those of the draws.
    reference
        Names and places of dashed vertical lines.

    Returns
    -------
    Figure
    """
    _at_most(draws, 4)
    figure, ax = plt.subplots(figsize=(6, 3.4))
    top = 0.0
    for (name, values), color, style in zip(
        draws.items(), PALETTE, ["-", "--", "-.", ":"], strict=False
    ):
        flat = np.ravel(values)
        sns.kdeplot(
            x=flat, color=color, linestyle=style, fill=True, alpha=0.35, ax=ax, cut=0, clip=xlim
        )
        line = sns.kdeplot(x=flat, color=color, linestyle=style, ax=ax, cut=0, clip=xlim).lines[-1]
        x, y = line.get_data()
        ax.annotate(
            name, (x[y.argmax()], y.max()), xytext=(7, 4), textcoords="offset points", color="black"
        )
        top = max(top, y.max())
    for name, place in (reference or {}).items():
        ax.axvline(place, color=GREY, linestyle=":", linewidth=1.5)
        ax.annotate(name, (place, 1.2 * top), xytext=(4, 0), textcoords="offset points", color=GREY)
    ax.set(
        xlabel=xlabel, ylabel="density", yticks=[], ylim=(0, 1.3 * top if reference else 1.15 * top)
    )
    if xlim:
        ax.set_xlim(*xlim)
    shown = {"densities": pd.concat({name: _quantiles(values) for name, values in draws.items()})}
    if reference:
        shown["reference"] = pd.DataFrame({"place": pd.Series(reference)})
    return _with_numbers(figure, shown)


def _quantiles(values: Any) -> Estimates:
    """Describe a distribution by five of its quantiles."""
    if not isinstance(values, xr.DataArray) or "chain" not in values.dims:
        values = xr.DataArray(np.ravel(values)[None], dims=("chain", "draw"))
    probs = [0.025, 0.25, 0.5, 0.75, 0.975]
    # Draws of several rows are pooled; the error of all is taken to be that of a single row.
    errors = [float(mcse(values, "quantile", prob).mean()) for prob in probs]
    table = pd.DataFrame({"quantile": np.quantile(values, probs)}, index=probs)
    return Estimates.of(table, {"quantile": errors})


def scatter_of_draws(
    panels: Mapping[str, xr.Dataset], xlabel: str, ylabel: str, log_y: bool = False
) -> Figure:
    """Draw two quantities of each draw as a point, and mark divergent transitions.

    Parameters
    ----------
    panels
        Title and draws of each panel, dims (chain, draw): ``x``, ``y`` and ``diverging``.
    xlabel, ylabel
        Names of the axes, with units.
    log_y
        Whether the vertical scale is logarithmic.

    Returns
    -------
    Figure with the panels side by side, on one scale
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6, 3.6), sharex=True, sharey=True)
    for ax, (title, draws) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        x, y, divergent = (draws[name].to_numpy().ravel() for name in ("x", "y", "diverging"))
        ax.plot(x[~divergent], y[~divergent], "o", color=TEAL, ms=2, alpha=0.25, mew=0)
        ax.plot(x[divergent], y[divergent], "^", color=TERRACOTTA, ms=7, mec="black", mew=0.6)
        ax.set(title=title, yscale="log" if log_y else "linear")
        if log_y:
            ax.yaxis.set_major_formatter("{x:g}")
    figure.supxlabel(xlabel, fontsize=12)
    figure.supylabel(ylabel, fontsize=12)
    shown = {
        f"{name} of {title}": _quantiles(draws[name])
        for title, draws in panels.items()
        for name in ("x", "y")
    }
    return _with_numbers(figure, shown)


def bands(
    tables: Mapping[str, pd.DataFrame],
    x: str,
    facet: str,
    xlabel: str,
    ylabel: str,
    points: pd.DataFrame | None = None,
    ylim: tuple[float, float] = PROBABILITIES,
) -> Figure:
    """Draw predicted means as lines and their intervals as bands, a panel for each cluster.

    Parameters
    ----------
    tables
        Name and table of each kind of prediction: columns ``mean``, ``lower``, ``upper``, the
        column ``x``, and the column ``facet``. A table without that column is drawn in each panel.
    x, facet
        Names of columns.
    xlabel, ylabel
        Names of the axes.
    points
        Observed values to draw as open circles: columns ``x``, ``facet`` and ``observed``.
    ylim
        Ends of the vertical axis; by default those of probabilities.

    Returns
    -------
    Figure with a panel for each level of ``facet``, two in a row, on one scale
    """
    _at_most(tables, 2)
    levels = next(table[facet].unique() for table in tables.values() if facet in table)
    rows = -(-len(levels) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(6, 1.9 * rows + 0.5), sharex=True, sharey=True)
    for ax, level in zip(axes.flat, levels, strict=False):
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
    for ax in list(axes.flat)[len(levels) :]:
        ax.set_axis_off()
    for ax in list(axes.flat)[: len(levels)][-2:]:
        ax.tick_params(labelbottom=True)
    handles, names = axes.flat[0].get_legend_handles_labels()
    if len(names) > 1:
        figure.legend(handles, names, loc="outside upper center", ncols=2)
    figure.supxlabel(xlabel, fontsize=12)
    figure.supylabel(ylabel, fontsize=12)
    observed = {} if points is None else {"observed": points}
    return _with_numbers(figure, {**tables, **observed})


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
        Their names.
    xlabel, ylabel
        Names of the axes.
    ylim
        Ends of the vertical axis; by default those of probabilities.

    Returns
    -------
    Figure
    """
    figure, ax = plt.subplots()
    ax.plot(list(labels), draws.transpose("row", ...), color=TERRACOTTA, alpha=0.45, linewidth=1)
    ax.set(xlabel=xlabel, ylabel=ylabel, ylim=ylim)
    (lines,) = set(draws.dims) - {"row"}
    values = draws.transpose(lines, "row").to_numpy()[None]
    each = xr.DataArray(values, {"row": list(labels)}, ("chain", "draw", "row"))
    return _with_numbers(figure, {"lines": interval(each)})


def category_bars(
    table: pd.DataFrame, hue: str, rows: Sequence[str], column: str | None, xlabel: str
) -> Figure:
    """Draw the probability of each category as a bar, with its interval as a line.

    Parameters
    ----------
    table
        Columns ``category``, ``mean``, ``lower``, ``upper``, and those named below.
    hue
        The column whose levels stand side by side.
    rows
        The columns whose combinations are the rows of panels.
    column
        The column whose levels are the columns of panels; None makes a single one.
    xlabel
        Name of the horizontal axis.

    Returns
    -------
    Figure on one scale
    """
    combinations = table[list(rows)].drop_duplicates().sort_values(list(rows))
    columns = table[column].unique() if column else [None]
    hues = sorted(table[hue].unique())
    _at_most(hues, 2)
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
            _bars(ax, part, hue, hues)
            where = ", ".join(
                f"{name} {value}" for name, value in zip(rows, combination, strict=True)
            )
            ax.set_title(f"{column} {level}\n{where}" if column else where, fontsize=11)
    handles = [
        Patch(facecolor=color, edgecolor="black", hatch=hatch, label=f"{hue} {value}")
        for value, color, hatch in zip(hues, PALETTE, ["", "///"], strict=False)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(hues))
    figure.supxlabel(xlabel, fontsize=12)
    figure.supylabel("probability", fontsize=12)
    return _with_numbers(figure, {"bars": table})


def _bars(ax: Axes, part: pd.DataFrame, hue: str, hues: Sequence[Any]) -> None:
    width = 0.8 / len(hues)
    for k, (value, color, hatch) in enumerate(zip(hues, PALETTE, ["", "///"], strict=False)):
        bar = part[part[hue] == value]
        x = bar["category"].astype(float) + (k - (len(hues) - 1) / 2) * width
        ax.bar(x, bar["mean"], width, color=color, hatch=hatch, edgecolor="black", linewidth=0.4)
        ax.vlines(x, bar["lower"], bar["upper"], color="black", linewidth=1.2)
    ax.set_xticks(sorted(part["category"].unique()))


def predictive_counts(observed: pd.Series, replicates: xr.DataArray, xlabel: str) -> Figure:
    """Set the observed counts of a response beside those of simulated data sets.

    Parameters
    ----------
    observed
        The response, an ordered categorical.
    replicates
        What :func:`multilevel.replicate` gives: dims (draw, row).
    xlabel
        Name of the horizontal axis.

    Returns
    -------
    Figure with the observed counts first, on one scale
    """
    categories = list(observed.cat.categories)
    sets = {"observed": observed.to_numpy()}
    sets |= {f"simulated {i}": values for i, values in enumerate(replicates.to_numpy(), start=1)}
    rows = -(-len(sets) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(6, 1.6 * rows + 0.4), sharex=True, sharey=True)
    counted = {
        name: [int((values == category).sum()) for category in categories]
        for name, values in sets.items()
    }
    for ax, (name, counts) in zip(axes.flat, counted.items(), strict=False):
        first = name == "observed"
        ax.bar(
            categories,
            counts,
            color=TERRACOTTA if first else TEAL,
            hatch="///" if first else "",
            edgecolor="white",
        )
        ax.set(title=name, xticks=categories)
    figure.supxlabel(xlabel, fontsize=12)
    figure.supylabel("number of responses", fontsize=12)
    table = pd.DataFrame(counted, index=categories)
    errors = np.sqrt(table.drop(columns="observed"))  # of a count
    return _with_numbers(figure, {"counts": Estimates.of(table, errors)})


def cumulative_logit(thresholds: Sequence[float], etas: Mapping[str, float]) -> Figure:
    """Show how thresholds cut a logistic curve into the probabilities of the responses.

    Parameters
    ----------
    thresholds
        Increasing, in log-odds.
    etas
        Name and place of the curve in each row of panels, in log-odds.

    Returns
    -------
    Figure: on the left the density of the latent judgement with the thresholds as lines, on the
    right the probability of each response
    """
    figure, axes = plt.subplots(
        len(etas), 2, figsize=(6, 2.3 * len(etas)), sharex="col", sharey="col", squeeze=False
    )
    x = np.linspace(min(thresholds) - 4, max(thresholds) + 4, 400)
    edges = np.array([-np.inf, *thresholds, np.inf])
    for (left, right), (name, eta) in zip(axes, etas.items(), strict=True):
        density = expit(x - eta) * expit(eta - x)
        for k in range(len(edges) - 1):
            inside = (x >= edges[k]) & (x <= edges[k + 1])
            left.fill_between(x[inside], density[inside], color=[PALE, TEAL][k % 2], alpha=0.55)
        left.vlines(thresholds, 0, 0.27, color="black", linewidth=1)
        left.plot(x, density, color="black")
        left.set(title=name, yticks=[])
        probability = np.diff(expit(edges - eta))
        right.bar(np.arange(1, len(edges)), probability, color=TEAL)
        right.set(title="probability", xticks=np.arange(1, len(edges)))
    axes[-1, 0].set_xlabel("latent judgement (log-odds)")
    axes[-1, 1].set_xlabel("response")
    shown = {name: np.diff(expit(edges - eta)) for name, eta in etas.items()}
    return _with_numbers(figure, {"probabilities": pd.DataFrame(shown)})


def interval_stacks(
    panels: Mapping[str, pd.DataFrame], truth: float, xlabel: str, ylabel: str
) -> Figure:
    """Stack the intervals of many studies, and mark the ones that miss the truth.

    Parameters
    ----------
    panels
        Title and table of each panel: columns ``lower`` and ``upper``, one row per study.
    truth
        What the intervals should hold.
    xlabel, ylabel
        Names of the axes, with units.

    Returns
    -------
    Figure with the panels side by side; in each, the studies are sorted by their estimate
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6, 4.4), sharex=True, sharey=True)
    for ax, (title, table) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        middle = table[["lower", "upper"]].mean(axis=1)
        stack = table.assign(middle=middle).sort_values("middle").assign(place=range(len(table)))
        misses = (stack["lower"] > truth) | (stack["upper"] < truth)
        ax.axvline(truth, color=GREY, linestyle="--", linewidth=1)
        for part, color, width, name in [
            (stack[~misses], PALE, 1.4, "holds the truth"),
            (stack[misses], TERRACOTTA, 2.6, "misses it"),
        ]:
            ax.hlines(
                part["place"], part["lower"], part["upper"], color=color, lw=width, label=name
            )
        ax.plot(stack.loc[misses, "middle"], stack.loc[misses, "place"], "kx", ms=4)
        ax.set(title=title, xlabel=xlabel, yticks=[])
    np.atleast_1d(axes)[0].set_ylabel(ylabel)
    handles = np.atleast_1d(axes)[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=2)
    return _with_numbers(figure, panels)


def _least_squares(ax: Axes, x: pd.Series, y: pd.Series, **style: Any) -> None:
    ends = np.array([x.min(), x.max()])
    ax.plot(ends, np.polyval(np.polyfit(x, y, 1), ends), **style)


def within_and_between(
    data: pd.DataFrame, x: str, y: str, group: str, xlabel: str, ylabel: str
) -> Figure:
    """Draw the points and the line of each cluster, and the line through the clusters' averages.

    Parameters
    ----------
    data
        One row per observation.
    x, y, group
        Names of columns.
    xlabel, ylabel
        Names of the axes, with units.

    Returns
    -------
    Figure
    """
    figure, ax = plt.subplots(figsize=(6, 4.4))
    ax.plot(data[x], data[y], "o", color=PALE, ms=3, label="one observation")
    for k, (_, part) in enumerate(data.groupby(group)):
        label = "within a cluster" if k == 0 else None
        _least_squares(ax, part[x], part[y], color=TEAL, linewidth=1.5, label=label)
    means = data.groupby(group)[[x, y]].mean()
    ax.plot(means[x], means[y], "D", color=TERRACOTTA, mec="black", ms=7, label="average")
    _least_squares(
        ax, means[x], means[y], color=TERRACOTTA, lw=2.5, ls="--", label="between averages"
    )
    ax.set(xlabel=xlabel, ylabel=ylabel)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return _with_numbers(figure, {"observations": data[[group, x, y]], "averages": means})


def lines_and_slopes(
    clusters: pd.DataFrame, ends: tuple[float, float], split: float, labels: tuple[str, str, str]
) -> Figure:
    """Draw each cluster's line, and beside it the lines' slopes against a property of the cluster.

    Parameters
    ----------
    clusters
        One row per cluster: ``intercept``, ``slope`` and, as the third column, the property.
    ends
        Where the lines begin and end.
    split
        Lines of clusters whose property is below it are dashed, the others solid.
    labels
        Of the lines' axes (horizontal, vertical), with units, and of the slopes.

    Returns
    -------
    Figure with two panels
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(6, 3.8))
    name = str(clusters.columns[2])
    x = np.array(ends)
    low = clusters[name] < split
    for part, color, style, marker, words in [
        (clusters[low], TERRACOTTA, "--", "o", f"below {split:g}"),
        (clusters[~low], TEAL, "-", "s", f"{split:g} or more"),
    ]:
        y = part["intercept"].to_numpy() + np.outer(x, part["slope"])
        lines = left.plot(x, y, color=color, linestyle=style, linewidth=1.2)
        lines[0].set_label(f"{name} {words}")
        right.plot(part[name], part["slope"], marker, color=color, ms=6)
    _least_squares(right, clusters[name], clusters["slope"], color="black", linewidth=1.5)
    left.set(xlabel=labels[0], ylabel=labels[1])
    right.set(xlabel=name, ylabel=labels[2])
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=1)
    return _with_numbers(figure, {"clusters": clusters})


def two_scatters(
    panels: Mapping[str, pd.DataFrame], xlabels: Sequence[str], ylabels: Sequence[str]
) -> Figure:
    """Draw two scatters with their least-squares lines, an inch being worth the same in both.

    Parameters
    ----------
    panels
        Title and table of each panel; the first column goes to the right, the second up.
    xlabels, ylabels
        Names of each panel's axes, with units.

    Returns
    -------
    Figure whose panels have axes of equal length, so that the slopes can be compared by eye
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6, 3.4))
    low = [table.iloc[:, :2].min().to_numpy() for table in panels.values()]
    high = [table.iloc[:, :2].max().to_numpy() for table in panels.values()]
    reach = 0.53 * np.max(np.subtract(high, low), axis=0)
    for k, (title, table) in enumerate(panels.items()):
        x, y = table.iloc[:, 0], table.iloc[:, 1]
        axes[k].plot(x, y, "o", color=TEAL, alpha=0.5, ms=3.5, mew=0)
        _least_squares(axes[k], x, y, color=TERRACOTTA, linewidth=2.5)
        middle = (low[k] + high[k]) / 2
        axes[k].set(title=title, xlabel=xlabels[k], ylabel=ylabels[k])
        axes[k].set(xlim=middle[0] + [-reach[0], reach[0]], ylim=middle[1] + [-reach[1], reach[1]])
    return _with_numbers(figure, panels)


def variance_parts(
    measurements: np.ndarray, parts: pd.DataFrame, xlabel: str, ylabel: str, unit: str
) -> Figure:
    """Draw every cluster's measurements, and beside them the parts of their variance.

    Parameters
    ----------
    measurements
        One row per cluster.
    parts
        Columns ``between`` and ``within``; one bar per row.
    xlabel, ylabel
        Names of the axes of the measurements, with units.
    unit
        Of the variance.

    Returns
    -------
    Figure with two panels; in the left one, the clusters are sorted by their average
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(6, 4), gridspec_kw={"width_ratios": [1.7, 1]}
    )
    rows = measurements[measurements.mean(axis=1).argsort()]
    x = np.arange(len(rows))
    left.axhline(rows.mean(), color=GREY, linestyle="--", linewidth=1)
    left.vlines(x, rows.min(axis=1), rows.max(axis=1), color=PALE, linewidth=1)
    left.plot(x, rows, "o", color=PALE, ms=2.5)
    left.plot(x, rows.mean(axis=1), "D", color=TERRACOTTA, mec="black", mew=0.5, ms=4.5)
    left.set(xlabel=xlabel, ylabel=ylabel, xticks=[])
    floor = np.zeros(len(parts))
    for name, color, hatch in [("between", TERRACOTTA, ""), ("within", PALE, "///")]:
        right.bar(parts.index, parts[name], bottom=floor, color=color, hatch=hatch, ec="black")
        for place, (base, height) in enumerate(zip(floor, parts[name], strict=True)):
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            right.text(place, base + height / 2, name, ha="center", va="center", bbox=box, size=10)
        floor = floor + parts[name].to_numpy()
    right.set_ylabel(f"variance ({unit})")
    return _with_numbers(figure, {"measurements": pd.DataFrame(measurements), "parts": parts})


def pooling(
    people: pd.DataFrame,
    errors: pd.DataFrame,
    complete: float,
    xlabel: str,
    ylabel: str,
    unit: str,
) -> Figure:
    """Set three estimates of each cluster against the truth, and their errors beside it.

    Parameters
    ----------
    people
        One row per cluster: ``n``, ``truth``, ``no pooling``, ``partial pooling``.
    errors
        Mean squared errors: columns ``no pooling``, ``partial pooling``, ``complete pooling``,
        index the number of observations.
    complete
        The estimate that complete pooling gives to every cluster.
    xlabel
        Name of the number of observations.
    ylabel, unit
        Name of the outcome with its unit, and the unit of the squared error.

    Returns
    -------
    Figure with two panels
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(6, 4.4), gridspec_kw={"width_ratios": [1.5, 1]}
    )
    x = np.arange(len(people))
    looks: dict[str, dict[str, Any]] = {
        "no pooling": {"marker": "o", "color": TERRACOTTA, "mfc": "white", "ms": 6},
        "partial pooling": {"marker": "s", "color": TEAL, "ms": 5},
        "complete pooling": {"color": GREY, "linestyle": "--", "linewidth": 1.5},
    }
    left.vlines(x, people["no pooling"], people["partial pooling"], color=GREY, linewidth=0.8)
    left.axhline(complete, **looks["complete pooling"])
    for name in ("no pooling", "partial pooling"):
        left.plot(x, people[name], **looks[name], linestyle="none")
    left.plot(x, people["truth"], "x", color="black", ms=7, mew=1.8, label="truth")
    left.set(xlabel=xlabel, ylabel=ylabel, xticks=x)
    left.set_xticklabels(people["n"], fontsize=10)
    for name, look in looks.items():
        right.plot(errors.index, errors[name], **{"linestyle": "-", **look}, label=name)
    right.set(xscale="log", xlabel=xlabel, ylabel=f"mean squared error ({unit})", ylim=0)
    right.set_xticks(errors.index, labels=errors.index.astype(str))
    right.minorticks_off()
    handles, names = right.get_legend_handles_labels()
    more, words = left.get_legend_handles_labels()
    figure.legend(handles + more, names + words, loc="outside upper center", ncols=2)
    shown = {"people": people, "errors": errors, "complete pooling": _mean(complete)}
    return _with_numbers(figure, shown)


def layers(
    data: pd.DataFrame,
    column: str,
    population: Mapping[str, tuple[float, float]],
    xlabel: str,
    names: Sequence[str] = ("population", "clusters", "measurements"),
) -> Figure:
    """Draw a population, the clusters drawn from it, and the measurements drawn from them.

    Parameters
    ----------
    data
        One row per measurement: ``cluster``, ``level`` (the cluster's own), ``measurement`` and
        the column named below.
    column
        The column whose levels are the columns of panels.
    population
        For each of these levels: mean and standard deviation of the normal population.
    xlabel
        Name of the horizontal axis, with its unit.
    names
        Of the three layers.

    Returns
    -------
    Figure with three rows of panels, on one horizontal scale
    """
    figure, axes = plt.subplots(
        3,
        len(population),
        figsize=(6, 5.2),
        sharex=True,
        sharey="row",
        squeeze=False,
        gridspec_kw={"height_ratios": [1.2, 0.5, 2]},
    )
    reach = data["measurement"].agg(["min", "max"]).to_numpy()
    x = np.linspace(reach[0] - 3, reach[1] + 3, 300)
    for (top, middle, bottom), (name, (mean, sd)) in zip(axes.T, population.items(), strict=True):
        part = data[data[column] == name]
        level = part.groupby("cluster")["level"].first()
        density = np.exp(-(((x - mean) / sd) ** 2) / 2) / sd
        top.fill_between(x, density, color=PALE, alpha=0.6)
        top.plot(x, density, color=TEAL)
        top.set_title(name)
        middle.plot(level, np.zeros(len(level)), "D", color=TERRACOTTA, mec="black", ms=6)
        bottom.plot(level, level.index, "D", color=TERRACOTTA, mec="black", ms=7)
        dots = {"color": TEAL, "ms": 4.5, "mec": "white", "mew": 0.5}
        bottom.plot(part["measurement"], part["cluster"], "o", **dots)
        top.set(yticks=[])
        middle.set(yticks=[])
        bottom.set(yticks=level.index)
    for ax, words in zip(axes[:, 0], names, strict=True):
        ax.set_ylabel(words)
    axes[2, 0].invert_yaxis()
    figure.supxlabel(xlabel, fontsize=12)
    populations = pd.DataFrame(population, index=["mean", "sd"])
    return _with_numbers(figure, {"measurements": data, "population": populations})


def agreement(table: pd.DataFrame, limit: float = 5.0) -> Figure:
    """Draw how far figures of another implementation are from ours, all at a glance.

    Parameters
    ----------
    table
        What :func:`multilevel.agreement` gives: ``model`` and ``standard_errors``.
    limit
        Beyond it, either way, a figure disagrees.

    Returns
    -------
    Figure with a row of points for each model; points beyond the limit are crosses
    """
    models = list(table["model"].unique())
    figure, ax = plt.subplots(figsize=(6, 0.9 + 0.55 * len(models)))
    for place in (-limit, limit):
        ax.axvline(place, color=GREY, linestyle="--", linewidth=1)
    ax.axvline(0, color=GREY, linewidth=0.5)
    for row, model in enumerate(models):
        x = table.loc[table["model"] == model, "standard_errors"].to_numpy()
        y = row + np.linspace(-0.3, 0.3, len(x) + 2)[1:-1]  # apart, in the order of the table
        far = np.abs(x) > limit
        ax.plot(x[~far], y[~far], "o", color=TEAL, ms=3.5, alpha=0.6, mew=0)
        ax.plot(x[far], y[far], "x", color=TERRACOTTA, ms=7, mew=2)
    ax.set(yticks=range(len(models)), yticklabels=models, ylim=(len(models) - 0.5, -0.5))
    ax.set_xlabel("difference (standard errors)")
    columns = ["model", "parameter", "statistic", "standard_errors", "mcse_standard_errors"]
    return _with_numbers(figure, {"distances": table[columns]})


def psis_errors(panels: Mapping[str, pd.DataFrame], limit: float = 0.7) -> Figure:
    """Draw the error of PSIS-LOO for each row of the data against its Pareto k.

    Parameters
    ----------
    panels
        Title and table of each panel: what :func:`multilevel.loo` gives, and ``error``, the log
        predictive density less the exact one.
    limit
        The Pareto k above which PSIS cannot be trusted.

    Returns
    -------
    Figure with the panels side by side, on one scale
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6, 3.6), sharex=True, sharey=True)
    tables = {}
    for ax, (title, table) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        ax.axhline(0, color=GREY, linewidth=0.8)
        ax.axvline(limit, color=GREY, linestyle="--", linewidth=1)
        far = table["pareto_k"] > limit
        for part, marker, color in [(table[~far], "o", TEAL), (table[far], "^", TERRACOTTA)]:
            ax.plot(part["pareto_k"], part["error"], marker, color=color, ms=4, alpha=0.7, mew=0)
        ax.set(title=title, xlabel="Pareto k")
        # Both are rough. What is known of the error of an error is its own size.
        errors = {
            "pareto_k": (1 + table["pareto_k"]) / TAIL**0.5,
            "error": table["mcse_elpd"] + table["error"].abs(),
        }
        tables[title] = Estimates.of(table[["pareto_k", "error"]], errors)
    np.atleast_1d(axes)[0].set_ylabel("error of PSIS (log density)")
    return _with_numbers(figure, tables)


TAIL = 190
"""Draws that a Pareto k is estimated from: 3 times the root of 4000 (Vehtari et al. 2024)."""


MARKERS = ["o", "s", "D", "^"]


def compared(table: pd.DataFrame, xlabel: str) -> Figure:
    """Draw one measure of several programs for several tasks, on a logarithmic scale.

    Parameters
    ----------
    table
        A row for each task and a column for each program, four at most.
    xlabel
        Name of the measure, with its unit.

    Returns
    -------
    Figure with a line for each task and a marker of its own kind for each program
    """
    _at_most(table.columns, len(MARKERS))
    figure, ax = plt.subplots(figsize=(6, 1.4 + 0.45 * len(table)))
    rows = range(len(table))
    ax.hlines(rows, table.min(axis=1), table.max(axis=1), color=GREY, linewidth=0.8, zorder=1)
    for (program, values), marker, color in zip(table.items(), MARKERS, PALETTE, strict=False):
        ax.plot(values, rows, marker, color=color, label=str(program), ms=8, mec=GREY, mew=0.5)
    ax.set(xscale="log", xlabel=xlabel, yticks=rows, yticklabels=table.index)
    ax.set_ylim(len(table) - 0.5, -0.5)
    figure.legend(loc="outside upper center", ncols=len(table.columns))
    return _with_numbers(figure, {"compared": table.reset_index()})


def growth(panels: Mapping[str, pd.DataFrame], ylabel: str) -> Figure:
    """Draw how measures grow with the size of a task, both on logarithmic scales.

    Parameters
    ----------
    panels
        Name of the size, and a table with the sizes as its index and a column for each measure.
    ylabel
        Name of the measures' unit.

    Returns
    -------
    Figure with the panels side by side, on one vertical scale
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6, 3.4), sharey=True)
    for ax, (size, table) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        _at_most(table.columns, len(MARKERS))
        for (name, values), marker, color in zip(table.items(), MARKERS, PALETTE, strict=False):
            ax.plot(table.index, values, marker + "-", color=color, label=str(name), ms=6)
        ax.set(xscale="log", yscale="log", xlabel=size)
    np.atleast_1d(axes)[0].set_ylabel(ylabel)
    handles, labels = np.atleast_1d(axes)[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return _with_numbers(figure, {size: table.reset_index() for size, table in panels.items()})


def curves(
    panels: Mapping[str, pd.DataFrame],
    xlabel: str,
    ylabel: str,
    columns: int = 3,
    log_x: bool = True,
) -> Figure:
    """Draw a measure of several methods against something else, with an interval at each point.

    Parameters
    ----------
    panels
        Title and table of each panel, with the columns ``x``, ``method``, ``value``, and the
        interval's ends ``lower`` and ``upper``, all above zero. The first panel has all methods.
    xlabel, ylabel
        Names of the axes, with units.
    columns
        How many panels stand side by side.
    log_x
        Whether the horizontal scale is logarithmic, as the vertical one is.

    Returns
    -------
    Figure with a curve and a marker of its own kind for each method
    """
    methods = list(dict.fromkeys(next(iter(panels.values()))["method"]))
    _at_most(methods, len(MARKERS))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(6, 2.1 * rows + 0.9), sharex=True, sharey=True, squeeze=False
    )
    for ax, (title, table) in zip(axes.flat, panels.items(), strict=False):
        for method, marker, color in zip(methods, MARKERS, PALETTE, strict=False):
            part = table[table["method"] == method]
            ends = [part["value"] - part["lower"], part["upper"] - part["value"]]
            style = {"color": color, "ms": 5, "mec": GREY, "mew": 0.5, "lw": 1.2, "elinewidth": 1}
            ax.errorbar(part["x"], part["value"], ends, fmt=marker + "-", label=method, **style)
        ax.set(title=title, yscale="log", xscale="log" if log_x else "linear")
        for axis in [ax.yaxis, ax.xaxis][: 1 + log_x]:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
    for ax in list(axes.flat)[len(panels) :]:
        ax.set_axis_off()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    figure.supxlabel(xlabel, fontsize=12)
    figure.supylabel(ylabel, fontsize=12)
    return _with_numbers(figure, panels)


def rank_histograms(panels: Mapping[str, Sequence[int]], xlabel: str, ylabel: str) -> Figure:
    """Draw how often each rank occurred, and how often it would if all were equally frequent.

    Parameters
    ----------
    panels
        Title and counts of each panel: one count per bin, from the lowest ranks to the highest.
    xlabel, ylabel
        Names of the axes.

    Returns
    -------
    Figure with the panels side by side, on one scale
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(6, 2.5), sharex=True, sharey=True, squeeze=False
    )
    for ax, (title, counts) in zip(axes[0], panels.items(), strict=True):
        middle = (np.arange(len(counts)) + 0.5) / len(counts)
        ax.bar(middle, counts, width=1 / len(counts), color=PALE, edgecolor="white", linewidth=0.5)
        ax.axhline(np.mean(counts), color="black", linestyle="--", linewidth=1)
        ax.set_title(title)
        ax.set_xticks([0, 0.5, 1], labels=["0", "½", "1"])
    figure.supxlabel(xlabel, fontsize=12)
    figure.supylabel(ylabel, fontsize=12)
    return _with_numbers(figure, {"counts": pd.DataFrame(dict(panels))})


def rank_curves(
    panels: Mapping[str, pd.DataFrame],
    bands: Mapping[str, pd.DataFrame],
    xlabel: str,
    ylabel: str,
    columns: int = 2,
) -> Figure:
    """Draw the excess of ranks up to each bin over what is expected, and what chance allows.

    Parameters
    ----------
    panels
        Title and counts of each panel: one row per quantity, one column per bin. The name of a
        quantity whose curve leaves the band is written beside it.
    bands
        What chance allows in each panel: ``lower`` and ``upper``, one row for the end of each bin
        but the last.
    xlabel, ylabel
        Names of the axes.
    columns
        How many panels stand side by side.

    Returns
    -------
    Figure on one scale
    """
    rows = -(-len(panels) // columns)
    size = (6, 1.9 * rows + 0.7)
    figure, axes = plt.subplots(
        rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False
    )
    shown = {}
    for ax, (title, counts) in zip(axes.flat, panels.items(), strict=False):
        band = bands[title]
        x = np.linspace(0, 1, len(band) + 2)
        low, high = (np.pad(band[side].to_numpy(float), 1) for side in ("lower", "upper"))
        so_far = counts.to_numpy(float).cumsum(axis=1)
        excess = np.pad(so_far / so_far[:, -1:], ((0, 0), (1, 0))) - x
        ax.fill_between(x, low, high, color=PALE, alpha=0.5, linewidth=0)
        ax.axhline(0, color=GREY, linestyle="--", linewidth=1)
        for name, curve in zip(counts.index, excess, strict=True):
            leaves = ((curve < low - 1e-12) | (curve > high + 1e-12)).any()
            style = {"color": TERRACOTTA, "linewidth": 2.2} if leaves else {"linewidth": 1}
            ax.plot(x, curve, **{"color": TEAL, **style})
            if leaves:
                _name_beside_peak(ax, name, x, curve)
        ax.set_title(title)
        ax.margins(y=0.18)
        ax.set_xticks([0, 0.5, 1], labels=["0", "½", "1"])
        shown[title] = pd.DataFrame(excess[:, 1:-1], counts.index, band.index)
        shown[f"band of {title}"] = band
    for ax in list(axes.flat)[len(panels) :]:
        ax.set_axis_off()
    figure.supxlabel(xlabel, fontsize=12)
    figure.supylabel(ylabel, fontsize=12)
    return _with_numbers(figure, shown)


def _name_beside_peak(ax: Axes, name: str, x: np.ndarray, y: np.ndarray) -> None:
    """Write a curve's name outside of its point that is farthest from zero."""
    far = np.abs(y).argmax()
    above, side = y[far] > 0, "left" if x[far] < 0.3 else "right" if x[far] > 0.7 else "center"
    ax.annotate(
        name,
        (x[far], y[far]),
        xytext=(0, 4 if above else -4),
        textcoords="offset points",
        ha=side,
        va="bottom" if above else "top",
    )
