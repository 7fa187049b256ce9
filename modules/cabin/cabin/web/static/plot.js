// A trip's curves, with the vendored uPlot; each curve and its own axis in one colour.

const AXIS_FONT = "24px Inter, Roboto, 'Noto Sans', system-ui, sans-serif";
const CURVES = [
  ["speed_kmh", "--curve-1", "km/h"],
  ["power_kw", "--curve-2", "kW"],
  ["soc_percent", "--curve-3", "%"],
];
const MOST = 2; // One axis at each side; the rest is in the export.

/** The first two quantities that are known, over the minutes of the trip. */
export function plotInto(parent, plot, words) {
  if (!parent.isConnected) return;
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const shown = CURVES.filter(([name]) => plot[name]?.some((value) => value !== null)).slice(0, MOST);
  const title = document.createElement("h3");
  for (const [name, line, unit] of shown) {
    const key = document.createElement("span");
    key.style.color = colour(line);
    key.textContent = `${words.t(`plot.${name}`)}, ${unit}`;
    title.append(key);
  }
  parent.append(title);
  const size = { width: parent.clientWidth, height: parent.clientHeight - title.offsetHeight };
  const columns = [plot.t_s.map((t) => t / 60), ...shown.map(([name]) => plot[name])];
  new window.uPlot({ ...size, ...options(shown, colour, words) }, columns, parent);
}

function options(shown, colour, words) {
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { font: AXIS_FONT, ticks: { show: false } };
  const minutes = (_, ticks) => ticks.map((t) => `${words.number(t, 0)} min`);
  const numbers = (_, ticks) => ticks.map((t) => words.number(t, 0));
  return {
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false } },
    series: [{}, ...shown.map(([name, line]) => ({ scale: name, stroke: colour(line), width: 3, points: { show: false } }))],
    axes: [
      { ...axis, stroke: colour("--muted"), grid, size: 40, space: 120, values: minutes },
      ...shown.map(([name, line], index) => ({
        ...axis, scale: name, side: index === 0 ? 3 : 1, stroke: colour(line), grid: index === 0 ? grid : { show: false },
        size: 80, space: 48, values: numbers,
      })),
    ],
  };
}
