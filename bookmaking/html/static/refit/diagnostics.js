/* Do the chains agree, and how many independent draws are they worth? (Vehtari et al. 2021) */
"use strict";

function refitDiagnostics() {
  function mean(x) {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += x[i];
    return sum / x.length;
  }

  function variance(x) {
    const middle = mean(x);
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += (x[i] - middle) ** 2;
    return sum / (x.length - 1);
  }

  function quantile(sorted, share) {
    const at = share * (sorted.length - 1);
    const below = Math.floor(at);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }

  const polynomial = (terms, x) => terms.reduceRight((sum, term) => sum * x + term, 0);

  // Rational approximations of normal quantiles, exact to 16 digits (Wichura 1988, AS 241).
  const [A, B, C, D, E, F] = [
    [3.3871328727963666, 133.14166789178438, 1971.5909503065514, 13731.693765509461,
      45921.95393154987, 67265.7709270087, 33430.57558358813, 2509.0809287301227],
    [1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597,
      39307.89580009271, 28729.085735721943, 5226.495278852854],
    [1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045,
      1.2704582524523684, 0.2417807251774506, 0.022723844989269184, 7.745450142783414e-4],
    [1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008,
      0.015198666563616457, 5.475938084995345e-4, 1.0507500716444169e-9],
    [6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487,
      0.026532189526576124, 0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7],
    [1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 7.868691311456133e-4,
      1.8463183175100548e-5, 1.421511758316446e-7, 2.0442631033899397e-15],
  ];

  function normalQuantile(p) {
    const q = p - 0.5;
    if (Math.abs(q) <= 0.425) {
      const r = 0.180625 - q * q;
      return (q * polynomial(A, r)) / polynomial(B, r);
    }
    const r = Math.sqrt(-Math.log(Math.min(p, 1 - p)));
    const size = r <= 5
      ? polynomial(C, r - 1.6) / polynomial(D, r - 1.6)
      : polynomial(E, r - 5) / polynomial(F, r - 5);
    return q < 0 ? -size : size;
  }

  /** Position of the first number that is not below a value, or (`past`) that is above it. */
  function position(sorted, value, past) {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < value || (past && sorted[middle] === value)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  let scores = new Float64Array(0); // of twice the rank; the same for all parameters

  /** Normal quantiles of the ranks; equal values share their average rank. */
  function rankNormalise(x) {
    if (scores.length !== 2 * x.length + 1) {
      const quantileOf = (_, twice) => normalQuantile((twice / 2 - 3 / 8) / (x.length + 1 / 4));
      scores = Float64Array.from({ length: 2 * x.length + 1 }, quantileOf);
    }
    const sorted = x.slice().sort();
    return x.map((value) => scores[position(sorted, value, false) + 1 + position(sorted, value, true)]);
  }

  /** The halves of all chains, one after another, as the chains were. */
  function halves(x, chains) {
    const length = x.length / chains;
    const half = Math.floor(length / 2);
    return length % 2 ? x.filter((_, i) => i % length !== half) : x;
  }

  const split = (x, parts) => {
    const n = x.length / parts;
    return Array.from({ length: parts }, (_, k) => x.subarray(k * n, (k + 1) * n));
  };

  function rHat(x, parts) {
    const n = x.length / parts;
    const each = split(x, parts);
    const between = n * variance(each.map(mean));
    return Math.sqrt((between / mean(each.map(variance)) + n - 1) / n);
  }

  /** Effective sample size, by Geyer's initial monotone sequence of autocorrelations. */
  function ess(x, parts) {
    const all = x.length;
    const n = all / parts;
    const each = split(x, parts);
    const means = each.map(mean);
    const apart = each.map((part, k) => part.map((value) => value - means[k]));
    const covariance = (lag) => {
      let sum = 0;
      for (const part of apart) for (let i = lag; i < n; i++) sum += part[i] * part[i - lag];
      return sum / all;
    };
    const biased = covariance(0);
    if (biased === 0 && variance(means) < 1e-30) return all; // a constant
    const within = (biased * n) / (n - 1);
    const total = biased + variance(means);
    const correlation = (lag) => 1 - (within - covariance(lag)) / total;
    let [even, odd] = [1, correlation(1)];
    const rho = [even, odd];
    let t = 1;
    while (t < n - 3 && even + odd > 0) {
      even = correlation(t + 1);
      odd = correlation(t + 2);
      rho.push(...(even + odd >= 0 ? [even, odd] : [0, 0]));
      t += 2;
    }
    const last = t - 2;
    if (even > 0) rho[last + 1] = even;
    for (t = 1; t <= last - 2; t += 2) {
      const before = rho[t - 1] + rho[t];
      if (rho[t + 1] + rho[t + 2] > before) rho[t + 1] = rho[t + 2] = before / 2;
    }
    const sum = rho.slice(0, last + 1).reduce((a, b) => a + b, 0);
    return all / Math.max(-1 + 2 * sum + (rho[last + 1] ?? 0), 1 / Math.log10(all));
  }

  /** Summary of one parameter from its draws, in one array, chain after chain. */
  function summarise(x, chains) {
    const sorted = x.slice().sort();
    const average = mean(x);
    const sd = Math.sqrt(variance(x));
    const essOf = (values) => ess(halves(values, chains), 2 * chains);
    const both = halves(x, chains);
    const [below, above] = both.slice().sort().subarray(both.length / 2 - 1);
    const median = (below + above) / 2;
    const ranks = rankNormalise(both);
    const folded = rankNormalise(both.map((value) => Math.abs(value - median)));
    const tails = [0.05, 0.95].map((share) => {
      const limit = quantile(sorted, share);
      return essOf(x.map((value) => (value <= limit ? 1 : 0)));
    });
    // The error of the sd, from that of the mean square (as in the R package posterior)
    const squares = x.map((value) => (value - average) ** 2);
    const meanSquare = mean(squares);
    const spread = mean(squares.map((value) => value * value)) - meanSquare ** 2;
    return {
      mean: average,
      sd,
      lower: quantile(sorted, 0.025),
      upper: quantile(sorted, 0.975),
      mcse: sd / Math.sqrt(essOf(x)),
      mcse_sd: Math.sqrt(spread / essOf(squares) / meanSquare / 4),
      r_hat: Math.max(...[ranks, folded].map((scores) => rHat(scores, 2 * chains))),
      ess_bulk: ess(ranks, 2 * chains),
      ess_tail: Math.min(...tails),
    };
  }

  /** Share of the energy that momenta renew (Betancourt 2016), of one chain. */
  function eBfmi(energy) {
    let squares = 0;
    for (let i = 1; i < energy.length; i++) squares += (energy[i] - energy[i - 1]) ** 2;
    return squares / (energy.length - 1) / variance(energy);
  }

  return { summarise, eBfmi };
}
