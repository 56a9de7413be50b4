// Text, numbers and tables as elements of the page. What comes from a result is text here, never markup.
'use strict';

const byId = (id) => document.getElementById(id);

// make('td', {className: 'number'}, 'text', node): strings become text.
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Numbers as text ----------------------------------------------------------------------------------------------------

const format = (options) => {
  const formatter = new Intl.NumberFormat('en-US', options);
  return (number) => formatter.format(number);
};
const allDigits = format({maximumFractionDigits: 20});
const threeDigits = format({minimumSignificantDigits: 3, maximumSignificantDigits: 3});
const fewDigits = format({maximumSignificantDigits: 3});
const oneDecimal = format({maximumFractionDigits: 1});
const percent = (share) => `${oneDecimal(100 * share)} %`;
const perSecond = (rate) => `${oneDecimal(rate)}/s`;

// `steps`: [unit, how many of the smallest it is], ascending.
function scaled(value, steps, digits) {
  const [unit, size] = steps.findLast(([, least]) => Math.abs(value) >= least) || steps[0];
  return `${digits(value / size)} ${unit}`;
}
const TIMES = [['ns', 1e-3], ['µs', 1], ['ms', 1e3], ['s', 1e6]];
const time = (us) => (us < 1 ? `${allDigits(Math.round(us * 1e3))} ns` : scaled(us, TIMES, threeDigits));
const timeOnAxis = (us) => (us === 0 ? '0' : scaled(us, TIMES, fewDigits));
const bytes = (count) => scaled(count, [['B', 1], ['KiB', 2 ** 10], ['MiB', 2 ** 20], ['GiB', 2 ** 30]],
                                count < 1024 ? allDigits : threeDigits);
const seconds = (s) => `${allDigits(s)} s`;

// A moment of the run: 7.5 s, or 12:30 in long runs.
function moment(s, isLong = s >= 120) {
  if (!isLong) return `${oneDecimal(s)} s`;
  const pad = (number) => String(number).padStart(2, '0');
  const whole = Math.round(s);
  const [h, m] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${h ? `${h}:${pad(m)}` : m}:${pad(whole % 60)}`;
}

function shown(value, show = allDigits) {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return show(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

// A rounded number that keeps its exact value.
const rounded = (value, show) => (typeof value === 'number'
  ? make('data', {value: String(value), title: allDigits(value)}, show(value)) : shown(value));

// Tables -------------------------------------------------------------------------------------------------------------

// columns: [heading, row => value, show]. Numbers are shown by `show`, or with all their digits.
function table(columns, rows, caption) {
  const isNumber = columns.map(([, of]) => rows.every((row) => typeof (of(row) ?? 0) === 'number'));
  const side = (i) => (isNumber[i] ? 'number' : 'text');
  const cell = (row) => ([, of, show], i) => {
    const value = of(row);
    const content = value instanceof Node ? value : show && isNumber[i] ? rounded(value, show) : shown(value);
    return make('td', {className: value instanceof Node ? '' : side(i)}, content);
  };
  const heads = columns.map(([heading], i) => make('th', {scope: 'col', className: side(i)}, heading));
  const whole = make('table', {},
    make('thead', {}, make('tr', {}, ...heads)),
    make('tbody', {}, ...rows.map((row) => make('tr', {}, ...columns.map(cell(row))))));
  if (caption) whole.prepend(make('caption', {}, caption));
  return whole;
}

// In a frame of its own that scrolls where the table is wider than the page.
const framed = (content, className = 'scroll whole') =>
  make('div', {className, tabIndex: 0, role: 'region', ariaLabel: 'Table'}, content);

// A table that is made when it is opened, as a long run has many rows. fill() makes it again.
function folded(title, build) {
  const details = make('details', {}, make('summary', {}, title));
  details.fill = () => {
    details.querySelector('.scroll')?.remove();
    if (details.open) details.append(framed(build(), 'scroll'));
  };
  details.addEventListener('toggle', details.fill);
  return details;
}

// {a: {b: 1}} -> [['a.b', 1]]
const flat = (object, prefix = '') => Object.entries(object).flatMap(([key, value]) =>
  (value && typeof value === 'object' && !Array.isArray(value) ? flat(value, `${prefix}${key}.`)
    : [[prefix + key, value]]));

const pairs = (title, entries) => make('div', {}, make('h3', {}, title), framed(make('table', {},
  make('tbody', {}, ...entries.map(([key, value]) => make('tr', {}, make('th', {scope: 'row'}, key),
    make('td', {className: 'text'}, value instanceof Node ? value : shown(value))))))));

const titled = (title, content) => [make('h3', {}, title), framed(content)];

const bar = (share, tone = 'blue') => {
  const drawn = make('span', {className: `bar tone-${tone}`});
  drawn.style.width = `${Math.min(100, 100 * share)}%`;
  return drawn;
};
