/* The parts of the book that move: plain SVG and range inputs, no library, no network.

   A page holds <div class="explorable" data-explorable="NAME"> and, in cells tagged NAME-…, the
   tables whose numbers it starts from. Without JavaScript, the sentence inside the div remains. */
"use strict";

(() => {
  // Arithmetic, by the equations of the pages; tests/test_browser.py sets it beside the library.

  const logistic = (x) => 1 / (1 + Math.exp(-x));

  /** Weight of a cluster's own mean of n measurements, against the grand mean. */
  const weight = (sigmaAlpha, sigma, n) => sigmaAlpha ** 2 / (sigmaAlpha ** 2 + sigma ** 2 / n);

  /** Grand mean of clusters, for given standard deviations and the prior Normal(0, 1.5). */
  function grandMean(clusters, sigmaAlpha, sigma) {
    let total = 0;
    let precision = 1 / 1.5 ** 2;
    for (const { n, mean } of clusters) {
      const each = 1 / (sigmaAlpha ** 2 + sigma ** 2 / n);
      total += each * mean;
      precision += each;
    }
    return total / precision;
  }

  /** Estimate of every cluster's mean with partial pooling. */
  function shrink(clusters, sigmaAlpha, sigma) {
    const middle = grandMean(clusters, sigmaAlpha, sigma);
    return clusters.map(({ n, mean }) => middle + weight(sigmaAlpha, sigma, n) * (mean - middle));
  }

  /** Probabilities of the categories of a cumulative logit. */
  function categories(thresholds, eta) {
    const upTo = [0, ...thresholds.map((threshold) => logistic(threshold - eta)), 1];
    return upTo.slice(1).map((upper, k) => upper - upTo[k]);
  }

  /** Quantile of numbers, interpolated linearly. */
  function quantile(numbers, share) {
    const sorted = [...numbers].sort((a, b) => a - b);
    const at = share * (sorted.length - 1);
    const below = Math.floor(at);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  /** Mean and 95 % equal-tailed interval of each treatment, for an actor's effects or none. */
  function predict(draws, treatments, actor) {
    return treatments.map((treatment) => {
      const effect = (draw) => (actor ? draw[actor] : 0);
      const p = draws.map((draw) => logistic(draw.alpha_bar + effect(draw) + draw[treatment]));
      const mean = p.reduce((sum, value) => sum + value, 0) / p.length;
      return { mean, lower: quantile(p, 0.025), upper: quantile(p, 0.975) };
    });
  }

  /** Probabilities of a new actor, whose deviation is z standard deviations, in one draw. */
  const meet = (draw, treatments, z) =>
    treatments.map((treatment) =>
      logistic(draw.alpha_bar + draw.sigma_actor * z + draw[treatment]),
    );

  /** Standard normal numbers from a seed (mulberry32, Box and Muller). */
  function normals(seed) {
    let state = seed;
    const uniform = () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
    return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  }

  window.explorables = { weight, grandMean, shrink, categories, predict, meet, normals };

  // Small helpers -------------------------------------------------------------------------------

  const SVG = "http://www.w3.org/2000/svg";

  /** Make an element; attributes, then children or text. */
  function make(name, attributes = {}, ...children) {
    const isSvg = ["svg", "g", "line", "circle", "rect", "path", "text"].includes(name);
    const element = isSvg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  /** Read a table of the page: a list of rows, each with its label and its numbers by column. */
  function readTable(tag) {
    const table = document.querySelector(`.tag_${tag} table`);
    const heads = [...table.querySelectorAll("thead tr:first-child th")].map((th) => th.textContent);
    return [...table.querySelectorAll("tbody tr")].map((tr) => {
      const cells = [...tr.querySelectorAll("td")].map((td) => Number(td.textContent.replace("\u2212", "-")));
      const named = cells.map((cell, k) => [heads[heads.length - cells.length + k], cell]);
      return { label: tr.querySelector("th").textContent, ...Object.fromEntries(named) };
    });
  }

  let count = 0;

  /** A labelled range input; `change` is called with its number. */
  function slider(label, { min, max, step, value, digits, mark }, change) {
    const id = `explorable-${(count += 1)}`;
    const shown = make("output", { for: id });
    const input = make("input", { type: "range", id, min, max, step, value });
    const tell = () => {
      shown.textContent = Number(input.value).toFixed(digits);
    };
    input.addEventListener("input", () => {
      tell();
      change();
    });
    tell();
    const head = make("label", { for: id }, ...[label].flat(), " ", shown);
    const body = make("div", { class: "explorable-slider" }, head, input);
    if (mark) {
      const share = (100 * (mark.at - min)) / (max - min);
      const pointer = make("span", { class: "explorable-mark", style: `left: ${share}%` }, "▲");
      pointer.setAttribute("aria-hidden", "true");
      body.append(make("div", { class: "explorable-track" }, pointer));
      body.append(make("div", { class: "explorable-note" }, mark.text));
    }
    return {
      body,
      get value() {
        return Number(input.value);
      },
      set value(number) {
        input.value = number;
        tell();
      },
    };
  }

  function button(text, action) {
    const element = make("button", { type: "button" }, text);
    element.addEventListener("click", action);
    return element;
  }

  // Shrinkage -----------------------------------------------------------------------------------

  function shrinkage(root) {
    const people = readTable("shrinkage-people");
    const own = Object.fromEntries(readTable("shrinkage-posterior").map((r) => [r.label, r.mean]));
    const sizes = [...new Set(people.map((person) => person.n))].sort();
    const [width, height, left] = [660, 300, 44];
    const low = Math.min(...people.map((p) => p.mean)) - 0.02;
    const high = Math.max(...people.map((p) => p.mean)) + 0.02;
    const y = (value) => 20 + ((high - value) / (high - low)) * (height - 50);
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    for (let tick = Math.ceil(low * 10) / 10; tick < high; tick += 0.1) {
      svg.append(make("line", { x1: left, x2: width, y1: y(tick), y2: y(tick), class: "grid" }));
      const label = { x: left - 6, y: y(tick) + 5, "text-anchor": "end" };
      svg.append(make("text", label, tick.toFixed(1)));
    }
    const middle = svg.appendChild(make("line", { x1: left, x2: width, class: "middle" }));
    const ordered = [...people].sort((a, b) => a.n - b.n || a.mean - b.mean);
    const gap = 24;
    const step = (width - left - gap * sizes.length) / people.length;
    const marks = new Map();
    ordered.forEach((person, k) => {
      const x = left + gap / 2 + k * step + sizes.indexOf(person.n) * gap;
      const join = make("line", { x1: x, x2: x, y1: y(person.mean), class: "join" });
      const square = make("rect", { x: x - 3, width: 6, height: 6, class: "estimate" });
      const circle = make("circle", { cx: x, cy: y(person.mean), r: 3, class: "own" });
      svg.append(join, circle, square);
      marks.set(person, { join, square, x });
    });
    for (const size of sizes) {
      const xs = ordered.filter((person) => person.n === size).map((person) => marks.get(person).x);
      const at = { x: (xs[0] + xs[xs.length - 1]) / 2, y: height - 6, "text-anchor": "middle" };
      svg.append(make("text", at, `n = ${size}`));
    }

    const said = make("div", { class: "explorable-said", role: "status" });
    const draw = () => {
      const [sigmaAlpha, sigma] = [between.value, within.value];
      const grand = grandMean(people, sigmaAlpha, sigma);
      middle.setAttribute("y1", y(grand));
      middle.setAttribute("y2", y(grand));
      shrink(people, sigmaAlpha, sigma).forEach((estimate, k) => {
        const { join, square } = marks.get(people[k]);
        join.setAttribute("y2", y(estimate));
        square.setAttribute("y", y(estimate) - 3);
      });
      const [a, s] = [sigmaAlpha.toFixed(3), sigma.toFixed(3)];
      said.replaceChildren(
        make("p", {}, `The grand mean (dashed line) is ${grand.toFixed(3)}.`),
        make("p", {}, "The weight of a person's mean, with these numbers put in:"),
        make(
          "ul",
          {},
          ...sizes.map((n) => {
            const value = weight(sigmaAlpha, sigma, n).toFixed(2);
            return make("li", {}, `n = ${n}: ${a}² / (${a}² + ${s}² / ${n}) = ${value}`);
          }),
        ),
      );
    };
    const range = { min: 0, max: 0.3, step: 0.001, digits: 3 };
    const at = (name) => ({ at: own[name], text: `▲ posterior mean: ${own[name].toFixed(3)}` });
    const between = slider(
      ["σ", make("sub", {}, "α"), ", how much people differ:"],
      { ...range, value: own.sigma_alpha, mark: at("sigma_alpha") },
      draw,
    );
    const within = slider(
      "σ, how much measurements of one person differ:",
      { ...range, min: 0.005, value: own.sigma, mark: at("sigma") },
      draw,
    );
    const go = (sigmaAlpha, sigma) => () => {
      [between.value, within.value] = [sigmaAlpha, sigma];
      draw();
    };
    const buttons = make(
      "div",
      { class: "explorable-buttons" },
      button("Complete pooling", go(0, own.sigma)),
      button("As estimated from the data", go(own.sigma_alpha, own.sigma)),
      button("Hardly any pooling", go(0.3, own.sigma)),
    );
    root.replaceChildren(between.body, within.body, buttons, svg, said);
    draw();
  }

  // Thresholds and response ---------------------------------------------------------------------

  function thresholds(root) {
    const table = Object.fromEntries(readTable("thresholds-parameters").map((r) => [r.label, r.value]));
    const named = (kind) =>
      Object.entries(table).filter(([label]) => label.startsWith(`${kind}[`));
    const cuts = named("threshold").map(([, value]) => value);
    const slopes = named("beta").map(([label, value]) => [label.slice(5, -1), value]);
    const [width, height, half] = [660, 250, 340];
    const x = (value) => 10 + ((value + 7) / 14) * (half - 20);
    const base = height - 30;
    const density = (value) => logistic(value) * logistic(-value);
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const areas = Array.from({ length: cuts.length + 1 }, (_, k) =>
      svg.appendChild(make("path", { class: k % 2 ? "area odd" : "area" })),
    );
    for (const cut of cuts) {
      svg.append(make("line", { x1: x(cut), x2: x(cut), y1: 20, y2: base, class: "cut" }));
    }
    const middle = svg.appendChild(make("line", { y1: 20, y2: base, class: "middle" }));
    svg.append(make("text", { x: half / 2, y: height - 8, "text-anchor": "middle" }, "judgement"));
    const wide = (width - half - 20) / areas.length;
    const bars = areas.map((_, k) => {
      const at = half + 20 + k * wide;
      const bar = make("rect", { x: at, width: wide - 6, class: k % 2 ? "area odd" : "area" });
      const number = make("text", { x: at + (wide - 6) / 2, "text-anchor": "middle" });
      const below = { x: at + (wide - 6) / 2, y: height - 8, "text-anchor": "middle" };
      svg.append(bar, number, make("text", below, `${k + 1}`));
      return { bar, number };
    });

    const said = make("div", { class: "explorable-said", role: "status" });
    const draw = () => {
      const eta = slopes.reduce(
        (sum, [, slope], k) => sum + (boxes[k].checked ? slope : 0),
        person.value,
      );
      const edges = [-7, ...cuts, 7];
      areas.forEach((area, k) => {
        const points = Array.from({ length: 31 }, (_, i) => {
          const at = edges[k] + ((edges[k + 1] - edges[k]) * i) / 30;
          return `${x(at)},${base - density(at - eta) * 4 * (height - 60)}`;
        });
        area.setAttribute("d", `M${x(edges[k])},${base}L${points.join("L")}L${x(edges[k + 1])},${base}Z`);
      });
      middle.setAttribute("x1", x(eta));
      middle.setAttribute("x2", x(eta));
      const probabilities = categories(cuts, eta);
      probabilities.forEach((probability, k) => {
        const tall = probability * (height - 70);
        bars[k].bar.setAttribute("y", base - tall);
        bars[k].bar.setAttribute("height", tall);
        bars[k].number.setAttribute("y", base - tall - 5);
        bars[k].number.textContent = `${(100 * probability).toFixed(0)}\u00a0%`;
      });
      const average = probabilities.reduce((sum, p, k) => sum + p * (k + 1), 0);
      const listed = probabilities.map((p, k) => `${k + 1}: ${(100 * p).toFixed(0)}\u00a0%`).join(", ");
      said.replaceChildren(
        make("p", {}, `η = ${eta.toFixed(2)} (dashed line). Responses ${listed}.`),
        make("p", {}, `The average response is ${average.toFixed(2)}.`),
      );
    };
    const boxes = slopes.map(() => make("input", { type: "checkbox" }));
    const choices = slopes.map(([name, slope], k) => {
      boxes[k].addEventListener("change", draw);
      return make("label", {}, boxes[k], ` ${name} (${slope.toFixed(1).replace("-", "−")})`);
    });
    const person = slider(
      "the person's intercept, α:",
      { min: -4, max: 4, step: 0.1, value: 0, digits: 1 },
      draw,
    );
    const fieldset = make("fieldset", {}, make("legend", {}, "The case has"), ...choices);
    root.replaceChildren(fieldset, person.body, svg, said);
    draw();
  }

  // Same, average, new --------------------------------------------------------------------------

  function predictions(root) {
    const draws = readTable("predictions-draws");
    const treatments = Object.keys(draws[0]).filter((name) => name.includes("/"));
    const actors = Object.keys(draws[0]).filter((name) => name.startsWith("actor "));
    const [width, height, left] = [660, 300, 44];
    const y = (value) => 15 + (1 - value) * (height - 50);
    const x = (k) => left + ((k + 0.5) * (width - left)) / treatments.length;
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
      svg.append(make("line", { x1: left, x2: width, y1: y(tick), y2: y(tick), class: "grid" }));
      const label = { x: left - 6, y: y(tick) + 5, "text-anchor": "end" };
      svg.append(make("text", label, tick.toFixed(2)));
    }
    treatments.forEach((name, k) => {
      svg.append(make("text", { x: x(k), y: height - 8, "text-anchor": "middle" }, name));
    });
    const lines = svg.appendChild(make("g"));
    const path = (values) => `M${values.map((value, k) => `${x(k)},${y(value)}`).join("L")}`;
    const percent = (value) => `${(100 * value).toFixed(0)}\u00a0%`;

    const said = make("div", { class: "explorable-said", role: "status" });
    let [normal, met] = [normals(1), 0];
    const oneMore = () => {
      const values = meet(draws[met % draws.length], treatments, normal());
      met += 1;
      for (const line of lines.children) line.setAttribute("class", "met");
      lines.append(make("path", { d: path(values), class: "met newest" }));
      const listed = treatments.map((name, k) => `${name} ${percent(values[k])}`).join(", ");
      const text = `New chimpanzee number ${met} pulls left with the probabilities ${listed}.`;
      said.replaceChildren(make("p", {}, text));
    };
    const summary = (actor, name) => {
      const found = predict(draws, treatments, actor);
      const [uppers, lowers] = [found.map((f) => f.upper), found.map((f) => f.lower).reverse()];
      const back = lowers.map((value, k) => `${x(treatments.length - 1 - k)},${y(value)}`);
      lines.append(
        make("path", { d: `${path(uppers)}L${back.join("L")}Z`, class: "band" }),
        make("path", { d: path(found.map((f) => f.mean)), class: "met newest" }),
      );
      const listed = treatments.map((treatment, k) => {
        const { mean, lower, upper } = found[k];
        return `${treatment} ${percent(mean)} (${percent(lower)} to ${percent(upper)})`;
      });
      const text = `${name} pulls left with the probabilities ${listed.join(", ")}: `;
      said.replaceChildren(make("p", {}, text, "means and 95\u00a0% equal-tailed intervals."));
    };

    const choose = make("select", {}, ...actors.map((name) => make("option", {}, name)));
    const which = make("label", {}, "which one: ", choose);
    const start = button("Start again", () => draw());
    const more = button("Meet one more", oneMore);
    const buttons = make("div", { class: "explorable-buttons" }, more, start);
    const kinds = ["one of the seven", "the average chimpanzee", "new chimpanzees"];
    const radios = kinds.map((_, k) =>
      make("input", { type: "radio", name: "predictions-kind", value: k }),
    );
    const draw = () => {
      const kind = radios.findIndex((radio) => radio.checked);
      which.hidden = kind !== 0;
      buttons.hidden = kind !== 2;
      lines.replaceChildren();
      [normal, met] = [normals(1), 0];
      if (kind === 0) summary(choose.value, choose.value.replace("actor", "Actor"));
      if (kind === 1) summary(null, "The average chimpanzee");
      if (kind === 2) oneMore();
    };
    radios[0].checked = true;
    for (const input of [...radios, choose]) input.addEventListener("change", draw);
    const labels = kinds.map((text, k) => make("label", {}, radios[k], ` ${text}`));
    const fieldset = make("fieldset", {}, make("legend", {}, "A prediction for"), ...labels);
    root.replaceChildren(fieldset, which, buttons, svg, said);
    draw();
  }

  // Start ---------------------------------------------------------------------------------------

  const KINDS = { shrinkage, predictions, thresholds };
  document.addEventListener("DOMContentLoaded", () => {
    for (const root of document.querySelectorAll("[data-explorable]")) {
      KINDS[root.dataset.explorable](root);
    }
  });
})();
