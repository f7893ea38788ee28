/* Normal outcomes of clusters: no pooling, and partial pooling in three forms.

   Rows enter through the size, mean and sum of squares of each cluster, which are sufficient. */
"use strict";

function refitNormal(parts) {
  const { logPrior, priorSlope, scale, nameAll } = parts;
  const { NORMAL, SCALE } = parts.defaults;

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

    const names = nameAll([["alpha", labels], ["sigma", null]]);
    return { size, layout, names, logDensity, constrain, start: parts.start(size) };
  }

  /** Model with partial pooling; `form` says what stands for alpha in the sampler's vector. */
  function partial_pooling(data, priors, { form = "adapted" } = {}) {
    parts.choose(form, ["adapted", "centred", "non-centred"], "partial_pooling");
    if (form === "adapted") return adapted(clusters(data), priors);
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

  /** Adapted: q holds w, the distance of alpha from its mean given all else, in its own sds.
      Given the three other parameters the w are independent standard normal, so that their density
      stands beside that of the three with alpha integrated out. */
  function adapted({ n, mean, labels, squares, rows }, priors) {
    const model = { alpha_bar: NORMAL, sigma: SCALE, sigma_alpha: SCALE };
    const prior = parts.readPriors(priors, model);
    const count = labels.length;
    const size = count + 3;
    const unit = Math.sqrt(squares / Math.max(rows - count, 1) / (rows / count));
    const noise = scale("log", prior.sigma);
    const between = scale("half_log", prior.sigma_alpha, unit);
    const layout = [
      ["alpha_bar", 1], ["sigma_log__", 1], ["sigma_alpha_half_log__", 1], ["_alpha_z", count],
    ];
    // Clusters of one size differ in their means alone: how many, their mean, squares around it.
    const sizes = [...new Set(n)].sort((a, b) => a - b).map((times) => {
      const means = [...mean].filter((_, j) => n[j] === times);
      const middle = means.reduce((sum, value) => sum + value, 0) / means.length;
      const around = means.reduce((sum, value) => sum + (value - middle) ** 2, 0);
      return { times, clusters: means.length, middle, around };
    });

    function logDensity(q, gradient) {
      const level = q[0];
      const sigma = noise.read(q[1]);
      const spread = between.read(q[2]);
      const within = sigma * sigma;
      let result = logPrior(prior.alpha_bar, level) + noise.logDensity + between.logDensity;
      result -= (rows - count) * Math.log(sigma) + (0.5 * squares) / within;
      let slopeOfLevel = priorSlope(prior.alpha_bar, level);
      let slopeOfSigma = (squares / within - (rows - count)) / sigma;
      let slopeOfSpread = 0;
      for (const { times, clusters, middle, around } of sizes) {
        const variance = within + times * spread * spread; // of a mean, times its size
        const away = around + clusters * (middle - level) ** 2;
        result -= 0.5 * (clusters * Math.log(variance) + (times * away) / variance);
        const slope = ((times * away) / variance - clusters) / variance;
        slopeOfLevel += (times * clusters * (middle - level)) / variance;
        slopeOfSigma += slope * sigma;
        slopeOfSpread += slope * times * spread;
      }
      gradient[0] = slopeOfLevel;
      gradient[1] = noise.pull(slopeOfSigma);
      gradient[2] = between.pull(slopeOfSpread);
      let w2 = 0;
      for (let i = 3; i < count + 3; i++) {
        w2 += q[i] * q[i];
        gradient[i] = -q[i];
      }
      return result - 0.5 * w2;
    }

    function constrain(q, values) {
      const level = (values[0] = q[0]);
      const sigma = (values[1] = noise.read(q[1]));
      const spread = (values[2] = between.read(q[2]));
      for (let j = 0; j < count; j++) {
        const information = (n[j] / sigma ** 2) * spread;
        const sd = Math.sqrt(1 + information * spread);
        const z = (q[3 + j] + (information * (mean[j] - level)) / sd) / sd;
        values[3 + j] = level + spread * z;
      }
    }

    const names = nameAll([
      ["alpha_bar", null], ["sigma", null], ["sigma_alpha", null], ["alpha", labels],
    ]);
    const units = { sigma_alpha: unit };
    return { size, layout, names, logDensity, constrain, start: parts.start(size), units };
  }

  return { no_pooling, partial_pooling };
}
