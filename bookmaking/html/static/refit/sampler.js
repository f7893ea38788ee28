/* The No-U-Turn Sampler: a Hamiltonian trajectory grows until it turns back, and one of its points
   is drawn (Hoffman & Gelman 2014), by its weight (Betancourt 2018). It adapts as in Stan. */
"use strict";

function refitSampler() {
const DIVERGENT = 1000; // error of the energy, in nats
const [EARLY_DEPTH, DEPTH] = [6, 10]; // short while scales are unknown

/** Random numbers: sfc32 (Doty-Humphrey 2010), of which each seed and chain has its own stream. */
function generator(seed, stream) {
  let a = seed >>> 0;
  let b = Math.floor(seed / 2 ** 32) >>> 0;
  let c = stream >>> 0;
  let counter = 1;

  function uniform() {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return ((result >>> 0) + 0.5) / 2 ** 32;
  }

  const normal = () => // Box & Muller (1958)
    Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

  for (let i = 0; i < 20; i++) uniform(); // until similar seeds have parted
  return { uniform, normal };
}

/** Step size by dual averaging, so that trajectories are accepted as often as wished. */
function dualAveraging(target, step) {
  const goal = Math.log(10 * step);
  let [error, average, count] = [0, 0, 0];
  return {
    next(accepted) {
      count += 1;
      error += (target - accepted - error) / (count + 10);
      const logStep = goal - (error * Math.sqrt(count)) / 0.05;
      average += (logStep - average) * count ** -0.75;
      return Math.exp(logStep);
    },
    final: () => Math.exp(average),
  };
}

/** Steps after which the scales are set anew: windows that double, as in Stan. */
function windows(tune) {
  const first = Math.min(15, Math.floor(0.15 * tune));
  const last = tune - Math.min(50, Math.floor(0.1 * tune));
  const ends = new Set();
  for (let [end, length] = [2 * first, first]; length > 1 && end <= last; end += length) {
    length *= 2;
    if (end + length > last) end = last;
    ends.add(end);
  }
  return { first, last, early: 4 * first, ends };
}

const logSum = (a, b) => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));

/** A sampler with its own state; `advance` makes one draw. */
function nuts(family, random) {
  const size = family.size;
  const make = () => new Float64Array(size);
  const point = () => ({ q: make(), p: make(), gradient: make(), logDensity: 0 });
  const variance = make().fill(1); // of each parameter: the inverse of the mass matrix
  const ends = [point(), point()]; // the trajectory's ends: backwards, forwards
  // Every subtree of a depth writes into one of two slots, so that nothing is allocated later.
  const slot = () => ({ rho: make(), first: make(), last: make(), weight: 0, sample: sample() });
  const sample = () => ({ q: make(), gradient: make(), logDensity: 0, energy: 0 });
  const slots = Array.from({ length: DEPTH + 1 }, () => [slot(), slot()]);
  const current = sample();
  const whole = { rho: make(), first: make(), last: make() };
  const [sum, rhoExtra] = [make(), make()];
  const tree = { start: 0, step: 0.1, gradients: 0, acceptance: 0, divergent: false };

  function energyOf(z) {
    let kinetic = 0;
    for (let i = 0; i < size; i++) kinetic += variance[i] * z.p[i] * z.p[i];
    return 0.5 * kinetic - z.logDensity;
  }

  function leapfrog(z, step) {
    const { q, p, gradient } = z;
    for (let i = 0; i < size; i++) {
      p[i] += 0.5 * step * gradient[i];
      q[i] += step * variance[i] * p[i];
    }
    z.logDensity = family.logDensity(q, gradient);
    for (let i = 0; i < size; i++) p[i] += 0.5 * step * gradient[i];
  }

  function copy(from, to) {
    to.q.set(from.q);
    to.gradient.set(from.gradient);
    to.logDensity = from.logDensity;
  }

  function refreshMomentum(z) {
    for (let i = 0; i < size; i++) z.p[i] = random.normal() / Math.sqrt(variance[i]);
  }

  /** Whether a stretch still moves apart at both ends (generalised criterion, Betancourt 2013). */
  function movesOn(first, last, sum) {
    let atFirst = 0;
    let atLast = 0;
    for (let i = 0; i < size; i++) {
      const along = variance[i] * sum[i];
      atFirst += along * first[i];
      atLast += along * last[i];
    }
    return atFirst > 0 && atLast > 0;
  }

  /** The same for two neighbours, and for each with the other's nearest point (as in Stan). */
  function movesOnTogether(a, b, sum) {
    for (let i = 0; i < size; i++) rhoExtra[i] = a.rho[i] + b.first[i];
    if (!movesOn(a.first, b.last, sum) || !movesOn(a.first, b.first, rhoExtra)) return false;
    for (let i = 0; i < size; i++) rhoExtra[i] = b.rho[i] + a.last[i];
    return movesOn(a.last, b.last, rhoExtra);
  }

  /** Add 2 ** depth points at an end, into `out`; false if they diverge or turn back. */
  function grow(depth, z, direction, out) {
    if (depth === 0) {
      leapfrog(z, direction * tree.step);
      tree.gradients += 1;
      const energy = energyOf(z);
      const gain = tree.start - energy;
      tree.divergent = !(gain > -DIVERGENT); // NaN included
      tree.acceptance += Math.min(1, Math.exp(gain)) || 0;
      out.weight = gain;
      copy(z, out.sample);
      out.sample.energy = energy;
      out.rho.set(z.p);
      out.first.set(z.p);
      out.last.set(z.p);
      return !tree.divergent;
    }
    const [a, b] = slots[depth - 1];
    if (!grow(depth - 1, z, direction, a) || !grow(depth - 1, z, direction, b)) return false;
    out.weight = logSum(a.weight, b.weight);
    const chosen = random.uniform() < Math.exp(b.weight - out.weight) ? b : a;
    [out.sample, chosen.sample] = [chosen.sample, out.sample];
    for (let i = 0; i < size; i++) out.rho[i] = a.rho[i] + b.rho[i];
    const goesOn = movesOnTogether(a, b, out.rho);
    [out.first, a.first] = [a.first, out.first];
    [out.last, b.last] = [b.last, out.last];
    return goesOn;
  }

  function advance(limit = DEPTH) {
    const [back, front] = ends;
    copy(current, back);
    refreshMomentum(back);
    copy(current, front);
    front.p.set(back.p);
    tree.start = current.energy = energyOf(back);
    tree.gradients = tree.acceptance = 0;
    tree.divergent = false;
    for (const part of Object.values(whole)) part.set(back.p);
    let weight = 0;
    let depth = 0;
    while (depth < limit) {
      const forwards = random.uniform() > 0.5;
      const added = slots[depth][0];
      if (!grow(depth, forwards ? front : back, forwards ? 1 : -1, added)) break;
      depth += 1;
      // The new half is preferred, which moves draws apart (biased progressive sampling).
      if (random.uniform() < Math.exp(added.weight - weight)) {
        copy(added.sample, current);
        current.energy = added.sample.energy;
      }
      weight = logSum(weight, added.weight);
      for (let i = 0; i < size; i++) sum[i] = whole.rho[i] + added.rho[i];
      // Backwards, the added half was made from its end.
      if (!forwards) [added.first, added.last] = [added.last, added.first];
      const [a, b] = forwards ? [whole, added] : [added, whole];
      const goesOn = movesOnTogether(a, b, sum);
      whole.rho.set(sum);
      whole.first.set(a.first);
      whole.last.set(b.last);
      if (!goesOn) break;
    }
    tree.depth = depth;
    tree.acceptance /= Math.max(tree.gradients, 1);
  }

  /** A step size with which a single step is accepted about four times in five. */
  function reasonableStep() {
    const z = ends[0];
    let direction = 0;
    for (let tries = 0; tries < 100; tries++) {
      copy(current, z);
      refreshMomentum(z);
      const before = energyOf(z);
      leapfrog(z, tree.step);
      const way = before - energyOf(z) > Math.log(0.8) ? 1 : -1;
      if (direction !== 0 && way !== direction) return;
      direction = way;
      tree.step *= 2 ** way;
    }
    throw new Error("No step size suits this density.");
  }

  /** Begin at a random point whose density and gradient are finite. */
  function begin() {
    for (let tries = 0; tries < 100; tries++) {
      current.q.set(family.start(random));
      current.logDensity = family.logDensity(current.q, current.gradient);
      if ([current.logDensity, ...current.gradient].every(Number.isFinite)) return;
    }
    throw new Error("The density is not finite where sampling starts.");
  }

  return { begin, advance, reasonableStep, variance, tree, current };
}

