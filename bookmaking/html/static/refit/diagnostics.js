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

const polynomial = (x, ...terms) => terms.reduceRight((sum, term) => sum * x + term, 0);

/** Normal quantiles, exact to about seven digits (Wichura 1988, AS 241). */
function normalQuantile(p) {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    const above = polynomial(r, 3.3871327179, 50.434271938, 159.29113202, 59.10937472);
    return (q * above) / polynomial(r, 1, 17.895169469, 78.757757664, 67.1875636);
  }
  const r = Math.sqrt(-Math.log(Math.min(p, 1 - p))) - 1.6; // for p above 1e-11
  const above = polynomial(r, 1.4234372777, 2.75681539, 1.3067284816, 0.17023821103);
  return (Math.sign(q) * above) / polynomial(r, 1, 0.7370016425, 0.12021132975);
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
