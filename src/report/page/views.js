// What the page shows: sections of panels, each a chart, a table or a list that can draw itself again.

const CATEGORY_ORDER = ['visitor', 'unknown', 'bot', 'script', 'hostile'].map((name) => CATEGORIES.indexOf(name));

/** Colours stay with their series: the first eight that are met get one each. */
const tones = new Map();
function toneOf(kind, name) {
  const known = entry(tones, kind, () => new Map());
  return known.has(name) ? known.get(name) : entry(known, name, () => (known.size < 8 ? `s${known.size}` : 'rest'));
}

const byCategory = (total) => CATEGORY_ORDER.map((n) => ({ tone: CATEGORIES[n], label: names.category(n), value: total.categories[n] }));

/** Series of the largest names, in stacking order. */
function stacked(source, kind, key, most, label) {
  const found = series(source, key);
  const list = largest(found, most, 'Others').map(({ name, values, others }) => (others
    ? { label: `${others} others`, tone: 'rest', values }
    : { label: label(name), tone: toneOf(kind, name), values }));
  return { ...found, list };
}

/** Series by kind of client, always in the same order and colours. */
function byKind(source, pass) {
  const found = series(source, (row, at) => (pass(row, at) ? row[at.category] : null));
  return { ...found, list: CATEGORY_ORDER.filter((n) => found.all.has(n)).map((n) => ({ label: names.category(n), tone: CATEGORIES[n], values: found.all.get(n) })) };
}

function zoom(from, to) {
  state.from = from;
  state.to = to;
  if (from === 0 && to === spans.count - 1) state.from = state.to = null;
  redraw();
  say(isZoomed() ? `From ${clock(startOf(state.from))} to ${clock(startOf(state.to + 1))}` : 'The whole time');
}

const timed = (options) => timeChart({ unit: 'requests', zoom, ...options });

// Columns that many tables have.

const count = (key, label, value, bar) => ({ key, label, kind: 'number', value, bar });
const part = (key, label, value, bar) => ({ key, label, kind: 'share', value, bar });
const word = (key, label, value, options) => ({ key, label, kind: 'text', value, ...options });
const byRequests = { key: 'requests', up: false };

const requestColumns = [
  count('requests', 'Requests', (row) => row.total.requests, 'plain'),
  count('visitor', 'Visitors', (row) => row.total.categories[0]),
  count('bot', 'Bots', (row) => row.total.bot),
  count('script', 'Script bots', (row) => row.total.script, 'script'),
  count('hostile', 'Hostile', (row) => row.total.hostile, 'hostile'),
  part('hostile-share', 'Hostile share', (row) => (row.total.requests ? row.total.hostile / row.total.requests : 0)),
];

/** Rows of a table from totals by name. */
const rowsOf = (all, more = () => ({})) => [...all].map(([name, sum]) => ({ name, total: sum, ...more(name) }))
  .sort((a, b) => b.total.requests - a.total.requests);

const oneIn = (rate) => (rate === 1 ? 'every request' : `one request in ${number(rate)}`);

/** How exact the numbers of a table are, in words. */
function exactness(source) {
  const rate = Math.max(source.sampled, source.sighted);
  if (rate === 1) return '';
  const every = source.name === 'facts' && source.sampled !== source.sighted
    ? `${oneIn(source.sighted)} with a finding and ${oneIn(source.sampled)} without`
    : oneIn(rate);
  const error = rate === 2 ? '√n' : `√(${number(rate - 1)}·n)`;
  return `Estimated from ${every}: where n is shown, the true count lies within n ± 2·${error} in 95 of 100 cases.`;
}

/** Names by which requests from somewhere are added up. */
const origins = {
  country: { label: 'Country', source: () => (isZoomed() ? tables.facts : tables.place), key: (row, at) => row[at.country], name: names.country },
  as: { label: 'AS', source: () => about('place'), key: (row, at) => asName(row[at.place]), name: (name) => name },
  network: { label: 'Network', source: () => about('place'), key: (row, at) => row[at.place], name: names.network },
  print: { label: 'JA3', source: () => about('agent'), key: (row, at) => print(row[at.agent]), name: (name) => name },
};
const hasPrints = report.agent_names.some((agent) => agent.fingerprint !== undefined);
const originTabs = (keys) => keys.filter((key) => key !== 'print' || hasPrints).map((key) => ({ key, label: origins[key].label }));
const originRows = (key) => rowsOf(totals(origins[key].source(), origins[key].key)).map((row) => ({ ...row, label: origins[key].name(row.name) }));

