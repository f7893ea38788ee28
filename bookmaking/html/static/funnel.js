/* Draws as the sampler makes them: the deviation of one level, against the standard deviation of
   all levels. A divergent draw is a triangle. Each picture frame adds what has come since. */
"use strict";

function refitFunnel(make, paragraph) {
const [LOW, HIGH] = [0.005, 5]; // of the standard deviation
const [LEFT, RIGHT, TOP, BELOW] = [40, 8, 28, 42]; // room for axes and their labels, in pixels

const svg = make("svg", { class: "refit-funnel", "aria-hidden": "true" });
const said = paragraph("words");
const layers = [make("g", { class: "draws" }), make("g", { class: "divergent" })];
let labels = ["", ""];
let draws = []; // deviation, standard deviation, whether it diverged
let [painted, reach, frame] = [0, 3, 0];
let [width, height] = [0, 0];

const x = (value) => LEFT + ((value / reach + 1) / 2) * (width - LEFT - RIGHT);
const y = (value) =>
  TOP + (Math.log(HIGH / value) / Math.log(HIGH / LOW)) * (height - TOP - BELOW);
const isInside = ([, sd]) => sd >= LOW && sd <= HIGH;

const count = () => {
  const divergent = draws.filter(([, , diverged]) => diverged).length;
  const verb = divergent === 1 ? "diverges" : "diverge";
  return `${draws.length} draws, of which ${divergent} ${verb}`;
};

function tell() {
  const outside = draws.filter((draw) => !isInside(draw)).length;
  const rest = outside ? ` Outside the drawing lie ${outside}.` : "";
  said.textContent = draws.length
    ? `${count()}. Dots are draws, triangles those that diverge.${rest}`
    : "Each draw will be a dot, or a triangle where it diverges.";
}

/** Add the draws that came since the last time. */
function paint() {
  frame = 0;
  tell();
  if (width === 0) return; // not laid out yet
  const paths = ["", ""];
  for (const draw of draws.slice(painted).filter(isInside)) {
    const [deviation, sd, diverged] = draw;
    const place = `M${x(deviation).toFixed(1)} ${y(sd).toFixed(1)}`;
    paths[diverged ? 1 : 0] += place + (diverged ? "m0-5l4.5 8h-9z" : "h0");
  }
  painted = draws.length;
  paths.forEach((d, k) => d && layers[k].append(make("path", { d })));
}

const line = (x1, y1, x2, y2) => make("line", { x1, y1, x2, y2 });
const write = (words, x, y, anchor) =>
  make("text", { x, y, "text-anchor": anchor }, `${words}`.replace(/^-/, "−"));

/** Draw the axes and all draws anew, as after a change of size. */
function draw() {
  ({ clientWidth: width, clientHeight: height } = svg);
  const [bottom, step] = [height - BELOW, Math.ceil(reach / 3)];
  const across = Array.from({ length: 7 }, (_, k) => (k - 3) * step)
    .filter((value) => Math.abs(value) <= reach);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(
    line(LEFT, bottom, width - RIGHT, bottom), line(LEFT, TOP, LEFT, bottom),
    ...across.map((value) => line(x(value), bottom, x(value), bottom + 4)),
    ...across.map((value) => write(value, x(value), bottom + 18, "middle")),
    ...[0.01, 0.1, 1].map((value) => line(LEFT - 4, y(value), LEFT, y(value))),
    ...[0.01, 0.1, 1].map((value) => write(value, LEFT - 8, y(value) + 4, "end")),
    write(labels[0], (LEFT + width - RIGHT) / 2, height - 6, "middle"),
    write(labels[1], 0, 14, "start"),
    ...layers,
  );
  for (const layer of layers) layer.replaceChildren();
  painted = 0;
  paint();
}

/** Clear the drawing, for the first level of the group; return the parameters to watch. */
function begin(settings) {
  const { group } = settings.data;
  const { key, label } = Refit.build(settings).names.find((name) => name.parameter === "alpha");
  labels = [`deviation of ${group} ${label} (log-odds)`, `sd of ${group}s (log-odds)`];
  [draws, reach] = [[], 3];
  draw();
  return [key, "alpha_bar", "sigma_alpha"];
}

/** Add draws: the level, the mean of all levels, their standard deviation. */
function add(values, diverging) {
  const added = values.map(([level, mean, sd], i) => [level - mean, sd, diverging[i]]);
  draws.push(...added);
  const sizes = added.filter(isInside).map(([deviation]) => Math.ceil(Math.abs(deviation)));
  const widest = Math.max(reach, ...sizes);
  if (widest > reach) {
    reach = widest;
    draw();
  } else {
    frame ||= requestAnimationFrame(paint);
  }
}

new ResizeObserver(draw).observe(svg);
return { body: [svg, said], begin, add, count };
}
