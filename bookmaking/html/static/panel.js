/* "Refit it yourself": priors, data and seed are changed in the page, and its model is sampled anew.

   A page holds <div data-refit="MODEL"> with the model's data and the course's priors as JSON, and
   words that stand in for the panel without JavaScript and on paper. Nothing is stored or sent. */
"use strict";

(() => {
  const LIMITS = { r_hat: 1.01, ess: 400, e_bfmi: 0.3, errors: 5, tail: 0.001 }; // as ml.diagnose
  const STATISTICS = {
    mean: "mean", sd: "sd", lower: "2.5 %", upper: "97.5 %", mcse: "MCSE", r_hat: "R-hat",
    ess_bulk: "bulk ESS",
  };

  // Distributions of priors: their numbers, the last of which has the parameter's plain name ------

  /** Distribution function of a standard normal variable (Abramowitz & Stegun 1964, 26.2.17). */
  function below(z) {
    if (z < 0) return 1 - below(-z);
    const t = 1 / (1 + 0.2316419 * z);
    const weights = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153];
    const tail = weights.reduce((sum, weight) => (sum + weight) * t, 0);
    return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * tail;
  }

  const normal = (x, mu, sigma) =>
    Math.exp(-(((x - mu) / sigma) ** 2) / 2) / (sigma * Math.sqrt(2 * Math.PI));

  const FAMILIES = {
    Normal: {
      numbers: { mu: "real", sigma: "positive" },
      density: ({ mu, sigma }, x) => normal(x, mu, sigma),
      range: ({ mu, sigma }) => [mu - 3 * sigma, mu + 3 * sigma],
      words: ({ mu, sigma }) =>
        `95 % from ${brief(mu - 1.96 * sigma)} to ${brief(mu + 1.96 * sigma)}`,
    },
    HalfNormal: {
      numbers: { sigma: "positive" },
      density: ({ sigma }, x) => (x < 0 ? 0 : 2 * normal(x, 0, sigma)),
      range: ({ sigma }) => [0, 3 * sigma],
      words: ({ sigma }) => `mean ${brief(0.7979 * sigma)}, 95 % below ${brief(1.96 * sigma)}`,
      upTo: ({ sigma }, x) => 2 * below(x / sigma) - 1,
      mean: Math.sqrt(2 / Math.PI), // of a sigma of 1
    },
    Exponential: {
      numbers: { rate: "positive" },
      density: ({ rate }, x) => (x < 0 ? 0 : rate * Math.exp(-rate * x)),
      range: ({ rate }) => [0, 4.6 / rate],
      words: ({ rate }) => `mean ${brief(1 / rate)}, 95 % below ${brief(2.996 / rate)}`,
      upTo: ({ rate }, x) => 1 - Math.exp(-rate * x),
    },
    LKJ: {
      numbers: { eta: "positive" }, // of two effects: (r + 1) / 2 is Beta(eta, eta)
      density: ({ eta }, x) => (x < -1 || x > 1 ? 0 : (1 - x * x) ** (eta - 1)),
      range: () => [-0.999, 0.999],
      words: ({ eta }) => `correlation: mean 0, sd ${brief(1 / Math.sqrt(2 * eta + 1))}`,
    },
    Flat: { numbers: {}, density: () => 1, range: () => [-3, 3], words: () => "all values alike" },
  };
  const EXCHANGEABLE = [["Exponential", "HalfNormal"], ["Flat", "Normal"]];

  /** Another family's numbers, as wide as a prior is. */
  function translate(prior, family) {
    const { mean } = FAMILIES.HalfNormal;
    const round = (x) => Number(x.toPrecision(3));
    if (family === "HalfNormal") return { family, sigma: round(1 / (prior.rate * mean)) };
    if (family === "Exponential") return { family, rate: round(1 / (prior.sigma * mean)) };
    return family === "Normal" ? { family, mu: 0, sigma: 1 } : { family };
  }

  const written = ({ family, ...prior }) =>
    `${family}(${Object.keys(FAMILIES[family].numbers).map((key) => brief(prior[key])).join(", ")})`;

  // Words and numbers -----------------------------------------------------------------------------

  const minus = (text) => `${text}`.replace(/-/g, "−");
  const brief = (x) => minus(Number(x.toPrecision(3)));

  /** A number with two digits of its standard deviation. */
  const rounded = (x, sd) =>
    minus(x.toFixed(Math.min(Math.max(1 - Math.floor(Math.log10(sd)), 0), 8)));

  function shown(row, statistic) {
    const value = row[statistic];
    if (!Number.isFinite(value)) return "undefined";
    if (statistic === "r_hat") return value.toFixed(4);
    if (statistic === "ess_bulk") return Math.floor(value).toFixed(0);
    return statistic === "mcse" ? minus(Number(value.toPrecision(2))) : rounded(value, row.sd);
  }

  /** The rows of the data that a change leaves. */
  function change(data, { leave_out, first }) {
    const names = Object.keys(data.columns);
    const [seen, kept] = [new Map(), []];
    const matches = (levels, i) =>
      Object.entries(levels).every(([name, level]) => `${data.columns[name][i]}` === `${level}`);
    for (let i = 0; i < data.columns[names[0]].length; i++) {
      if (leave_out && matches(leave_out, i)) continue;
      if (first && matches(first.where ?? {}, i)) {
        const level = data.columns[first.of][i];
        seen.set(level, (seen.get(level) ?? 0) + 1);
        if (seen.get(level) > first.rows) continue;
      }
      kept.push(i);
    }
    const columns = names.map((name) => [name, kept.map((i) => data.columns[name][i])]);
    return { ...data, columns: Object.fromEntries(columns) };
  }

  // Elements --------------------------------------------------------------------------------------

  const SVG = ["svg", "line", "path", "text"];
  let count = 0;

  function make(name, attributes = {}, ...children) {
    const element = SVG.includes(name)
      ? document.createElementNS("http://www.w3.org/2000/svg", name)
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  /** Text whose Greek letters have their indices below the line. */
  const text = (words) =>
    words.split(/(\p{Script=Greek}_\p{L}+)/u).flatMap((part, i) => {
      if (i % 2 === 0) return [part];
      const [letter, index] = part.split("_");
      return [letter, make("sub", {}, index)];
    });

  const paragraph = (words, kind) => make("p", { class: kind }, ...text(words));

  /** Put a label before a control. */
  function labelled(words, control) {
    control.id = `refit-${(count += 1)}`;
    return make("span", { class: "refit-field" },
      make("label", { for: control.id }, ...text(words)), control);
  }

  const select = (name, labels) =>
    make("select", { name }, ...labels.map((label, value) => make("option", { value }, label)));

  function button(action, words, act) {
    const element = make("button", { type: "button", "data-action": action }, words);
    element.addEventListener("click", () => {
      if (element.getAttribute("aria-disabled") !== "true") act();
    });
    return element;
  }

  /** A drawing of densities, made anew at each size; `plot()` returns the range and the curves. */
  function drawing(kind, plot) {
    const svg = make("svg", { class: kind, "aria-hidden": "true" });
    const draw = () => {
      const { width, height } = svg.getBoundingClientRect();
      const plotted = width > 0 && plot();
      if (!plotted) return;
      const { range: [low, high], curves, mark } = plotted;
      const bottom = height - 22;
      const x = (value) => ((value - low) / (high - low)) * width;
      const places = Array.from({ length: 201 }, (_, i) => low + ((high - low) * i) / 200);
      const heights = curves.map(({ density }) => places.map(density));
      const most = Math.max(...heights.flat());
      const path = (values) =>
        places.map((at, i) => `${x(at).toFixed(1)} ${(bottom - (values[i] / most) * (bottom - 6)).toFixed(1)}`);
      const rough = (high - low) / Math.max(2, Math.floor(width / 90));
      const power = 10 ** Math.floor(Math.log10(rough));
      const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
      const digits = Math.max(0, -Math.floor(Math.log10(step)));
      const ticks = [];
      for (let k = Math.ceil(low / step); k * step <= high; k++) ticks.push(k * step);
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.replaceChildren(
        ...curves.map(({ kind: drawn }, i) => {
          const line = path(heights[i]).join("L");
          const closed = `M0 ${bottom}L${line}L${width} ${bottom}Z`;
          return make("path", { class: drawn, d: drawn === "here" ? closed : `M${line}` });
        }),
        make("line", { x1: 0, x2: width, y1: bottom, y2: bottom, class: "axis" }),
        ...(mark > low && mark < high
          ? [make("line", { x1: x(mark), x2: x(mark), y1: 6, y2: bottom, class: "mark" })]
          : []),
        ...ticks.map((tick) => {
          const end = x(tick) < 16 ? "start" : x(tick) > width - 16 ? "end" : "middle";
          const at = { x: x(tick), y: bottom + 17, "text-anchor": end };
          return make("text", at, minus(tick.toFixed(digits)));
        }),
      );
    };
    new ResizeObserver(draw).observe(svg);
    return { svg, draw };
  }

  /** Density of draws: normal kernels, reflected at zero where all draws are above. */
  function smooth(draws, sd) {
    const width = 0.9 * sd * draws.length ** -0.2;
    const positive = draws.every((draw) => draw > 0);
    return (x) => {
      if (positive && x < 0) return 0;
      let sum = 0;
      for (const draw of draws) {
        sum += Math.exp(-(((x - draw) / width) ** 2) / 2);
        if (positive) sum += Math.exp(-(((x + draw) / width) ** 2) / 2);
      }
      return sum / (draws.length * width * Math.sqrt(2 * Math.PI));
    };
  }

  // Fields ----------------------------------------------------------------------------------------

  const ALLOWED = {
    real: ["a number", Number.isFinite],
    positive: ["a number above zero", (x) => Number.isFinite(x) && x > 0],
    share: ["a number between 0 and 1", (x) => x > 0 && x < 1],
    whole: ["a whole number from 0", (x) => Number.isSafeInteger(x) && x >= 0],
  };

  /** A field of a number; `read()` throws an Error with words and the field if it is wrong. */
  function field(name, label, what, kind, value) {
    const input = make("input", { type: "number", name, step: "any", value });
    const body = labelled(label, input);
    const [allowed, isAllowed] = ALLOWED[kind];
    const read = () => {
      const number = input.value === "" ? NaN : Number(input.value);
      if (isAllowed(number)) return number;
      const is = input.validity.badInput ? "what stands there is no number"
        : input.value === "" ? "the field is empty" : `${input.value} is not`;
      const words = `${what} (field ${name}) is ${allowed}; ${is}.`;
      throw Object.assign(new Error(words), { field: input });
    };
    return { body, input, read };
  }

  /** A number with a slider beside it; one above zero moves by factors, up to 100 either way. */
  function numberWithSlider(name, label, what, kind, value, span) {
    const result = field(name, label, what, kind, value);
    const { input, body } = result;
    const byFactors = kind === "positive";
    const middle = byFactors ? Math.log10(value) : value;
    const reach = byFactors ? 2 : span;
    const slider = make("input", {
      type: "range", min: middle - reach, max: middle + reach, step: reach / 200, value: middle,
      "aria-label": `slider: ${what}`,
    });
    const told = () => slider.setAttribute("aria-valuetext", input.value);
    slider.addEventListener("input", () => {
      const at = byFactors ? 10 ** slider.value : Number(slider.value);
      input.value = Number(at.toPrecision(3));
      told();
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
    input.addEventListener("input", (event) => {
      const number = Number(input.value);
      if (event.isTrusted && number > (byFactors ? 0 : -Infinity)) {
        slider.value = byFactors ? Math.log10(number) : number;
      }
      told();
    });
    told();
    body.append(slider);
    return result;
  }

  /** The controls of one prior. */
  function priorControls(name, course, symbol, book) {
    const families = EXCHANGEABLE.find((pair) => pair.includes(course.family)) ?? [course.family];
    const choose = select(`${name}-family`, families);
    for (const option of choose.options) option.value = option.textContent;
    const numbers = make("div");
    const words = paragraph("", "refit-words");
    let current = course;
    let fields = {};
    const read = () => {
      const values = Object.entries(fields).map(([key, { read: number }]) => [key, number()]);
      return { family: current.family, ...Object.fromEntries(values) };
    };
    const { svg, draw } = drawing("refit-prior", () => {
      try {
        const prior = read();
        const of = (p) => (x) => FAMILIES[p.family].density(p, x);
        const curves = [{ kind: "here", density: of(prior) }];
        if (course.family !== "Flat") curves.push({ kind: "book", density: of(course) });
        return { range: FAMILIES[prior.family].range(prior), curves, mark: book?.mean };
      } catch {
        return null; // the last one stays until the field is right
      }
    });
    const tell = () => {
      draw();
      try {
        const prior = read();
        words.textContent = `${written(prior)}: ${FAMILIES[prior.family].words(prior)}`;
      } catch (error) {
        words.replaceChildren(...text(error.message));
      }
    };
    const write = (prior) => {
      current = prior;
      choose.value = prior.family;
      const { numbers: needed } = FAMILIES[prior.family];
      const keys = Object.keys(needed);
      fields = Object.fromEntries(keys.map((key, i) => {
        const own = i === keys.length - 1 ? name : `${name}-${key}`;
        const what = `the ${key} of ${symbol}’s prior`;
        const kind = needed[key];
        return [key, numberWithSlider(own, key, what, kind, prior[key], 3 * (prior.sigma ?? 1))];
      }));
      numbers.replaceChildren(...Object.values(fields).map(({ body }) => body));
      tell();
    };
    choose.addEventListener("change", () => {
      let before = course;
      try {
        before = read();
      } catch {
        // A wrong number has no counterpart: that of the course is taken.
      }
      write(choose.value === course.family ? course : translate(before, choose.value));
    });
    numbers.addEventListener("input", tell);
    const family = families.length > 1
      ? labelled("family", choose)
      : make("span", { class: "refit-field" }, course.family);
    const body = make("fieldset", { class: "refit-control" },
      make("legend", {}, ...text(`Prior of ${symbol}`)), family, numbers, svg, words,
      paragraph(`In the course: ${written(course)}`, "refit-words"));
    write(course);
    return { body, read, reset: () => write(course) };
  }

  // What comes out --------------------------------------------------------------------------------

  /** Whether the draws can be trusted, in words; the limits are those of the course. */
  function verdict({ divergences, r_hat, ess_bulk, ess_tail, e_bfmi, tree_depth }) {
    const ess = Math.min(ess_bulk, ess_tail);
    const facts = [
      [divergences === 0, `${divergences} divergences`],
      [r_hat < LIMITS.r_hat, `R-hat at most ${r_hat.toFixed(4)} (limit ${LIMITS.r_hat})`],
      [ess > LIMITS.ess, `ESS at least ${Math.floor(ess)} (limit ${LIMITS.ess})`],
    ];
    if (!(e_bfmi > LIMITS.e_bfmi)) facts.push([false, `E-BFMI ${e_bfmi.toFixed(2)} in a chain`]);
    if (tree_depth) facts.push([false, `${tree_depth} transitions were cut at tree depth 10`]);
    const list = (good) => facts.filter(([ok]) => ok === good).map(([, words]) => words).join(", ");
    if (!list(false)) return ["passed", `The draws pass the checks: ${list(true)}.`];
    const rest = list(true) && ` Within the limits: ${list(true)}.`;
    return ["refused", `Do not trust these draws: ${list(false)}.${rest}`];
  }

  /** What changed against the book, in a sentence, and the parameter that moved most. */
  function compare(rows, book, symbol) {
    const known = rows.filter(({ key }) => book[key]).map((row) => {
      const { mean, sd, mcse = row.mcse, mcse_sd = row.mcse_sd } = book[row.key];
      return {
        row, mean, sd,
        errors: Math.abs(row.mean - mean) / Math.hypot(row.mcse, mcse),
        ofSd: Math.abs(row.sd - sd) / Math.hypot(row.mcse_sd, mcse_sd),
        sds: Math.abs(row.mean - mean) / sd,
      };
    });
    if (!known.length) return ["", null];
    const most = (part) => known.reduce((a, b) => (b[part] > a[part] ? b : a));
    const [far, moved, spread] = [most("errors"), most("sds"), most("ofSd")];
    const times = (one) => `${brief(one.row.sd / one.sd)} times the book’s`;
    if (far.errors > LIMITS.errors) {
      const { row, mean, sd, sds, errors } = moved;
      const words = `The mean of ${symbol(row)} moved most: from ${rounded(mean, sd)} in the book ` +
        `to ${rounded(row.mean, row.sd)}, by ${brief(sds)} of the book’s posterior sds ` +
        `(${brief(errors)} combined MCSEs), and its sd is ${times(moved)}.`;
      return [words, row.key];
    }
    const same = "The means agree with the book’s within Monte Carlo error: they differ by at " +
      `most ${brief(far.errors)} combined MCSEs`;
    if (spread.ofSd <= LIMITS.errors) return [`${same}.`, moved.row.key];
    return [`${same}, but the sd of ${symbol(spread.row)} is ${times(spread)}.`, spread.row.key];
  }

  /** Standard deviations that came out where their priors hardly expect them. */
  function conflicts(summary, priors, symbol) {
    return summary.flatMap((row) => {
      const prior = priors[row.key];
      const upTo = FAMILIES[prior?.family]?.upTo?.(prior, row.mean) ?? 0.5;
      const side = upTo < LIMITS.tail ? "lowest" : upTo > 1 - LIMITS.tail ? "highest" : null;
      if (!side) return [];
      return [`Prior and data are in conflict: the posterior mean of ${symbol(row)}, ` +
        `${rounded(row.mean, row.sd)}, is among the ${side} 0.1 % of its prior, ${written(prior)}.`];
    });
  }

  function table(rows, label, symbol, book) {
    const heads = Object.values(STATISTICS);
    if (book) heads.push("mean in the book");
    const cells = (row) => [
      ...Object.keys(STATISTICS).map((statistic) => make("td", {
        "data-parameter": row.key, "data-statistic": statistic, "data-value": row[statistic],
      }, shown(row, statistic))),
      ...(book ? [make("td", {}, book[row.key] ? rounded(book[row.key].mean, book[row.key].sd) : "")] : []),
    ];
    const head = make("tr", {}, ...["parameter", ...heads].map((name) => make("th", { scope: "col" }, name)));
    const body = rows.map((row) =>
      make("tr", {}, make("th", { scope: "row" }, ...text(symbol(row))), ...cells(row)));
    const whole = make("table", { class: "dataframe" }, make("caption", {}, label),
      make("thead", {}, head), make("tbody", {}, ...body));
    const region = { class: "refit-table", tabindex: 0, role: "region", "aria-label": label };
    return make("div", region, whole);
  }

  // The panel -------------------------------------------------------------------------------------

  function panel(root) {
    const source = root.querySelector("script[type='application/json']");
    const given = JSON.parse(source.textContent);
    const { symbols = {}, book = {}, population = [], changes = [], form, settings } = given;
    const symbol = ({ parameter, label }) =>
      (symbols[parameter] ?? parameter) + (label === null ? "" : `[${label}]`);
    const controls = Object.entries(given.priors).map(([name, { scale, ...prior }]) => {
      const course = scale === undefined ? prior : { ...prior, rate: 1 / scale };
      return [name, priorControls(name, course, symbols[name] ?? name, book[name])];
    });
    const changed = select("change", changes.map(({ label }) => label));
    const forms = (form?.choices ?? []).map((choice) =>
      typeof choice === "string" ? { label: choice, value: choice } : choice);
    const formed = select("form", forms.map(({ label }) => label));
    const seed = field("seed", "seed", "the seed", "whole", given.seed ?? 1);
    const target = field("target_accept", "target_accept", "target_accept", "share",
      given.target_accept ?? 0.9);
    const rest = [
      ...(changes.length ? [labelled("data", changed)] : []),
      ...(forms.length ? [labelled("form", formed)] : []),
      ...(given.target_accept ? [target.body] : []),
      seed.body,
    ];
    const status = make("p", { role: "status", class: "refit-status" });
    const bars = make("div", { class: "refit-progress" });
    const results = make("div", { class: "refit-results" });
    let running = null;
    let chosen = null; // the parameter last chosen to be drawn

    const enter = (state, words) => {
      root.dataset.state = state;
      status.replaceChildren(...text(words));
      go.setAttribute("aria-disabled", state === "sampling");
      stop.setAttribute("aria-disabled", state !== "sampling");
    };

    const fail = (error) => {
      const { message } = error;
      enter("failed", message[0].toUpperCase() + message.slice(1));
      error.field?.setAttribute("aria-invalid", "true");
      error.field?.focus();
    };

    function readSettings() {
      const priors = Object.fromEntries(controls.map(([name, { read }]) => [name, read()]));
      const data = change(given.data, changes[changed.value] ?? {});
      return {
        ...settings, model: root.dataset.refit, data, priors, seed: seed.read(),
        targetAccept: target.read(), ...(forms.length && { form: forms[formed.value].value }),
      };
    }

    async function sample() {
      for (const input of root.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
      const before = performance.now();
      let used;
      try {
        used = readSettings();
        const chains = used.chains ?? 4;
        const made = Array.from({ length: chains }, (_, k) => {
          const bar = make("progress", { value: 0, max: 1 });
          return { bar, body: labelled(`chain ${k + 1}`, bar) };
        });
        const onProgress = ({ chain, done, of }) => {
          made[chain].bar.value = done / of;
        };
        running = Refit.run({ ...used, onProgress });
        bars.replaceChildren(...made.map(({ body }) => body));
        results.replaceChildren();
        enter("sampling", `Sampling ${chains} chains …`);
        const found = await running;
        report(found, used);
        const seconds = ((performance.now() - before) / 1000).toFixed(1);
        enter("done", `Sampled in ${seconds} seconds. ${verdict(found.worst)[1]}`);
      } catch (error) {
        if (error.name === "Stopped") enter("ready", "Stopped: there are no draws.");
        else fail(error);
      } finally {
        running = null;
        bars.replaceChildren();
      }
    }

    function report({ summary, draws, worst }, { priors, seed: used }) {
      const inAll = population.flatMap((name) => summary.filter((row) => row.parameter === name || row.key === name));
      const others = summary.filter((row) => !inAll.includes(row));
      const [sentence, moved] = compare(inAll, book, symbol);
      const keys = summary.map(({ key }) => key);
      const pick = make("select", { name: "shown" },
        ...summary.map((row) => make("option", { value: row.key }, symbol(row))));
      pick.value = keys.includes(chosen) ? chosen : moved ?? inAll[0]?.key ?? keys[0];
      const kernels = {};
      const said = paragraph("", "refit-words");
      const { svg, draw } = drawing("refit-posterior", () => {
        const row = summary[keys.indexOf(pick.value)];
        const known = book[row.key];
        const density = (kernels[row.key] ??= smooth(draws[row.key], row.sd));
        const curves = [{ kind: "here", density }];
        const ends = [row.mean - 4 * row.sd, row.mean + 4 * row.sd];
        if (known) {
          curves.push({ kind: "book", density: (x) => normal(x, known.mean, known.sd) });
          ends.push(known.mean - 4 * known.sd, known.mean + 4 * known.sd);
        }
        const low = Math.min(...ends);
        const isScale = FAMILIES[priors[row.key]?.family]?.upTo;
        return { range: [isScale ? Math.max(low, 0) : low, Math.max(...ends)], curves };
      });
      const tell = () => {
        draw();
        const row = summary[keys.indexOf(pick.value)];
        const known = book[row.key];
        const here = `Filled: these draws of ${symbol(row)}, mean ${rounded(row.mean, row.sd)}, ` +
          `sd ${brief(row.sd)}.`;
        const there = known && ` Dashed: the book’s, mean ${rounded(known.mean, known.sd)}, sd ` +
          `${brief(known.sd)}, as a normal distribution.`;
        said.replaceChildren(...text(here + (there ?? "")));
      };
      pick.addEventListener("change", () => {
        chosen = pick.value;
        tell();
      });
      const [kind, words] = verdict(worst);
      const used_ = controls.map(([name]) => `${symbols[name] ?? name} ~ ${written(priors[name])}`);
      const with_ = [changes[changed.value]?.label, forms[formed.value]?.label].filter(Boolean);
      results.replaceChildren(
        paragraph(words, `refit-verdict refit-${kind}`),
        ...conflicts(summary, priors, symbol).map((said_) => paragraph(said_, "refit-conflict")),
        ...(sentence ? [paragraph(sentence, "refit-change")] : []),
        ...(inAll.length ? [table(inAll, "Population parameters", symbol, book)] : []),
        ...(others.length
          ? [make("details", {}, make("summary", {}, `The other ${others.length} parameters`),
              table(others, "Other parameters", symbol))]
          : []),
        labelled("posterior of", pick), svg, said,
        paragraph(`Sampled with ${[...used_, ...with_, `seed ${used}`].join("; ")}.`, "refit-words"),
      );
      tell();
    }

    const go = button("sample", "Sample", sample);
    const stop = button("stop", "Stop", () => running?.stop());
    const back = button("reset", "Back to the course’s priors", () => {
      for (const [, { reset }] of controls) reset();
      touched();
    });
    /** What is shown belongs to the settings it names, no longer to those of the fields. */
    function touched() {
      if (root.dataset.state === "sampling") return;
      enter("ready", results.firstChild ? "Changed: sample again. Below are the former draws." : "");
    }
    const fields = make("div", {},
      make("div", { class: "refit-priors" }, ...controls.map(([, { body }]) => body)),
      make("p", { class: "refit-words" }, "Filled: the prior chosen. Dashed: the course’s. " +
        "Upright line: the posterior mean in the book, where it is in sight."),
      make("div", { class: "refit-row" }, ...rest));
    fields.addEventListener("input", ({ target: { attributes } }) => {
      attributes.getNamedItem("aria-invalid")?.ownerElement.removeAttribute("aria-invalid");
      touched();
    });
    const still = make("div", { class: "refit-still" });
    still.append(...[...root.childNodes].filter((node) => node !== source));
    const title = `refit-${(count += 1)}`;
    root.classList.add("refit");
    root.setAttribute("role", "group");
    root.setAttribute("aria-labelledby", title);
    root.replaceChildren(
      make("p", { class: "refit-title", id: title }, given.title ?? "Refit it yourself"),
      fields, make("div", { class: "refit-row" }, go, stop, back), bars, status, results, still);
    addEventListener("pagehide", () => running?.stop());
    enter("ready", "");
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (!globalThis.Refit) return; // the words remain
    for (const root of document.querySelectorAll("[data-refit]")) panel(root);
  });
})();