// Numbers at the top.

function keyFigures() {
  const list = h('dl', { class: 'figures' });
  function draw() {
    // What the filters leave is added up from rows, which may be a sample; all of it was counted.
    const { errors_4xx: errors, errors_5xx: failures, ...all } = report.totals;
    const sum = isFiltered() ? total() : { errors, failures, ...all };
    const figures = [
      ['requests', 'Requests', sum.requests, null, null],
      ['hostile', 'Hostile', sum.hostile, sum.requests, 'hostile'],
      ['script', 'Script bots', sum.script, sum.requests, 'script'],
      ['bot', 'Bots', sum.bot, sum.requests, 'bot'],
      ['blocked', 'Blocked', sum.blocked, sum.requests, null],
      ['errors', '4xx answers', sum.errors, sum.requests, null],
      ['failures', '5xx answers', sum.failures, sum.requests, null],
      ['offenders', 'Offenders', isNarrowed() ? offenders().length : indicatorCount, null, null],
    ];
    list.replaceChildren(...figures.map(([key, label, value, whole, tone]) => h('div', { class: tone ? `figure tone-${tone}` : 'figure' },
      h('dt', {}, label),
      h('dd', { id: `figure-${key}`, 'data-value': value }, h('b', {}, number(value)), whole !== null ? h('small', {}, share(value, whole)) : null))));
  }
  return { element: list, draw };
}

// Findings.

const indicatorCount = Object.values(report.indicators).reduce((a, b) => a + b, 0);
/** Whether a filter applies that indicators know of. */
const isNarrowed = () => isZoomed() || ['host', 'country', 'class'].some((name) => state[name] !== null);
const hostText = () => (state.host === null ? null : (report.host_names[state.host] || {}).host);
const countryText = () => (state.country === null ? null : (report.country_codes[state.country] || {}).country);

/** Indicators that the filters let pass. */
function offenders() {
  return report.top.filter((found) => (state.class === null || words.classes[state.class] === found.class)
    && (state.host === null || found.hosts.some((host) => host.toLowerCase() === hostText()))
    && (state.country === null || found.country === countryText())
    && (!isZoomed() || (seconds(found.last_seen) >= startOf(state.from) && seconds(found.first_seen) < startOf(state.to + 1))));
}

const seconds = (time) => Date.parse(time) / 1000;
const badge = (name) => h('span', { class: `badge class-${words.hostile.includes(name) ? 'hostile' : 'other'}${name === 'exposure' ? ' first' : ''}` }, name);

function exposureTable() {
  return dataTable({
    title: 'Answered with success to an attacker',
    empty: 'Nothing sensitive was given away.',
    first: 6,
    columns: [
      word('target', 'Target', (row) => row.target, { head: true, wide: true, show: (row) => h('code', {}, row.target) }),
      count('count', 'Times', (row) => row.count, 'hostile'),
      word('host', 'Host', (row) => row.host || '', { optional: true }),
      count('status', 'Status', (row) => row.status),
      word('first', 'First', (row) => row.first, { tight: true, show: (row) => moment(row.first) }),
      word('last', 'Last', (row) => row.last, { tight: true, show: (row) => moment(row.last) }),
      word('client', 'First client', (row) => row.client || ''),
      word('rule', 'Rule', (row) => row.rule),
    ],
    data: () => report.exposures.filter((row) => (state.host === null || (row.host || '').toLowerCase() === hostText())
      && (state.class === null || words.classes[state.class] === 'exposure')),
    note: () => (report.exposures_left_out ? `${number(report.exposures_left_out)} further answers are not listed.` : ''),
  });
}

