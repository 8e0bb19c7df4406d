// The document and sums over its rows. Nothing here touches the page.

const report = JSON.parse(document.getElementById('document').textContent);
const words = report.vocabulary;
const spans = report.spans;

/** A table of rows with the places of its columns. */
function table(name) {
  const { columns, rows, sampled, sampled_sighted: sighted } = report[name];
  const at = {};
  columns.forEach((column, place) => { at[column] = place; });
  return { name, rows, at, count: columns.length - 1, sampled, sighted: sighted || sampled };
}

const tables = {
  time: table('requests_by_time'),
  sightings: table('sightings_by_time'),
  place: table('requests_by_place'),
  path: table('requests_by_path'),
  agent: table('requests_by_agent'),
  facts: table('facts'),
};

/** What is looked at: null means everything. `from` and `to` number spans, both included. */
const state = { host: null, country: null, class: null, category: null, from: null, to: null, path: null, print: null };

const isZoomed = () => state.from !== null;
const isFiltered = () => isZoomed() || ['host', 'country', 'class', 'category'].some((name) => state[name] !== null);

/** Calls `take(row, count)` for each row that the filters let pass; filters that a table has no column for let all pass. */
function each(source, take) {
  const tests = ['host', 'country', 'class', 'category']
    .filter((name) => state[name] !== null && source.at[name] !== undefined)
    .map((name) => [source.at[name], state[name]]);
  const span = isZoomed() ? source.at.span : undefined;
  for (const row of source.rows) {
    if (span !== undefined && (row[span] < state.from || row[span] > state.to)) continue;
    if (tests.every(([place, wanted]) => row[place] === wanted)) take(row, row[source.count]);
  }
}

/** Where rows about a thing come from: the table of that thing, or single requests when a stretch of time is chosen. */
const about = (thing) => (isZoomed() ? tables.facts : tables[thing]);

