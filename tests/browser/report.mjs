// Looks at a report in a real browser as a person does: reads, filters, zooms, sorts, copies, prints. One line for each
// thing that holds; the first that does not ends the run with an error.
//
//     node report.mjs PAGE.html CHROMIUM

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const [, , file, chromium] = process.argv;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const address = pathToFileURL(file).href;
const browser = await puppeteer.launch({ executablePath: chromium, headless: true, protocolTimeout: 120_000, args: ['--no-sandbox', '--disable-gpu'] });

/** What went wrong on any page: console messages, errors, requests to anywhere. */
const faults = [];

async function open({ width = 1280, height = 900, scheme = 'light' } = {}) {
  const page = await browser.newPage();
  page.on('console', (message) => faults.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => { faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => { if (request.url() !== address) faults.push(`request: ${request.url()}`); });
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.setOfflineMode(true);
  await page.goto(address);
  await page.waitForSelector('#figure-requests');
  // What is copied is looked at here in place of the clipboard of this machine.
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.copied = text; } } }));
  return page;
}

const holds = (what) => console.log(`ok: ${what}`);
const figure = (page, name) => page.$eval(`#figure-${name}`, (cell) => Number(cell.dataset.value));
const select = (page, name, value) => page.select(`#filter-${name}`, String(value));

const page = await open();
const report = JSON.parse(await page.$eval('#document', (element) => element.textContent));
const words = report.vocabulary;

/** Requests of the rows of the timeline that pass. */
function requests(pass) {
  const { columns, rows } = report.requests_by_time;
  return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]]))).filter(pass).reduce((sum, row) => sum + row.requests, 0);
}

/** The rows of a table on the page, by its title. */
const rowsOf = (title) => page.$$eval(`.panel[aria-label="${title}"] tbody tr`, (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));

async function numbersAreTheDocuments() {
  assert.equal(await figure(page, 'requests'), report.totals.requests);
  assert.equal(await figure(page, 'hostile'), report.totals.hostile);
  assert.equal(await figure(page, 'blocked'), report.totals.blocked);
  assert.equal(await figure(page, 'errors'), report.totals.errors_4xx);
  assert.equal(await figure(page, 'offenders'), Object.values(report.indicators).reduce((a, b) => a + b, 0));
  assert.ok(report.totals.hostile > 0 && report.totals.blocked > 0 && report.exposures.length > 0);
  holds('the figures are the numbers of the document');
}

async function everyViewIsThere() {
  const titles = await page.$$eval('figcaption, .panel h3', (all) => all.map((title) => title.textContent));
  for (const wanted of ['Answered with success to an attacker', 'Requests over time, by kind of client', 'Sightings over time, by class', 'Top offenders', 'Rules that fired',
    'Countries by kind of client', 'Countries over time', 'Who sent what', '4xx over time, by status', 'Blocks over time', '4xx by origin', 'Blocks', 'Paths',
    'Status codes over time for the path chosen', 'POST requests over time to the path chosen, by kind of client', 'User agents on the path chosen', 'Origins on the path chosen', 'User agents', 'JA3 by status',
    'Crawlers and other declared bots', 'Logs', 'What was left out or lacks something', 'First rejected lines']) {
    assert.ok(titles.includes(wanted), `${wanted}: ${titles}`);
  }
  const [first] = titles;
  assert.equal(first, 'Answered with success to an attacker');
  holds(`${titles.length} views, exposures first`);
}

async function filtersChangeTheNumbers() {
  const all = await figure(page, 'requests');
  let tried = 0;
  for (const name of ['category', 'class', 'host', 'country']) {
    const options = await page.$$eval(`#filter-${name} option`, (list) => list.map(({ value }) => value).filter(Boolean));
    assert.ok(options.length > 1, name);
    for (const option of options.slice(0, 5)) {
      await select(page, name, option);
      assert.equal(await figure(page, 'requests'), requests((row) => row[name] === Number(option)), `${name} ${option}`);
      assert.ok(await figure(page, 'requests') < all);
      tried += 1;
    }
    await page.click('#reset');
    assert.equal(await figure(page, 'requests'), all);
  }
  const [host, country] = [0, 0];
  await select(page, 'host', host);
  await select(page, 'country', country);
  assert.equal(await figure(page, 'requests'), requests((row) => row.host === host && row.country === country));
  const asked = report.host_names[host].host;
  const left = await page.$$eval('.offender', (list) => list.length);
  const meant = report.top.filter((found) => found.hosts.includes(asked) && found.country === report.country_codes[country].country).length;
  assert.equal(left, Math.min(15, meant));
  await page.click('#reset');
  holds(`${tried} filters and two together change the numbers to what the rows say`);
}

