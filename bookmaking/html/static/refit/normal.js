/* Normal outcomes of clusters: no pooling, and partial pooling in three forms.

   Rows enter through the size, mean and sum of squares of each cluster, which are sufficient. */
"use strict";

function refitNormal(parts) {
const { logPrior, priorSlope, scale, nameAll } = parts;
const { NORMAL, SCALE } = parts.defaults;
const slopes = refitSlopes(parts);

/** Sizes and means of clusters; rows, and squares around these means, in all. */
function clusters(data) {
  const y = parts.numeric(data, data.outcome, "outcome");
  const { codes, labels } = parts.factorise(data, data.group, "group");
  const n = new Float64Array(labels.length);
  const mean = new Float64Array(labels.length);
  codes.forEach((j, i) => {
    n[j] += 1;
    mean[j] += (y[i] - mean[j]) / n[j];
  });
  const squares = codes.reduce((sum, j, i) => sum + (y[i] - mean[j]) ** 2, 0);
  if (!(squares > 0)) throw new Error(`'${data.outcome}' does not vary within any cluster.`);
  return { n, mean, labels, squares, rows: y.length };
}

/** Model without pooling: q = (alpha, log sigma). */
function no_pooling(data, priors) {
  const { n, mean, labels, squares, rows } = clusters(data);
  const prior = parts.readPriors(priors, { alpha: NORMAL, sigma: SCALE });
  const size = labels.length + 1;
  const layout = [["alpha", size - 1], ["sigma_log__", 1]];
  const noise = scale("log", prior.sigma);

  function logDensity(q, gradient) {
    const precision = noise.read(q[size - 1]) ** -2;
    let result = noise.logDensity - rows * Math.log(noise.sigma);
    let away = squares;
    for (let j = 0; j < size - 1; j++) {
      const residual = mean[j] - q[j];
      away += n[j] * residual * residual;
      result += logPrior(prior.alpha, q[j]);
      gradient[j] = precision * n[j] * residual + priorSlope(prior.alpha, q[j]);
    }
    gradient[size - 1] = noise.pull((away * precision - rows) / noise.sigma);
    return result - 0.5 * precision * away;
  }

  function constrain(q, values) {
    values.set(q);
    values[size - 1] = noise.read(q[size - 1]);
  }

  const names = nameAll([["alpha", labels], ["sigma"]]);
  return { size, layout, names, logDensity, constrain, start: parts.start(size) };
}

/** Model with partial pooling; `form` says what stands for alpha in the sampler's vector. */
function partial_pooling(data, priors, { form = "adapted" } = {}) {
  parts.choose(form, ["adapted", "centred", "non-centred"], "partial_pooling");
  if (form === "adapted") return slopes.partial_pooling(data, priors);
  const { n, mean, labels, squares, rows } = clusters(data);

  function prepare(prior, place) {
    const noise = scale("log", prior.sigma);
    return (q, gradient, eta) => {
      const precision = noise.read(q[place]) ** -2;
      let away = squares;
      for (let j = 0; j < eta.length; j++) {
        const residual = mean[j] - eta[j];
        away += n[j] * residual * residual;
        eta[j] = precision * n[j] * residual;
      }
      gradient[place] = noise.pull((away * precision - rows) / noise.sigma);
      return noise.logDensity - rows * Math.log(noise.sigma) - 0.5 * precision * away;
    };
  }

  const centred = form === "centred";
  const moved = centred ? ["sigma_alpha_log__", "alpha"] : ["_sigma_alpha", "_alpha_z"];
  const names = { sd: "sigma_alpha", effect: "alpha", levels: true, moved, labels };
  const groups = [{ centred, around: centred, signed: !centred, ...names }];
  const likelihood = { priors: { sigma: SCALE }, layout: [["sigma_log__", 1]], prepare };
  return parts.varying(groups, null, labels.map((_, j) => [j]), likelihood, priors);
}

return { no_pooling, partial_pooling };
}
