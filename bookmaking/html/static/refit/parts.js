/* What the models share: columns of the data, priors, and how standard deviations are sampled. */
"use strict";

function refitParts() {
  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

  /** A column of the data, by name. */
  function column(data, name, what) {
    const values = data.columns?.[name];
    if (!values) throw new Error(`${what}: the data have no column named '${name}'.`);
    return values;
  }

  /** A column of numbers. */
  function numeric(data, name, what) {
    const values = Float64Array.from(column(data, name, what), (value) => {
      if (!isNumber(value)) throw new Error(`'${name}' holds '${value}', which is not a number.`);
      return value;
    });
    if (values.length === 0) throw new Error(`'${name}' is empty.`);
    return values;
  }

  const inOrder = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

  /** Position of each row's label among the sorted labels; `data.levels` may give their order. */
  function factorise(data, name, what, keepUnused = false) {
    const values = [...column(data, name, what)];
    const present = new Set(values);
    const given = data.levels?.[name];
    const labels = given
      ? given.filter((label) => keepUnused || present.has(label))
      : [...present].sort(inOrder);
    const place = new Map(labels.map((label, position) => [label, position]));
    for (const value of present) {
      if (!place.has(value)) throw new Error(`'${name}' holds '${value}', which is no level of it.`);
    }
    if (present.size < 2) throw new Error(`'${name}' needs at least two levels.`);
    return { labels, codes: Int32Array.from(values, (value) => place.get(value)) };
  }

  /* A log density is -rate x - precision (x - mu)^2 / 2 for each of these. Numbers go by PyMC's
     names for them; an exponential may have a scale instead of its rate. */
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
      const choice = may.join(" or ");
      throw new Error(`The prior of ${name} is one of ${choice}; '${family}' is not.`);
    }
    const numbers = { ...prior };
    if (family === "Exponential" && "scale" in numbers && !("rate" in numbers)) {
      if (!isNumber(numbers.scale) || numbers.scale <= 0) {
        throw new Error(`The scale of ${name}'s prior is a number above zero; '${numbers.scale}' is not.`);
      }
      numbers.rate = 1 / numbers.scale;
    }
    for (const [key, kind] of Object.entries(DISTRIBUTIONS[family])) {
      const value = numbers[key];
      if (!isNumber(value) || (kind === "positive" && value <= 0)) {
        const allowed = kind === "positive" ? "a number above zero" : "a number";
        throw new Error(`The ${key} of ${name}'s prior, ${family}, is ${allowed}; '${value}' is not.`);
      }
    }
    const { mu = 0, sigma = Infinity, rate = 0, eta = 1 } = numbers;
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

  /* Three ways to sample a standard deviation. `read(t)` returns it; afterwards `logDensity` is
     the prior's with the Jacobian, and `pull(slope)` the gradient in t, given that in sigma. */
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

  function start(size, centre = {}) {
    return (random) => {
      const q = Float64Array.from({ length: size }, () => 2 * random.uniform() - 1);
      for (const [place, value] of Object.entries(centre)) q[place] += value;
      return q;
    };
  }

  function choose(form, forms, what) {
    if (!forms.includes(form)) {
      throw new Error(`The form of ${what} is one of ${forms.join(", ")}; '${form}' is not.`);
    }
    return form;
  }

  const defaults = { NORMAL, NARROW, SCALE, CORRELATION, SLOPES };
  const reading = { numeric, factorise, readPriors, choose };
  return { ...reading, logPrior, priorSlope, scale, nameAll, lay, start, defaults };
}
