/* Normal outcomes whose effects of a cluster, an intercept and perhaps a slope, are adapted.

   The effects of a cluster are S z with z standard normal; the rows of S are those of the Cholesky
   factor of the correlation matrix, which has an LKJ prior (Lewandowski, Kurowicka & Joe 2009),
   times the standard deviations. Given all else z is normal, with the precision B = C C' = I + S'PS
   and the mean m = B^-1 S'r, where P and r are sums over the rows. The sampler moves w = C'(z - m),
   independent standard normal variables, and beside their density stands that of the other
   parameters with the effects integrated out. Its gradient is the mean, over the effects, of that
   of the joint density (Fisher's identity). */
"use strict";

function refitSlopes(parts) {
const { logPrior, priorSlope, scale, nameAll, lay, LARGE } = parts;
const { NORMAL, NARROW, SCALE, CORRELATION } = parts.defaults;

function varying_slopes(data, priors, { form = "adapted" } = {}) {
  parts.choose(form, ["adapted"], "varying_slopes");
  const { predictors, slope, group } = data;
  if (!predictors?.includes(slope)) throw new Error(`'${slope}' is not among the predictors.`);
  return adapted(data, priors, {
    predictors, slope, sds: [`sigma_${group}`, `sigma_${slope}_${group}`], rho: `rho_${group}`,
    effects: [`alpha_${group}`, `${slope}_${group}`], isLevel: false,
  });
}

function partial_pooling(data, priors) {
  const names = { sds: ["sigma_alpha"], effects: ["alpha"], isLevel: true };
  return adapted(data, priors, { predictors: [], slope: null, ...names });
}

function adapted(data, priors, { predictors, slope, sds, rho, effects, isLevel }) {
  const y = parts.numeric(data, data.outcome, "outcome");
  const x = predictors.map((name) => parts.numeric(data, name, "predictors"));
  const { codes, labels } = parts.factorise(data, data.group, "group");
  const [rows, count, columns] = [y.length, labels.length, 1 + x.length];
  const model = { alpha_bar: NORMAL, ...(x.length && { beta: NARROW }), sigma: SCALE };
  for (const sd of sds) model[sd] = SCALE;
  if (slope) model[rho] = CORRELATION;
  const prior = parts.readPriors(priors, model);

  // Sums of products, over the rows of each cluster or over all, are sufficient.
  const known = [y.map(() => 1), ...x];
  const z = slope ? x[predictors.indexOf(slope)] : y.map(() => 0);
  const sums = (a, b) => {
    const result = new Float64Array(count);
    codes.forEach((j, i) => (result[j] += a[i] * b[i]));
    return result;
  };
  const total = (a) => a.reduce((sum, value) => sum + value, 0);
  const [n, sumZ, sumZZ] = [sums(known[0], known[0]), sums(known[0], z), sums(z, z)];
  const [sumY, sumYZ] = [sums(known[0], y), sums(y, z)];
  const withOne = known.map((a) => sums(a, known[0]));
  const withZ = known.map((a) => sums(a, z));
  const products = known.map((a) => Float64Array.from(known, (b) => total(sums(a, b))));
  const withY = known.map((a) => total(sums(a, y)));
  const ySquares = total(sums(y, y));
  if (slope && !z.some((value, i) => value * n[codes[i]] !== sumZ[codes[i]])) {
    throw new Error(`'${slope}' is constant in every '${data.group}': its slope cannot vary.`);
  }
  const squaresWithin = total(y.map((value, i) => (value - sumY[codes[i]] / n[codes[i]]) ** 2));
  if (!(squaresWithin > 0)) throw new Error(`'${data.outcome}' does not vary within any cluster.`);

  // Standard deviations are in units of what a typical cluster can just tell from zero.
  const noiseSeen = Math.sqrt((squaresWithin / Math.max(rows - count, 1)) * count);
  const unit = [noiseSeen / Math.sqrt(rows), noiseSeen / Math.sqrt(total(sumZZ))];
  const units = Object.fromEntries(sds.map((sd, k) => [sd, unit[k]]));
  const noise = scale("log", prior.sigma);
  const [first, second] = sds.map((sd, k) => scale("half_log", prior[sd], unit[k]));
  const layout = [["alpha_bar", 1], ["sigma_log__", 1]];
  if (x.length) layout.splice(1, 0, ["beta", x.length]);
  for (const sd of sds) layout.push([`${sd}_half_log__`, 1]);
  if (slope) layout.push([`_${rho}_half_logodds__`, 1]);
  for (const effect of effects) layout.push([`_${effect}_z`, count]);
  const { at, size } = lay(layout);
  const [atNoise, atFirst, atSecond, atRho] = [columns, columns + 1, columns + 2, columns + 3];
  const [atIntercepts, atSlopes] = effects.map((effect) => at[`_${effect}_z`]);

  const make = () => new Float64Array(count);
  const [left, leftZ] = [make(), make()]; // sums of residuals, and of these times z
  const [mean0, mean1] = [make(), make()]; // means of the effects, given all else
  const pull = new Float64Array(columns); // products of the columns and the residuals
  const factor = { a: 0, b: 0, d: 0, half: 0.5, rho: 0, root: 1 }; // S = [a 0; b d]

  function readFactor(q) {
    factor.a = first.read(q[atFirst]);
    if (!slope) return;
    const odds = Math.exp(-q[atRho]);
    const sd = second.read(q[atSecond]);
    factor.half = 1 / (1 + odds);
    factor.rho = (1 - odds) / (1 + odds);
    factor.root = 2 * Math.sqrt(odds) * factor.half; // sqrt(1 - rho^2)
    factor.b = sd * factor.rho;
    factor.d = sd * factor.root;
  }

  /** Sum the residuals from the population's line; return the sum of their squares. */
  function residuals(q) {
    left.set(sumY);
    leftZ.set(sumYZ);
    let squares = ySquares;
    for (let p = 0; p < columns; p++) {
      const one = withOne[p];
      const slopes = withZ[p];
      for (let j = 0; j < count; j++) {
        left[j] -= one[j] * q[p];
        leftZ[j] -= slopes[j] * q[p];
      }
      pull[p] = withY[p];
      for (let k = 0; k < columns; k++) pull[p] -= products[p][k] * q[k];
      squares -= q[p] * (withY[p] + pull[p]);
    }
    return squares;
  }

  function logDensity(q, gradient) {
    const sigma = noise.read(q[atNoise]);
    const precision = 1 / (sigma * sigma);
    readFactor(q);
    const { a, b, d } = factor;
    const squares = precision * residuals(q);
    let result = noise.logDensity + first.logDensity - rows * Math.log(sigma);
    let [determinants, explained, away, ofA, ofB, ofD] = [1, 0, squares, 0, 0, 0];
    for (let j = 0; j < count; j++) {
      const p00 = precision * n[j];
      const p01 = precision * sumZ[j];
      const p11 = precision * sumZZ[j];
      const r0 = precision * left[j];
      const r1 = precision * leftZ[j];
      // PS, B = I + S'PS, its inverse, and the mean m of z
      const s00 = p00 * a + p01 * b;
      const s10 = p01 * a + p11 * b;
      const s01 = p01 * d;
      const s11 = p11 * d;
      const b00 = 1 + a * s00 + b * s10;
      const b01 = d * s10;
      const b11 = 1 + d * s11;
      const determinant = b00 * b11 - b01 * b01;
      const inverse = 1 / determinant;
      const h0 = a * r0 + b * r1;
      const h1 = d * r1;
      const m0 = inverse * (b11 * h0 - b01 * h1);
      const m1 = inverse * (b00 * h1 - b01 * h0);
      determinants *= determinant;
      if (determinants > LARGE) {
        result -= 0.5 * Math.log(determinants);
        determinants = 1;
      }
      explained += h0 * m0 + h1 * m1;
      // The gradient in S is r m' - PS E[zz'], with these elements of E[zz'].
      const e00 = inverse * b11 + m0 * m0;
      const e01 = m0 * m1 - inverse * b01;
      const e11 = inverse * b00 + m1 * m1;
      ofA += r0 * m0 - s00 * e00 - s01 * e01;
      ofB += r1 * m0 - s10 * e00 - s11 * e01;
      ofD += r1 * m1 - s10 * e01 - s11 * e11;
      mean0[j] = a * m0;
      mean1[j] = b * m0 + d * m1;
      // What the effects u = Sz leave of the squares: less 2 r'E[u], plus E[u'Pu]
      away += (b00 - 1) * e00 + 2 * b01 * e01 + (b11 - 1) * e11;
      away -= 2 * (r0 * mean0[j] + r1 * mean1[j]);
    }
    result -= 0.5 * (squares + Math.log(determinants) - explained);
    gradient[atNoise] = noise.pull((away - rows) / sigma);
    gradient[atFirst] = first.pull(ofA);
    for (let p = 0; p < columns; p++) {
      const one = withOne[p];
      const slopes = withZ[p];
      for (let j = 0; j < count; j++) pull[p] -= one[j] * mean0[j] + slopes[j] * mean1[j];
      const own = p === 0 ? prior.alpha_bar : prior.beta;
      result += logPrior(own, q[p]);
      gradient[p] = precision * pull[p] + priorSlope(own, q[p]);
    }
    if (slope) {
      const { half, rho: correlation, root } = factor;
      const { eta } = prior[rho];
      result += second.logDensity + eta * (2 * Math.log(half) - q[atRho]);
      gradient[atSecond] = second.pull(ofB * correlation + ofD * root);
      const turned = 0.5 * root * second.sigma * (ofB * root - ofD * correlation);
      gradient[atRho] = turned - eta * correlation;
    }
    let squaresOfW = 0;
    for (let i = atIntercepts; i < size; i++) {
      squaresOfW += q[i] * q[i];
      gradient[i] = -q[i];
    }
    return result - 0.5 * squaresOfW;
  }

  function constrain(q, values) {
    values.set(q);
    const precision = (values[atNoise] = noise.read(q[atNoise])) ** -2;
    readFactor(q);
    residuals(q);
    const { a, b, d } = factor;
    values[atFirst] = first.sigma;
    if (slope) [values[atSecond], values[atRho]] = [second.sigma, factor.rho];
    for (let j = 0; j < count; j++) {
      const [p00, p01, p11] = [n[j], sumZ[j], sumZZ[j]].map((sum) => sum * precision);
      const [r0, r1] = [left[j] * precision, leftZ[j] * precision];
      const c00 = Math.sqrt(1 + a * a * p00 + 2 * a * b * p01 + b * b * p11);
      const c10 = (d * (p01 * a + p11 * b)) / c00;
      const c11 = Math.sqrt(1 + d * d * p11 - c10 * c10);
      const half0 = (a * r0 + b * r1) / c00;
      const z1 = slope ? (q[atSlopes + j] + (d * r1 - c10 * half0) / c11) / c11 : 0;
      const z0 = (q[atIntercepts + j] + half0 - c10 * z1) / c00;
      values[atIntercepts + j] = a * z0 + (isLevel ? q[0] : 0);
      if (slope) values[atSlopes + j] = b * z0 + d * z1;
    }
  }

  const names = nameAll([
    ["alpha_bar"], ["beta", predictors], ["sigma"], ...sds.map((sd) => [sd]),
    ...(slope ? [[rho]] : []), ...effects.map((effect) => [effect, labels]),
  ]);
  return { size, layout, names, logDensity, constrain, start: parts.start(size), units };
}

return { varying_slopes, partial_pooling };
}