function offenderList() {
  const list = h('div', { class: 'offenders' });
  const more = h('button', { type: 'button', class: 'quiet more' });
  const copied = h('button', { type: 'button', class: 'quiet' }, 'Copy values');
  const remark = h('p', { class: 'remark on-screen' });
  const printed = h('p', { class: 'remark on-paper' });
  const element = h('div', { class: 'panel wide', role: 'group', 'aria-label': 'Top offenders' },
    h('div', { class: 'panel-head' }, h('h3', {}, 'Top offenders'), copied), list, h('div', { class: 'panel-foot' }, more, remark, printed));
  let all = false;
  function draw() {
    const found = offenders();
    const shown = found.slice(0, all ? found.length : 15);
    list.replaceChildren(...shown.map(offender));
    printed.textContent = shown.length < indicatorCount ? `The strongest ${number(shown.length)} of ${counted(indicatorCount, 'indicator')}.` : '';
    if (!found.length) list.replaceChildren(h('p', { class: 'empty' }, 'Nobody reached the confidence of an indicator.'));
    more.hidden = found.length <= 15;
    more.textContent = all ? 'Show fewer' : `Show all ${number(found.length)}`;
    copied.hidden = !found.length;
    remark.textContent = indicatorCount > report.top.length ? `The strongest ${number(report.top.length)} of ${number(indicatorCount)} indicators; --print indicators lists all.` : '';
  }
  more.addEventListener('click', () => { all = !all; draw(); });
  copied.addEventListener('click', async () => {
    const done = await copy(offenders().map(({ value }) => value).join('\n') + '\n');
    copied.textContent = done ? 'Copied' : 'Copying failed';
    setTimeout(() => { copied.textContent = 'Copy values'; }, 1600);
  });
  return { element, draw };
}

function offender(found) {
  const where = [found.country && countryName(found), found.asn && `AS${found.asn}`, found.as_org].filter(Boolean).join(' · ');
  const body = h('div', { class: 'offender-body' });
  const details = h('details', { class: 'offender', on: { toggle() { if (details.open && !body.firstChild) body.append(...offenderBody(found)); } } },
    h('summary', {},
      h('span', { class: 'value' }, found.value),
      badge(found.class),
      h('span', { class: 'confidence', title: 'Confidence' }, h('i', { vars: { '--size': `${found.confidence * 100}%` } }), found.confidence.toFixed(2)),
      h('span', { class: 'where' }, where),
      h('span', { class: 'rules' }, found.rules.slice(0, 2).map(({ title }) => title).join(', ') + (found.rules.length > 2 ? `, ${found.rules.length - 2} more` : '')),
      h('span', { class: 'sum' }, `${number(found.sightings)}×`)),
    body);
  return details;
}

function offenderBody(found) {
  const line = (row) => h('tr', {},
    h('td', { class: 'nowrap' }, moment(row.time)), h('td', {}, row.status === undefined ? '–' : String(row.status)),
    h('td', {}, row.method || ''), h('td', { class: 'wide' }, h('code', {}, (row.host || '') + (row.target || ''))), h('td', { class: 'wide' }, row.user_agent || '–'));
  return [
    h('p', {}, `${moment(found.first_seen)} to ${moment(found.last_seen)} UTC`, found.hosts.length ? ` · on ${found.hosts.slice(0, 6).join(', ')}` : '', found.lists.length ? ` · lists: ${found.lists.join(', ')}` : ''),
    h('ul', { class: 'rule-list' }, found.rules.slice(0, 12).map((rule) => h('li', {}, `${rule.title} `, h('b', {}, `×${number(rule.count)}`), h('small', {}, ` ${rule.level}`)))),
    h('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': `Evidence on ${found.value}` },
      h('table', { class: 'data evidence' }, h('caption', { class: 'unseen' }, `Evidence on ${found.value}`),
        h('thead', {}, h('tr', {}, ['Time', 'Status', 'Method', 'Target', 'User agent'].map((label) => h('th', { scope: 'col' }, label)))),
        h('tbody', {}, found.evidence.map(line)))),
  ];
}

function ruleTable() {
  return dataTable({
    title: 'Rules that fired',
    columns: [
      word('title', 'Rule', (row) => row.title, { head: true, wide: true }),
      word('class', 'Class', (row) => row.class, { show: (row) => badge(row.class) }),
      word('level', 'Level', (row) => row.level),
      count('sightings', 'Sightings', (row) => row.sightings, 'hostile'),
      word('first', 'First', (row) => row.first, { tight: true, show: (row) => moment(row.first) }),
      word('last', 'Last', (row) => row.last, { tight: true, show: (row) => moment(row.last) }),
      word('id', 'Id', (row) => row.id),
    ],
    data: () => report.rules.filter((row) => state.class === null || words.classes[state.class] === row.class),
    note: () => [isFiltered() && 'Over the whole run; only the class filter applies here.', report.rules_left_out && `${number(report.rules_left_out)} further rules are not listed.`].filter(Boolean).join(' '),
    empty: 'No rule fired.',
  });
}