async function chartsZoom() {
  const all = await figure(page, 'requests');
  const chart = await page.$('svg.chart');
  await chart.scrollIntoView();
  let box = await chart.boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
  const tip = await page.$eval('#tip', (element) => (element.hidden ? '' : element.textContent));
  assert.match(tip, /UTC.*requests/);
  await page.mouse.move(box.x + box.width * 0.3, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 4 });
  await page.mouse.up();
  const zoomed = await figure(page, 'requests');
  assert.ok(zoomed > 0 && zoomed < all, `${zoomed} of ${all}`);
  await page.click('#reset');
  assert.equal(await figure(page, 'requests'), all);
  holds('a chart shows what is under the pointer and zooms where it is dragged');

  await chart.evaluate((one) => one.focus());
  await page.keyboard.press('Home');
  await page.keyboard.down('Shift');
  for (let step = 0; step < 3; step += 1) await page.keyboard.press('ArrowRight');
  await page.keyboard.up('Shift');
  const said = await page.$eval('#said', (element) => element.textContent);
  assert.match(said, /UTC: [\d,]+ requests/);
  await page.keyboard.press('Enter');
  assert.equal(await figure(page, 'requests'), requests((row) => row.span >= 0 && row.span <= 3));
  await chart.evaluate((one) => one.focus());
  await page.keyboard.press('Escape');
  assert.equal(await figure(page, 'requests'), all);
  for (const title of ['Zoom in', 'Later', 'Earlier', 'Zoom out']) await page.click(`button[aria-label="${title}"]`);
  assert.equal(await figure(page, 'requests'), all);
  holds('the same goes by keyboard, which says what it is at');
}

