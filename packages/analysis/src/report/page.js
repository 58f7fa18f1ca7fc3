// Draws the charts of a report: to the width of the page, light or dark, again when that changes.
//
// Runs in a browser, inlined by page.ts. Without it a reader sees the static picture of each chart.

(() => {
  const { charts, configs } = JSON.parse(document.getElementById('charts-data').textContent);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const NARROW = 560;
  /** Pixels that axes and padding of a chart take beside its plot. */
  const margins = new Map();

  function withWidth(spec, width) {
    const sized = { ...spec };
    if (typeof spec.width === 'number') sized.width = width;
    if (spec.vconcat) sized.vconcat = spec.vconcat.map((part) => withWidth(part, width));
    return sized;
  }

  async function embed(target, spec, width) {
    const config = configs[dark.matches ? 'dark' : 'light'];
    const direction = target.clientWidth < NARROW ? 'vertical' : 'horizontal';
    await vegaEmbed(target, withWidth(spec, width), {
      mode: 'vega-lite',
      ast: true,
      actions: false,
      renderer: 'svg',
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
      config: { ...config, legend: { ...config.legend, direction } },
    });
    return target.querySelector('svg').width.baseVal.value;
  }

  async function draw(figure) {
    const target = figure.querySelector('.plot');
    const spec = charts[figure.dataset.chart];
    figure.classList.add('drawn');
    const available = target.clientWidth;
    const guess = available - (margins.get(figure) ?? 90);
    const taken = await embed(target, spec, guess);
    margins.set(figure, taken - guess);
    if (Math.abs(taken - available) <= 2) return;
    await embed(target, spec, Math.max(120, Math.floor(guess + available - taken)));
  }

  let drawing = Promise.resolve();
  function drawAll() {
    drawing = drawing.then(async () => {
      for (const figure of document.querySelectorAll('figure[data-chart]')) await draw(figure);
      document.documentElement.dataset.charts = 'drawn';
    });
  }

  let width = document.body.clientWidth;
  new ResizeObserver(() => {
    if (Math.abs(document.body.clientWidth - width) < 4) return;
    width = document.body.clientWidth;
    drawAll();
  }).observe(document.body);
  dark.addEventListener('change', drawAll);
  drawAll();
})();