// Where requests come from.

function originTable() {
  return dataTable({
    title: 'Who sent what',
    tabs: originTabs(['as', 'network', 'country']),
    columns: (tab) => [
      word('label', origins[tab].label, (row) => row.label, { head: true, wide: true }),
      ...requestColumns,
      { ...count('indicators', 'Offenders', (row) => known(tab, row)), optional: true },
    ],
    sort: byRequests,
    data: originRows,
    note: (tab) => [exactness(origins[tab].source()), unplaced()].filter(Boolean).join(' '),
  });
}

/** What to do where most clients come from nowhere in particular. */
function unplaced() {
  const unknown = report.countries.find(({ country }) => country === undefined);
  return unknown && unknown.requests * 2 > report.totals.requests
    ? 'Of most requests the country is not known: afw geoip update fetches databases that tell it.' : '';
}

/** Hostile clients of a country or AS, as the document ranks them. */
function known(tab, row) {
  if (tab === 'country') {
    const code = (report.country_codes[row.name] || {}).country;
    return (report.countries.find((other) => other.country === code && code) || {}).indicators || 0;
  }
  const asn = tab === 'as' ? row.name.split(' ')[0] : `AS${(report.place_names[row.name] || {}).asn}`;
  return tab === 'as' ? (report.asns.find((other) => `AS${other.asn}` === asn) || {}).indicators || 0 : 0;
}

function errorTable() {
  const codes = ['400', '401', '403', '404', '405'];
  return dataTable({
    title: '4xx by origin',
    tabs: originTabs(['network', 'as', 'country']),
    columns: (tab) => [
      word('label', origins[tab].label, (row) => row.label, { head: true, wide: true }),
      count('errors', '4xx', (row) => row.total.errors, 'plain'),
      ...codes.map((code) => count(code, code, (row) => row.total.code(code))),
      count('other', 'Other', (row) => row.total.errors - codes.reduce((sum, code) => sum + row.total.code(code), 0)),
      part('share', 'Of its requests', (row) => (row.total.requests ? row.total.errors / row.total.requests : 0)),
    ],
    sort: { key: 'errors', up: false },
    data: (tab) => originRows(tab).filter((row) => row.total.errors),
    note: (tab) => exactness(origins[tab].source()),
    empty: 'No request was answered with 4xx.',
  });
}

function blockTable() {
  return dataTable({
    title: 'Blocks',
    tabs: originTabs(['country', 'as', 'network', 'print']),
    columns: (tab) => [
      word('label', origins[tab].label, (row) => row.label, { head: true, wide: true }),
      count('blocked', 'Blocked', (row) => row.total.blocked, 'hostile'),
      ...['403', '429', '444'].map((code) => count(code, code, (row) => row.total.code(code))),
      count('denied', 'By the edge', (row) => row.total.denied),
      part('share', 'Of its requests', (row) => (row.total.requests ? row.total.blocked / row.total.requests : 0)),
    ],
    sort: { key: 'blocked', up: false },
    data: (tab) => originRows(tab).filter((row) => row.total.blocked),
    note: (tab) => exactness(origins[tab].source()),
    empty: 'Nothing was answered with 403, 429 or 444, or denied by an edge.',
  });
}

// Paths.

const fitting = (row, at) => (state.path === null || row[at.path] === state.path);

function pathTable() {
  return dataTable({
    title: 'Paths',
    columns: [
      word('path', 'Path', (row) => names.path(row.name), { head: true, wide: true, show: (row) => h('button', { type: 'button', class: 'link', 'aria-pressed': String(state.path === row.name), title: 'Show this path below', on: { click() { state.path = row.name; redraw(); byId('one-path').scrollIntoView({ block: 'start' }); } } }, names.path(row.name)) }),
      ...requestColumns.slice(0, 5),
      count('posts', 'POST', (row) => row.total.posts),
      count('bot-posts', 'POST by bots', (row) => row.total.botPosts, 'script'),
      count('errors', '4xx', (row) => row.total.errors),
      count('failures', '5xx', (row) => row.total.failures),
    ],
    sort: byRequests,
    data: () => rowsOf(totals(about('path'), (row, at) => row[at.path])),
    note: () => exactness(about('path')),
  });
}

