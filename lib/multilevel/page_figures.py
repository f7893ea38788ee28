"""Draw figures for single pages of the book; :mod:`multilevel.figures` has the general ones.

As there, a figure's output in a notebook includes the numbers that it shows, with their Monte Carlo
standard errors.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import expit

from multilevel.estimates import Estimates
from multilevel.figures import (
    GREY,
    MARKERS,
    PALE,
    PALETTE,
    TEAL,
    TERRACOTTA,
    as_estimates,
    label_together,
    refuse_more_than,
    small_multiples,
    symbol,
    with_numbers,
)


def cumulative_logit(thresholds: Sequence[float], etas: Mapping[str, float]) -> Figure:
    """Draw how thresholds divide a logistic density into the probabilities of the responses.

    Parameters
    ----------
    thresholds
        Thresholds in log-odds, increasing.
    etas
        Title and linear predictor (location of the density), in log-odds, of each row of panels.

    Returns
    -------
    Figure
        On the left, the density of the latent judgement with the thresholds as lines; on the right,
        the probability of each response.
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
    return with_numbers(figure, {"probabilities": pd.DataFrame(shown)})


def interval_stacks(
    panels: Mapping[str, pd.DataFrame], truth: float, xlabel: str, ylabel: str
) -> Figure:
    """Draw the intervals of many studies in a stack, and mark those that miss the true value.

    Parameters
    ----------
    panels
        Title and table of each panel: columns ``lower`` and ``upper``, one row per study.
    truth
        The true value.
    xlabel, ylabel
        Labels of the axes, with units.

    Returns
    -------
    Figure
        The panels side by side; in each, the studies are sorted by the middle of their interval.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6, 4.4), sharex=True, sharey=True)
    for ax, (title, table) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        middle = table[["lower", "upper"]].mean(axis=1)
        stack = table.assign(middle=middle).sort_values("middle").assign(place=range(len(table)))
        misses = (stack["lower"] > truth) | (stack["upper"] < truth)
        ax.axvline(truth, color=GREY, linestyle="--", linewidth=1)
        for part, color, width, name in [
            (stack[~misses], PALE, 1.4, "contains the truth"),
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
    return with_numbers(figure, panels)


def _draw_least_squares(ax: Axes, x: pd.Series, y: pd.Series, **style: Any) -> None:
    """Draw the least-squares line of y on x over the range of x."""
    ends = np.array([x.min(), x.max()])
    ax.plot(ends, np.polyval(np.polyfit(x, y, 1), ends), **style)


def within_and_between(
    data: pd.DataFrame, x: str, y: str, group: str, xlabel: str, ylabel: str
) -> Figure:
    """Draw each cluster's points and regression line, and the line through the clusters' averages.

    Parameters
    ----------
    data
        One row per observation.
    x, y, group
        Names of columns.
    xlabel, ylabel
        Labels of the axes, with units.

    Returns
    -------
    Figure
    """
    figure, ax = plt.subplots(figsize=(6, 4.4))
    ax.plot(data[x], data[y], "o", color=PALE, ms=3, label="one observation")
    for k, (_, part) in enumerate(data.groupby(group)):
        label = "within a cluster" if k == 0 else None
        _draw_least_squares(ax, part[x], part[y], color=TEAL, linewidth=1.5, label=label)
    means = data.groupby(group)[[x, y]].mean()
    ax.plot(means[x], means[y], "D", color=TERRACOTTA, mec="black", ms=7, label="average")
    _draw_least_squares(
        ax, means[x], means[y], color=TERRACOTTA, lw=2.5, ls="--", label="between averages"
    )
    ax.set(xlabel=xlabel, ylabel=ylabel)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return with_numbers(figure, {"observations": data[[group, x, y]], "averages": means})


def lines_and_slopes(
    clusters: pd.DataFrame, ends: tuple[float, float], split: float, labels: tuple[str, str, str]
) -> Figure:
    """Draw each cluster's line, and its slope against a property of the cluster.

    Parameters
    ----------
    clusters
        One row per cluster: ``intercept``, ``slope`` and, as the third column, the property.
    ends
        Horizontal positions where the lines begin and end.
    split
        Lines of clusters whose property is below this value are dashed, the others solid.
    labels
        Labels of the lines' horizontal and vertical axes, with units, and of the slopes.

    Returns
    -------
    Figure
        Two panels.
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
    _draw_least_squares(right, clusters[name], clusters["slope"], color="black", linewidth=1.5)
    left.set(xlabel=labels[0], ylabel=labels[1])
    right.set(xlabel=name, ylabel=labels[2])
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=1)
    return with_numbers(figure, {"clusters": clusters})


