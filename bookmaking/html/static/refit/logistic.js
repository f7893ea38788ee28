/* Zeros and ones with varying intercepts, crossed or of one group; equal rows are counted. */
"use strict";

function refitLogistic(parts) {
/** Crossed varying intercepts and a treatment. By default the first group is centred, and all
    others are not: two groups of levels would share one mean, along which they mix slowly. */
function crossed_intercepts(data, priors, { form = {} } = {}) {
  if (!data.groups?.length) throw new Error("groups is a list of columns; it is empty.");
  for (const name of Object.keys(form)) {
    if (!data.groups.includes(name)) throw new Error(`form names '${name}', which is no group.`);
  }
  const groups = data.groups.map((group, position) => {
    const chosen = form[group] ?? (position === 0 ? "centred" : "non-centred");
    const centred = parts.choose(chosen, ["centred", "non-centred"], group) === "centred";
    const [sd, effect] = [`sigma_${group}`, `alpha_${group}`];
    const moved = centred ? [`${sd}_log__`, `_${effect}_mean`] : [`_${sd}`, `_${effect}_z`];
    return { group, centred, signed: !centred, sd, effect, moved };
  });
  const first = groups.find(({ centred }) => centred);
  if (first) first.around = true; // the sum of level and deviation is known best
  return build(data, priors, groups);
}

/** One group and no treatment, as written out on the page about the sampler. */
function one_cluster(data, priors, { form = "non-centred" } = {}) {
  const centred = parts.choose(form, ["centred", "non-centred"], "one_cluster") === "centred";
  const moved = ["sigma_alpha_log__", centred ? "alpha" : "z"];
  const names = { sd: "sigma_alpha", effect: "alpha", levels: true, moved };
  return build(data, priors, [{ group: data.group, centred, around: centred, ...names }]);
}

function build(data, priors, groups) {
  const outcome = parts.numeric(data, data.outcome, "outcome");
  const factors = groups.map(({ group }) => parts.factorise(data, group, "group"));
  const arms = data.treatment ? parts.factorise(data, data.treatment, "treatment") : null;
  const counted = new Map(); // rows that are equal but for the outcome: how many, how many ones
  outcome.forEach((value, i) => {
    if (value !== 0 && value !== 1) {
      throw new Error(`The outcome is 0 or 1 in every row; '${value}' is not.`);
    }
    const codes = [...factors, ...(arms ? [arms] : [])].map((factor) => factor.codes[i]);
    const key = codes.join();
    if (!counted.has(key)) counted.set(key, { codes, rows: 0, ones: 0 });
    counted.get(key).rows += 1;
    counted.get(key).ones += value;
  });
  const cells = [...counted.values()];
  const rows = Float64Array.from(cells, (cell) => cell.rows);
  const ones = Float64Array.from(cells, (cell) => cell.ones);

  function evaluate(q, gradient, eta) {
    let result = 0;
    for (let i = 0; i < eta.length; i++) {
      const small = Math.exp(-Math.abs(eta[i])); // so that nothing overflows
      const p = eta[i] > 0 ? 1 / (1 + small) : small / (1 + small);
      result += ones[i] * eta[i] - rows[i] * (Math.max(eta[i], 0) + Math.log1p(small));
      eta[i] = ones[i] - rows[i] * p;
    }
    return result;
  }

  const labelled = groups.map((group, g) => ({ ...group, labels: factors[g].labels }));
  const likelihood = { priors: {}, layout: [], prepare: () => evaluate };
  return parts.varying(labelled, arms, cells.map(({ codes }) => codes), likelihood, priors);
}

return { crossed_intercepts, one_cluster };
}