function pathChoice() {
  const select = h('select', { id: 'path-choice', on: { change() { state.path = select.value === '' ? null : Number(select.value); redraw(); } } });
  const element = h('div', { class: 'choice panel wide', id: 'one-path' }, h('label', { for: 'path-choice' }, 'Look at one path'), select, h('p', { class: 'remark' }));
  function draw() {
    const ranked = rowsOf(totals(about('path'), (row, at) => row[at.path])).map(({ name }) => name);
    if (state.path !== null && !ranked.includes(state.path)) ranked.unshift(state.path);
    select.replaceChildren(h('option', { value: '' }, 'All paths'), ...ranked.slice(0, 300).map((name) => h('option', { value: name }, names.path(name).slice(0, 90))));
    select.value = state.path === null ? '' : String(state.path);
    element.lastChild.textContent = exactness(tables.facts);
  }
  return { element, draw };
}

function pathStatusChart() {
  return timed({
    title: 'Status codes over time for the path chosen',
    data: () => stacked(tables.facts, 'status', (row, at) => (fitting(row, at) ? row[at.status] : null), 7, (name) => STATUS[name]),
  });
}

function pathPostChart() {
  return timed({
    title: 'POST requests over time to the path chosen, by kind of client',
    data: () => byKind(tables.facts, (row, at) => fitting(row, at) && row[at.method] === POST),
  });
}

function pathAgentTable() {
  return dataTable({
    title: 'User agents on the path chosen',
    columns: [
      word('agent', 'User agent', (row) => names.agent(row.name), { head: true, wide: true }),
      ...(hasPrints ? [word('print', 'JA3', (row) => print(row.name) || '', { show: (row) => h('code', {}, print(row.name) || '–') })] : []),
      ...requestColumns.slice(0, 1),
      count('posts', 'POST', (row) => row.total.posts),
      count('hostile', 'Hostile', (row) => row.total.hostile, 'hostile'),
      count('errors', '4xx', (row) => row.total.errors),
      count('blocked', 'Blocked', (row) => row.total.blocked),
    ],
    sort: byRequests,
    data: () => rowsOf(totals(tables.facts, (row, at) => (fitting(row, at) ? row[at.agent] : null))),
  });
}

function pathNetworkTable() {
  const both = (n) => `${names.network(n.place)} · ${n.print}`;
  const pairs = new Map();
  const pair = (row, at) => { const used = print(row[at.agent]); return used === null ? null : entry(pairs, `${row[at.place]} ${used}`, () => ({ place: row[at.place], print: used })); };
  const key = { both: pair, network: (row, at) => row[at.place], as: (row, at) => asName(row[at.place]), print: (row, at) => print(row[at.agent]) };
  return dataTable({
    title: 'Origins on the path chosen',
    tabs: [...originTabs(['network', 'as', 'print']), ...(hasPrints ? [{ key: 'both', label: 'Network and JA3' }] : [])],
    columns: (tab) => [
      word('label', tab === 'both' ? 'Network and JA3' : origins[tab].label, (row) => row.label, { head: true, wide: true }),
      ...(tab === 'network' && hasPrints ? [count('prints', 'JA3s', (row) => row.prints)] : []),
      ...requestColumns.slice(0, 1),
      count('posts', 'POST', (row) => row.total.posts),
      count('hostile', 'Hostile', (row) => row.total.hostile, 'hostile'),
      count('errors', '4xx', (row) => row.total.errors),
      count('blocked', 'Blocked', (row) => row.total.blocked),
    ],
    sort: byRequests,
    data: (tab) => {
      const prints = new Map();
      each(tables.facts, (row) => { if (fitting(row, tables.facts.at)) entry(prints, row[tables.facts.at.place], () => new Set()).add(print(row[tables.facts.at.agent])); });
      return rowsOf(totals(tables.facts, (row, at) => (fitting(row, at) ? key[tab](row, at) : null)))
        .map((row) => ({ ...row, label: tab === 'both' ? both(row.name) : origins[tab].name(row.name), prints: tab === 'network' ? [...(prints.get(row.name) || [])].filter(Boolean).length : 0 }));
    },
  });
}

