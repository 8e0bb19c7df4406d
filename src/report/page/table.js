// Tables that sort by any column, show more on demand, and copy as CSV.

const FIRST_ROWS = 12;

/**
 * A field of a CSV that no spreadsheet takes for a formula: what begins like one gets an apostrophe in front, and
 * every field with a special character is quoted.
 */
function csvField(value) {
  let field = value === null || value === undefined ? '' : String(value);
  if (typeof value !== 'number' && /^[\s'"]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|^[\t\r\n]/.test(field)) field = `'${field}`;
  return /[",;\t\r\n]/.test(field) ? `"${field.replace(/"/g, '""')}"` : field;
}

const csv = (rows) => rows.map((row) => row.map(csvField).join(',')).join('\r\n') + '\r\n';

async function copy(content) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    // A page opened from a disk may not use the clipboard directly everywhere.
    const area = h('textarea', { class: 'unseen', 'aria-hidden': 'true' });
    area.value = content;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

/**
 * A table. `columns`: {key, label, kind: 'text'|'number'|'share', value(row), show?(row), bar?, optional?}. `data()` gives
 * the rows whenever it is drawn again, in the order that they should have at first. An optional column is there when a row
 * has something in it.
 */
function dataTable({ title, columns, data, note, tabs, empty = 'Nothing to show.', sort = null, first = FIRST_ROWS }) {
  const body = h('tbody');
  const headings = h('tr');
  const grid = h('table', { class: 'data' }, h('caption', { class: 'unseen' }, title), h('thead', {}, headings), body);
  const more = h('button', { type: 'button', class: 'quiet more' });
  const copied = h('button', { type: 'button', class: 'quiet' }, 'Copy CSV');
  const remark = h('p', { class: 'remark' });
  const bar = h('div', { class: 'tabs', role: 'group', 'aria-label': `${title}: by` });
  const place = h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': title }, grid);
  const element = h('div', { class: 'panel wide', role: 'group', 'aria-label': title },
    h('div', { class: 'panel-head' }, h('h3', {}, title), tabs ? bar : null, copied), place, h('div', { class: 'panel-foot' }, more, remark));
  let order = sort;
  let all = false;
  let rows = [];
  let tab = tabs ? tabs[0].key : null;
  const shownColumns = () => (typeof columns === 'function' ? columns(tab) : columns)
    .filter((column) => !column.optional || rows.some((row) => column.value(row)));

  function sorted() {
    if (!order) return rows;
    const column = shownColumns().find(({ key }) => key === order.key);
    if (!column) return rows;
    const sign = order.up ? 1 : -1;
    const compare = column.kind === 'text'
      ? (a, b) => String(column.value(a) ?? '').localeCompare(String(column.value(b) ?? ''), 'en', { numeric: true })
      : (a, b) => (column.value(a) || 0) - (column.value(b) || 0);
    return rows.map((row, at) => [row, at]).sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1]).map(([row]) => row);
  }

  function cell(column, row, tops) {
    const value = column.value(row);
    const shown = column.show ? column.show(row) : column.kind === 'number' ? (value ? number(value) : '·') : column.kind === 'share' ? (value ? share(value, 1) : '·') : value;
    if (column.kind === 'text') return h(column.head ? 'th' : 'td', { scope: column.head ? 'row' : null, class: column.wide ? 'wide' : column.tight ? 'nowrap' : null }, shown);
    const size = column.bar && tops.get(column) ? Math.max(0, value) / tops.get(column) : 0;
    return h('td', { class: `num${column.bar ? ` fill-${column.bar}` : ''}${value ? '' : ' none'}`, vars: column.bar ? { '--size': `${(100 * size).toFixed(1)}%` } : null }, shown);
  }

  function show() {
    const list = sorted();
    const visible = all ? list : list.slice(0, first);
    const tops = new Map(shownColumns().filter(({ bar: has }) => has).map((column) => [column, rows.reduce((top, row) => Math.max(top, column.value(row) || 0), 0)]));
    headings.replaceChildren(...shownColumns().map((column) => {
      const on = order && order.key === column.key;
      const button = h('button', { type: 'button', on: { click() {
        order = on ? { key: column.key, up: !order.up } : { key: column.key, up: column.kind === 'text' };
        show();
        headings.children[shownColumns().findIndex(({ key }) => key === column.key)].firstChild.focus();
      } } }, column.label, h('span', { class: 'arrow', 'aria-hidden': 'true' }, on ? (order.up ? '▲' : '▼') : ''));
      return h('th', { scope: 'col', class: column.kind === 'text' ? null : 'num', 'aria-sort': on ? (order.up ? 'ascending' : 'descending') : null }, button);
    }));
    body.replaceChildren(...visible.map((row) => h('tr', {}, shownColumns().map((column) => cell(column, row, tops)))));
    if (!rows.length) body.replaceChildren(h('tr', {}, h('td', { colspan: shownColumns().length, class: 'empty' }, empty)));
    more.hidden = rows.length <= first;
    more.textContent = all ? 'Show fewer' : `Show all ${number(rows.length)}`;
    more.setAttribute('aria-expanded', String(all));
    copied.hidden = !rows.length;
  }

  more.addEventListener('click', () => { all = !all; show(); });
  copied.addEventListener('click', async () => {
    const head = shownColumns().map(({ label }) => label);
    const done = await copy(csv([head, ...sorted().map((row) => shownColumns().map(({ value }) => value(row)))]));
    copied.textContent = done ? 'Copied' : 'Copying failed';
    say(done ? `${rows.length} rows copied` : 'Copying failed');
    setTimeout(() => { copied.textContent = 'Copy CSV'; }, 1600);
  });

  function draw() {
    rows = data(tab);
    if (tabs) {
      bar.replaceChildren(...tabs.map(({ key, label }) => h('button', { type: 'button', 'aria-pressed': String(key === tab), on: { click() {
        tab = key;
        all = false;
        draw();
        [...bar.children].find((button) => button.textContent === label).focus();
      } } }, label)));
    }
    remark.textContent = note ? note(tab) : '';
    show();
  }
  return { element, draw };
}
