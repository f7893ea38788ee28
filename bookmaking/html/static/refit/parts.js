/* What the models share: columns of the data, priors, standard deviations, varying intercepts.

   Each file is one function, not indented, whose source a worker can be made of. */
"use strict";

function refitParts() {
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** A column of the data, by name. */
function column(data, name, what) {
  const values = data.columns?.[name];
  if (!values) throw new Error(`${what}: the data have no column named '${name}'.`);
  const rows = Object.values(data.columns)[0].length;
  if (values.length !== rows || rows === 0) throw new Error(`'${name}' has another length.`);
  return values;
}

/** A column of numbers. */
function numeric(data, name, what) {
  return Float64Array.from(column(data, name, what), (value) => {
    if (!isNumber(value)) throw new Error(`'${name}' holds '${value}', which is not a number.`);
    return value;
  });
}

/** Each row's position among the sorted labels, or among those that `data.levels` gives. */
function factorise(data, name, what, keepUnused = false) {
  const values = [...column(data, name, what)];
  const present = new Set(values);
  const given = data.levels?.[name];
  const labels = given
    ? given.filter((label) => keepUnused || present.has(label))
    : [...present].sort((a, b) => (a < b ? -1 : 1));
  const place = new Map(labels.map((label, position) => [label, position]));
  for (const value of present) {
    if (!place.has(value)) throw new Error(`'${name}' holds '${value}', which is no level of it.`);
  }
  if (present.size < 2) throw new Error(`'${name}' needs at least two levels.`);
  return { labels, codes: Int32Array.from(values, (value) => place.get(value)) };
}

/* Numbers go by PyMC's names; an exponential may have a scale instead of its rate. A log density
   is -rate x - precision (x - mu)^2 / 2. */
const DISTRIBUTIONS = {
  Normal: { mu: "real", sigma: "positive" },
  HalfNormal: { sigma: "positive" },
  Exponential: { rate: "positive" },
  Flat: {},
  LKJ: { eta: "positive" },
};
const POSITIVE = ["Exponential", "HalfNormal"];
const NORMAL = { may: ["Normal"], prior: { family: "Normal", mu: 0, sigma: 1.5 } };
const NARROW = { may: ["Normal"], prior: { family: "Normal", mu: 0, sigma: 0.5 } };
const SCALE = { may: POSITIVE, prior: { family: "Exponential", rate: 1 } };
const CORRELATION = { may: ["LKJ"], prior: { family: "LKJ", eta: 2 } };
const SLOPES = { may: ["Normal", "Flat"], prior: { family: "Flat" } };

function readPrior(name, prior, may) {
  const family = prior?.family;
  if (!may.includes(family)) {
    throw new Error(`The prior of ${name} is ${may.join(" or ")}; '${family}' is not allowed.`);
  }
  let { mu = 0, sigma = Infinity, rate = 0, eta = 1, scale } = prior;
  const byScale = family === "Exponential" && scale !== undefined;
  const needed = byScale ? { scale: "positive" } : DISTRIBUTIONS[family];
  for (const [key, kind] of Object.entries(needed)) {
    const value = prior[key];
    if (isNumber(value) && (kind === "real" || value > 0)) continue;
    const allowed = kind === "real" ? "a number" : "a number above zero";
    throw new Error(`The ${key} of ${name}'s prior, ${family}, is ${allowed}; '${value}' is not.`);
  }
  if (byScale) rate = 1 / scale;
  return { mu, precision: 1 / sigma ** 2, rate, eta };
}

/** The priors of a model: those given, and the course's for all others. */
function readPriors(given, model) {
  for (const name of Object.keys(given ?? {})) {
    if (name in model) continue;
    const names = Object.keys(model).join(", ");
    throw new Error(`This model has no prior named '${name}'. Its priors are: ${names}.`);
  }
  const read = ([name, { may, prior }]) => [name, readPrior(name, given?.[name] ?? prior, may)];
  return Object.fromEntries(Object.entries(model).map(read));
}

const logPrior = (prior, x) => -prior.rate * x - 0.5 * prior.precision * (x - prior.mu) ** 2;
const priorSlope = (prior, x) => -prior.rate - prior.precision * (x - prior.mu);

/* A standard deviation in three forms. `read(t)` returns it; then `logDensity` is the prior's with
   the Jacobian, and `pull(slope)` the gradient in t, given the likelihood's in sigma. */
function scale(kind, prior, unit = 1) {
  const result = { sigma: 1, logDensity: 0, read: null, pull: null };
  let derivative = 1; // of sigma in t
  let bend = 0; // derivative of the log Jacobian
  result.read = (t) => {
    if (kind === "signed") {
      // Through zero: normal effects are the same whatever the sign of their scale.
      result.sigma = Math.abs(t);
      derivative = t < 0 ? -1 : 1;
      result.logDensity = logPrior(prior, result.sigma);
      return result.sigma;
    }
    // log(sigma), for "half_log" bent below, so that small values have the tail of a normal.
    const bent = kind === "half_log" && t <= -1;
    const exponent = bent ? -(t * t + 1) / 2 : t;
    result.sigma = unit * Math.exp(exponent);
    derivative = result.sigma * (bent ? -t : 1);
    bend = bent ? 1 / t - t : 1;
    result.logDensity = logPrior(prior, result.sigma) + exponent + (bent ? Math.log(-t) : 0);
    return result.sigma;
  };
  result.pull = (slope) => (slope + priorSlope(prior, result.sigma)) * derivative + bend;
  return result;
}

/** Names of the parameters that a model reports: `labels` of a vector, none of a number. */
function nameAll(parameters) {
  return parameters.flatMap(([parameter, labels]) =>
    labels
      ? labels.map((label) => ({ key: `${parameter}[${label}]`, parameter, label: `${label}` }))
      : [{ key: parameter, parameter, label: null }],
  );
}

/** Where each variable of a model begins in the vector that the sampler moves. */
function lay(variables) {
  const at = {};
  let size = 0;
  for (const [name, length] of variables) {
    at[name] = size;
    size += length;
  }
  return { at, size };
}

/** A random start within one of zero in all directions. */
const start = (size) => (random) =>
  Float64Array.from({ length: size }, () => 2 * random.uniform() - 1);

function choose(form, forms, what) {
  if (!forms.includes(form)) {
    throw new Error(`The form of ${what} is one of ${forms.join(", ")}; '${form}' is not.`);
  }
  return form;
}

/** A linear predictor with varying intercepts, for any likelihood of cells (rows, counted).

    Each group says whether the sampler moves levels or deviations plus a centre (centred), or
    standardised deviations (non-centred), there with a signed scale or not; and its names. */
function varying(groups, arms, cells, likelihood, priors) {
  const model = { alpha_bar: NORMAL, ...(arms && { beta: NARROW }), ...likelihood.priors };
  for (const { sd } of groups) model[sd] = SCALE;
  const prior = readPriors(priors, model);
  const treatments = arms ? arms.labels.length : 0;
  const layout = [["alpha_bar", 1], ...likelihood.layout];
  if (arms) layout.splice(1, 0, ["beta", treatments]);
  for (const { moved, labels } of groups) layout.push([moved[0], 1], [moved[1], labels.length]);
  const { at, size } = lay(layout);
  const evaluate = likelihood.prepare(prior, treatments + 1);
  const of = groups.map((group, g) => ({
    ...group,
    code: Int32Array.from(cells, (codes) => codes[g]),
    atScale: at[group.moved[0]],
    atEffects: at[group.moved[1]],
    between: scale(group.signed ? "signed" : "log", prior[group.sd]),
    deviation: new Float64Array(group.labels.length),
    slope: new Float64Array(group.labels.length),
  }));
  const arm = Int32Array.from(cells, (codes) => (arms ? 1 + codes[groups.length] : 0));
  const eta = new Float64Array(cells.length);

  /** Write the deviations of all groups. Levels vary around the mean over the treatments. */
  function read(q) {
    let level = q[0];
    for (let t = 1; t <= treatments; t++) level += q[t] / treatments;
    for (const { between, atScale, atEffects, deviation, centred, around, signed } of of) {
      const sigma = between.read(q[atScale]);
      for (let j = 0; j < deviation.length; j++) {
        const moved = q[atEffects + j];
        if (centred) deviation[j] = moved - (around ? level : 0);
        else deviation[j] = (signed ? q[atScale] : sigma) * moved;
      }
    }
  }

  function logDensity(q, gradient) {
    let result = logPrior(prior.alpha_bar, q[0]);
    gradient.fill(0);
    read(q);
    for (let t = 1; t <= treatments; t++) {
      result += logPrior(prior.beta, q[t]);
      gradient[t] = priorSlope(prior.beta, q[t]);
    }
    for (let i = 0; i < eta.length; i++) eta[i] = q[0] + (arm[i] ? q[arm[i]] : 0);
    for (const { code, deviation } of of) {
      for (let i = 0; i < eta.length; i++) eta[i] += deviation[code[i]];
    }
    result += evaluate(q, gradient, eta); // eta now holds the slopes of the log likelihood
    let total = 0;
    for (let i = 0; i < eta.length; i++) {
      total += eta[i];
      if (arm[i]) gradient[arm[i]] += eta[i];
    }
    let ofLevel = 0; // slope of the level around which centred effects vary
    for (const group of of) {
      const { code, slope, deviation, centred, around, atScale, atEffects, between } = group;
      const count = slope.length;
      const sigma = group.signed ? q[atScale] : between.sigma;
      slope.fill(0);
      for (let i = 0; i < eta.length; i++) slope[code[i]] += eta[i];
      let [ofScale, squares] = [0, 0];
      for (let j = 0; j < count; j++) {
        const z = centred ? deviation[j] / sigma : q[atEffects + j];
        squares += z * z;
        gradient[atEffects + j] = centred ? slope[j] - z / sigma : slope[j] * sigma - z;
        if (around) ofLevel -= gradient[atEffects + j];
        ofScale += slope[j] * z;
      }
      if (centred) {
        ofScale = (squares - count) / sigma;
        result -= count * Math.log(sigma);
      }
      result += between.logDensity - 0.5 * squares;
      gradient[atScale] = between.pull(sigma < 0 ? -ofScale : ofScale);
    }
    gradient[0] = total + ofLevel + priorSlope(prior.alpha_bar, q[0]);
    for (let t = 1; t <= treatments; t++) gradient[t] += ofLevel / treatments;
    return result;
  }

  const names = nameAll([
    ["alpha_bar"],
    ["beta", arms?.labels ?? []],
    ...Object.keys(likelihood.priors).map((name) => [name]),
    ...groups.map(({ sd }) => [sd]),
    ...groups.map(({ effect, labels }) => [effect, labels]),
  ]);

  function constrain(q, values) {
    read(q);
    const first = 1 + treatments;
    values.set(q.subarray(0, first));
    let place = first;
    for (const _ of likelihood.layout) values[place] = Math.exp(q[place++]);
    for (const { between } of of) values[place++] = between.sigma;
    for (const { deviation, levels } of of) {
      for (const away of deviation) values[place++] = away + (levels ? q[0] : 0);
    }
  }

  return { size, layout, names, logDensity, constrain, start: start(size) };
}

const defaults = { NORMAL, NARROW, SCALE, CORRELATION, SLOPES };
const LARGE = 1e200; // a product of this size is logged before it overflows
const reading = { numeric, factorise, readPriors, choose, varying };
return { ...reading, logPrior, priorSlope, scale, nameAll, lay, start, LARGE, defaults };
}