// User agents, fingerprints, crawlers.

function agentTable() {
  return dataTable({
    title: 'User agents',
    columns: [
      word('agent', 'User agent', (row) => names.agent(row.name), { head: true, wide: true }),
      word('kind', 'Kind', (row) => (report.agent_names[row.name] || {}).kind || ''),
      count('requests', 'Requests', (row) => row.total.requests, 'plain'),
      count('hostile', 'Hostile', (row) => row.total.hostile, 'hostile'),
      count('errors', '4xx', (row) => row.total.errors),
      count('blocked', 'Blocked', (row) => row.total.blocked),
    ],
    sort: byRequests,
    data: () => rowsOf(totals(about('agent'), (row, at) => row[at.agent])),
    note: () => exactness(about('agent')),
  });
}

function printTable() {
  const codes = ['200', '301', '302', '400', '401', '403', '404', '429', '444'];
  return dataTable({
    title: 'JA3 by status',
    columns: [
      word('print', 'JA3', (row) => row.name, { head: true, show: (row) => h('code', {}, row.name) }),
      word('agents', 'Says it is', (row) => row.agents, { wide: true }),
      ...requestColumns.slice(0, 1),
      count('hostile', 'Hostile', (row) => row.total.hostile, 'hostile'),
      ...codes.map((code) => count(code, code, (row) => row.total.code(code))),
      count('failures', '5xx', (row) => row.total.failures),
    ],
    sort: byRequests,
    data: () => {
      const said = new Map();
      report.agent_names.forEach((agent) => { if (agent.fingerprint !== undefined) entry(said, agent.fingerprint, () => new Set()).add(agent.name || agent.agent || 'nothing'); });
      return rowsOf(totals(about('agent'), (row, at) => print(row[at.agent])), (name) => ({ agents: [...(said.get(name) || [])].slice(0, 4).join(', ') + ((said.get(name) || new Set()).size > 4 ? ' …' : '') }));
    },
    note: () => exactness(about('agent')),
    empty: hasPrints ? 'Nothing to show.' : 'No line of these logs has a JA3 or JA4 fingerprint.',
  });
}

function crawlerTable() {
  const claim = (name) => words.claims.indexOf(name);
  const label = (n) => { const agent = report.agent_names[n]; return agent && agent.kind === 'bot' ? agent.name || agent.agent || null : null; };
  return dataTable({
    title: 'Crawlers and other declared bots',
    columns: [
      word('name', 'Name', (row) => row.name, { head: true }),
      count('requests', 'Requests', (row) => row.total.requests, 'bot'),
      count('verified', 'Verified', (row) => row.total.claims[claim('verified')]),
      count('fake', 'Fake', (row) => row.total.claims[claim('fake')], 'hostile'),
      count('unproven', 'Not proven', (row) => row.total.claims[claim('unproven')]),
      count('none', 'Nothing to prove', (row) => row.total.claims[0]),
      count('hostile', 'Hostile', (row) => row.total.hostile),
      count('errors', '4xx', (row) => row.total.errors),
    ],
    sort: byRequests,
    data: () => rowsOf(totals(about('agent'), (row, at) => label(row[at.agent]))),
    note: () => exactness(about('agent')),
    empty: 'No crawler came by.',
  });
}

// Quality of the data. Over the whole run: what was not a request has no host, country or class.

function logTable() {
  const rejects = (row) => row.rejected / Math.max(1, row.requests + row.rejected);
  return dataTable({
    title: 'Logs',
    columns: [
      word('path', 'Log', (row) => row.path, { head: true, wide: true }),
      word('format', 'Format', (row) => row.format, { tight: true }),
      count('files', 'Files', (row) => row.files),
      count('lines', 'Lines', (row) => row.lines, 'plain'),
      count('requests', 'Requests', (row) => row.requests),
      count('rejected', 'Rejected', (row) => row.rejected, 'hostile'),
      part('share', 'Rejected share', rejects),
      word('first', 'First', (row) => row.first || '', { tight: true, show: (row) => moment(row.first) }),
      word('last', 'Last', (row) => row.last || '', { tight: true, show: (row) => moment(row.last) }),
      word('trouble', 'Trouble', (row) => row.trouble || '', { wide: true, optional: true }),
    ],
    data: () => report.logs,
    note: () => [isFiltered() && 'Over the whole run; filters do not apply here.', report.logs_left_out && `${number(report.logs_left_out)} further logs are not listed.`].filter(Boolean).join(' '),
  });
}