async function tablesSortAndCopy() {
  const title = 'User agents';
  const button = (label) => page.evaluateHandle((name, text) => [...document.querySelectorAll(`.panel[aria-label="${name}"] thead button`)].find((one) => one.textContent.startsWith(text)), title, label);
  const column = async (at) => (await rowsOf(title)).map((row) => row[at]);
  const asNumbers = (texts) => texts.map((text) => Number(text.replace(/,/g, '').replace('·', '0')));
  const down = asNumbers(await column(2));
  assert.deepEqual(down, [...down].sort((a, b) => b - a));
  await (await button('Requests')).click();
  const up = asNumbers(await column(2));
  assert.deepEqual(up, [...up].sort((a, b) => a - b));
  assert.equal(await (await button('Requests')).evaluate((one) => one.parentNode.getAttribute('aria-sort')), 'ascending');
  const more = await page.$(`.panel[aria-label="${title}"] .more`);
  if (await more.evaluate((one) => !one.hidden)) await more.click();
  const shown = await column(0);
  const copy = await page.evaluateHandle((name) => [...document.querySelectorAll(`.panel[aria-label="${name}"] .panel-head button`)].find((one) => one.textContent === 'Copy CSV'), title);
  await copy.click();
  await page.waitForFunction(() => window.copied !== undefined);
  const csv = await page.evaluate(() => window.copied);
  assert.ok(csv.split('\r\n').length - 2 >= shown.length, csv);
  assert.ok(csv.includes("'=cmd|") && !/(^|,)"?=cmd/m.test(csv), 'a spreadsheet takes no formula from a log');
  holds(`tables sort both ways and copy: ${shown.length} rows`);
}

async function pathsAreLookedAt() {
  const before = await rowsOf('User agents on the path chosen');
  await page.click('.panel[aria-label="Paths"] tbody tr button.link');
  const chosen = await page.$eval('#path-choice', (element) => element.value);
  assert.notEqual(chosen, '');
  const { columns, rows } = report.facts;
  const at = Object.fromEntries(columns.map((column, place) => [column, place]));
  const meant = rows.filter((row) => row[at.path] === Number(chosen)).reduce((sum, row) => sum + row[at.requests], 0);
  const after = await rowsOf('Origins on the path chosen');
  assert.notDeepEqual(before, after);
  const legend = await page.evaluate(() => [...document.querySelectorAll('figure')].find((one) => one.textContent.startsWith('Status codes over time for the path')).querySelector('.legend').textContent);
  assert.ok(legend.length > 0 && meant > 0);
  await page.click('#reset');
  holds('one path can be looked at');
}

async function offendersShowEvidence() {
  await page.click('.offender summary');
  const evidence = await page.waitForSelector('.offender[open] .evidence tbody tr');
  const text = await evidence.evaluate((row) => row.textContent);
  const [first] = report.top;
  assert.ok(text.includes(first.evidence[0].target), text);
  holds('an offender shows its evidence');
}

async function nothingOfTheLogIsMarkup() {
  const found = await page.evaluate(() => ({
    scripts: document.scripts.length, images: document.images.length, pwned: window.pwned === undefined ? 'no' : 'yes', frames: window.frames.length,
    styled: document.querySelectorAll('[onerror],[onload],[onclick]').length,
    shown: document.getElementById('content').textContent.includes('<img src=x onerror='),
  }));
  assert.deepEqual(found, { scripts: 2, images: 0, pwned: 'no', frames: 0, styled: 0, shown: true });
  const blocked = await page.evaluate(() => new Promise((resolve) => {
    document.addEventListener('securitypolicyviolation', () => resolve(true), { once: true });
    const script = document.createElement('script');
    script.textContent = 'window.pwned = 1';
    document.body.append(script);
    setTimeout(() => resolve(false), 2000);
  }));
  assert.ok(blocked && await page.evaluate(() => window.pwned === undefined), 'the policy lets no other script run');
  // The browser says on the console that it kept to the policy.
  assert.equal(faults.length, 1, faults.join('\n'));
  faults.length = 0;
  holds('what a log says is text, and the policy lets no other script run');
}

async function isAccessible(name, options) {
  const other = await open(options);
  await other.evaluate((source) => { (0, eval)(source); }, axe);
  await other.click('.offender summary');
  await other.click('.numbers summary');
  const { violations, passes } = await other.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const told = violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join('\n')}`);
  assert.deepEqual(told, [], told.join('\n'));
  const [inner, outer] = await other.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(inner <= outer, `${name}: ${inner} wide in ${outer}`);
  await other.close();
  holds(`${name}: ${passes.length} rules of axe-core hold, none is violated, nothing sticks out`);
}

async function ends() {
  const footer = await page.$eval('#about', (about) => [...about.childNodes].map((node) => node.nodeName));
  assert.ok(footer.length && footer.every((name) => name === 'P'), `the footer holds paragraphs alone: ${footer}`);
  holds('the footer says what counts as hostile and nothing else');
}

async function prints() {
  const other = await open();
  await other.emulateMediaType('print');
  const hidden = await other.$$eval('.filters, .tools, .contents', (all) => all.every((one) => getComputedStyle(one).display === 'none'));
  assert.ok(hidden, 'controls are not printed');
  const proof = await other.evaluate(() => {
    window.dispatchEvent(new Event('beforeprint'));
    const shown = [...document.querySelectorAll('.offender')].map((one) => one.open && one.querySelectorAll('.evidence tbody tr').length > 0);
    window.dispatchEvent(new Event('afterprint'));
    return [shown.length > 0 && shown.every(Boolean), document.querySelectorAll('.offender[open]').length];
  });
  assert.deepEqual(proof, [true, 0], 'offenders are printed with their evidence');
  const paper = await other.pdf({ format: 'A4' });
  assert.ok(paper.length > 20_000, `${paper.length}`);
  await other.close();
  holds(`it prints: ${Math.round(paper.length / 1024)} KB`);
}

try {
  await numbersAreTheDocuments();
  await everyViewIsThere();
  await filtersChangeTheNumbers();
  await chartsZoom();
  await tablesSortAndCopy();
  await pathsAreLookedAt();
  await offendersShowEvidence();
  await nothingOfTheLogIsMarkup();
  await isAccessible('light');
  await isAccessible('dark', { scheme: 'dark' });
  await isAccessible('phone', { width: 390, height: 844 });
  await ends();
  await prints();
  assert.deepEqual(faults, []);
  holds('no message on the console, no error, no request to anywhere');
} finally {
  await browser.close();
}
