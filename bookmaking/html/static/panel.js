/* "Refit it yourself": a model is sampled in the page, with other priors, data or seed.

   <div data-refit="MODEL"> holds data, priors and the book's posterior as JSON, and words that
   stand in without JavaScript and on paper. Nothing is stored or sent. */
"use strict";

(() => {
const { floor, log10, max, min } = Math;
const { entries, fromEntries, keys, values } = Object;
const STATISTICS = {
  mean: "mean", sd: "sd", lower: "2.5 %", upper: "97.5 %", mcse: "MCSE", r_hat: "R-hat",
  ess_bulk: "bulk ESS",
};

const bell = (x, mu, sigma) =>
  Math.exp(-(((x - mu) / sigma) ** 2) / 2) / (sigma * Math.sqrt(2 * Math.PI));

/** A family above zero: its 0.1 % quantile, mean, 95 % and 99.9 % quantiles, for a scale of 1. */
const positive = (number, scale, density, [low, mean, most, high]) => ({
  numbers: [number],
  density: (prior) => (x) => density(prior, x),
  range: (prior) => [0, 0.7 * high * scale(prior)],
  words: (prior) => `mean ${brief(mean * scale(prior))}, 95 % below ${brief(most * scale(prior))}`,
  tails: (prior) => [low * scale(prior), high * scale(prior)],
});

/** A correlation's density: (1 + r) / 2 is Beta(eta, eta). */
const STEPS = Array.from({ length: 2000 }, (_, i) => (i + 0.5) / 1000 - 1);
function lkj({ eta }) {
  const weight = (r) => (1 - r * r) ** (eta - 1);
  const total = STEPS.reduce((sum, r) => sum + weight(r), 0) / 1000;
  return (r) => weight(r) / total;
}
function lkjTails(prior) {
  const density = lkj(prior);
  let sum = 0;
  const low = STEPS.find((r) => (sum += density(r)) >= 1); // of 1000
  return [low, -low];
}

/* The last number has the parameter's plain name. */
const FAMILIES = {
  Normal: {
    numbers: ["mu", "sigma"],
    density: ({ mu, sigma }) => (x) => bell(x, mu, sigma),
    range: ({ mu, sigma }) => [mu - 3 * sigma, mu + 3 * sigma],
    words: ({ mu, sigma }) => `95 % within ${brief(1.96 * sigma)} of ${brief(mu)}`,
    tails: ({ mu, sigma }) => [mu - 3.0902 * sigma, mu + 3.0902 * sigma],
  },
  HalfNormal: positive("sigma", ({ sigma }) => sigma, ({ sigma }, x) => 2 * bell(x, 0, sigma),
    [0.001253, 0.798, 1.96, 3.291]),
  Exponential: positive("rate", ({ rate }) => 1 / rate, ({ rate }, x) => rate * Math.exp(-rate * x),
    [0.0010005, 1, 2.996, 6.908]),
  LKJ: {
    numbers: ["eta"],
    density: lkj,
    range: () => [-0.99, 0.99],
    words: ({ eta }) => `mean 0, sd ${brief(1 / Math.sqrt(2 * eta + 1))}`,
    tails: lkjTails,
  },
  Flat: {
    numbers: [],
    density: (_, [low, high]) => () => 1 / (high - low),
    range: () => [-3, 3],
    words: () => "all values alike",
  },
};
const written = ({ family, ...prior }) => {
  const numbers = FAMILIES[family].numbers.map((key) => brief(prior[key])).join(", ");
  return numbers ? `${family}(${numbers})` : family;
};

const minus = (number) => `${number}`.replace(/-/g, "−");
const round = (x, digits = 3) => Number(x.toPrecision(digits));
const brief = (x) => minus(round(x));

/** A number with two digits of its standard deviation. */
const rounded = (x, sd) =>
  minus(x.toFixed(min(max(1 - floor(log10(sd)), 0), 8) || 0));

function shown(row, statistic) {
  const value = row[statistic];
  if (statistic === "r_hat") return value.toFixed(4);
  if (statistic === "ess_bulk") return `${floor(value)}`;
  return statistic === "mcse" ? minus(round(value, 2)) : rounded(value, row.sd);
}

const LETTERS = { alpha: "α", beta: "β", sigma: "σ", rho: "ρ", threshold: "κ" };

/** The symbol of a name: sigma_alpha is σ_α; time_id[6], an effect of time, β_time,id[6]. */
function symbol(key) {
  const [, name, label = ""] = key.match(/^([^[]*)(\[.*)?$/s);
  if (name === "alpha_bar") return "ᾱ";
  const [first, ...words] = name.split("_");
  const letter = LETTERS[first];
  if (!letter && !label) return name;
  const below = (letter ? words : [first, ...words]).map((word) => LETTERS[word] ?? word);
  return (letter ?? "β") + (below.length ? `_${below.join()}` : "") + label;
}

/** The data with all columns plain, also those stored as positions among their levels. */
function decode({ codes = {}, columns = {}, ...data }) {
  const plain = entries(codes).map(([name, places]) =>
    [name, places.map((place) => data.levels[name][place])]);
  return { ...data, columns: { ...columns, ...fromEntries(plain) } };
}

/** Whether each row is kept, from the lengths of runs that are kept, left out, kept ... */
const keeps = ({ runs = [] }) => runs.flatMap((length, k) => Array(length).fill(k % 2 === 0));

/** The data without the rows that `isOut` names, and with other roles of the columns. */
function change({ columns, ...data }, roles, isOut) {
  const kept = entries(columns).map(([name, all]) => [name, all.filter((_, i) => !isOut(i))]);
  return { ...data, ...roles, columns: fromEntries(kept) };
}

/** The book's posterior: mean, sd, MCSE and perhaps quantiles, by parameter. */
function readBook({ tables }) {
  const book = {};
  for (const { name, index, values: rows, mcse } of tables) {
    index.forEach((key, i) => {
      const [mean, sd] = rows[i];
      const known = name === "book" ? { mean, sd, mcse: mcse[i][0] } : { quantiles: rows[i] };
      book[key] = { ...book[key], ...known };
    });
  }
  return book;
}

let count = 0;

function make(name, attributes = {}, ...children) {
  const space = /^(svg|g|line|path|text)$/.test(name) ? "2000/svg" : "1999/xhtml";
  const element = document.createElementNS(`http://www.w3.org/${space}`, name);
  for (const [key, value] of entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Words whose Greek letters have their indices below the line. */
const text = (words) =>
  words.split(/(?<=\p{Script=Greek})_([\p{L}\d]+(?:,[\p{L}\d]+)*)/u)
    .map((part, i) => (i % 2 ? make("sub", {}, part) : part));

const paragraph = (kind, words = "") => make("p", { class: `refit-${kind}` }, ...text(words));
const box = (kind, ...parts) => make("div", { class: `refit-${kind}` }, ...parts);

function labelled(words, control) {
  control.id = `refit-${(count += 1)}`;
  return box("field", make("label", { for: control.id }, words), control);
}

const select = (name, options) =>
  make("select", { name }, ...options.map(([value, label]) => make("option", { value }, label)));

function button(action, words, act) {
  const element = make("button", { type: "button", "data-action": action }, words);
  element.addEventListener("click", act);
  return element;
}

/** A drawing of curves, made anew at each size, so that numbers keep theirs. */
function drawing(kind, plot) {
  const svg = make("svg", { class: `refit-${kind}`, "aria-hidden": "true" });
  const draw = () => {
    const { clientWidth: width, clientHeight: height } = svg;
    if (width === 0) return; // not laid out yet
    const { range: [low, high], curves } = plot();
    const bottom = height - 22;
    const x = (value) => (((value - low) / (high - low)) * width).toFixed(1);
    const places = Array.from({ length: 201 }, (_, i) => low + ((high - low) * i) / 200);
    const heights = curves.map(([, density]) => places.map(density));
    const most = max(...heights.flat());
    const y = (value) => (bottom - (value / most) * (bottom - 6)).toFixed(1);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren(
      ...curves.map(([drawn], i) => {
        const path = places.map((at, k) => `${x(at)} ${y(heights[i][k])}`).join("L");
        const d = drawn === "here" ? `M0 ${bottom}L${path}L${width} ${bottom}Z` : `M${path}`;
        return make("path", { class: drawn, d });
      }),
      make("line", { x1: 0, x2: width, y1: bottom, y2: bottom }),
      ...["start", "middle", "end"].map((anchor, k) =>
        make("text", { x: (k * width) / 2, y: bottom + 17, "text-anchor": anchor },
          brief(low + (k * (high - low)) / 2))),
    );
  };
  new ResizeObserver(draw).observe(svg);
  return { svg, draw };
}

/** Where a parameter can be. */
const limits = (key) =>
  key.startsWith("sigma") ? [0, Infinity] : key.startsWith("rho") ? [-1, 1] : [-Infinity, Infinity];

/** Density of draws or quantiles: normal kernels, each of its width, reflected at the limits. */
function smooth(points, width, ends) {
  const kernels = Array.from(points, (point, i) => [point, width(i)]);
  const folds = ends.filter(Number.isFinite);
  const folded = folds.flatMap((end) => kernels.map(([at, wide]) => [2 * end - at, wide]));
  const all = [...kernels, ...folded];
  return (x) => all.reduce((sum, [at, wide]) => sum + bell(x, at, wide), 0) / points.length;
}

const ALLOWED = {
  real: ["a number", Number.isFinite],
  positive: ["a number above zero", (x) => Number.isFinite(x) && x > 0],
  share: ["a number between 0 and 1", (x) => x > 0 && x < 1],
  whole: ["a whole number from 0", (x) => Number.isSafeInteger(x) && x >= 0],
};

/** A field of a number; `read()` throws an Error in words if it is wrong. */
function field(name, label, what, kind, value) {
  const input = make("input", { type: "number", name, step: "any", value });
  const [allowed, isAllowed] = ALLOWED[kind];
  const read = () => {
    if (isAllowed(input.valueAsNumber)) return input.valueAsNumber;
    const words = `${what} (field ${name}) is ${allowed}, not ‘${minus(input.value)}’.`;
    throw Object.assign(new Error(words), { input });
  };
  return { body: labelled(label, input), input, read };
}

/** Add a slider to a field; what is above zero moves by factors, up to 100 either way. */
function slide({ body, input }, what, kind, spread) {
  const isPositive = kind === "positive";
  const reach = isPositive ? 2 : 3 * spread;
  const read = () => (isPositive ? log10(input.valueAsNumber) : input.valueAsNumber);
  const middle = read();
  const ends = { min: middle - reach, max: middle + reach, step: reach / 200, value: middle };
  const slider = make("input", { type: "range", ...ends, "aria-label": `slider: ${what}` });
  slider.addEventListener("input", () => {
    input.value = round(isPositive ? 10 ** slider.value : slider.valueAsNumber);
  });
  const follow = ({ target }) => {
    if (target !== slider && Number.isFinite(read())) slider.value = read();
    slider.ariaValueText = input.value;
  };
  body.addEventListener("input", follow);
  follow(slider);
  body.append(slider);
}

const KINDS = [["Exponential", "HalfNormal"], ["Flat", "Normal"]]; // to choose from

function priorControls(name, course) {
  const [letter, own] = [symbol(name), course.family];
  const families = KINDS.find((kind) => own !== "Normal" && kind.includes(own)) ?? [own];
  const choose = select(`${name}-family`, families.map((one) => [one, one]));
  const numbers = make("div");
  const words = paragraph("words");
  let [family, fields, drawn] = [null, [], course];
  const read = () =>
    fromEntries([["family", family], ...fields.map(([key, one]) => [key, one.read()])]);
  const { svg, draw } = drawing("prior", () => {
    const range = FAMILIES[drawn.family].range(drawn);
    const curve = (prior) => FAMILIES[prior.family].density(prior, range);
    return { range, curves: [["here", curve(drawn)], ["book", curve(course)]] };
  });
  const tell = () => {
    try {
      drawn = read();
      words.textContent = `${written(drawn)}: ${FAMILIES[family].words(drawn)}`;
      draw();
    } catch (error) {
      words.replaceChildren(...text(error.message));
    }
  };
  const write = (prior) => {
    family = choose.value = prior.family;
    fields = FAMILIES[family].numbers.map((key, i, { length }) => {
      const kind = key === "mu" ? "real" : "positive";
      const what = `The ${key} of ${letter}’s prior`;
      const one = field(i < length - 1 ? `${name}-${key}` : name, key, what, kind, prior[key]);
      slide(one, what, kind, prior.sigma);
      return [key, one];
    });
    numbers.replaceChildren(...fields.map(([, { body }]) => body));
    tell();
  };
  choose.addEventListener("change", () => {
    const next = choose.value; // another family begins about as wide as the prior is
    const size = round(1 / (drawn.rate ?? drawn.sigma ?? 1));
    const other = { family: next, mu: 0, sigma: size, rate: size };
    write(next === course.family ? course : other);
  });
  numbers.addEventListener("input", tell);
  const body = make("fieldset", {}, make("legend", {}, ...text(`Prior of ${letter}`)),
    labelled("family", choose), numbers, svg, words,
    paragraph("words", `In the course: ${written(course)}`));
  choose.disabled = choose.length === 1;
  write(course);
  return { name, letter, body, read };
}

/** Whether the draws can be trusted, by the limits of the library. */
function verdict({ divergences, r_hat, ess_bulk, ess_tail, e_bfmi, tree_depth }, chains) {
  const [ess, least] = [min(ess_bulk, ess_tail), 100 * chains];
  const facts = [
    [divergences === 0, `${divergences} divergences`],
    [r_hat < 1.01, `R-hat at most ${r_hat.toFixed(4)} (limit 1.01)`],
    [ess > least, `ESS at least ${floor(ess)} (limit ${least})`],
    [e_bfmi > 0.3, `E-BFMI at least ${e_bfmi.toFixed(2)} (limit 0.3)`],
    [tree_depth === 0, `${tree_depth} transitions cut short`],
  ];
  const list = (good) => facts.filter(([ok]) => ok === good).map(([, words]) => words).join(", ");
  const passed = !list(false);
  const short = passed ? "The draws pass the checks" : "Do not trust these draws";
  return { passed, short, words: `${short}: ${list(passed)}.` };
}

/** What changed against the book, in a sentence, and the parameter to look at. */
function compare(rows, book) {
  const known = rows.filter(({ key }) => book[key]).map((row) => {
    const { mean, sd, mcse = row.mcse } = book[row.key];
    const away = Math.abs(row.mean - mean);
    return { row, mean, sd, errors: away / Math.hypot(row.mcse, mcse), sds: away / sd };
  });
  if (!known.length) return {};
  const most = (size) => known.reduce((a, b) => (b[size] > a[size] ? b : a));
  const far = most("errors").errors;
  const { row, mean, sd, sds } = most("sds");
  const start = far > 5
    ? `The mean of ${symbol(row.key)} moved most: from ${rounded(mean, sd)} in the book to ` +
      `${rounded(row.mean, row.sd)}, by ${brief(sds)} of the book’s posterior sds`
    : "The means agree with the book’s within Monte Carlo error, at most " +
      `${brief(far)} combined MCSEs apart`;
  const end = `the sd of ${symbol(row.key)} is ${(row.sd / sd).toFixed(2)} times the book’s`;
  return { words: `${start}; ${end}.`, key: row.key };
}

/** Parameters that came out where their priors hardly expect them, a sentence for each prior. */
function conflicts(summary, priors) {
  return entries(priors).flatMap(([name, prior]) => {
    const [low, high] = FAMILIES[prior.family].tails?.(prior) ?? [-Infinity, Infinity];
    const beyond = ({ mean }) => max(low - mean, mean - high);
    const [row, ...others] = summary
      .filter((one) => one.parameter === name && beyond(one) > 0)
      .sort((a, b) => beyond(b) - beyond(a));
    if (!row) return [];
    const rest = others.length ? `, like those of ${others.length} more` : "";
    return [`Prior and data are in conflict: the posterior mean of ${symbol(row.key)}, ` +
      `${rounded(row.mean, row.sd)}, is in a 0.1 % tail of its prior, ${written(prior)}${rest}.`];
  });
}

function table(rows, label) {
  const heads = ["parameter", ...values(STATISTICS)];
  const lines = rows.map((row) => {
    const cells = keys(STATISTICS).map((statistic) => {
      const full = { "data-parameter": row.key, "data-statistic": statistic };
      return make("td", { ...full, "data-value": row[statistic] }, shown(row, statistic));
    });
    return make("tr", {}, make("th", { scope: "row" }, ...text(symbol(row.key))), ...cells);
  });
  const head = make("tr", {}, ...heads.map((name) => make("th", { scope: "col" }, name)));
  const region = { class: "refit-table", tabindex: 0, role: "region", "aria-label": label };
  return make("div", region, make("table", { class: "dataframe" },
    make("thead", {}, head), make("tbody", {}, ...lines)));
}

function posterior({ summary, draws }, first, book) {
  const pick = select("shown", summary.map(({ key }) => [key, symbol(key)]));
  pick.value = first;
  const said = paragraph("words");
  const chosen = () => summary[pick.selectedIndex];
  const { svg, draw } = drawing("posterior", () => {
    const row = chosen();
    const [all, known] = [draws[row.key], book[row.key]];
    const ends = limits(row.key);
    const width = 0.9 * row.sd * all.length ** -0.2;
    const curves = [["here", smooth(all, () => width, ends)]];
    if (known) {
      const { mean, sd, quantiles } = known;
      const normal = (x) => bell(x, mean, sd);
      const gap = (i) => quantiles[i] - quantiles[i - 1] || 0;
      const wide = (i) => max(0.3 * sd, gap(i), gap(i + 1));
      curves.push(["book", quantiles ? smooth(quantiles, wide, ends) : normal]);
    }
    const reach = [row, known ?? row].flatMap(({ mean, sd }) => [mean - 4 * sd, mean + 4 * sd]);
    return { range: [max(min(...reach), ends[0]), min(max(...reach), ends[1])], curves };
  });
  const tell = () => {
    const row = chosen();
    const moments = ({ mean, sd }) => `mean ${rounded(mean, sd)}, sd ${brief(sd)}`;
    const known = book[row.key];
    const way = known?.quantiles ? "smoothed from its quantiles" : "drawn normal";
    const there = known ? ` Dashed: the book’s, ${way}, ${moments(known)}.` : "";
    said.replaceChildren(...text(`Filled: draws of ${symbol(row.key)}, ${moments(row)}.${there}`));
    draw();
  };
  pick.addEventListener("change", tell);
  tell();
  return [labelled("posterior of", pick), svg, said];
}

function panel(root) {
  const read = (kind) =>
    JSON.parse(root.querySelector(`script[type="application/json"]${kind}`)?.textContent ?? "null");
  const given = read(":not([data-book])");
  const { population = [], changes = [], form, settings, leave_out: column } = given;
  const book = readBook(read("[data-book]") ?? { tables: [] });
  const data = decode(given.data);
  const controls = entries(given.priors).map((one) => priorControls(...one));
  const funnel = given.funnel ? refitFunnel(make, paragraph) : null;
  const levels = data.levels?.[column] ??
    [...new Set(data.columns[column])].sort((a, b) => (a < b ? -1 : 1));
  const left = select("leave_out",
    [["", "no one"], ...levels.map((level) => [level, `${column} ${level}`])]);
  const changed = select("change", changes.map(({ label }, i) => [i, label]));
  const forms = form?.choices ?? [];
  const formed = select("form", forms.map((one) => [one, one]));
  const seed = field("seed", "seed", "The seed", "whole", given.seed ?? 1);
  const { target_accept: aim } = given; // offered where it is given
  const target = field("target_accept", "target_accept", "The target", "share", aim ?? 0.9);
  const status = make("p", { role: "status", class: "refit-status" });
  const [bars, results] = [box("row"), box("results")];
  let running = null;

  const go = button("sample", "Sample", () => running || sample());
  const stop = button("stop", "Stop", () => running?.stop());

  function enter(state, words = "") {
    root.dataset.state = state;
    status.replaceChildren(...text(words));
    go.ariaDisabled = state === "sampling";
    stop.ariaDisabled = state !== "sampling";
  }

  function chosen() {
    const priors = fromEntries(controls.map(({ name, read }) => [name, read()]));
    const one = changes[changed.value] ?? {};
    const level = levels[left.selectedIndex - 1];
    const kept = keeps(one);
    const isOut = (i) => kept[i] === false || (column && data.columns[column][i] === level);
    const words = [
      ...controls.map(({ name, letter }) => `${letter} ~ ${written(priors[name])}`), one.label,
      level !== undefined && `without ${column} ${level}`, formed.value,
      `target_accept ${target.read()}`, `seed ${seed.read()}`,
    ].filter(Boolean);
    return {
      words: `Sampled with ${words.join("; ")}.`, chains: 4, ...settings, priors,
      model: root.dataset.refit, data: change(data, one.roles, isOut), seed: seed.read(),
      targetAccept: target.read(), ...(form && { form: formed.value }),
      // With other groups the same labels mean something else.
      known: one.roles ? fromEntries(entries(book).filter(([key]) => !key.includes("["))) : book,
    };
  }

  async function sample() {
    try {
      const { words, known, ...used } = chosen();
      const made = Array.from({ length: used.chains }, () => make("progress", { value: 0 }));
      const onProgress = ({ chain, done, of, draws, diverging }) => {
        made[chain].value = done / of;
        funnel?.add(draws, diverging);
      };
      running = Refit.run({ ...used, watch: funnel?.begin(used) ?? [], onProgress });
      bars.replaceChildren(...made.map((bar, k) => labelled(`chain ${k + 1}`, bar)));
      results.replaceChildren();
      enter("sampling", "Sampling …");
      const found = await running;
      const { summary } = found;
      const judged = verdict(found.worst, used.chains);
      const main = population.flatMap((name) => summary.filter((row) => row.parameter === name));
      const others = summary.filter((row) => !main.includes(row));
      const against = compare(main, known);
      const first = against.key ?? summary[0].key;
      const fold = make("summary", {}, `The other ${others.length} parameters`);
      results.replaceChildren(
        paragraph(judged.passed ? "passed" : "refused", judged.words),
        ...conflicts(summary, used.priors).map((line) => paragraph("conflict", line)),
        paragraph("change", against.words),
        table(main, "Population parameters"),
        ...(others.length ? [make("details", {}, fold, table(others, "Other parameters"))] : []),
        ...posterior(found, first, known),
        paragraph("words", words),
      );
      enter("done", `Sampled${funnel ? `: ${funnel.count()}` : ""}. ${judged.short}.`);
    } catch (error) {
      if (error.name === "Stopped") return enter("ready", "Stopped.");
      enter("failed", error.message);
      if (error.input) error.input.ariaInvalid = true;
      error.input?.focus();
    } finally {
      running = null;
      bars.replaceChildren();
    }
  }

  const fields = make("div", {},
    box("priors", ...controls.map(({ body }) => body)),
    paragraph("words", "Filled: the prior chosen. Dashed: the course’s."),
    box("row", ...(changes.length ? [labelled("data", changed)] : []),
      ...(column ? [labelled("leave out", left)] : []),
      ...(forms.length ? [labelled("form", formed)] : []),
      ...(aim ? [target.body] : []), seed.body));
  fields.addEventListener("input", () => {
    for (const wrong of fields.querySelectorAll("[aria-invalid]")) wrong.ariaInvalid = false;
    if (running) return;
    enter("ready", results.firstChild ? "Changed. Below are the former draws." : "");
  });
  const still = box("still", ...[...root.childNodes].filter(({ type }) => !type));
  root.classList.add("refit");
  [root.role, root.ariaLabel] = ["group", given.title];
  root.replaceChildren(paragraph("title", given.title), fields, box("row", go, stop), bars, status,
    ...(funnel?.body ?? []), results, still);
  funnel?.begin(chosen());
  addEventListener("pagehide", () => running?.stop());
  enter("ready");
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-refit]").forEach(panel);
});
})();
