/* Chains in parallel workers. Pages from the file system may not load a worker's file, so workers
   start from a blob of the functions' own source. */
"use strict";

globalThis.Refit = (() => {
/** All models, by name. */
function assemble() {
  const parts = refitParts();
  const makers = [refitSlopes, refitNormal, refitLogistic, refitOrdered];
  return Object.assign({}, ...makers.map((make) => make(parts)));
}

const families = assemble();

/** What a worker does with a task: sample a chain, or summarise parameters. */
function work() {
  const families = assemble();
  const { sample } = refitSampler();
  const { summarise } = refitDiagnostics();
  const INTERVAL = 60; // milliseconds between reports

  function runChain({ model, data, priors, form, chain, watch, ...settings }) {
    const family = families[model](data, priors, { form });
    const places = watch.map((key) => family.names.findIndex((name) => name.key === key));
    const before = performance.now();
    let reported = before;
    let [seen, marks] = [[], []];
    const end = settings.tune + settings.draws;
    const report = (done, values, diverging) => {
      if (values && places.length) {
        seen.push(places.map((place) => values[place]));
        marks.push(diverging);
      }
      const now = performance.now();
      if (now - reported < INTERVAL && done < end) return;
      reported = now;
      postMessage({ progress: { chain, done, of: end, draws: seen, diverging: marks } });
      [seen, marks] = [[], []];
    };
    const result = sample(family, { ...settings, chain, report });
    return { ...result, seconds: (performance.now() - before) / 1000 };
  }

  self.onmessage = ({ data: task }) => {
    try {
      if (task.columns) {
        postMessage({ result: task.columns.map((draws) => summarise(draws, task.chains)) });
        return;
      }
      const result = runChain(task);
      postMessage({ result }, [result.values.buffer]);
    } catch (error) {
      postMessage({ error: error.message });
    }
  };
}

function whole(name, value, least) {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new Error(`${name} is a whole number from ${least}; '${value}' is not.`);
}

/** The family of a model with its data and priors; throws an Error for wrong input. */
function build({ model, data, priors, form }) {
  if (!Object.hasOwn(families, model)) {
    throw new Error(`model is one of ${Object.keys(families).join(", ")}; '${model}' is not.`);
  }
  return families[model](data, priors ?? {}, { form });
}

function check(settings) {
  const { seed, chains, tune, draws, targetAccept, watch } = settings;
  whole("seed", seed, 0);
  whole("chains", chains, 2);
  whole("tune", tune, 0);
  whole("draws", draws, 4);
  if (!(targetAccept > 0 && targetAccept < 1)) {
    throw new Error(`targetAccept is between 0 and 1; '${targetAccept}' is not.`);
  }
  const family = build(settings);
  const keys = new Set(family.names.map(({ key }) => key));
  for (const key of watch) if (!keys.has(key)) throw new Error(`watch: no parameter '${key}'.`);
  return family;
}

/** Hand tasks to workers, as many at a time as there are. */
function share(workers, tasks, onProgress) {
  return new Promise((resolve, reject) => {
    const results = Array(tasks.length);
    let [next, left] = [0, tasks.length];
    for (const worker of workers) {
      let own;
      const give = () => {
        if (next >= tasks.length) return;
        own = next++;
        worker.postMessage(tasks[own]);
      };
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({ data: { progress, result, error } }) => {
        if (progress) return onProgress?.(progress);
        if (error) return reject(new Error(error));
        results[own] = result;
        left -= 1;
        if (left === 0) resolve(results);
        else give();
      };
      give();
    }
  });
}

async function sampleAll(family, settings, workers) {
  const { onProgress, chains: count, cores: _, ...rest } = settings;
  const tasks = Array.from({ length: count }, (_, chain) => ({ ...rest, chain }));
  const chains = await share(workers, tasks, onProgress);
  const { draws: length } = settings;
  const width = family.names.length;
  const columns = family.names.map((_, place) => // draws of a parameter, chain after chain
    Float64Array.from({ length: count * length }, (_, i) => {
      return chains[Math.floor(i / length)].values[(i % length) * width + place];
    }),
  );
  const jobs = [];
  for (let i = 0; i < columns.length; i += 20) {
    jobs.push({ columns: columns.slice(i, i + 20), chains: count });
  }
  const summaries = (await share(workers, jobs)).flat();
  const { eBfmi } = refitDiagnostics();
  for (const chain of chains) {
    chain.e_bfmi = eBfmi(chain.energy);
    delete chain.values;
  }
  const draws = Object.fromEntries(family.names.map(({ key }, i) => [key, columns[i]]));
  const summary = family.names.map((name, i) => ({ ...name, ...summaries[i] }));
  const extreme = (choose, part) => summary.reduce((x, row) => choose(x, row[part]), summary[0][part]);
  const number = (part, where) => chains.reduce((sum, c) => sum + c[part].filter(where).length, 0);
  const worst = {
    divergences: number("diverging", (yes) => yes),
    r_hat: extreme(Math.max, "r_hat"),
    ess_bulk: extreme(Math.min, "ess_bulk"),
    ess_tail: extreme(Math.min, "ess_tail"),
    e_bfmi: Math.min(...chains.map((chain) => chain.e_bfmi)),
    tree_depth: number("depth", (depth) => depth === 10),
  };
  return { summary, draws, chains, worst };
}

const PARTS = [
  refitParts, refitSlopes, refitNormal, refitLogistic, refitOrdered, refitSampler,
  refitDiagnostics, assemble,
];

/** A promise of draws and their summary, which `stop()` rejects; throws for wrong input. */
function run(given) {
  const defaults = { priors: {}, chains: 4, tune: 1000, draws: 1000, targetAccept: 0.9, watch: [] };
  const settings = { ...defaults, ...given };
  const family = check(settings);
  const source = ['"use strict";', ...PARTS, `(${work})();`].join("\n");
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const cores = settings.cores ?? navigator.hardwareConcurrency ?? 4;
  const length = Math.max(1, Math.min(settings.chains, cores));
  const workers = Array.from({ length }, () => new Worker(address));
  let stop;
  const stopped = new Promise((_, reject) => {
    stop = () => reject(Object.assign(new Error("Stopped."), { name: "Stopped" }));
  });
  const result = Promise.race([sampleAll(family, settings, workers), stopped]).finally(() => {
    for (const worker of workers) worker.terminate();
    URL.revokeObjectURL(address);
  });
  return Object.assign(result, { stop });
}

return { run, build, models: Object.keys(families) };
})();