/** An entry of a map, made when it is not there. */
function entry(map, key, make) {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

const CATEGORIES = words.categories;
const HOSTILE = CATEGORIES.indexOf('hostile');
const SCRIPT = CATEGORIES.indexOf('script');
const BOT = CATEGORIES.indexOf('bot');
const STATUS = words.statuses;
const POST = words.methods.indexOf('post');

/** Groups of statuses, from the names in the vocabulary. */
const status = {
  is4xx: STATUS.map((name) => name.startsWith('4')),
  is5xx: STATUS.map((name) => name.startsWith('5')),
  isBlock: STATUS.map((name) => name === '403' || name === '429' || name === '444'),
};

/** Sums over requests of one thing. */
class Total {
  constructor() {
    this.requests = 0;
    this.categories = CATEGORIES.map(() => 0);
    this.statuses = STATUS.map(() => 0);
    this.denied = 0;
    this.posts = 0;
    this.botPosts = 0;
    this.claims = words.claims.map(() => 0);
  }

  add(source, row, count) {
    const at = source.at;
    this.requests += count;
    this.categories[row[at.category]] += count;
    const code = row[at.status];
    this.statuses[code] += count;
    // What the status already says was turned away is counted there.
    if (row[at.denied] && !status.isBlock[code]) this.denied += count;
    if (at.method !== undefined && row[at.method] === POST) {
      this.posts += count;
      if (row[at.category] !== 0) this.botPosts += count;
    }
    if (at.claim !== undefined) this.claims[row[at.claim]] += count;
  }

  where(group) {
    return this.statuses.reduce((sum, count, code) => sum + (group[code] ? count : 0), 0);
  }

  code(name) { return this.statuses[STATUS.indexOf(name)]; }
  get hostile() { return this.categories[HOSTILE]; }
  get script() { return this.categories[SCRIPT]; }
  get bot() { return this.categories[BOT]; }
  get errors() { return this.where(status.is4xx); }
  get failures() { return this.where(status.is5xx); }
  get blocked() { return this.where(status.isBlock) + this.denied; }
}

/** Totals by whatever `key(row, at)` gives; null leaves the row out. */
function totals(source, key) {
  const all = new Map();
  each(source, (row, count) => {
    const name = key(row, source.at);
    if (name !== null) entry(all, name, () => new Total()).add(source, row, count);
  });
  return all;
}

/** The sum of everything that the filters let pass. */
function total() {
  const sum = new Total();
  each(tables.time, (row, count) => sum.add(tables.time, row, count));
  return sum;
}

/** Series over the visible spans: `key(row, at)` names the series, null leaves the row out. */
function series(source, key) {
  const first = isZoomed() ? state.from : 0;
  const count = (isZoomed() ? state.to : spans.count - 1) - first + 1;
  const all = new Map();
  each(source, (row, number) => {
    const span = row[source.at.span];
    if (span < first || span >= first + count) return;
    const name = key(row, source.at);
    if (name === null) return;
    entry(all, name, () => new Float64Array(count))[span - first] += number;
  });
  return { first, count, all };
}

/** The largest `max` of some series by sum, the others joined under `rest`. */
function largest({ all }, max, rest) {
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const sorted = [...all].map(([name, values]) => ({ name, values, sum: sum(values) })).sort((a, b) => b.sum - a.sum);
  if (sorted.length <= max + 1) return sorted;
  const others = sorted.splice(max);
  const values = new Float64Array(others[0].values.length);
  for (const other of others) other.values.forEach((value, at) => { values[at] += value; });
  return [...sorted, { name: rest, values, sum: sum(values), others: others.length }];
}

// Names of things. A dictionary's last entry may stand for all others; an entry without a name is what was not known.

const names = {
  host: (n) => text(report.host_names[n], 'host', 'no host logged', 'other hosts'),
  country: (n) => countryName(report.country_codes[n]),
  path: (n) => text(report.path_names[n], 'path', 'no path', 'other paths'),
  class: (n) => words.classes[n] || 'nothing found',
  category: (n) => ({ visitor: 'Visitors', bot: 'Bots', script: 'Script bots', unknown: 'Unknown agents', hostile: 'Hostile' })[CATEGORIES[n]],
  network: (n) => networkName(report.place_names[n]),
  agent: (n) => text(report.agent_names[n], 'agent', 'no user agent', 'other agents'),
};

function text(known, member, unknown, others) {
  if (!known || known.others !== undefined) return `${known ? number(known.others) + ' ' : ''}${others}`;
  return known[member] === undefined ? `(${unknown})` : known[member];
}

const regions = typeof Intl.DisplayNames === 'function' ? new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' }) : null;

function countryName(known) {
  const code = text(known, 'country', 'country not known', 'other countries');
  if (!known || known.country === undefined) return code;
  if (code === 'T1') return 'Tor (T1)';
  let name = null;
  try { name = regions && regions.of(code); } catch { /* a code that is no region keeps its letters */ }
  return name ? `${name} (${code})` : code;
}

const hasAs = report.place_names.some(({ asn }) => asn !== undefined);

/** A network, or how many are added up. */
function networkName(known) {
  const name = text(known, 'network', 'no address', 'other networks');
  return known && known.others !== undefined && known.asn !== undefined ? `${name} of AS${known.asn}` : name;
}

/** `AS64500 Example`, or why not. */
function asName(n) {
  const place = report.place_names[n];
  if (place === undefined || place.asn === undefined) return place && place.others !== undefined && hasAs ? 'other networks' : '(AS not known)';
  return `AS${place.asn}${place.as_org ? ' ' + place.as_org : ''}`;
}

const print = (n) => { const agent = report.agent_names[n]; return agent && agent.fingerprint !== undefined ? agent.fingerprint : null; };

// Numbers and times as people read them.

const plain = new Intl.NumberFormat('en');
const number = (value) => plain.format(Math.round(value));
const counted = (value, what) => `${number(value)} ${what}${value === 1 ? '' : 's'}`;

function short(value) {
  for (const [size, sign] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (value >= size) return `${(value / size).toFixed(value >= 10 * size ? 0 : 1).replace(/\.0$/, '')}${sign}`;
  }
  return String(Math.round(value * 100) / 100);
}

function share(part, whole) {
  if (!whole) return '–';
  const percent = 100 * part / whole;
  if (percent > 0 && percent < 0.1) return '<0.1 %';
  // Nearly all is not all.
  if (percent > 99 && percent < 100) return percent > 99.9 ? '>99.9 %' : `${(Math.floor(percent * 10) / 10).toFixed(1)} %`;
  return `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

const two = (value) => String(value).padStart(2, '0');

/** A point of time in UTC: `2026-01-31 07:08`, with seconds where spans are short. */
function clock(secs) {
  const date = new Date(secs * 1000);
  const day = `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}${spans.secs < 60 ? ':' + two(date.getUTCSeconds()) : ''}`;
  return spans.secs >= 86400 ? day : `${day} ${time}`;
}

const startOf = (span) => spans.start + span * spans.secs;

/** `1 min`, `6 h`, `7 days`. */
function duration(secs) {
  if (secs >= 86400) return `${secs / 86400} day${secs === 86400 ? '' : 's'}`;
  if (secs >= 3600) return `${secs / 3600} h`;
  return secs >= 60 ? `${secs / 60} min` : `${secs} s`;
}

/** A time of the document, cut to what matters. */
const moment = (text) => (text ? text.replace('T', ' ').replace(/(\.\d+)?Z$/, '') : '');
