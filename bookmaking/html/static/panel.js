/* "Refit it yourself": a model is sampled in the page, with other priors, data or seed.

   A page holds <div data-refit="MODEL"> with data and the course's priors as JSON, and words that
   stand in without JavaScript and on paper. Nothing is stored or sent. */
"use strict";

(() => {
const { floor, log10, max, min } = Math;
const { entries, fromEntries, keys, values } = Object;
const STATISTICS = {
  mean: "mean", sd: "sd", lower: "2.5 %", upper: "97.5 %", mcse: "MCSE", r_hat: "R-hat",
  ess_bulk: "bulk ESS",
};

const bell = (x, mu, sigma) => Math.exp(-(((x - mu) / sigma) ** 2) / 2) / sigma;

/** A family above zero: its 0.1 % quantile, mean, 95 % and 99.9 % quantiles, for a scale of 1. */
const positive = (number, scale, density, [low, mean, most, high]) => ({
  numbers: [number],
  density,
  range: (prior) => [0, 0.7 * high * scale(prior)],
  words: (prior) => `mean ${brief(mean * scale(prior))}, 95 % below ${brief(most * scale(prior))}`,
  tails: (prior) => [low * scale(prior), high * scale(prior)],
});

/* The last number has the parameter's plain name; densities are up to a constant. */
const FAMILIES = {
  Normal: {
    numbers: ["mu", "sigma"],
    density: ({ mu, sigma }, x) => bell(x, mu, sigma),
    range: ({ mu, sigma }) => [mu - 3 * sigma, mu + 3 * sigma],
    words: ({ mu, sigma }) => `95 % within ${brief(1.96 * sigma)} of ${brief(mu)}`,
  },
  HalfNormal: positive("sigma", ({ sigma }) => sigma, ({ sigma }, x) => bell(x, 0, sigma),
    [0.001253, 0.798, 1.96, 3.291]),
  Exponential: positive("rate", ({ rate }) => 1 / rate, ({ rate }, x) => rate * Math.exp(-rate * x),
    [0.0010005, 1, 2.996, 6.908]),
  LKJ: { // of two effects: (r + 1) / 2 is Beta(eta, eta)
    numbers: ["eta"],
    density: ({ eta }, x) => (1 - x * x) ** (eta - 1),
    range: () => [-0.99, 0.99],
    words: ({ eta }) => `mean 0, sd ${brief(1 / Math.sqrt(2 * eta + 1))}`,
  },
  Flat: { numbers: [], density: () => 1, range: () => [-3, 3], words: () => "all values alike" },
};
const written = ({ family, ...prior }) =>
  `${family}(${FAMILIES[family].numbers.map((key) => brief(prior[key])).join(", ")})`;

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

/** The data without the rows that a change leaves out. */
function change(data, { leave_out, first }) {
  const names = keys(data.columns);
  const seen = new Map();
  const matches = (levels, i) =>
    entries(levels).every(([name, level]) => data.columns[name][i] === level);
  const kept = [...data.columns[names[0]].keys()].filter((i) => {
    if (leave_out && matches(leave_out, i)) return false;
    if (!first || !matches(first.where ?? {}, i)) return true;
    const level = data.columns[first.of][i];
    seen.set(level, (seen.get(level) ?? 0) + 1);
    return seen.get(level) <= first.rows;
  });
  const columns = names.map((name) => [name, kept.map((i) => data.columns[name][i])]);
  return { ...data, columns: fromEntries(columns) };
}

let count = 0;

function make(name, attributes = {}, ...children) {
  const space = /^(svg|line|path|text)$/.test(name) ? "2000/svg" : "1999/xhtml";
  const element = document.createElementNS(`http://www.w3.org/${space}`, name);
  for (const [key, value] of entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Words whose Greek letters have their indices below the line. */
const text = (words) =>
  words.split(/(?<=\p{Script=Greek})_(\p{L}+)/u)
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
    const { width, height } = svg.getBoundingClientRect();
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

/** Density of draws: normal kernels, reflected at zero where all draws are above. */
function smooth(draws, sd) {
  const width = 0.9 * sd * draws.length ** -0.2;
  const images = draws.every((draw) => draw > 0) ? [1, -1] : [1];
  const scale = Math.sqrt(2 * Math.PI) * draws.length;
  return (x) => {
    let sum = 0;
    for (const sign of images) for (const draw of draws) sum += bell(x, sign * draw, width);
    return sum / scale;
  };
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

function priorControls(name, course, symbol) {
  const start = course.family === "Flat" ? ["Flat", "Normal"] : [course.family];
  const families = FAMILIES[course.family].tails ? ["Exponential", "HalfNormal"] : start;
  const choose = select(`${name}-family`, families.map((one) => [one, one]));
  const numbers = make("div");
  const words = paragraph("words");
  let [family, fields, drawn] = [null, [], course];
  const read = () =>
    fromEntries([["family", family], ...fields.map(([key, one]) => [key, one.read()])]);
  const { svg, draw } = drawing("prior", () => {
    const curve = (prior) => (x) => FAMILIES[prior.family].density(prior, x);
    const curves = [["here", curve(drawn)], ["book", curve(course)]];
    return { range: FAMILIES[family].range(drawn), curves };
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
      const what = `The ${key} of ${symbol}’s prior`;
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
  const body = make("fieldset", {}, make("legend", {}, ...text(`Prior of ${symbol}`)),
    labelled("family", choose), numbers, svg, words,
    paragraph("words", `In the course: ${written(course)}`));
  choose.disabled = choose.length === 1;
  write(course);
  return { body, read };
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
  const words = passed ? "The draws pass the checks" : "Do not trust these draws";
  return { passed, short: words, words: `${words}: ${list(passed)}.` };
}

/** What changed against the book, in a sentence, and the parameter to look at. */
function compare(rows, book, symbol) {
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
    ? `The mean of ${symbol(row)} moved most: from ${rounded(mean, sd)} in the book to ` +
      `${rounded(row.mean, row.sd)}, by ${brief(sds)} of the book’s posterior sds`
    : "The means agree with the book’s within Monte Carlo error, at most " +
      `${brief(far)} combined MCSEs apart`;
  const end = `the sd of ${symbol(row)} is ${brief(row.sd / sd)} times the book’s`;
  return { words: `${start}; ${end}.`, key: row.key };
}

/** Standard deviations that came out where their priors hardly expect them. */
function conflicts(summary, priors, symbol) {
  return summary.flatMap((row) => {
    const prior = priors[row.key];
    const [low, high] = FAMILIES[prior?.family]?.tails?.(prior) ?? [];
    if (!(row.mean < low || row.mean > high)) return [];
    return [`Prior and data are in conflict: the posterior mean of ${symbol(row)}, ` +
      `${rounded(row.mean, row.sd)}, is in the ${row.mean < low ? "lower" : "upper"} 0.1 % tail ` +
      `of its prior, ${written(prior)}.`];
  });
}

function table(rows, label, symbol) {
  const heads = ["parameter", ...values(STATISTICS)];
  const lines = rows.map((row) => {
    const cells = keys(STATISTICS).map((statistic) => {
      const full = { "data-parameter": row.key, "data-statistic": statistic };
      return make("td", { ...full, "data-value": row[statistic] }, shown(row, statistic));
    });
    return make("tr", {}, make("th", { scope: "row" }, ...text(symbol(row))), ...cells);
  });
  const head = make("tr", {}, ...heads.map((name) => make("th", { scope: "col" }, name)));
  const body = make("tbody", {}, ...lines);
  const whole = make("table", { class: "dataframe" }, make("thead", {}, head), body);
  const region = { class: "refit-table", tabindex: 0, role: "region", "aria-label": label };
  return make("div", region, whole);
}

function posterior({ summary, draws }, first, book, symbol) {
  const pick = select("shown", summary.map((row) => [row.key, symbol(row)]));
  pick.value = first;
  const said = paragraph("words");
  const chosen = () => summary[pick.selectedIndex];
  const { svg, draw } = drawing("posterior", () => {
    const row = chosen();
    const known = book[row.key];
    const curves = [["here", smooth(draws[row.key], row.sd)]];
    if (known) curves.push(["book", (x) => bell(x, known.mean, known.sd) / Math.sqrt(2 * Math.PI)]);
    const ends = [row, known ?? row].flatMap(({ mean, sd }) => [mean - 4 * sd, mean + 4 * sd]);
    const least = row.key.startsWith("sigma") ? 0 : -Infinity;
    return { range: [max(min(...ends), least), max(...ends)], curves };
  });
  const tell = () => {
    const row = chosen();
    const moments = ({ mean, sd }) => `mean ${rounded(mean, sd)}, sd ${brief(sd)}`;
    const known = book[row.key];
    const there = known ? ` Dashed: the book’s, drawn normal, ${moments(known)}.` : "";
    said.replaceChildren(...text(`Filled: draws of ${symbol(row)}, ${moments(row)}.${there}`));
    draw();
  };
  pick.addEventListener("change", tell);
  tell();
  return [labelled("posterior of", pick), svg, said];
}

function panel(root) {
  const source = root.querySelector("script[type='application/json']");
  const given = JSON.parse(source.textContent);
  const { symbols = {}, book = {}, population = [], changes = [], form, settings } = given;
  const symbol = ({ parameter, label }) =>
    (symbols[parameter] ?? parameter) + (label === null ? "" : `[${label}]`);
  const controls = entries(given.priors).map(([name, course]) => [
    name, priorControls(name, course, symbols[name] ?? name),
  ]);
  const forms = (form?.choices ?? []).map((label) => ({ label }));
  const choice = (name, options) => select(name, options.map(({ label }, i) => [i, label]));
  const [changed, formed] = [choice("change", changes), choice("form", forms)];
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

  function read() {
    const priors = fromEntries(controls.map(([name, control]) => [name, control.read()]));
    const [one, kind] = [changes[changed.value], forms[formed.value]];
    const words = [
      ...controls.map(([name]) => `${symbols[name] ?? name} ~ ${written(priors[name])}`),
      one?.label, kind?.label, `target_accept ${target.read()}`, `seed ${seed.read()}`,
    ].filter(Boolean);
    return {
      words: `Sampled with ${words.join("; ")}.`, chains: 4, ...settings, priors,
      model: root.dataset.refit, data: change(given.data, one ?? {}), seed: seed.read(),
      targetAccept: target.read(), ...(kind && { form: kind.label }),
    };
  }

  async function sample() {
    try {
      const { words, ...used } = read();
      const made = Array.from({ length: used.chains }, () => make("progress", { value: 0 }));
      const onProgress = ({ chain, done, of }) => (made[chain].value = done / of);
      running = Refit.run({ ...used, onProgress });
      bars.replaceChildren(...made.map((bar, k) => labelled(`chain ${k + 1}`, bar)));
      results.replaceChildren();
      enter("sampling", "Sampling …");
      const found = await running;
      const { summary } = found;
      const judged = verdict(found.worst, used.chains);
      const main = population.flatMap((name) => summary.filter((row) => row.parameter === name));
      const others = summary.filter((row) => !main.includes(row));
      const against = compare(main, book, symbol);
      const first = against.key ?? summary[0].key;
      const fold = make("summary", {}, `The other ${others.length} parameters`);
      results.replaceChildren(
        paragraph(judged.passed ? "passed" : "refused", judged.words),
        ...conflicts(summary, used.priors, symbol).map((line) => paragraph("conflict", line)),
        paragraph("change", against.words),
        table(main, "Population parameters", symbol),
        make("details", {}, fold, table(others, "Other parameters", symbol)),
        ...posterior(found, first, book, symbol),
        paragraph("words", words),
      );
      enter("done", `Sampled. ${judged.short}.`);
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
    box("priors", ...controls.map(([, { body }]) => body)),
    paragraph("words", "Filled: the prior chosen. Dashed: the course’s."),
    box("row", ...(changes.length ? [labelled("data", changed)] : []),
      ...(forms.length ? [labelled("form", formed)] : []),
      ...(aim ? [target.body] : []), seed.body));
  fields.addEventListener("input", () => {
    for (const wrong of fields.querySelectorAll("[aria-invalid]")) wrong.ariaInvalid = false;
    if (running) return;
    enter("ready", results.firstChild ? "Changed. Below are the former draws." : "");
  });
  const still = box("still", ...[...root.childNodes].filter((node) => node !== source));
  root.classList.add("refit");
  [root.role, root.ariaLabel] = ["group", given.title];
  root.replaceChildren(paragraph("title", given.title), fields, box("row", go, stop), bars, status,
    results, still);
  addEventListener("pagehide", () => running?.stop());
  enter("ready");
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-refit]").forEach(panel);
});
})();
