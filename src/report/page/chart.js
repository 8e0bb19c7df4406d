// Charts over time: stacked areas that can be hovered, walked with the keyboard, and zoomed by dragging.

const HEIGHT = 190;
const MARGIN = { top: 10, right: 8, bottom: 24, left: 46 };

/** A round number at or above `value`, and the step of its ticks. */
function ceiling(value) {
  if (value <= 0) return { top: 1, step: 1 };
  const rough = value / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max([1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough), value < 4 ? 1 : 0);
  return { top: Math.ceil(value / step) * step, step };
}

const TIME_STEPS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2419200, 7257600, 29030400];

/** Where the time axis is marked, and how. */
function timeTicks(from, to, most) {
  const step = TIME_STEPS.find((candidate) => (to - from) / candidate <= most) || (to - from) / most;
  const ticks = [];
  for (let at = Math.ceil(from / step) * step; at < to; at += step) {
    const date = new Date(at * 1000);
    const day = `${date.getUTCDate()} ${['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][date.getUTCMonth()]}`;
    const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}${step < 60 ? ':' + two(date.getUTCSeconds()) : ''}`;
    ticks.push({ at, label: step >= 7257600 ? String(date.getUTCFullYear()) + '-' + two(date.getUTCMonth() + 1) : step >= 86400 || at % 86400 === 0 ? day : time });
  }
  return ticks;
}

/**
 * A chart of stacked series. `data()` gives {first, count, list: [{label, tone, values}]} whenever it is drawn again;
 * `zoom(from, to)` takes numbers of spans.
 */
function timeChart({ title, unit, data, zoom }) {
  const legend = h('ul', { class: 'legend' });
  const id = fresh('chart');
  const drawing = s('svg', { class: 'chart', role: 'img', tabindex: 0, 'aria-labelledby': `${id}-title`, 'aria-describedby': `${id}-help`, height: HEIGHT });
  const note = h('p', { class: 'unseen', id: `${id}-help` }, 'Arrow keys move along the time, with shift they select, Enter zooms into the selection, Escape shows everything again. The numbers are also in the table below the chart.');
  const numbers = h('details', { class: 'numbers' }, h('summary', {}, 'Numbers'));
  const figure = h('figure', { class: 'panel' },
    h('figcaption', { id: `${id}-title` }, title), legend, drawing, note, numbers);
  let shown = null;
  let cursor = null;
  let anchor = null;
  let width = 640;

  function draw() {
    shown = data();
    const { first, count, list } = shown;
    width = Math.max(260, Math.round(drawing.parentNode ? drawing.getBoundingClientRect().width : 640) || 640);
    const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
    const sums = new Float64Array(count);
    list.forEach(({ values }) => values.forEach((value, at) => { sums[at] += value; }));
    const { top, step } = ceiling(sums.reduce((a, b) => Math.max(a, b), 0));
    const x = (span) => MARGIN.left + inner.width * span / count;
    const y = (value) => MARGIN.top + inner.height * (1 - value / top);
    const parts = [];
    for (let value = 0; value <= top + step / 2; value += step) {
      parts.push(s('line', { class: value ? 'grid' : 'axis', x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }));
      parts.push(s('text', { class: 'tick', x: MARGIN.left - 6, y: y(value) + 3.5, 'text-anchor': 'end' }, short(value)));
    }
    const from = startOf(first);
    const to = startOf(first + count);
    for (const tick of timeTicks(from, to, Math.max(2, Math.floor(inner.width / 70)))) {
      const at = x((tick.at - from) / spans.secs);
      parts.push(s('line', { class: 'axis', x1: at, x2: at, y1: HEIGHT - MARGIN.bottom, y2: HEIGHT - MARGIN.bottom + 4 }));
      if (at > MARGIN.left + 12 && at < width - 16) parts.push(s('text', { class: 'tick', x: at, y: HEIGHT - 7, 'text-anchor': 'middle' }, tick.label));
    }
    const below = new Float64Array(count);
    for (const { tone, values } of list) {
      const upper = [];
      const lower = [];
      values.forEach((value, at) => {
        lower.push(`${x(at).toFixed(1)},${y(below[at]).toFixed(1)}`, `${x(at + 1).toFixed(1)},${y(below[at]).toFixed(1)}`);
        below[at] += value;
        upper.push(`${x(at).toFixed(1)},${y(below[at]).toFixed(1)}`, `${x(at + 1).toFixed(1)},${y(below[at]).toFixed(1)}`);
      });
      parts.push(s('polygon', { class: `area tone-${tone}`, points: [...upper, ...lower.reverse()].join(' ') }));
    }
    const band = s('rect', { class: 'band', y: MARGIN.top, height: inner.height, width: 0 });
    const rule = s('line', { class: 'rule', y1: MARGIN.top, y2: MARGIN.top + inner.height, x1: -9, x2: -9 });
    drawing.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    drawing.replaceChildren(...parts, band, rule);
    shown.x = x;
    shown.sums = sums;
    shown.band = band;
    shown.rule = rule;
    legend.replaceChildren(...list.map(({ label, tone, values }) => h('li', {},
      h('span', { class: `swatch tone-${tone}` }), label, ' ', h('b', {}, short(values.reduce((a, b) => a + b, 0))))));
    if (!list.length) legend.replaceChildren(h('li', {}, 'Nothing to show.'));
    if (numbers.open) list.length && fillNumbers();
    else while (numbers.childNodes.length > 1) numbers.lastChild.remove();
    cursor = null;
    anchor = null;
  }

  /** The same numbers as a table, joined to at most 48 lines. */
  function fillNumbers() {
    const { first, count, list } = shown;
    const join = Math.ceil(count / 48);
    const rows = [];
    for (let at = 0; at < count; at += join) {
      const sum = (values) => values.slice(at, at + join).reduce((a, b) => a + b, 0);
      rows.push(h('tr', {}, h('th', { scope: 'row' }, clock(startOf(first + at))), list.map(({ values }) => h('td', {}, number(sum(values))))));
    }
    const grid = h('table', { class: 'grid-table' },
      h('caption', {}, `${title}, per ${duration(join * spans.secs)}, UTC`),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'From'), list.map(({ label }) => h('th', { scope: 'col' }, label)))),
      h('tbody', {}, rows));
    while (numbers.childNodes.length > 1) numbers.lastChild.remove();
    numbers.append(h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': `${title} as numbers` }, grid));
  }
  numbers.addEventListener('toggle', () => { if (numbers.open && shown) fillNumbers(); });

  function spanAt(event) {
    const box = drawing.getBoundingClientRect();
    const at = (event.clientX - box.left) * width / box.width;
    const inner = width - MARGIN.left - MARGIN.right;
    return Math.min(shown.count - 1, Math.max(0, Math.floor((at - MARGIN.left) / inner * shown.count)));
  }

  function mark() {
    const { x, band, rule } = shown;
    const at = cursor === null ? -9 : x(cursor + 0.5);
    rule.setAttribute('x1', at);
    rule.setAttribute('x2', at);
    const selects = cursor !== null && anchor !== null && anchor !== cursor;
    const [low, high] = selects ? [Math.min(anchor, cursor), Math.max(anchor, cursor)] : [0, -1];
    band.setAttribute('x', x(low));
    band.setAttribute('width', Math.max(0, x(high + 1) - x(low)));
  }

  function lines() {
    const span = shown.first + cursor;
    const head = `${clock(startOf(span))} UTC`;
    const list = shown.list.map(({ label, tone, values }) => ({ label, tone, value: values[cursor] })).filter(({ value }) => value > 0).reverse();
    return { head, list, sum: shown.sums[cursor] };
  }

  function showTip(event) {
    const { head, list, sum } = lines();
    const box = byId('tip');
    box.replaceChildren(h('p', { class: 'when' }, head, h('span', {}, `${number(sum)} ${unit}`)),
      ...list.map(({ label, tone, value }) => h('p', {}, h('span', { class: `swatch tone-${tone}` }), h('span', { class: 'what' }, label), h('b', {}, number(value)))));
    box.hidden = false;
    const { width: wide, height: high } = box.getBoundingClientRect();
    const left = event.clientX + 16 + wide > window.innerWidth ? event.clientX - wide - 12 : event.clientX + 16;
    box.style.setProperty('left', `${Math.max(4, left)}px`);
    box.style.setProperty('top', `${Math.max(4, Math.min(event.clientY - high / 2, window.innerHeight - high - 4))}px`);
  }
  const hideTip = () => { byId('tip').hidden = true; };

  function choose() {
    if (anchor !== null && cursor !== null && anchor !== cursor) {
      const [low, high] = [Math.min(anchor, cursor), Math.max(anchor, cursor)];
      zoom(shown.first + low, shown.first + high);
    } else if (anchor !== null) {
      anchor = null;
      mark();
    }
  }

  fill(drawing, { on: {
    pointermove(event) {
      if (!shown || !shown.count) return;
      cursor = spanAt(event);
      mark();
      showTip(event);
    },
    pointerdown(event) {
      if (event.button !== 0 || !shown) return;
      // A finger scrolls the page; it zooms by the buttons of the filter bar.
      if (event.pointerType === 'touch') return;
      anchor = cursor = spanAt(event);
      drawing.setPointerCapture(event.pointerId);
    },
    pointerup() { choose(); },
    pointercancel() { anchor = null; hideTip(); },
    pointerleave() { if (anchor === null) { cursor = null; if (shown) mark(); } hideTip(); },
    dblclick() { zoom(null, null); },
    blur() { hideTip(); },
    keydown(event) {
      const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
      if (move !== undefined) {
        const before = cursor === null ? (move > 0 ? -1 : shown.count) : cursor;
        if (event.shiftKey && anchor === null) anchor = Math.min(shown.count - 1, Math.max(0, before));
        if (!event.shiftKey) anchor = null;
        cursor = Math.min(shown.count - 1, Math.max(0, before + move));
        mark();
        const { head, list, sum } = lines();
        say(`${head}: ${number(sum)} ${unit}. ${list.map(({ label, value }) => `${label} ${number(value)}`).join(', ')}`);
      } else if (event.key === 'Enter') {
        choose();
      } else if (event.key === 'Escape') {
        zoom(null, null);
      } else {
        return;
      }
      event.preventDefault();
    },
  } });
  new ResizeObserver(() => {
    const now = Math.round(drawing.getBoundingClientRect().width);
    if (shown && now && Math.abs(now - width) > 1) draw();
  }).observe(drawing);
  return { element: figure, draw };
}

/** Horizontal bars, each cut into parts. `data()` gives [{label, parts: [{tone, label, value}], sum, choose?}]. */
function barChart({ title, data, most = 12 }) {
  const list = h('div', { class: 'bars' });
  const figure = h('figure', { class: 'panel' }, h('figcaption', {}, title), list);
  function draw() {
    const rows = data().slice(0, most);
    const top = Math.max(1, ...rows.map((row) => row.sum));
    list.replaceChildren(...rows.map((row) => {
      const said = row.parts.filter(({ value }) => value > 0).map(({ label, value }) => `${label} ${number(value)}`).join(', ');
      const bar = h('span', { class: 'bar', title: said }, row.parts.filter(({ value }) => value > 0).map(({ tone, value }) =>
        h('span', { class: `part tone-${tone}`, vars: { width: `${100 * value / top}%` } })));
      const name = row.choose
        ? h('button', { type: 'button', class: 'link', title: 'Show only this', on: { click: row.choose } }, row.label)
        : h('span', {}, row.label);
      return h('div', { class: 'bar-row' }, h('span', { class: 'bar-name' }, name), bar, h('span', { class: 'bar-sum' }, number(row.sum)), h('span', { class: 'unseen' }, said));
    }));
    if (!rows.length) list.replaceChildren(h('p', { class: 'empty' }, 'Nothing to show.'));
  }
  return { element: figure, draw };
}