const explained = {
  cut: 'Lines cut at the length limit', out_of_range: 'Requests outside --since and --until', other_hosts: 'Requests of other hosts than --host',
  timeless: 'Requests without a usable time', clientless: 'Requests without a client address', exempt: 'Findings on addresses that never become indicators',
};

function qualityTable() {
  return dataTable({
    title: 'What was left out or lacks something',
    columns: [
      word('what', 'What', (row) => row.what, { head: true, wide: true }),
      word('why', 'Kind', (row) => row.why),
      count('count', 'Count', (row) => row.count, 'plain'),
    ],
    data: () => [
      ...Object.entries(report.rejects).map(([what, value]) => ({ what: what.replace(/[-_]/g, ' '), why: 'rejected line', count: value })),
      ...Object.entries(report.skipped).map(([what, value]) => ({ what: what.replace(/[-_]/g, ' '), why: 'line that is no request', count: value })),
      ...Object.entries(explained).map(([key, what]) => ({ what, why: 'data', count: report[key] || 0 })),
      ...Object.entries(report.counters).map(([what, value]) => ({ what: what.replace(/_/g, ' '), why: 'count of the analysis', count: value })),
    ].filter(({ count: value }) => value > 0),
    sort: { key: 'count', up: false },
    empty: report.lines > 0 ? 'Every line was a request that could be read.' : 'There was no line to read.',
  });
}

function sampleTable() {
  const rows = report.logs.flatMap((log) => log.reject_samples.map((sample) => ({ log: log.path, ...sample })));
  return rows.length ? dataTable({
    title: 'First rejected lines',
    columns: [
      word('line', 'Line', (row) => row.line, { head: true, wide: true, show: (row) => h('code', {}, row.line) }),
      word('reason', 'Reason', (row) => row.reason),
      word('log', 'Log', (row) => row.log),
      count('offset', 'At byte', (row) => row.offset),
    ],
    data: () => rows,
  }) : null;
}

// All sections.

const sections = [
  { id: 'overview', title: 'Overview', panels: [
    keyFigures(),
    ...(report.exposures.length ? [exposureTable()] : []),
    timed({ title: 'Requests over time, by kind of client', data: () => byKind(tables.time, () => true) }),
    timed({ title: 'Sightings over time, by class', unit: 'sightings', data: () => stacked(tables.sightings, 'class', (row, at) => row[at.class], 7, names.class) }),
  ] },
  { id: 'offenders', title: 'Offenders', panels: [offenderList(), ruleTable()] },
  { id: 'origins', title: 'Origins', panels: [
    barChart({ title: 'Countries by kind of client', data: () => rowsOf(totals(tables.time, (row, at) => row[at.country])).map(({ name, total: sum }) => ({ label: names.country(name), sum: sum.requests, parts: byCategory(sum), choose: () => { state.country = state.country === name ? null : name; redraw(); } })) }),
    timed({ title: 'Countries over time', data: () => stacked(tables.time, 'country', (row, at) => row[at.country], 7, names.country) }),
    originTable(),
  ] },
  { id: 'answers', title: 'Errors and blocks', panels: [
    timed({ title: '4xx over time, by status', data: () => stacked(tables.time, 'status', (row, at) => (status.is4xx[row[at.status]] ? row[at.status] : null), 7, (name) => STATUS[name]) }),
    timed({ title: 'Blocks over time', data: () => stacked(tables.time, 'block', (row, at) => (status.isBlock[row[at.status]] ? STATUS[row[at.status]] : row[at.denied] ? 'edge' : null), 7, (name) => (name === 'edge' ? 'By the edge' : name)) }),
    errorTable(),
    blockTable(),
  ] },
  { id: 'paths', title: 'Paths', panels: [pathTable(), pathChoice(), pathStatusChart(), pathPostChart(), pathAgentTable(), pathNetworkTable()] },
  { id: 'agents', title: 'User agents', panels: [agentTable(), printTable(), crawlerTable()] },
  { id: 'quality', title: 'Data quality', panels: [logTable(), qualityTable(), sampleTable()].filter(Boolean) },
];