def two_scatters(
    panels: Mapping[str, pd.DataFrame], xlabels: Sequence[str], ylabels: Sequence[str]
) -> Figure:
    """Draw scatter plots with least-squares lines; a unit is equally long in all panels.

    Parameters
    ----------
    panels
        Title and table of each panel; the first column is horizontal, the second vertical.
    xlabels, ylabels
        Labels of each panel's axes, with units.

    Returns
    -------
    Figure
        Panels whose axes have equal ranges, so that slopes can be compared by eye.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6, 3.4))
    low = [table.iloc[:, :2].min().to_numpy() for table in panels.values()]
    high = [table.iloc[:, :2].max().to_numpy() for table in panels.values()]
    reach = 0.53 * np.max(np.subtract(high, low), axis=0)
    for k, (title, table) in enumerate(panels.items()):
        x, y = table.iloc[:, 0], table.iloc[:, 1]
        axes[k].plot(x, y, "o", color=TEAL, alpha=0.5, ms=3.5, mew=0)
        _draw_least_squares(axes[k], x, y, color=TERRACOTTA, linewidth=2.5)
        middle = (low[k] + high[k]) / 2
        axes[k].set(title=title, xlabel=xlabels[k], ylabel=ylabels[k])
        axes[k].set(xlim=middle[0] + [-reach[0], reach[0]], ylim=middle[1] + [-reach[1], reach[1]])
    return with_numbers(figure, panels)


def causal_diagram(
    panels: Mapping[str, Sequence[tuple[str, str]]],
    places: Mapping[str, tuple[float, float]],
    unmeasured: Sequence[str],
) -> Figure:
    """Draw directed acyclic graphs side by side: an arrow leads from a cause to its effect.

    Parameters
    ----------
    panels
        Title and arrows of each graph, as pairs of names: cause, effect.
    places
        Horizontal and vertical position of each name; a name without arrows is not drawn.
    unmeasured
        Names with a dashed outline.

    Returns
    -------
    Figure
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6.4, 2.9), squeeze=False)
    for ax, (title, arrows) in zip(axes[0], panels.items(), strict=True):
        boxes = {}
        for name in dict.fromkeys(name for arrow in arrows for name in arrow):
            hidden = name in unmeasured
            color, style = (TERRACOTTA, "--") if hidden else (TEAL, "-")
            box = {"boxstyle": "round,pad=0.45", "fc": "white", "ec": color, "ls": style}
            text = ax.text(*places[name], name, ha="center", va="center", bbox=box, zorder=3)
            boxes[name] = text.get_bbox_patch()
        for cause, effect in arrows:
            color = TERRACOTTA if cause in unmeasured else TEAL
            look = {"arrowstyle": "-|>", "color": color, "shrinkA": 2, "shrinkB": 2, "lw": 1.4}
            look |= {"patchA": boxes[cause], "patchB": boxes[effect]}
            ax.annotate("", places[effect], places[cause], arrowprops=look)
        x, y = np.transpose(list(places.values()))
        ax.set(title=title, xlim=(x.min() - 0.5, x.max() + 0.5))
        ax.set(ylim=(y.min() - 0.5, y.max() + 0.5))
        ax.set_axis_off()
    tables = {title: _adjacency(arrows) for title, arrows in panels.items()}
    return with_numbers(figure, tables)


