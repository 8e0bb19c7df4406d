// Puts the page together, and draws it again when the filters change.

function drawFilters() {
  const form = byId('filters');
  const choice = (name, label, all, options) => {
    const id = `filter-${name}`;
    const select = h('select', { id, on: { change() { state[name] = select.value === '' ? null : Number(select.value); redraw(); } } },
      h('option', { value: '' }, all), options.map(([value, shown]) => h('option', { value }, shown)));
    return h('div', { class: 'field' }, h('label', { for: id }, label), select);
  };
  const present = (source, column) => {
    const sums = new Map();
    source.rows.forEach((row) => sums.set(row[source.at[column]], (sums.get(row[source.at[column]]) || 0) + row[source.count]));
    return sums;
  };
  const ranked = (source, column, name) => [...present(source, column)].sort((a, b) => b[1] - a[1]).map(([value, sum]) => [value, `${name(value).slice(0, 48)} · ${short(sum)}`]);
  const classes = new Map([...present(tables.sightings, 'class'), ...present(tables.time, 'class')]);
  const step = (label, title, change) => h('button', { type: 'button', class: 'quiet', title, 'aria-label': title, on: { click: change } }, label);
  form.replaceChildren(
    choice('category', 'Kind', 'All kinds', CATEGORY_ORDER.filter((n) => present(tables.time, 'category').has(n)).map((n) => [n, names.category(n)])),
    choice('class', 'Class', 'All classes', [...classes.keys()].sort((a, b) => a - b).map((n) => [n, names.class(n)])),
    choice('host', 'Host', 'All hosts', ranked(tables.time, 'host', names.host)),
    choice('country', 'Country', 'All countries', ranked(tables.time, 'country', names.country)),
    h('div', { class: 'field time', role: 'group', 'aria-label': 'Time' },
      h('span', { class: 'label' }, 'Time'),
      h('div', { class: 'steps' },
        step('◂', 'Earlier', () => move(-1)), step('▸', 'Later', () => move(1)),
        step('+', 'Zoom in', () => scale(0.5)), step('−', 'Zoom out', () => scale(2)),
        h('output', { id: 'range' }))),
    h('button', { type: 'button', id: 'reset', class: 'quiet', on: { click() { Object.keys(state).forEach((name) => { state[name] = null; }); redraw(); } } }, 'Show everything'));
  form.addEventListener('submit', (event) => event.preventDefault());
}

const range = () => (isZoomed() ? [state.from, state.to] : [0, spans.count - 1]);

/** Half a window earlier or later. */
function move(direction) {
  const [from, to] = range();
  const size = to - from + 1;
  const start = Math.min(spans.count - size, Math.max(0, from + direction * Math.ceil(size / 2)));
  zoom(start, start + size - 1);
}

/** A window of the size times `factor` around the same middle. */
function scale(factor) {
  const [from, to] = range();
  const size = Math.min(spans.count, Math.max(1, Math.round((to - from + 1) * factor)));
  const start = Math.min(spans.count - size, Math.max(0, Math.round((from + to + 1 - size) / 2)));
  zoom(start, start + size - 1);
}

function syncFilters() {
  for (const name of ['category', 'class', 'host', 'country']) byId(`filter-${name}`).value = state[name] === null ? '' : String(state[name]);
  const [from, to] = range();
  byId('range').textContent = report.first ? `${clock(startOf(from))} – ${clock(startOf(to + 1))}` : '–';
  byId('reset').disabled = !isFiltered() && state.path === null;
  byId('filters').classList.toggle('active', isFiltered());
}

/** Draws everything that the filters touch. */
function redraw() {
  syncFilters();
  for (const { panels } of sections) for (const panel of panels) panel.draw();
}

function drawHead() {
  const logs = report.logs.length === 1 ? report.logs[0].path : `${number(report.logs.length + report.logs_left_out)} logs`;
  const filter = [
    ...report.filter.hosts.map((host) => `host ${host}`), ...report.filter.classes.map((name) => `class ${name}`),
    report.filter.since && `since ${moment(report.filter.since)}`, report.filter.until && `until ${moment(report.filter.until)}`,
  ].filter(Boolean);
  byId('period').replaceChildren(
    report.first ? h('span', {}, `${moment(report.first)} – ${moment(report.last)} UTC`) : report.requests > 0 ? 'no line tells a time' : 'no request',
    h('span', {}, logs), h('span', {}, counted(report.lines, 'line')),
    report.interrupted ? h('span', { class: 'only' }, 'interrupted: only what was read by then') : '',
    ...filter.map((word) => h('span', { class: 'only' }, `only ${word}`)));
  byId('contents').replaceChildren(...sections.map(({ id, title }) => h('li', {}, h('a', { href: `#${id}` }, title))));
  byId('content').replaceChildren(...sections.map(({ id, title, panels }) => h('section', { id, class: 'part', 'aria-labelledby': `${id}-title` },
    h('h2', { id: `${id}-title` }, title), h('div', { class: 'panels' }, panels.map(({ element }) => element)))));
  const outside = [-1, spans.count].map((span) => tables.time.rows.reduce((sum, row) => sum + (row[0] === span ? row[tables.time.count] : 0), 0));
  byId('about').replaceChildren(...[
    h('p', {}, `${report.generator} · all times UTC · one column is ${duration(spans.secs)} · a request counts as hostile when a rule of class ${words.hostile.join(', ')} fired on it`),
    outside[0] + outside[1] ? h('p', {}, `${number(outside[0] + outside[1])} requests with times far from all others are counted but not drawn.`) : null,
    tables.time.sampled > 1 ? h('p', {}, exactness(tables.time)) : null,
  ].filter(Boolean));
}

function themes() {
  const all = ['auto', 'light', 'dark'];
  let at = 0;
  byId('theme').addEventListener('click', () => {
    at = (at + 1) % all.length;
    document.documentElement.dataset.theme = all[at];
    byId('theme').textContent = `Theme: ${all[at]}`;
  });
  byId('print').addEventListener('click', () => window.print());
}

/** The section that is in view is marked in the contents. */
function follow() {
  const links = new Map([...byId('contents').querySelectorAll('a')].map((link) => [link.getAttribute('href').slice(1), link]));
  const watch = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      links.forEach((link) => link.removeAttribute('aria-current'));
      links.get(target.id).setAttribute('aria-current', 'true');
    }
  }, { rootMargin: '-20% 0px -70% 0px' });
  document.querySelectorAll('section.part').forEach((section) => watch.observe(section));
}

/** On paper nothing can be opened: what is shown of an offender is shown with its evidence. */
function printable() {
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('details.offender:not([open])')];
    for (const details of opened) {
      details.open = true;
      // The browser tells of it later, and prints now.
      details.dispatchEvent(new Event('toggle'));
    }
  });
  addEventListener('afterprint', () => opened.forEach((details) => { details.open = false; }));
}

drawHead();
drawFilters();
themes();
printable();
redraw();
follow();
