/* Lines: a normal outcome with correlated varying intercepts and slopes.

   The effects of a cluster are S z with z standard normal, where the rows of S are those of the
   Cholesky factor of a 2 x 2 correlation matrix times the standard deviations; the correlation has
   an LKJ prior (Lewandowski, Kurowicka & Joe 2009). Given all other parameters z is normal, with the
   precision B = C C' = I + S' P S and the mean m = B^-1 S' p, where P and p are sums over the rows.
   The sampler moves w = C' (z - m), independent standard normal variables, and beside their
   density stands that of the other parameters with the effects integrated out. Its gradient is the
   mean, over the effects, of that of the joint density (Fisher's identity). */
"use strict";

function refitSlopes(parts) {
  const { logPrior, priorSlope, scale, nameAll, lay } = parts;
  const { NORMAL, NARROW, SCALE, CORRELATION } = parts.defaults;

  function varying_slopes(data, priors, { form = "adapted" } = {}) {
    parts.choose(form, ["adapted"], "varying_slopes");
    const { predictors, slope, group } = data;
    if (!predictors?.includes(slope)) throw new Error(`slope: '${slope}' is not among the predictors.`);
    const y = parts.numeric(data, data.outcome, "outcome");
    const x = predictors.map((name) => parts.numeric(data, name, "predictors"));
    const z = x[predictors.indexOf(slope)];
    const { codes, labels } = parts.factorise(data, group, "group");
    const [rows, count, columns] = [y.length, labels.length, x.length];
    const names = {
      sdIntercept: `sigma_${group}`, sdSlope: `sigma_${slope}_${group}`, rho: `rho_${group}`,
      intercept: `alpha_${group}`, slope: `${slope}_${group}`,
    };
    const { sdIntercept, sdSlope, rho } = names;
    const model = { alpha_bar: NORMAL, beta: NARROW, sigma: SCALE };
    Object.assign(model, { [sdIntercept]: SCALE, [sdSlope]: SCALE, [rho]: CORRELATION });
    const prior = parts.readPriors(priors, model);

    // Sums over the rows of each cluster, which are sufficient; `withOne` and `withZ`: of the
    // predictors times 1 and z. Over all rows: products of the predictors, 1 among them, and y.
    const make = () => new Float64Array(count);
    const [n, sumZ, sumZZ, sumY, sumYZ] = [0, 1, 2, 3, 4].map(make);
    const known = [y.map(() => 1), ...x];
    const [withOne, withZ] = [known.map(make), known.map(make)];
    codes.forEach((j, i) => {
      n[j] += 1;
      sumZ[j] += z[i];
      sumZZ[j] += z[i] * z[i];
      sumY[j] += y[i];
      sumYZ[j] += y[i] * z[i];
      known.forEach((values, p) => {
        withOne[p][j] += values[i];
        withZ[p][j] += values[i] * z[i];
      });
    });
    const product = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    const [products, withY] = [known.map((a) => known.map((b) => product(a, b))), known.map((a) => product(a, y))];
    const ySquares = product(y, y);
    if (!codes.some((j, i) => Math.abs(z[i] * n[j] - sumZ[j]) > 1e-12 * Math.abs(sumZ[j]))) {
      throw new Error(`'${slope}' is constant in every '${group}': its slope cannot vary.`);
    }
    const squares = codes.reduce((sum, j, i) => sum + (y[i] - sumY[j] / n[j]) ** 2, 0);
    if (!(squares > 0)) throw new Error(`'${data.outcome}' does not vary within any cluster.`);
    // Effects that a typical cluster can just tell from zero: the unit of their standard deviations.
    const noiseSeen = Math.sqrt(squares / Math.max(rows - count, 1));
    const perCluster = (sums) => sums.reduce((sum, value) => sum + value, 0) / count;
    const units = {
      [sdIntercept]: noiseSeen / Math.sqrt(rows / count),
      [sdSlope]: noiseSeen / Math.sqrt(perCluster(sumZZ)),
    };

    const layout = [
      ["alpha_bar", 1], ["sigma_log__", 1], ["beta", columns], [`_${rho}_half_logodds__`, 1],
      [`${sdIntercept}_half_log__`, 1], [`${sdSlope}_half_log__`, 1],
      [`_${names.intercept}_z`, count], [`_${names.slope}_z`, count],
    ];
    const { at, size } = lay(layout);
    const atRho = at[`_${rho}_half_logodds__`];
    const [atIntercepts, atSlopes] = [at[`_${names.intercept}_z`], at[`_${names.slope}_z`]];
    const noise = scale("log", prior.sigma);
    const first = scale("half_log", prior[sdIntercept], units[sdIntercept]);
    const second = scale("half_log", prior[sdSlope], units[sdSlope]);
    const eta = prior[rho].eta;
    const effect = new Float64Array(columns + 1); // alpha_bar and beta
    const pull = new Float64Array(columns + 1); // products of the predictors and the residuals
    const [left, leftZ] = [make(), make()]; // sums of residuals, and of these times z
    const [mean0, mean1] = [make(), make()]; // means of the effects, given all else
    const s = { a: 0, b: 0, d: 0, rho: 0, root: 0, half: 0 }; // S = [a 0; b d]

    function readFactor(q) {
      const odds = Math.exp(-q[atRho]);
      s.half = 1 / (1 + odds);
      s.rho = (1 - odds) / (1 + odds);
      s.root = 2 * Math.sqrt(odds) * s.half; // sqrt(1 - rho^2)
      s.a = first.read(q[atRho + 1]);
      const sd = second.read(q[atRho + 2]);
      s.b = sd * s.rho;
      s.d = sd * s.root;
    }

    /** Sum the residuals from the population's line; return the sum of their squares. */
    function residuals(q) {
      left.set(sumY);
      leftZ.set(sumYZ);
      let squares = ySquares;
      for (let p = 0; p <= columns; p++) effect[p] = q[p === 0 ? 0 : 1 + p];
      for (let p = 0; p <= columns; p++) {
        const [one, withSlope, own] = [withOne[p], withZ[p], effect[p]];
        for (let j = 0; j < count; j++) {
          left[j] -= one[j] * own;
          leftZ[j] -= withSlope[j] * own;
        }
        pull[p] = withY[p];
        for (let k = 0; k <= columns; k++) pull[p] -= products[p][k] * effect[k];
        squares -= own * (withY[p] + pull[p]);
      }
      return squares;
    }

    function logDensity(q, gradient) {
      const sigma = noise.read(q[1]);
      const precision = 1 / (sigma * sigma);
      readFactor(q);
      const { a, b, d } = s;
      let squares = residuals(q);
      let [logRoots, explained, squareZ] = [0, 0, 0];
      let [slopeA, slopeB, slopeD] = [0, 0, 0];
      for (let j = 0; j < count; j++) {
        const [p00, p01, p11] = [precision * n[j], precision * sumZ[j], precision * sumZZ[j]];
        const [r0, r1] = [precision * left[j], precision * leftZ[j]];
        // P S, B = I + S' P S, its inverse, and the mean m of z
        const [ps00, ps10] = [p00 * a + p01 * b, p01 * a + p11 * b];
        const [ps01, ps11] = [p01 * d, p11 * d];
        const b00 = 1 + a * ps00 + b * ps10;
        const b01 = d * ps10;
        const b11 = 1 + d * ps11;
        const determinant = b00 * b11 - b01 * b01;
        const [i00, i01, i11] = [b11 / determinant, -b01 / determinant, b00 / determinant];
        const [h0, h1] = [a * r0 + b * r1, d * r1];
        const [m0, m1] = [i00 * h0 + i01 * h1, i01 * h0 + i11 * h1];
        logRoots += Math.log(determinant);
        explained += h0 * m0 + h1 * m1;
        // The gradient in S is p m' - P S E[z z'].
        const [e00, e01, e11] = [i00 + m0 * m0, i01 + m0 * m1, i11 + m1 * m1];
        slopeA += r0 * m0 - ps00 * e00 - ps01 * e01;
        slopeB += r1 * m0 - ps10 * e00 - ps11 * e01;
        slopeD += r1 * m1 - ps10 * e01 - ps11 * e11;
        // What the mean effects u explain of the residuals
        const u0 = (mean0[j] = a * m0);
        const u1 = (mean1[j] = b * m0 + d * m1);
        // E[sum of squared residuals] = squares - 2 r'E[u] + E[u'Pu]; tr(S'PS E[zz']) below
        squareZ += (b00 - 1) * e00 + 2 * b01 * e01 + (b11 - 1) * e11 - 2 * (r0 * u0 + r1 * u1);
      }
      for (let p = 0; p <= columns; p++) {
        const [one, withSlope] = [withOne[p], withZ[p]];
        for (let j = 0; j < count; j++) pull[p] -= one[j] * mean0[j] + withSlope[j] * mean1[j];
      }
      squares *= precision;
      let result = noise.logDensity + first.logDensity + second.logDensity;
      result += logPrior(prior.alpha_bar, q[0]) - rows * Math.log(sigma);
      result -= 0.5 * (squares + logRoots - explained);
      result += eta * (Math.log(s.half) + Math.log(s.half) - q[atRho]);
      gradient[0] = precision * pull[0] + priorSlope(prior.alpha_bar, q[0]);
      gradient[1] = noise.pull((squares + squareZ - rows) / sigma);
      for (let p = 0; p < columns; p++) {
        result += logPrior(prior.beta, q[2 + p]);
        gradient[2 + p] = precision * pull[p + 1] + priorSlope(prior.beta, q[2 + p]);
      }
      const sd = second.sigma;
      const turned = 0.5 * s.root * sd * (slopeB * s.root - slopeD * s.rho);
      gradient[atRho] = turned - eta * s.rho;
      gradient[atRho + 1] = first.pull(slopeA);
      gradient[atRho + 2] = second.pull(slopeB * s.rho + slopeD * s.root);
      let w2 = 0;
      for (let i = atRho + 3; i < size; i++) {
        w2 += q[i] * q[i];
        gradient[i] = -q[i];
      }
      return result - 0.5 * w2;
    }

    function constrain(q, values) {
      const sigma = noise.read(q[1]);
      readFactor(q);
      residuals(q);
      const { a, b, d } = s;
      values[0] = q[0];
      values[1] = sigma;
      for (let p = 0; p < columns; p++) values[2 + p] = q[2 + p];
      values[atRho] = s.rho;
      values[atRho + 1] = first.sigma;
      values[atRho + 2] = second.sigma;
      for (let j = 0; j < count; j++) {
        const [p00, p01, p11] = [n[j], sumZ[j], sumZZ[j]].map((sum) => sum / sigma ** 2);
        const [r0, r1] = [left[j] / sigma ** 2, leftZ[j] / sigma ** 2];
        const c00 = Math.sqrt(1 + a * a * p00 + 2 * a * b * p01 + b * b * p11);
        const c10 = (d * (p01 * a + p11 * b)) / c00;
        const c11 = Math.sqrt(1 + d * d * p11 - c10 * c10);
        const half0 = (a * r0 + b * r1) / c00;
        const half1 = (d * r1 - c10 * half0) / c11;
        const z1 = (q[atSlopes + j] + half1) / c11;
        const z0 = (q[atIntercepts + j] + half0 - c10 * z1) / c00;
        values[atIntercepts + j] = a * z0;
        values[atSlopes + j] = b * z0 + d * z1;
      }
    }

    const reported = nameAll([
      ["alpha_bar", null], ["sigma", null], ["beta", predictors], [rho, null],
      [sdIntercept, null], [sdSlope, null], [names.intercept, labels], [names.slope, labels],
    ]);
    const start = parts.start(size);
    return { size, layout, names: reported, logDensity, constrain, start, units };
  }

  return { varying_slopes };
}
