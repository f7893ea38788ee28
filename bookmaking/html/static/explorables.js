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

  const signed = (number, digits) => number.toFixed(digits).replace("-", "−");
  const percent = (share) => `${(100 * share).toFixed(0)}\u00a0%`;

  /** Read a table of the page: a list of rows, each with its label and its numbers by column. */
  function readTable(tag) {
    const table = document.querySelector(`.tag_${tag} table`);
    const heads = [...table.querySelectorAll("thead tr:first-child th")].map((th) => th.textContent);
    return [...table.querySelectorAll("tbody tr")].map((tr) => {
      const written = [...tr.querySelectorAll("td")].map((td) => td.textContent);
      const cells = written.map((text) => Number(text.replace("−", "-"))); // undoes `signed`
      const named = cells.map((cell, k) => [heads[heads.length - cells.length + k], cell]);
      return { label: tr.querySelector("th")?.textContent, ...Object.fromEntries(named) };
    });
  }

  let count = 0;

  /** A note that points up at a place of a slider, and runs to the side with more room. */
  function note({ at, text }, min, max) {
    const share = (at - min) / (max - min);
    const pointer = make("span", { class: "explorable-mark", "aria-hidden": "true" }, "▲");
    const [side, from] = share < 0.5 ? ["left", share] : ["right", 1 - share];
    const words = side === "left" ? [pointer, " ", text] : [text, " ", pointer];
    const style = `${side}: calc(${100 * from}% - 0.5em)`;
    return make("span", { class: "explorable-note", style }, ...words);
  }

  /** A labelled range input; `change` is called with its number. */
  function slider(label, { min, max, step, value, digits, mark }, change) {
    const id = `explorable-${(count += 1)}`;
    const shown = make("output", { for: id });
    const input = make("input", { type: "range", id, min, max, step, value });
    const tell = () => {
      shown.textContent = signed(Number(input.value), digits);
    };
    input.addEventListener("input", () => {
      tell();
      change();
    });
    tell();
    const head = make("label", { for: id }, ...[label].flat(), " ", shown);
    const body = make("div", { class: "explorable-slider" }, head, input);
    if (mark) body.append(make("div", { class: "explorable-track" }, note(mark, min, max)));
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

  /** A drawing; `paint` makes its parts anew at each size, so that letters keep theirs. */
  function drawing(paint) {
    const svg = make("svg", { "aria-hidden": "true" });
    const draw = () => {
      const { clientWidth: width, clientHeight: height } = svg;
      if (width <= 2 * LEFT) return; // not laid out yet: it is drawn when it is
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.replaceChildren(...paint(width, height));
    };
    new ResizeObserver(draw).observe(svg);
    return { svg, draw };
  }

  const [LEFT, TOP, BOTTOM] = [40, 36, 44]; // room around a panel for its numbers and names

  const word = (text, x, y, anchor) => make("text", { x, y, "text-anchor": anchor }, text);

  const upright = (x, { top, bottom }, kind) =>
    make("line", { x1: x, x2: x, y1: top, y2: bottom, class: kind });

  /** Names of both axes of a panel, and their ticks: pairs of a place and a text. */
  function axes({ left, right, top, bottom }, [xName, xTicks], [yName, yTicks]) {
    const level = (y) => make("line", { x1: left, x2: right, y1: y, y2: y, class: "grid" });
    return [
      ...yTicks.flatMap(([y, text]) => [level(y), word(text, left - 6, y + 5, "end")]),
      ...xTicks.map(([x, text]) => word(text, x, bottom + 18, "middle")),
      word(xName, (left + right) / 2, bottom + 38, "middle"),
      word(yName, yTicks.length ? left - LEFT : left, top - 22, "start"),
    ];
  }

  /** Put an explorable in the place of the sentence that stands in for it, which paper keeps. */
  function place(root, ...parts) {
    const still = make("p", { class: "explorable-still" }, ...root.childNodes);
    root.replaceChildren(...parts, still);
  }

  // Shrinkage -----------------------------------------------------------------------------------

  function shrinkage(root) {
    const people = readTable("shrinkage-people");
    const own = Object.fromEntries(readTable("shrinkage-posterior").map((r) => [r.label, r.mean]));
    const ordered = [...people].sort((a, b) => a.n - b.n || a.mean - b.mean);
    const sizes = [...new Set(ordered.map((person) => person.n))];
    const low = Math.min(...people.map((person) => person.mean)) - 0.02;
    const high = Math.max(...people.map((person) => person.mean)) + 0.02;
    const levels = [];
    for (let tick = Math.ceil(low * 10) / 10; tick < high; tick += 0.1) levels.push(tick);
    let columns = []; // where the people stand, in their order
    let [chosen, pointed] = [null, null];

    const paint = (width, height) => {
      const panel = { left: LEFT, right: width, top: TOP, bottom: height - BOTTOM };
      const y = (value) =>
        panel.top + ((high - value) / (high - low)) * (panel.bottom - panel.top);
      const [grand, estimates] = [middle(), shrink(ordered, between.value, within.value)];
      const step = (width - LEFT) / (ordered.length + 4 * sizes.length);
      const radius = Math.min(3, 0.8 * step);
      columns = ordered.map(({ n }, k) => LEFT + (k + 4 * sizes.indexOf(n) + 2.5) * step);
      const groups = sizes.map((size) => {
        const xs = columns.filter((_, k) => ordered[k].n === size);
        return [Math.min((xs[0] + xs[xs.length - 1]) / 2, width - 22), `n = ${size}`];
      });
      const who = ordered.indexOf(pointed ?? chosen);
      const at = Math.min(Math.max(columns[who], 45), width - 45);
      const shown = who < 0 ? [] : [
        upright(columns[who], panel, "cut"),
        word(`person ${ordered[who].label}`, at, panel.top - 5, "middle"),
      ];
      return [
        ...axes(
          panel,
          ["people, by number of measurements", groups],
          ["con: averages ○, estimates ■", levels.map((tick) => [y(tick), tick.toFixed(1)])],
        ),
        make("line", { x1: LEFT, x2: width, y1: y(grand), y2: y(grand), class: "middle" }),
        ...shown,
        ...ordered.flatMap(({ mean }, k) => {
          const [x, from, to] = [columns[k], y(mean), y(estimates[k])];
          const corner = { x: x - radius, y: to - radius };
          return [
            upright(x, { top: from, bottom: to }, "join"),
            make("circle", { cx: x, cy: from, r: radius, class: "own" }),
            make("rect", { ...corner, width: 2 * radius, height: 2 * radius, class: "estimate" }),
          ];
        }),
      ];
    };
    const { svg, draw: drawPeople } = drawing(paint);

    const said = make("div", { class: "explorable-said", role: "status" });
    const middle = () => grandMean(people, between.value, within.value);
    const draw = () => {
      drawPeople();
      tellPerson();
      const [a, s] = [between.value.toFixed(3), within.value.toFixed(3)];
      said.replaceChildren(
        make("p", {}, `The grand mean (dashed line) is ${middle().toFixed(3)}.`),
        make("p", {}, "The weight of a person’s mean:"),
        make(
          "ul",
          {},
          ...sizes.map((n) => {
            const value = weight(between.value, within.value, n).toFixed(2);
            return make("li", {}, `n = ${n}: ${a}²/(${a}² + ${s}²/${n}) = ${value}`);
          }),
        ),
      );
    };

    const names = people.map(({ label }) => make("option", {}, label));
    const nameless = make("option", { value: "" }, "point at one, or choose");
    const choose = make("select", {}, nameless, ...names);
    const facts = make("output");
    const tellPerson = () => {
      const person = pointed ?? chosen;
      choose.value = person ? person.label : "";
      const estimate = shrink(people, between.value, within.value)[people.indexOf(person)];
      facts.textContent = person
        ? `n = ${person.n}, average ${person.mean.toFixed(3)}, estimate ${estimate.toFixed(3)}`
        : "";
    };
    const show = (nowChosen, nowPointed) => {
      [chosen, pointed] = [nowChosen, nowPointed];
      drawPeople();
      tellPerson();
    };
    const nearest = (event) => {
      const { left, width } = svg.getBoundingClientRect(); // on a slide it is enlarged
      const x = ((event.clientX - left) * svg.clientWidth) / width;
      const away = columns.map((column) => Math.abs(column - x));
      return ordered[away.indexOf(Math.min(...away))];
    };
    choose.addEventListener("change", () => show(people[choose.selectedIndex - 1] ?? null, null));
    svg.addEventListener("pointermove", (event) => show(chosen, nearest(event)));
    svg.addEventListener("pointerleave", () => show(chosen, null));
    svg.addEventListener("click", (event) => show(nearest(event), null));
    const person = make("div", { class: "explorable-buttons" });
    person.append(make("label", {}, "Person: ", choose), facts);

    const range = { min: 0, max: 0.3, step: 0.001, digits: 3 };
    const at = (name) => ({ at: own[name], text: `posterior mean: ${own[name].toFixed(3)}` });
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
      button("Hardly any pooling", go(0.3, own.sigma)),
      button("As estimated from the data", go(own.sigma_alpha, own.sigma)),
    );
    place(root, between.body, within.body, svg, said, buttons, person);
    draw();
  }

  // Thresholds and response ---------------------------------------------------------------------

  function thresholds(root) {
    const table = Object.fromEntries(readTable("thresholds-parameters").map((r) => [r.label, r.value]));
    const named = (kind) =>
      Object.entries(table).filter(([label]) => label.startsWith(`${kind}[`));
    const cuts = named("threshold").map(([, value]) => value);
    const slopes = named("beta").map(([label, value]) => [label.slice(5, -1), value]);
    const edges = [-7, ...cuts, 7];
    const density = (value) => logistic(value) * logistic(-value);
    const kind = (k) => (k % 2 ? "area odd" : "area");
    const position = () =>
      slopes.reduce((sum, [, slope], k) => sum + (boxes[k].checked ? slope : 0), person.value);

    /** The curve of judgements, cut at the thresholds. */
    const curve = (panel, eta) => {
      const x = (value) => panel.left + ((value + 7) / 14) * (panel.right - panel.left);
      const y = (value) => panel.bottom - density(value - eta) * 4 * (panel.bottom - panel.top);
      const area = (from, to) => {
        const values = Array.from({ length: 31 }, (_, i) => from + ((to - from) * i) / 30);
        const points = values.map((value) => `${x(value)},${y(value)}`);
        return `M${x(from)},${panel.bottom}L${points.join("L")}L${x(to)},${panel.bottom}Z`;
      };
      const ticks = [-6, -3, 0, 3, 6].map((tick) => [x(tick), signed(tick, 0)]);
      return [
        ...edges
          .slice(1)
          .map((edge, k) => make("path", { d: area(edges[k], edge), class: kind(k) })),
        ...cuts.map((cut) => upright(x(cut), panel, "cut")),
        upright(x(eta), panel, "middle"),
        ...axes(panel, ["judgement", ticks], ["density", []]),
      ];
    };

    /** The probabilities of the responses. */
    const bars = (panel, eta) => {
      const wide = (panel.right - panel.left) / (cuts.length + 1);
      const x = (k) => panel.left + (k + 0.5) * wide;
      const y = (share) => panel.bottom - share * (panel.bottom - panel.top);
      const probabilities = categories(cuts, eta);
      const corner = (k) => ({ x: x(k) - wide / 2 + 3, width: wide - 6, class: kind(k) });
      return [
        ...axes(
          panel,
          ["response", probabilities.map((_, k) => [x(k), `${k + 1}`])],
          ["probability", [0, 0.5, 1].map((share) => [y(share), share.toFixed(1)])],
        ),
        ...probabilities.flatMap((share, k) => [
          make("rect", { ...corner(k), y: y(share), height: panel.bottom - y(share) }),
          word(percent(share), x(k), y(share) - 5, "middle"),
        ]),
      ];
    };

    /** Both, side by side, or one above the other in a tall drawing; the style sheet says which. */
    const paint = (width, height) => {
      const [top, bottom, eta] = [TOP, height - BOTTOM, position()];
      if (width > 2 * height) {
        return [
          ...curve({ left: 0, right: width / 2 - 10, top, bottom }, eta),
          ...bars({ left: width / 2 + 10 + LEFT, right: width, top, bottom }, eta),
        ];
      }
      return [
        ...curve({ left: 0, right: width, top, bottom: height / 2 - BOTTOM }, eta),
        ...bars({ left: LEFT, right: width, top: height / 2 + TOP, bottom }, eta),
      ];
    };
    const { svg, draw: drawBoth } = drawing(paint);

    const said = make("div", { class: "explorable-said", role: "status" });
    const draw = () => {
      drawBoth();
      const probabilities = categories(cuts, position());
      const average = probabilities.reduce((sum, p, k) => sum + p * (k + 1), 0);
      const listed = probabilities.map((p, k) => `${k + 1}:\u00a0${percent(p)}`).join(", ");
      said.replaceChildren(
        make("p", {}, `η = ${signed(position(), 2)} (dashed line). Responses ${listed}.`),
        make("p", {}, `The average response is ${average.toFixed(2)}.`),
      );
    };
    const boxes = slopes.map(() => make("input", { type: "checkbox" }));
    const choices = slopes.map(([name, slope], k) => {
      boxes[k].addEventListener("change", draw);
      return make("label", {}, boxes[k], ` ${name} (${signed(slope, 1)})`);
    });
    const person = slider(
      "the person’s intercept, α:",
      { min: -4, max: 4, step: 0.1, value: 0, digits: 1 },
      draw,
    );
    const fieldset = make("fieldset", {}, make("legend", {}, "The case has"), ...choices);
    place(root, fieldset, person.body, svg, said);
    draw();
  }

  // Same, average, new --------------------------------------------------------------------------

  function predictions(root) {
    const draws = readTable("predictions-draws");
    const treatments = Object.keys(draws[0]).filter((name) => name.includes("/"));
    const actors = Object.keys(draws[0]).filter((name) => name.startsWith("actor "));
    const average = predict(draws, treatments, null);
    let [found, met, normal] = [average, [], null]; // the band, the new animals, their source

    const paint = (width, height) => {
      const panel = { left: LEFT, right: width, top: TOP, bottom: height - BOTTOM };
      const x = (k) => panel.left + ((k + 0.5) * (width - panel.left)) / treatments.length;
      const y = (value) => panel.bottom - value * (panel.bottom - panel.top);
      const points = (values) => values.map((value, k) => `${x(k)},${y(value)}`);
      const path = (values, kind) =>
        make("path", { d: `M${points(values).join("L")}`, class: kind });
      const upper = points(found.map((f) => f.upper));
      const lower = points(found.map((f) => f.lower)).reverse();
      return [
        ...axes(
          panel,
          ["treatment", treatments.map((name, k) => [x(k), name])],
          [
            "probability of pulling left",
            [0, 0.25, 0.5, 0.75, 1].map((tick) => [y(tick), tick.toFixed(2)]),
          ],
        ),
        make("path", { d: `M${[...upper, ...lower].join("L")}Z`, class: "band" }),
        path(found.map((f) => f.mean), met.length ? "middle" : "newest"),
        ...met.map((values, k) => path(values, k < met.length - 1 ? "met" : "newest")),
      ];
    };
    const { svg, draw: drawLines } = drawing(paint);

    const said = make("div", { class: "explorable-said", role: "status" });
    const oneMore = () => {
      const values = meet(draws[met.length % draws.length], treatments, normal());
      met.push(values);
      drawLines();
      const listed = treatments.map((name, k) => `${name} ${percent(values[k])}`).join(", ");
      const outside = values.filter((p, k) => p < average[k].lower || p > average[k].upper).length;
      said.replaceChildren(
        make(
          "p",
          {},
          `New chimpanzee number ${met.length} pulls left with the probabilities ${listed}.`,
        ),
        make(
          "p",
          {},
          `In ${outside || "none"} of the ${treatments.length} treatments, `,
          "that is outside the band of the average chimpanzee.",
        ),
      );
    };
    const summary = (actor, name) => {
      found = predict(draws, treatments, actor);
      drawLines();
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
    const further = make("div", { class: "explorable-buttons" }, which, more, start);
    const kinds = ["one of the seven", "the average chimpanzee", "new chimpanzees"];
    const radios = kinds.map((_, k) =>
      make("input", { type: "radio", name: "predictions-kind", value: k }),
    );
    const draw = () => {
      const kind = radios.findIndex((radio) => radio.checked);
      which.hidden = kind !== 0;
      for (const one of [more, start]) one.hidden = kind !== 2;
      [found, met, normal] = [average, [], normals(1)];
      if (kind === 0) summary(choose.value, choose.value.replace("actor", "Actor"));
      if (kind === 1) summary(null, "The average chimpanzee");
      if (kind === 2) oneMore();
    };
    radios[0].checked = true;
    for (const input of [...radios, choose]) input.addEventListener("change", draw);
    const labels = kinds.map((text, k) => make("label", {}, radios[k], ` ${text}`));
    const fieldset = make("fieldset", {}, make("legend", {}, "A prediction for"), ...labels);
    place(root, fieldset, further, svg, said);
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
