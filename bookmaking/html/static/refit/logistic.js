/* Zeros and ones with varying intercepts, crossed or of one group; equal rows are counted. */
"use strict";

function refitLogistic(parts) {
  const { logPrior, priorSlope, scale, nameAll, lay } = parts;
  const { NORMAL, NARROW, SCALE } = parts.defaults;

  /** Rows that are equal but for the outcome: their codes, how many, and how many ones. */
  function count(outcome, factors) {
    const cells = new Map();
    for (let i = 0; i < outcome.length; i++) {
      if (outcome[i] !== 0 && outcome[i] !== 1) {
        throw new Error(`The outcome is 0 or 1 in every row; '${outcome[i]}' is not.`);
      }
      const codes = factors.map((factor) => factor.codes[i]);
      const key = codes.join();
      if (!cells.has(key)) cells.set(key, { codes, rows: 0, ones: 0 });
      const cell = cells.get(key);
      cell.rows += 1;
      cell.ones += outcome[i];
    }
    return [...cells.values()];
  }

  /** Crossed varying intercepts and a treatment. By default the sampler moves the levels of the
      first group (centred), and the standardised deviations of all others (non-centred): two
      groups of levels would share one mean, along which they mix slowly. */
  function crossed_intercepts(data, priors, { form = {} } = {}) {
    if (!Array.isArray(data.groups) || data.groups.length === 0) {
      throw new Error("groups is a list of columns, such as ['actor']; it is empty.");
    }
    for (const name of Object.keys(form)) {
      if (!data.groups.includes(name)) throw new Error(`form names '${name}', which is no group.`);
    }
    const groups = data.groups.map((group, position) => {
      const chosen = form[group] ?? (position === 0 ? "centred" : "non-centred");
      const centred = parts.choose(chosen, ["centred", "non-centred"], group) === "centred";
      const [sd, effect] = [`sigma_${group}`, `alpha_${group}`];
      const moved = centred ? [`${sd}_log__`, `_${effect}_mean`] : [`_${sd}`, `_${effect}_z`];
      return { group, centred, signed: !centred, sd, effect, moved, levels: false };
    });
    const first = groups.find(({ centred }) => centred);
    if (first) first.around = true; // its levels, not deviations: their sum is known best
    return varying(data, priors, groups);
  }

  /** One group and no treatment, as written out on the page about the sampler. */
  function one_cluster(data, priors, { form = "non-centred" } = {}) {
    const centred = parts.choose(form, ["centred", "non-centred"], "one_cluster") === "centred";
    const moved = ["sigma_alpha_log__", centred ? "alpha" : "z"];
    const names = { sd: "sigma_alpha", effect: "alpha", levels: true, moved };
    const { group } = data;
    return varying(data, priors, [{ group, centred, around: centred, signed: false, ...names }]);
  }

  function varying(data, priors, groups) {
    const outcome = parts.numeric(data, data.outcome, "outcome");
    const factors = groups.map(({ group }) => parts.factorise(data, group, "group"));
    const arms = data.treatment ? parts.factorise(data, data.treatment, "treatment") : null;
    const model = { alpha_bar: NORMAL, ...(arms && { beta: NARROW }) };
    for (const { sd } of groups) model[sd] = SCALE;
    const prior = parts.readPriors(priors, model);

    const layout = [["alpha_bar", 1], ...(arms ? [["beta", arms.labels.length]] : [])];
    groups.forEach(({ moved }, g) => layout.push([moved[0], 1], [moved[1], factors[g].labels.length]));
    const { at, size } = lay(layout);
    const treatments = arms ? arms.labels.length : 0;
    const of = groups.map((spec, g) => ({
      ...spec,
      size: factors[g].labels.length,
      atScale: at[spec.moved[0]],
      atEffects: at[spec.moved[1]],
      scale: scale(spec.signed ? "signed" : "log", prior[spec.sd]),
      effect: new Float64Array(factors[g].labels.length),
      slope: new Float64Array(factors[g].labels.length),
    }));

    const cells = count(outcome, arms ? [...factors, arms] : factors);
    const rows = Float64Array.from(cells, (cell) => cell.rows);
    const ones = Float64Array.from(cells, (cell) => cell.ones);
    const codes = of.map((_, g) => Int32Array.from(cells, (cell) => cell.codes[g]));
    const arm = Int32Array.from(cells, (cell) => (arms ? 1 + cell.codes[groups.length] : 0));
    const eta = new Float64Array(cells.length);

    /** Level around which the first group's levels vary: the mean over the treatments. */
    function levelOf(q) {
      let sum = 0;
      for (let t = 1; t <= treatments; t++) sum += q[t];
      return q[0] + (treatments ? sum / treatments : 0);
    }

    /** Write the deviations of a group, and return its (signed) standard deviation. */
    function deviations(group, q, level) {
      const sigma = group.scale.read(q[group.atScale]);
      const signed = group.signed ? q[group.atScale] : sigma;
      for (let j = 0; j < group.size; j++) {
        const moved = q[group.atEffects + j];
        group.effect[j] = group.centred ? moved - (group.around ? level : 0) : signed * moved;
      }
      return signed;
    }

    function logDensity(q, gradient) {
      const level = levelOf(q);
      let result = logPrior(prior.alpha_bar, q[0]);
      gradient.fill(0);
      for (let t = 1; t <= treatments; t++) {
        result += logPrior(prior.beta, q[t]);
        gradient[t] = priorSlope(prior.beta, q[t]);
      }
      for (let i = 0; i < eta.length; i++) eta[i] = q[0] + (arm[i] ? q[arm[i]] : 0);
      for (let g = 0; g < of.length; g++) {
        const { effect, slope } = of[g];
        const code = codes[g];
        deviations(of[g], q, level);
        slope.fill(0);
        for (let i = 0; i < eta.length; i++) eta[i] += effect[code[i]];
      }
      let total = 0;
      for (let i = 0; i < eta.length; i++) {
        // log(1 + exp(eta)) without overflow, and the probability of a one
        const small = Math.exp(-Math.abs(eta[i]));
        const p = eta[i] > 0 ? 1 / (1 + small) : small / (1 + small);
        result += ones[i] * eta[i] - rows[i] * (Math.max(eta[i], 0) + Math.log1p(small));
        const pull = (eta[i] = ones[i] - rows[i] * p);
        total += pull;
        if (arm[i]) gradient[arm[i]] += pull;
      }
      let aroundLevel = 0; // slope of the level by which centred effects are deviations
      for (let g = 0; g < of.length; g++) {
        const { slope, effect, centred, around, atScale, atEffects, scale: sd, signed } = of[g];
        const code = codes[g];
        for (let i = 0; i < eta.length; i++) slope[code[i]] += eta[i];
        const sigma = signed ? q[atScale] : sd.sigma;
        let slopeOfScale = 0;
        let squares = 0;
        for (let j = 0; j < slope.length; j++) {
          if (centred) {
            const z = effect[j] / sigma;
            squares += z * z;
            gradient[atEffects + j] = slope[j] - z / sigma;
            if (around) aroundLevel -= gradient[atEffects + j];
          } else {
            const z = q[atEffects + j];
            squares += z * z;
            gradient[atEffects + j] = slope[j] * sigma - z;
            slopeOfScale += slope[j] * z;
          }
        }
        if (centred) {
          slopeOfScale = (squares - slope.length) / sigma;
          result -= slope.length * Math.log(sigma);
        }
        result += sd.logDensity - 0.5 * squares;
        gradient[atScale] = sd.pull(sigma < 0 ? -slopeOfScale : slopeOfScale);
      }
      gradient[0] = total + aroundLevel + priorSlope(prior.alpha_bar, q[0]);
      for (let t = 1; t <= treatments; t++) gradient[t] += aroundLevel / treatments;
      return result;
    }

    const names = nameAll([
      ["alpha_bar", null],
      ...(arms ? [["beta", arms.labels]] : []),
      ...of.map(({ sd }) => [sd, null]),
      ...groups.map(({ effect }, g) => [effect, factors[g].labels]),
    ]);

    function constrain(q, values) {
      const level = levelOf(q);
      let place = 1 + treatments;
      for (let i = 0; i < place; i++) values[i] = q[i];
      for (const group of of) values[place++] = group.scale.read(q[group.atScale]);
      for (const group of of) {
        deviations(group, q, level);
        for (const effect of group.effect) values[place++] = effect + (group.levels ? q[0] : 0);
      }
    }

    return { size, layout, names, logDensity, constrain, start: parts.start(size) };
  }

  return { crossed_intercepts, one_cluster };
}
