/* Ordered responses: a cumulative logit, with or without varying intercepts; equal rows counted.

   With the logistic function S, a linear predictor e and a category between thresholds k and l,
     S(l - e) - S(k - e) = (1 - exp(k - l)) S(l - e) S(e - k),
   which subtracts no two almost equal numbers. In odds, exp(e), the loop over distinct rows needs
   a product instead of an exponential, and one logarithm for many rows. */
"use strict";

function refitOrdered(parts) {
const { logPrior, priorSlope, scale, nameAll, lay, LARGE } = parts;
const { NORMAL, NARROW, SCALE, SLOPES } = parts.defaults;

const ordered_logit = (data, priors) => build(data, priors, false);

/** With varying intercepts, of which the sampler moves the levels (centred). */
function ordered_logit_varying(data, priors, { form = "centred" } = {}) {
  parts.choose(form, ["centred"], "ordered_logit_varying");
  return build(data, priors, true);
}

function build(data, priors, grouped) {
  const { codes: category, labels } = parts.factorise(data, data.response, "response", true);
  const { predictors = [] } = data;
  const x = predictors.map((name) => parts.numeric(data, name, "predictors"));
  const group = grouped ? parts.factorise(data, data.group, "group") : null;
  const clusters = group?.labels ?? ["all"];
  const means = x.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
  const designs = []; // the distinct rows of predictors, from their means
  const [known, cells] = [new Map(), new Map()]; // cells: cluster, design, category, count
  category.forEach((k, i) => {
    const values = x.map((column) => column[i]);
    const text = values.join();
    if (!known.has(text)) {
      known.set(text, designs.length);
      designs.push(values.map((value, p) => value - means[p]));
    }
    const cell = [group ? group.codes[i] : 0, known.get(text), k];
    const key = cell.join();
    if (!cells.has(key)) cells.set(key, [...cell, 0]);
    cells.get(key)[3] += 1;
  });
  const sorted = [...cells.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const [cluster, design, response, times] = [0, 1, 2, 3].map((part) =>
    Int32Array.from(sorted, (cell) => cell[part]),
  );
  const [sd, effect] = [`sigma_${data.group}`, `alpha_${data.group}`];
  const model = {
    threshold: NORMAL,
    ...(predictors.length && { beta: grouped ? NARROW : SLOPES }),
    ...(grouped && { [sd]: SCALE }),
  };
  const prior = parts.readPriors(priors, model);
  const cuts = labels.length - 1;
  const slopes = predictors.length;
  const layout = [["_threshold_ordered__", cuts]];
  if (slopes) layout.push(["beta", slopes]);
  if (grouped) layout.push([`${sd}_log__`, 1], [`_${effect}_mean`, clusters.length]);
  const { at, size } = lay(layout);
  const [atScale, atLevels] = [at[`${sd}_log__`], at[`_${effect}_mean`]];
  const between = grouped ? scale("log", prior[sd]) : null;

  const make = (length) => new Float64Array(length);
  const [threshold, pullOfThreshold] = [make(cuts), make(cuts)]; // at the predictors' means
  const [below, above] = [make(cuts + 1), make(cuts + 1)]; // odds of the edges of a category
  const [odds, inverse, pullOfDesign] = [0, 1, 2].map(() => make(designs.length));
  const [upper, lower, total] = [0, 1, 2].map(() => make(cuts + 1)); // sums by category
  response.forEach((category, i) => (total[category] += times[i]));
  const flatDesigns = Float64Array.from(designs.flat());
  const firstOf = new Int32Array(clusters.length + 1); // first cell of each cluster
  cluster.forEach((j) => (firstOf[j + 1] += 1));
  for (let j = 1; j < firstOf.length; j++) firstOf[j] += firstOf[j - 1];

  /** Write the thresholds, in increasing order; return their mean. */
  function readThresholds(q) {
    let sum = (threshold[0] = q[0]);
    for (let k = 1; k < cuts; k++) sum += threshold[k] = threshold[k - 1] + Math.exp(q[k]);
    return sum / cuts;
  }

  function logDensity(q, gradient) {
    const middle = readThresholds(q);
    let result = 0;
    for (let k = 0; k < cuts; k++) {
      result += logPrior(prior.threshold, threshold[k]) + (k ? q[k] : 0);
      pullOfThreshold[k] = priorSlope(prior.threshold, threshold[k]);
      below[k + 1] = Math.exp(threshold[k]);
      above[k] = 1 / below[k + 1];
    }
    for (let k = 1; k < cuts; k++) {
      const distance = Math.exp(q[k]);
      result += total[k] * Math.log(-Math.expm1(-distance));
      const pull = total[k] / Math.expm1(distance);
      pullOfThreshold[k] += pull;
      pullOfThreshold[k - 1] -= pull;
    }
    for (let d = 0; d < odds.length; d++) {
      let eta = 0;
      for (let p = 0; p < slopes; p++) eta += flatDesigns[d * slopes + p] * q[cuts + p];
      odds[d] = Math.exp(eta);
      inverse[d] = 1 / odds[d];
    }
    pullOfDesign.fill(0);
    upper.fill(0);
    lower.fill(0);

    const sigma = grouped ? between.read(q[atScale]) : 1;
    let [squares, pullOfMiddle, product] = [0, 0, 1];
    for (let j = 0; j < firstOf.length - 1; j++) {
      const deviation = grouped ? q[atLevels + j] + middle : 0;
      const own = grouped ? Math.exp(deviation) : 1;
      const ownInverse = 1 / own;
      let pullOfCluster = 0;
      for (let i = firstOf[j]; i < firstOf[j + 1]; i++) {
        const d = design[i];
        const k = response[i];
        const u = 1 + own * odds[d] * above[k]; // 1 / P(not above the upper edge)
        const v = 1 + below[k] * ownInverse * inverse[d]; // 1 / P(not below the lower edge)
        const uv = u * v;
        const n = times[i];
        if (n === 1) product *= uv;
        else if (n === 2) product *= uv * uv;
        else result -= n * Math.log(uv);
        if (product > LARGE) {
          result -= Math.log(product);
          product = 1;
        }
        const share = n / uv;
        upper[k] += n - share * v;
        lower[k] += n - share * u;
        const pull = share * (v - u);
        pullOfDesign[d] += pull;
        pullOfCluster += pull;
      }
      if (grouped) {
        const z = deviation / sigma;
        squares += z * z;
        gradient[atLevels + j] = pullOfCluster - z / sigma;
        pullOfMiddle += gradient[atLevels + j];
      }
    }
    result -= Math.log(product) + 0.5 * squares;

    for (let k = 0; k < cuts; k++) {
      pullOfThreshold[k] += upper[k] - lower[k + 1] + pullOfMiddle / cuts;
    }
    let sum = 0;
    for (let k = cuts - 1; k > 0; k--) {
      sum += pullOfThreshold[k];
      gradient[k] = sum * Math.exp(q[k]) + 1;
    }
    gradient[0] = sum + pullOfThreshold[0];
    for (let p = 0; p < slopes; p++) {
      const beta = q[cuts + p];
      result += logPrior(prior.beta, beta);
      let pull = priorSlope(prior.beta, beta);
      for (let d = 0; d < odds.length; d++) pull += flatDesigns[d * slopes + p] * pullOfDesign[d];
      gradient[cuts + p] = pull;
    }
    if (grouped) {
      const count = firstOf.length - 1;
      result += between.logDensity - count * Math.log(sigma);
      gradient[atScale] = between.pull((squares - count) / sigma);
    }
    return result;
  }

  /** Thresholds are reported at zero of the predictors, not at their means. */
  function constrain(q, values) {
    const middle = readThresholds(q);
    let shift = 0;
    for (let p = 0; p < slopes; p++) shift += means[p] * q[cuts + p];
    for (let k = 0; k < cuts; k++) values[k] = threshold[k] + shift;
    for (let p = 0; p < slopes; p++) values[cuts + p] = q[cuts + p];
    if (!grouped) return;
    values[atScale] = between.read(q[atScale]);
    for (let i = atLevels; i < size; i++) values[i] = q[i] + middle;
  }

  const names = nameAll([
    ["threshold", labels.slice(1).map((_, k) => k + 1)],
    ...(slopes ? [["beta", predictors]] : []),
    ...(grouped ? [[sd], [effect, clusters]] : []),
  ]);
  return { size, layout, names, logDensity, constrain, start: parts.start(size) };
}

return { ordered_logit, ordered_logit_varying };
}
