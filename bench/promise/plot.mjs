// The table as small plots: a row per base, a column per data set.
import { BASES, DATASETS, METHODS, SIZES } from './cells.mjs';

const PANEL = { width: 240, height: 190, gapX: 34, gapY: 58 };
const MARGIN = { left: 76, top: 86, right: 22, bottom: 46 };
/** Distinct for the colour-blind too (Okabe and Ito), on light and on dark; each method has a mark of its own besides. */
const STYLES = {
  scratch: { light: '#b0570b', dark: '#f0a35a', mark: 'square' },
  featureExtraction: { light: '#0b66a8', dark: '#6cb6ef', mark: 'circle' },
  fineTuning: { light: '#0a7a5a', dark: '#4fd0a5', mark: 'triangle' },
};
const CSS = (scheme) =>
  Object.entries(STYLES)
    .map(([method, style]) => `.${method}{stroke:${style[scheme]};fill:${style[scheme]}}`)
    .join('');

const x = (size) => (Math.log(size / SIZES[0]) / Math.log(SIZES.at(-1) / SIZES[0])) * (PANEL.width - 40) + 20;
const y = (accuracy) => PANEL.height * (1 - accuracy);
const number = (value) => value.toFixed(1);

export function plot(rows) {
  const names = Object.keys(DATASETS).filter((name) => rows.some(({ dataset }) => dataset === name));
  const bases = Object.keys(BASES).filter((base) => rows.some((row) => row.base === base));
  const width = MARGIN.left + names.length * PANEL.width + (names.length - 1) * PANEL.gapX + MARGIN.right;
  const height = MARGIN.top + bases.length * PANEL.height + (bases.length - 1) * PANEL.gapY + MARGIN.bottom;
  const panels = bases.flatMap((base, line) =>
    names.map((dataset, column) => {
      const left = MARGIN.left + column * (PANEL.width + PANEL.gapX);
      const top = MARGIN.top + line * (PANEL.height + PANEL.gapY);
      const own = rows.filter((row) => row.base === base && row.dataset === dataset);
      return `<g transform="translate(${left} ${top})">${panel(own, { base, dataset, column })}</g>`;
    }),
  );
  const middle = MARGIN.left + (width - MARGIN.left - MARGIN.right) / 2;
  const side = MARGIN.top + (height - MARGIN.top - MARGIN.bottom) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="12" role="img" aria-label="Validation accuracy over training pictures per class, by method, for each base and data set">
<style>.card{fill:#fff;stroke:#d0d7de}text{fill:#1f2328}.soft{fill:#59636e}.grid{stroke:#d8dee4}.chance{stroke:#818b98}path.line{fill:none;stroke-width:2}.spread{stroke-width:1.5;opacity:.7}${CSS('light')}
@media (prefers-color-scheme:dark){.card{fill:#0d1117;stroke:#3d444d}text{fill:#f0f6fc}.soft{fill:#9198a1}.grid{stroke:#262c36}.chance{stroke:#656c76}${CSS('dark')}}</style>
<rect class="card" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
${legend(
  width,
  rows.some(({ least, most }) => most > least),
)}
${panels.join('\n')}
<text class="soft" x="${middle}" y="${height - 12}" text-anchor="middle">training pictures per class</text>
<text class="soft" transform="translate(18 ${side}) rotate(-90)" text-anchor="middle">validation accuracy</text>
</svg>
`;
}

function legend(width, spread) {
  const step = 165;
  const entries = Object.entries(METHODS).map(([method, { label }], i) => {
    const at = MARGIN.left + i * step;
    return `<path class="line ${method}" d="M${at} 30h26"/>${mark(method, at + 13, 30)}<text x="${at + 34}" y="34">${label}</text>`;
  });
  const at = MARGIN.left + entries.length * step;
  const chance = `<path class="chance" stroke-dasharray="3 3" d="M${at} 30h26"/><text x="${at + 34}" y="34">guessing</text>`;
  const note = `<text class="soft" x="${width - MARGIN.right}" y="52" text-anchor="end" font-size="11">bars: least and most of the draws</text>`;
  return `<g>${entries.join('')}${chance}${spread ? note : ''}</g>`;
}

function panel(rows, { base, dataset, column }) {
  const parts = [`<text y="-12"><tspan font-weight="600">${DATASETS[dataset].title}</tspan>, ${base}</text>`];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(`<path class="grid" d="M0 ${number(y(share))}h${PANEL.width}"/>`);
    if (column === 0)
      parts.push(`<text class="soft" x="-8" y="${number(y(share) + 4)}" text-anchor="end">${100 * share} %</text>`);
  }
  for (const size of SIZES)
    parts.push(
      `<text class="soft" x="${number(x(size))}" y="${PANEL.height + 18}" text-anchor="middle">${size}</text>`,
    );
  if (rows.length > 0)
    parts.push(`<path class="chance" stroke-dasharray="3 3" d="M0 ${number(y(1 / rows[0].classes))}h${PANEL.width}"/>`);
  for (const [i, method] of Object.keys(METHODS).entries()) {
    const points = rows
      .filter((row) => row.method === method)
      .sort((a, b) => a.size - b.size)
      // Side by side, so that no mark covers another.
      .map((row) => ({ ...row, at: x(row.size) + (i - 1) * 4 }));
    if (points.length === 0) continue;
    const line = points.map(({ at, accuracy }) => `${number(at)} ${number(y(accuracy))}`).join('L');
    parts.push(`<path class="line ${method}" d="M${line}"/>`);
    for (const { at, accuracy, least, most } of points) {
      if (most > least)
        parts.push(`<path class="spread ${method}" d="M${number(at)} ${number(y(least))}V${number(y(most))}"/>`);
      parts.push(mark(method, at, y(accuracy)));
    }
  }
  return parts.join('');
}

function mark(method, at, height) {
  const [cx, cy] = [number(at), number(height)];
  const shapes = {
    circle: `<circle class="${method}" cx="${cx}" cy="${cy}" r="3.6"/>`,
    square: `<rect class="${method}" x="${number(at - 3.3)}" y="${number(height - 3.3)}" width="6.6" height="6.6"/>`,
    triangle: `<path class="${method}" d="M${cx} ${number(height - 4.6)}l4.4 7.6h-8.8z"/>`,
  };
  return shapes[STYLES[method].mark];
}