def _adjacency(arrows: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return a table of arrows: 1 where the row is a cause of the column."""
    causes, effects = (list(dict.fromkeys(names)) for names in zip(*arrows, strict=True))
    table = pd.DataFrame(0, pd.Index(causes, name="cause"), effects)
    for cause, effect in arrows:
        table.loc[cause, effect] = 1
    return table


def variance_parts(
    measurements: np.ndarray, parts: pd.DataFrame, xlabel: str, ylabel: str, unit: str
) -> Figure:
    """Draw each cluster's measurements, and the decomposition of their variance.

    Parameters
    ----------
    measurements
        Array with one row per cluster.
    parts
        Columns ``between`` and ``within``, variances; one bar per row.
    xlabel, ylabel
        Labels of the axes of the measurements, with units.
    unit
        Unit of the variance.

    Returns
    -------
    Figure
        Two panels; in the left one, the clusters are sorted by their average.
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
    return with_numbers(figure, {"measurements": pd.DataFrame(measurements), "parts": parts})


def pooling(
    people: pd.DataFrame,
    errors: pd.DataFrame,
    complete: float,
    xlabel: str,
    ylabel: str,
    unit: str,
) -> Figure:
    """Draw estimates with no, partial and complete pooling, the truth, and mean squared errors.

    Parameters
    ----------
    people
        One row per cluster: ``n`` (number of observations), ``truth``, ``no pooling``,
        ``partial pooling``.
    errors
        Mean squared errors: columns ``no pooling``, ``partial pooling``, ``complete pooling``,
        index the number of observations.
    complete
        The complete-pooling estimate, which is the same for every cluster.
    xlabel
        Label of the axes with numbers of observations.
    ylabel, unit
        Label of the outcome with its unit, and the unit of the squared error.

    Returns
    -------
    Figure
        Two panels: the estimates, and their mean squared errors.
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
    shown = {"people": people, "errors": errors, "complete pooling": as_estimates(complete)}
    return with_numbers(figure, shown)


def layers(
    data: pd.DataFrame,
    column: str,
    population: Mapping[str, tuple[float, float]],
    xlabel: str,
    names: Sequence[str] = ("population", "clusters", "measurements"),
) -> Figure:
    """Draw a population, clusters drawn from it, and measurements drawn from the clusters.

    Parameters
    ----------
    data
        One row per measurement: ``cluster``, ``level`` (the cluster's mean), ``measurement`` and
        the column named below.
    column
        Name of a column, whose levels are the columns of panels.
    population
        Mean and standard deviation of the normal population, for each of these levels.
    xlabel
        Label of the horizontal axis, with its unit.
    names
        Labels of the three layers.

    Returns
    -------
    Figure
        Three rows of panels, with a shared horizontal scale.
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
    label_together(figure, xlabel)
    populations = pd.DataFrame(population, index=["mean", "sd"])
    return with_numbers(figure, {"measurements": data, "population": populations})


def agreement(table: pd.DataFrame, limit: float = 5.0) -> Figure:
    """Draw the differences between another implementation's estimates and ours, in standard errors.

    Parameters
    ----------
    table
        A table as returned by :func:`multilevel.agreement`: ``parameter``, ``statistic`` and
        ``standard_errors``, with a column ``model``.
    limit
        Largest absolute difference that counts as agreement.

    Returns
    -------
    Figure
        A row of points for each model; points beyond the limit are crosses.
    """
    models = list(table["model"].unique())
    figure, ax = plt.subplots(figsize=(6, 0.9 + 0.55 * len(models)))
    for place in (-limit, limit):
        ax.axvline(place, color=GREY, linestyle="--", linewidth=1)
    ax.axvline(0, color=GREY, linewidth=0.5)
    for row, model in enumerate(models):
        x = table.loc[table["model"] == model, "standard_errors"].to_numpy()
        y = row + np.linspace(-0.3, 0.3, len(x) + 2)[1:-1]  # spread out, in the order of the table
        far = np.abs(x) > limit
        ax.plot(x[~far], y[~far], "o", color=TEAL, ms=3.5, alpha=0.6, mew=0)
        ax.plot(x[far], y[far], "x", color=TERRACOTTA, ms=7, mew=2)
    ax.set(yticks=range(len(models)), yticklabels=models, ylim=(len(models) - 0.5, -0.5))
    ax.set_xlabel("difference (standard errors)")
    columns = ["model", "parameter", "statistic", "standard_errors", "mcse_standard_errors"]
    return with_numbers(figure, {"distances": table[columns]})


def psis_errors(panels: Mapping[str, pd.DataFrame], limit: float = 0.7) -> Figure:
    """Draw the error of PSIS-LOO for each row of the data against its Pareto k.

    Parameters
    ----------
    panels
        Title and table of each panel: the columns of :func:`multilevel.loo`, and ``error``, the
        estimated elpd minus the exact one.
    limit
        Largest Pareto k for which PSIS-LOO can be trusted.

    Returns
    -------
    Figure
        The panels side by side, with shared scales.
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
        # Rough errors: asymptotic for k; for the error, its absolute value.
        errors = {
            "pareto_k": (1 + table["pareto_k"]) / TAIL**0.5,
            "error": table["mcse_elpd"] + table["error"].abs(),
        }
        tables[title] = Estimates.of(table[["pareto_k", "error"]], errors)
    np.atleast_1d(axes)[0].set_ylabel("error of PSIS (log density)")
    return with_numbers(figure, tables)


TAIL = 190
"""Number of tail draws from which Pareto k is estimated: 3 sqrt(4000) (Vehtari et al. 2024)."""


def compared(table: pd.DataFrame, xlabel: str) -> Figure:
    """Draw a measure of several programs for several tasks, on a logarithmic scale.

    Parameters
    ----------
    table
        One row per task and one column per program, at most four.
    xlabel
        Label of the measure, with its unit.

    Returns
    -------
    Figure
        A line for each task and a marker for each program.
    """
    refuse_more_than(table.columns, len(MARKERS))
    figure, ax = plt.subplots(figsize=(6, 1.4 + 0.45 * len(table)))
    rows = range(len(table))
    ax.hlines(rows, table.min(axis=1), table.max(axis=1), color=GREY, linewidth=0.8, zorder=1)
    for (program, values), marker, color in zip(table.items(), MARKERS, PALETTE, strict=False):
        ax.plot(values, rows, marker, color=color, label=str(program), ms=8, mec=GREY, mew=0.5)
    ax.set(xscale="log", xlabel=xlabel, yticks=rows, yticklabels=table.index)
    ax.set_ylim(len(table) - 0.5, -0.5)
    figure.legend(loc="outside upper center", ncols=len(table.columns))
    return with_numbers(figure, {"compared": table.reset_index()})


def growth(panels: Mapping[str, pd.DataFrame], ylabel: str) -> Figure:
    """Draw how measures grow with the size of a task, on logarithmic scales.

    Parameters
    ----------
    panels
        Label of the size and table of each panel: sizes as the index, one column per measure.
    ylabel
        Label of the measures, with their unit.

    Returns
    -------
    Figure
        The panels side by side, with a shared vertical scale.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(6, 3.4), sharey=True)
    for ax, (size, table) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        refuse_more_than(table.columns, len(MARKERS))
        for (name, values), marker, color in zip(table.items(), MARKERS, PALETTE, strict=False):
            ax.plot(table.index, values, marker + "-", color=color, label=str(name), ms=6)
        ax.set(xscale="log", yscale="log", xlabel=size)
    np.atleast_1d(axes)[0].set_ylabel(ylabel)
    handles, labels = np.atleast_1d(axes)[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return with_numbers(figure, {size: table.reset_index() for size, table in panels.items()})


def rank_histograms(panels: Mapping[str, Sequence[int]], xlabel: str, ylabel: str) -> Figure:
    """Draw rank histograms, with the expected frequency of uniform ranks as a line.

    Parameters
    ----------
    panels
        Title and counts of each panel: one count per bin, from the lowest ranks to the highest.
    xlabel, ylabel
        Labels of the axes.

    Returns
    -------
    Figure
        The panels side by side, with shared scales.
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
    label_together(figure, xlabel, ylabel)
    return with_numbers(figure, {"counts": pd.DataFrame(dict(panels))})


def rank_curves(
    panels: Mapping[str, pd.DataFrame],
    bands: Mapping[str, pd.DataFrame],
    xlabel: str,
    ylabel: str,
    columns: int = 2,
) -> Figure:
    """Draw the difference between the ECDF of ranks and the uniform CDF, with a band for chance.

    Parameters
    ----------
    panels
        Title and counts of each panel: one row per quantity, one column per bin. A quantity whose
        curve leaves the band is labelled.
    bands
        Band of each panel, which uniform ranks leave only rarely: ``lower`` and ``upper``, one row
        for the upper end of each bin but the last.
    xlabel, ylabel
        Labels of the axes.
    columns
        Number of panels per row.

    Returns
    -------
    Figure
        The panels, with shared scales.
    """
    figure, axes = small_multiples(len(panels), 1.9, columns)
    shown = {}
    for ax, (title, counts) in zip(axes, panels.items(), strict=True):
        band = bands[title]
        x = np.linspace(0, 1, len(band) + 2)
        low, high = (np.pad(band[side].to_numpy(float), 1) for side in ("lower", "upper"))
        so_far = counts.to_numpy(float).cumsum(axis=1)
        excess = np.pad(so_far / so_far[:, -1:], ((0, 0), (1, 0))) - x
        ax.fill_between(x, low, high, color=PALE, alpha=0.5, linewidth=0)
        ax.axhline(0, color=GREY, linestyle="--", linewidth=1)
        leaves = ((excess < low - 1e-12) | (excess > high + 1e-12)).any(axis=1)
        for curve, outside in zip(excess, leaves, strict=True):
            color, width = (TERRACOTTA, 2.2) if outside else (TEAL, 1)
            ax.plot(x, curve, color=color, linewidth=width)
        _label_peaks(ax, counts.index, leaves, x, excess)
        ax.set_title(title)
        ax.margins(y=0.25)  # room for labels
        ax.set_xticks([0, 0.5, 1], labels=["0", "½", "1"])
        shown[title] = pd.DataFrame(excess[:, 1:-1], counts.index, band.index)
        shown[f"band of {title}"] = band
    label_together(figure, xlabel, ylabel)
    return with_numbers(figure, shown)


def _label_peaks(
    ax: Axes, names: pd.Index, chosen: np.ndarray, x: np.ndarray, curves: np.ndarray
) -> None:
    """Label the chosen curves outside all curves of a panel, so that no label crosses one.

    Curves that are farthest from zero on the same side share a label, at the farthest of them.
    """
    peaks = np.abs(curves).argmax(axis=1)
    heights = np.take_along_axis(curves, peaks[:, None], axis=1)[:, 0]
    for side, edge in [(1, "bottom"), (-1, "top")]:
        here = chosen & (side * heights > 0)
        if here.any():
            place = x[peaks[np.argmax(np.where(here, side * heights, 0))]]
            ax.annotate(
                ", ".join(map(symbol, names[here])),
                (place, side * (side * curves).max()),
                xytext=(0, 4 * side),
                textcoords="offset points",
                ha="left" if place < 0.3 else "right" if place > 0.7 else "center",
                va=edge,
            )