/** Running variances (Welford 1962), shrunk a little towards a small one, as in Stan. */
function runningVariances(size) {
  const [mean, squares] = [new Float64Array(size), new Float64Array(size)];
  let count = 0;
  return {
    add(q) {
      count += 1;
      for (let i = 0; i < size; i++) {
        const away = q[i] - mean[i];
        mean[i] += away / count;
        squares[i] += away * (q[i] - mean[i]);
      }
    },
    take: () => squares.map((sum) => ((sum * count) / (count - 1) + 5e-3) / (count + 5)),
  };
}

/** Run one chain. `report(done, values, diverging)` is called after every step. */
function sample(family, settings) {
  const { tune, draws, targetAccept, seed, chain = 0, report } = settings;
  const sampler = nuts(family, generator(seed, chain));
  const { tree, current } = sampler;
  const width = family.names.length;
  const values = new Float64Array(draws * width);
  const [diverging, depth] = [new Uint8Array(draws), new Uint8Array(draws)];
  const energy = new Float64Array(draws);
  const plan = windows(tune);
  const cost = { gradients: 0, gradientsOfTuning: 0 };
  let acceptance = 0;
  let averaging, variances;

  const adaptAnew = () => {
    sampler.reasonableStep();
    averaging = dualAveraging(targetAccept, tree.step);
    variances = runningVariances(family.size);
  };
  sampler.begin();
  adaptAnew();
  for (let i = 0; i < tune; i++) {
    sampler.advance(i < plan.early ? EARLY_DEPTH : DEPTH);
    cost.gradientsOfTuning += tree.gradients;
    tree.step = averaging.next(tree.acceptance);
    if (i >= plan.first && i < plan.last) variances.add(current.q);
    if (plan.ends.has(i + 1)) {
      sampler.variance.set(variances.take());
      adaptAnew();
    }
    report?.(i + 1, null, tree.divergent);
  }
  if (tune > 0) tree.step = averaging.final();
  for (let i = 0; i < draws; i++) {
    sampler.advance();
    cost.gradients += tree.gradients;
    acceptance += tree.acceptance / draws;
    const row = values.subarray(i * width, (i + 1) * width);
    family.constrain(current.q, row);
    diverging[i] = tree.divergent;
    depth[i] = tree.depth;
    energy[i] = current.energy;
    report?.(tune + i + 1, row, tree.divergent);
  }
  return { values, diverging, depth, energy, stepSize: tree.step, acceptance, ...cost };
}

return { sample, generator };
}
