// Draws the charts of a report when they come into view: to the width of the page, light or dark, again
// when that changes; and shows the chosen part of the time in charts and figures.
//
// Runs in a browser, inlined by page.ts behind page-charts.js, whose `partCharts` draws distributions of a part,
// and page-layout.js. Without it a reader sees the static picture of each chart.

(() => {
  const root = document.currentScript.closest('.dmalab-report');
  const { charts, overTime, ofParts, groups, configs } = JSON.parse(
    root.querySelector('.charts-data').textContent,
  );
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const NARROW = 560;
  const STEPS = 1000;
  /** Pixels that axes and padding of a chart take beside its plot. */
  const margins = new Map();
  const views = new Map();
  /** Chosen time of each group, as shares of its longest run. */
  const chosen = groups.map(() => [0, 1]);
  /** Of charts of distributions: the slices that are drawn. */
  const drawnParts = new Map();

  function groupOf(figure) {
    return Number(figure.dataset.group);
  }

  const isAll = (group) => chosen[group][0] === 0 && chosen[group][1] === 1;

  /** Runs and time, in ns, of which a chart of distributions shows a part; null where it shows all. */
  function partOf(figure) {
    const group = groupOf(figure);
    if (ofParts[figure.dataset.chart] === undefined || isAll(group)) return null;
    const { sliced, end } = groups[group];
    if (partCharts.reasonOfWhole(sliced) !== null) return null;
    return [sliced, ...chosen[group].map((share) => share * end)];
  }

  function partKey(figure) {
    const part = partOf(figure);
    return part === null ? 'all' : JSON.stringify(partCharts.partsOf(...part));
  }

  function specOf(figure) {
    const name = figure.dataset.chart;
    const part = partOf(figure);
    if (part !== null) {
      const { title: _, ...spec } = partCharts.partChart(ofParts[name], ...part);
      return spec;
    }
    return overTime.includes(name) ? withTime(charts[name], chosen[groupOf(figure)]) : charts[name];
  }

  /** What part of the time a chart shows that does not have it on its axis. */
  function showPart(figure) {
    const name = figure.dataset.chart;
    const group = groupOf(figure);
    const words = figure.querySelector('.part');
    words.hidden = isAll(group) || overTime.includes(name);
    if (words.hidden) return;
    const part = partOf(figure);
    if (part !== null) words.textContent = partCharts.partWords(...part);
    else {
      const reason = ofParts[name] && partCharts.reasonOfWhole(groups[group].sliced);
      words.textContent = reason ?? 'Always of the whole run.';
    }
  }

  async function embed(figure, spec, width) {
    const target = figure.querySelector('.plot');
    const config = configs[dark.matches ? 'dark' : 'light'];
    const isNarrow = target.clientWidth < NARROW;
    const direction = isNarrow ? 'vertical' : 'horizontal';
    const labels = isNarrow ? { labelLimit: 110 } : {};
    views.get(figure)?.finalize();
    const sized = withWidth(spec, width);
    const { view } = await vegaEmbed(target, isNarrow ? withShortNames(sized, width) : sized, {
      mode: 'vega-lite',
      ast: true,
      actions: false,
      renderer: 'svg',
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
      config: {
        ...config,
        axisY: { ...config.axisY, ...labels },
        legend: { ...config.legend, direction },
      },
    });
    views.set(figure, view);
    return target.querySelector('svg').width.baseVal.value;
  }

  async function draw(figure) {
    const target = figure.querySelector('.plot');
    const spec = specOf(figure);
    drawnParts.set(figure, partKey(figure));
    figure.classList.add('drawn');
    // Nothing below moves while the old chart is gone.
    target.style.minHeight = `${target.clientHeight}px`;
    const available = target.clientWidth;
    const guess = Math.max(60, available - (margins.get(figure) ?? 90));
    const taken = await embed(figure, spec, guess);
    margins.set(figure, taken - guess);
    if (Math.abs(taken - available) > 2) {
      const least = Math.max(60, 0.4 * available);
      await embed(figure, spec, Math.max(least, Math.floor(guess + available - taken)));
    }
    target.style.minHeight = '';
    showTime(figure);
  }

  function showTime(figure) {
    const view = views.get(figure);
    if (view === undefined || !overTime.includes(figure.dataset.chart)) return;
    const [from, to] = chosen[groupOf(figure)];
    view.signal('timeFrom', from).signal('timeTo', to).runAsync();
  }

  const figures = [...root.querySelectorAll('figure[data-chart]')];
  const visible = new Set();
  /** In view or close to it. */
  const near = new Set();
  let drawing = Promise.resolve();
  function enqueue(some) {
    delete root.dataset.charts;
    const mine = drawing.then(async () => {
      for (const figure of some) await draw(figure);
      if (drawing === mine) root.dataset.charts = 'drawn';
    });
    drawing = mine;
  }

  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) near.add(target);
        else near.delete(target);
      }
      const fresh = entries.filter(({ isIntersecting, target }) => {
        return isIntersecting && (!visible.has(target) || isOld(target));
      });
      for (const { target } of fresh) visible.add(target);
      enqueue(fresh.map(({ target }) => target));
    },
    { rootMargin: '800px 0px' },
  );
  for (const figure of figures) observer.observe(figure);

  function isOld(figure) {
    return visible.has(figure) && drawnParts.get(figure) !== partKey(figure);
  }

  /** Draws what shows other slices than those chosen, once the choice has come to rest. */
  let resting = 0;
  function redrawParts() {
    if (![...near].some(isOld)) return;
    delete root.dataset.charts;
    clearTimeout(resting);
    resting = setTimeout(() => enqueue([...near].filter(isOld)), 100);
  }

  let width = root.clientWidth;
  new ResizeObserver(() => {
    if (Math.abs(root.clientWidth - width) < 4) return;
    width = root.clientWidth;
    enqueue([...visible]);
  }).observe(root);
  dark.addEventListener('change', () => enqueue([...visible]));

  // The chosen time.

  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const most = (values) => values.reduce((a, b) => Math.max(a, b), 0);
  const count = (n) => Math.round(n).toLocaleString('en-US');
  const three = (n) => (n >= 1000 ? count(n) : String(Number(n.toPrecision(3))));

  function duration(ns) {
    const [name, size] = [
      ['s', 1e9],
      ['ms', 1e6],
      ['µs', 1e3],
    ].find(([, limit]) => ns >= limit) ?? ['ns', 1];
    return ns === 0 ? '0' : `${three(ns / size)} ${name}`;
  }

  function bytes(n) {
    const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let at = 0;
    while (at < names.length - 1 && n >= 1024 ** (at + 1)) at++;
    return `${three(n / 1024 ** at)} ${names[at]}`;
  }

  /** The figures of a run in the buckets from `first` up to `last`, not included. */
  function figuresOf({ counts, peaks, means, bucketNs, end, isTranslated }, first, last) {
    const part = (column) => column.slice(first, last);
    const total = (name) => sum(part(counts[name]));
    const peak = (name, format) => (peaks[name] === null ? '-' : format(most(part(peaks[name]))));
    const cacheable = total('cacheable');
    const exposure = sum(
      part(means.stale).map((mean, i) => {
        const from = (first + i) * bucketNs;
        return (mean * Math.max(0, Math.min(end, from + bucketNs) - from)) / 1e9;
      }),
    );
    const ofAddresses = (text) => (isTranslated ? text : '-');
    return [
      ['maps', ofAddresses(count(total('mapped')))],
      ['failed maps', count(total('failed'))],
      ['unmaps', ofAddresses(count(total('unmapped')))],
      ['cache hits', cacheable > 0 ? `${three((100 * total('hits')) / cacheable)} %` : '-'],
      ['IOTLB flushes', ofAddresses(count(total('flushes')))],
      ['range invalidations', ofAddresses(count(total('rangeInvalidations')))],
      ['peak address space', ofAddresses(peak('taken', bytes))],
      ['peak within reach after unmap', ofAddresses(peak('stale', bytes))],
      ['exposure', ofAddresses(`${bytes(exposure)} s`)],
      ['peak bounce memory', peak('bounce', (slots) => bytes(2048 * slots))],
      ['peak host entries', peak('host', count)],
    ];
  }

  function cell(row, name, text, scope) {
    const element = row.appendChild(document.createElement(name));
    element.textContent = text;
    if (scope) element.scope = scope;
  }

  function showFigures(target, { runs, end }, [from, to]) {
    const columns = runs.map((run) => {
      const first = Math.floor((from * end) / run.bucketNs);
      return figuresOf(run, first, Math.max(first + 1, Math.ceil((to * end) / run.bucketNs)));
    });
    const table = document.createElement('table');
    table.createCaption().textContent = `In the time shown (${duration(from * end)} to ${duration(to * end)}), in whole intervals`;
    const head = table.createTHead().insertRow();
    for (const name of ['', ...runs.map(({ label }) => label)]) cell(head, 'th', name, 'col');
    const body = table.createTBody();
    columns[0].forEach(([name], i) => {
      const texts = columns.map((column) => column[i][1]);
      if (texts.every((text) => text === '-')) return;
      const row = body.insertRow();
      cell(row, 'th', name, 'row');
      for (const text of texts) cell(row, 'td', text);
    });
    const box = document.createElement('div');
    box.className = 'scroll';
    box.tabIndex = 0;
    box.setAttribute('role', 'region');
    box.setAttribute('aria-label', 'Figures of the time shown');
    box.append(table);
    target.replaceChildren(box);
  }

  function brush(element) {
    const group = groupOf(element);
    const data = groups[group];
    const find = (selector) => element.querySelector(selector);
    const [from, to, output, strip] = ['.from', '.to', 'output', '.strip'].map(find);
    const figuresBox = root.querySelector(`.window[data-group="${group}"]`);

    function show() {
      const [a, b] = chosen[group];
      from.value = Math.round(a * STEPS);
      to.value = Math.round(b * STEPS);
      const text = `${duration(a * data.end)} to ${duration(b * data.end)}`;
      output.textContent = a === 0 && b === 1 ? `${text} (all)` : text;
      from.setAttribute('aria-valuetext', duration(a * data.end));
      to.setAttribute('aria-valuetext', duration(b * data.end));
      const ends = find('.chosen');
      ends.setAttribute('x', 512 * a);
      ends.setAttribute('width', 512 * (b - a));
      showFigures(figuresBox, data, chosen[group]);
      for (const figure of figures) {
        if (groupOf(figure) !== group) continue;
        showTime(figure);
        showPart(figure);
      }
      redrawParts();
    }

    function choose(a, b) {
      const low = Math.min(1 - 1 / STEPS, Math.max(0, Math.min(a, b)));
      chosen[group] = [low, Math.min(1, Math.max(low + 1 / STEPS, Math.max(a, b)))];
      show();
    }

    from.addEventListener('input', () => {
      const value = Math.min(Number(from.value), Number(to.value) - 1);
      choose(value / STEPS, chosen[group][1]);
    });
    to.addEventListener('input', () => {
      const value = Math.max(Number(to.value), Number(from.value) + 1);
      choose(chosen[group][0], value / STEPS);
    });
    find('button').addEventListener('click', () => choose(0, 1));
    let start = null;
    const at = (event) => {
      const box = strip.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    };
    strip.addEventListener('pointerdown', (event) => {
      start = at(event);
      strip.setPointerCapture(event.pointerId);
    });
    strip.addEventListener('pointermove', (event) => {
      if (start !== null) choose(start, at(event));
    });
    strip.addEventListener('pointerup', (event) => {
      // A click without a drag shows the whole trace again.
      if (start !== null && Math.abs(at(event) - start) < 2 / STEPS) choose(0, 1);
      start = null;
    });
    for (const figure of figures) {
      const name = figure.dataset.chart;
      if (groupOf(figure) === group && overTime.includes(name)) dragOver(figure, group, choose);
    }
    element.hidden = false;
    show();
  }

  /** A drag over the plot of a chart over time chooses that part of what it shows; a double click shows all again. */
  function dragOver(figure, group, choose) {
    const target = figure.querySelector('.plot');
    const band = target.parentElement.insertBefore(document.createElement('div'), target);
    band.className = 'band';
    band.hidden = true;
    let from = null;
    let box = null;
    const at = (event) => Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const isDrag = (event) => Math.abs(at(event) - from) * box.width > 4;
    target.classList.add('over-time');
    target.addEventListener('pointerdown', (event) => {
      const plot = target.querySelector('.role-scope path.background');
      if (plot === null || event.button !== 0) return;
      box = plot.getBoundingClientRect();
      if (event.clientX < box.left - 4 || event.clientX > box.right + 4) return;
      from = at(event);
      target.setPointerCapture(event.pointerId);
    });
    target.addEventListener('pointermove', (event) => {
      if (from === null) return;
      band.hidden = !isDrag(event);
      const [a, b] = [Math.min(from, at(event)), Math.max(from, at(event))];
      const outer = figure.getBoundingClientRect();
      const plot = target.getBoundingClientRect();
      band.style.left = `${box.left - outer.left + a * box.width}px`;
      band.style.width = `${(b - a) * box.width}px`;
      band.style.top = `${plot.top - outer.top}px`;
      band.style.height = `${plot.height}px`;
    });
    const end = (event) => {
      band.hidden = true;
      if (from !== null && event.type === 'pointerup' && isDrag(event)) {
        const [low, high] = chosen[group];
        choose(low + from * (high - low), low + at(event) * (high - low));
      }
      from = null;
    };
    target.addEventListener('pointerup', end);
    target.addEventListener('pointercancel', end);
    target.addEventListener('dblclick', () => choose(0, 1));
  }
  for (const element of root.querySelectorAll('.brush')) brush(element);
})();
