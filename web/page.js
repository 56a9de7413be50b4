// Draws a result. All that is shown comes from render(result), a function of the JSON result: a report calls it once,
// with the result in the page; a page that watches a running load calls it again with each newer result.

const EXIT_CODES = {
  0: 'all well', 1: 'could not start, or the target failed', 2: 'bad usage', 3: 'messages were not stored',
  4: 'the audit or the accounting failed', 99: 'a threshold failed', 129: 'ended early by SIGHUP',
  130: 'ended early by SIGINT', 143: 'ended early by SIGTERM',
};
const PARTS = [['schedule_lag', 'Schedule lag', 'purple'], ['queue_wait', 'Queue wait', 'orange'],
  ['batch_wait', 'Batch wait', 'green'], ['write', 'Write', 'blue']];

// Verdict ------------------------------------------------------------------------------------------------------------

function facts({rate, audit, thresholds, exit_code, interrupted}) {
  const list = [];
  const add = (good, text) => list.push(make('li', {className: good ? 'good' : good === false ? 'bad' : 'unsure'}, text));
  if (rate?.sustained) add(true, 'rate sustained');
  else if (rate?.sustained === false) add(false, 'rate not sustained');
  else if (rate?.sustained_reason) add(null, `sustained? ${rate.sustained_reason}`);
  if (audit?.passed) add(true, `audit passed, ${allDigits(audit.checked)} rows`);
  else if (audit?.passed === false) add(false, 'audit failed');
  else if (audit) add(null, 'not audited');
  if (thresholds?.length) {
    const passed = thresholds.filter((threshold) => threshold.passed).length;
    add(passed === thresholds.length, `${passed} of ${thresholds.length} thresholds met`);
  }
  if (interrupted) add(null, 'interrupted');
  add(exit_code === 0, `exit code ${exit_code}: ${EXIT_CODES[exit_code] || 'see the manual'}`);
  return list;
}

function figures({rate, counts, latency_us: latency, warmup}) {
  if (!counts) return [];
  const {response} = latency;
  const lost = ['dead_lettered', 'dropped', 'unsent', 'in_doubt'].reduce((sum, end) => sum + counts[end], 0);
  return [
    ['wanted', rate.target_per_s, perSecond],
    ['produced', rate.produced_per_s, perSecond],
    ['stored', rate.stored_per_s, perSecond],
    ['response p50', response.p50, time],
    ['response p99', response.p99, time],
    ['response max', response.max, time],
    ['messages stored', counts.stored, allDigits],
    ['skipped', counts.skipped, allDigits],
    ['lost or in doubt', lost, allDigits],
    ...(warmup ? [['warm-up, not measured', warmup.duration_s, seconds]] : []),
  ].map(([name, value, show]) => make('div', {}, make('dt', {}, name),
    make('dd', {}, name === 'wanted' && value === null ? 'max' : rounded(value, show))));
}

const UNITS = {us: time, per_s: perSecond, percent: (value) => `${fewDigits(value)} %`, bytes, cores: fewDigits};

const thresholdTable = (thresholds) => table([
  ['Threshold', ({expression}) => expression],
  ['Observed', ({observed, unit}) => (typeof observed === 'number' ? rounded(observed, UNITS[unit] || allDigits)
    : observed ?? 'no samples')],
  ['', ({passed, aborted}) => make('span', {className: passed ? 'good' : 'bad'},
    passed ? 'met' : aborted ? 'broken, and ended the run' : 'not met')],
], thresholds);

// Each message ended in exactly one way.
function balanceTable(counts) {
  const name = (key) => key.replaceAll('_', ' ').replace('dead lettered', 'dead-lettered');
  return table(Object.keys(counts).map((key) => [name(key), () => counts[key]]), [counts]);
}

// Charts over time ---------------------------------------------------------------------------------------------------

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

function timeTicks(low, high, pixels) {
  const step = STEPS.find((candidate) => (high - low) / candidate <= pixels / 64) || (high - low) / 8;
  const ticks = [];
  for (let i = Math.max(0, Math.ceil(low / step)); i * step <= high; ++i) {
    ticks.push({v: i * step, label: moment(i * step, high >= 120)});
  }
  return ticks;
}

// Messages a second in each interval. A last interval that is much shorter than the others is counted together with
// the one before it.
function rates(samples) {
  const begin = (i) => (i > 0 ? samples[i - 1].t_s : 0);
  const length = (i) => samples[i].t_s - begin(i);
  const last = samples.length - 1;
  const short = last > 0 && length(last) < length(last - 1) / 2;
  return samples.map((sample, i) => {
    const over = short && i >= last - 1 ? [samples[last - 1], samples[last]] : [sample];
    const span = over.at(-1).t_s - (short && i === last ? begin(last - 1) : begin(i));
    const rate = (...keys) => (span > 0 ? over.reduce((sum, one) => keys.reduce((s, key) => s + one[key], sum), 0) / span : null);
    return [sample.t_s, sample.rate_wanted, rate('produced'), rate('stored'), rate('skipped', 'dropped', 'failed')];
  });
}

function showCourse({samples}) {
  const column = (key, heading = key.replaceAll('_', ' ')) => [heading, (sample) => sample[key]];
  const nested = (outer, key, heading) => [heading, (sample) => sample[outer][key]];
  const timed = (label, lines, rows, columns, more) => ({
    label, places: 'time since the start', lines, rows, timed: true, when: moment, ticks: timeTicks, data: samples,
    show: oneDecimal, axis: fewDigits, columns: [column('t_s', 'time, s'), ...columns], ...more,
  });
  const latencies = {show: time, axis: timeOnAxis};

  const perInterval = rates(samples);
  const losses = perInterval.some((row) => row[4] > 0);
  const isNear = (i) => [i - 1, i, i + 1].some((at) => perInterval[at]?.[4] > 0);
  showChart('rate', timed('rate over time', [
    {name: 'wanted', tone: 'quiet', dash: 'dotted'},
    {name: 'produced', tone: 'orange', dash: 'dashed'},
    {name: 'stored', tone: 'blue'},
    ...(losses ? [{name: 'given up', tone: 'bad', area: true}] : []),
  ], perInterval.map((row, i) => [...row.slice(0, 4), ...(losses ? [isNear(i) ? row[4] : null] : [])]),
  [column('rate_wanted', 'wanted, /s'), ...['scheduled', 'produced', 'stored', 'skipped', 'dropped', 'failed'].map((key) => column(key))]));

  showChart('response', timed('response time over time', [
    {name: 'max', tone: 'quiet', dash: 'dotted'},
    {name: 'p99', tone: 'orange', dash: 'dashed'},
    {name: 'p50', tone: 'blue'},
  ], samples.map(({t_s, response_us: {max, p99, p50}}) => [t_s, max, p99, p50]),
  ['p50', 'p99', 'max'].map((key) => nested('response_us', key, `${key}, µs`)), {...latencies, canBeLog: true}));

  showChart('parts', timed('mean parts of the response time over time',
    PARTS.map(([, name, tone]) => ({name: name.toLowerCase(), tone, area: true, width: 1})),
    samples.map(({t_s, parts_mean_us: parts}) => [t_s, ...PARTS.map(([key]) => parts[key])]),
    PARTS.map(([key, name]) => nested('parts_mean_us', key, `${name.toLowerCase()}, µs`)), {...latencies, stacked: true}));

  showChart('queue', timed('messages in the queue over time', [
    {name: 'in the channel', tone: 'blue', area: true},
    {name: 'with consumers', tone: 'orange', dash: 'dashed'},
  ], samples.map(({t_s, queue_depth, in_flight}) => [t_s, queue_depth, in_flight]),
  ['queue_depth', 'in_flight', 'producers', 'consumers', 'cpu_cores'].map((key) => column(key))));
}

// Percentiles --------------------------------------------------------------------------------------------------------

// [[percentile, microseconds], ...]: those of the result, or, in results that have none, those with a key.
const pointsOf = (part) => part.percentiles || Object.entries(part).flatMap(([key, us]) =>
  (/^p\d/.test(key) ? [[Number(key.slice(1).replace('_', '.')), us]] : key === 'max' ? [[100, us]] : []))
  .sort(([a], [b]) => a - b);

// 90 % -> 1, 99 % -> 2, ...; the largest of n values stands where one in n does.
const nines = (percentile, count) => Math.min(-Math.log10(1 - percentile / 100), Math.log10(count));
const percentOfNines = (x) => `${(100 - 10 ** (2 - x)).toFixed(Math.max(0, Math.ceil(x) - 2))} %`;

function nineTicks(low, high, pixels) {
  const step = Math.ceil((high - low) * 56 / pixels);
  const ticks = [];
  for (let x = Math.max(0, Math.ceil(low / step) * step); x <= high; x += step) ticks.push({v: x, label: percentOfNines(x)});
  if (pixels / (high - low) > 112) ticks.push({v: Math.log10(2), label: '50 %'});
  return ticks;
}

function showPercentiles({response, uncorrected}) {
  const curve = (part) => pointsOf(part).map(([percentile, us]) => [nines(percentile, part.count), us]);
  const [ours, theirs] = [curve(response), uncorrected?.count ? curve(uncorrected) : []];
  // Both have their points at the same percentiles, except at their ends.
  const places = [...new Set([...ours, ...theirs].map(([x]) => x))].sort((a, b) => a - b);
  const at = (points) => new Map(points);
  const [oursAt, theirsAt] = [at(ours), at(theirs)];
  const both = theirs.length > 0;
  const rows = places.map((x) => [x, oursAt.get(x) ?? null, ...(both ? [theirsAt.get(x) ?? null] : [])]);
  const numbers = [...pointsOf(response).map((point) => ['response', ...point]),
    ...(both ? pointsOf(uncorrected).map((point) => ['uncorrected', ...point]) : [])];
  showChart('percentiles', {
    label: 'percentiles of the response time', places: 'share of messages that took no longer',
    lines: [{name: 'response', tone: 'blue', width: 2.25},
      ...(both ? [{name: 'uncorrected', tone: 'quiet', dash: 'dashed'}] : [])],
    rows, show: time, axis: timeOnAxis, when: percentOfNines, ticks: nineTicks, canBeLog: true, joined: true,
    data: numbers,
    columns: [['', ([name]) => name], ['percentile', ([, percentile]) => percentile], ['µs', ([, , us]) => us]],
  });
}

function showLatency({latency_us: latency, rate}) {
  byId('omission').textContent = omission(latency, rate.target_per_s);
  byId('latency').replaceChildren(...titled('Latency', latencyTable(latency)));
  showPercentiles(latency);
}

// What a tool that waits for each answer would have told.
function omission({response, uncorrected}, wanted) {
  if (!uncorrected?.count) return 'How many messages took how long.';
  const factor = response.p99 / uncorrected.p99;
  const claim = `A closed-loop tool, which times only the writes, would have reported a p99 of ${time(uncorrected.p99)}`;
  const real = wanted === null ? 'counted from when each message was made' : 'counted from when each message was due';
  if (factor < 1.1) return `${claim}. ${real[0].toUpperCase()}${real.slice(1)}, it was about the same: ${time(response.p99)}.`;
  return `${claim}; ${real}, it was ${time(response.p99)}, ${threeDigits(factor)} times as long. `
    + 'The difference is the time that messages waited before their write began.';
}

function latencyTable(latency) {
  const rows = [['response', 'Response'], ...PARTS, ['held_back', 'Held back (part of write)'], ['uncorrected', 'Uncorrected (writes alone)']]
    .filter(([key]) => latency[key] && (key !== 'held_back' || latency[key].max > 0));
  const keys = Object.keys(latency.response).filter((key) => typeof latency.response[key] === 'number');
  return table([['', ([, name]) => name],
    ...keys.map((key) => [key.replace('_', '.'), ([part]) => latency[part][key], key === 'count' ? undefined : time])], rows);
}

// The rest -----------------------------------------------------------------------------------------------------------

const errorTable = (errors) => table([['Code', ({code}) => code], ['Class', (error) => error.class],
  ['Count', ({count}) => count], ['Message', ({message}) => message]], errors);

const eventTable = (events) => table([['', (event) => events.indexOf(event) + 1], ['Time, s', ({t_s}) => t_s],
  ['Kind', ({kind}) => kind], ['What happened', ({text}) => text]], events);

// What an average message waited for.
function shareTable(latency) {
  const whole = latency.response.mean;
  const share = ([key]) => (whole > 0 ? latency[key].mean / whole : 0);
  return table([['Part', ([, name]) => name], ['Mean', ([key]) => latency[key].mean, time],
    ['Share', share, percent], ['', (part) => bar(share(part), part[2])]], PARTS);
}

function clientEntries({client, queue, time_s, batches}) {
  const cpu = client.cpu_user_s + client.cpu_system_s;
  return [
    ['CPU time, user', rounded(client.cpu_user_s, seconds)],
    ['CPU time, system', rounded(client.cpu_system_s, seconds)],
    ['cores in use', time_s.total > 0 ? rounded(cpu / time_s.total, fewDigits) : '–'],
    ['most memory', rounded(client.max_rss_bytes, bytes)],
    ['producers blocked by a full channel', rounded(queue.blocked_s, seconds)],
    ['most messages in the channel', queue.depth_max],
    ['batches', batches.count],
    ['rows in a batch, mean', rounded(batches.rows_mean, oneDecimal)],
    ...(client.oversleep_us ? [['woken too late, p50', rounded(client.oversleep_us.p50, time)],
      ['woken too late, p99', rounded(client.oversleep_us.p99, time)]] : []),
  ];
}

function threadTables(threads) {
  const roles = [...new Set(threads.map(({role}) => role))].map((role) => {
    const ours = threads.filter((thread) => thread.role === role);
    const sum = (key) => ours.reduce((total, thread) => total + thread[key], 0);
    return {role, count: ours.length, cpu_s: sum('cpu_s'), busy: sum('busy_share') / ours.length,
      busiest: Math.max(...ours.map(({busy_share}) => busy_share))};
  });
  return [
    ...titled('Threads of this program', table([['Role', ({role}) => role], ['Threads', ({count}) => count],
      ['CPU', ({cpu_s}) => cpu_s, seconds], ['Busy, mean', ({busy}) => busy, percent],
      ['Busiest', ({busiest}) => busiest, percent], ['', ({busiest}) => bar(busiest)]], roles)),
    folded('Each thread', () => table([['role', ({role}) => role], ['index', ({index}) => index],
      ['CPU, s', ({cpu_s}) => cpu_s], ['busy share', ({busy_share}) => busy_share]], threads)),
  ];
}

// Some names hold more than they say: a number that a double cannot hold is there as text, too.
const entriesOf = (object) => flat(object).filter(([key]) => !key.endsWith('_text'))
  .map(([key, value]) => [key, object[`${key}_text`] ?? value]);

function save(text) {
  const link = make('a', {href: URL.createObjectURL(new Blob([text], {type: 'application/json'})), download: 'result.json'});
  link.click();
  URL.revokeObjectURL(link.href);
}

// All of it ----------------------------------------------------------------------------------------------------------

function showVerdict(result) {
  const {thresholds, failure, counts} = result;
  byId('verdict-heading').textContent = result.verdict || 'The run did not start.';
  byId('facts').replaceChildren(...facts(result));
  byId('failure').replaceChildren(...(failure ? [make('p', {className: 'bad'},
    [failure.code, failure.class, failure.message].filter(Boolean).join(', '))] : []));
  byId('figures').replaceChildren(...figures(result));
  byId('thresholds').replaceChildren(...(thresholds?.length ? titled('Thresholds', thresholdTable(thresholds)) : []));
  byId('balance').replaceChildren(...(counts ? titled('Where the messages ended', balanceTable(counts)) : []));
}

function showErrorsAndEvents({errors = [], events = []}) {
  byId('error-list').replaceChildren(...(errors.length ? titled('Errors', errorTable(errors)) : []));
  byId('event-list').replaceChildren(...(events.length
    ? titled('Events, by their numbers in the charts', eventTable(events)) : []));
}

const BOTTLENECKS = {none: 'Nothing held the run up.', limiter: 'The run was held to its rate, as it was asked.'};

function showBottleneck(result) {
  const {bottleneck, latency_us: latency, client} = result;
  byId('evidence').textContent = bottleneck
    ? [BOTTLENECKS[bottleneck.kind] || `The bottleneck was the ${bottleneck.kind}.`, bottleneck.evidence].flat().join(' ') : '';
  byId('shares').replaceChildren(...(latency.response.count ? titled('An average message', shareTable(latency)) : []));
  byId('client').replaceChildren(pairs('This program', clientEntries(result)));
  byId('threads').replaceChildren(...(client.threads?.length ? threadTables(client.threads) : []));
}

function showServer({server}) {
  const rows = [['write-ahead log', 'wal_bytes'], ['table', 'table_bytes'], ['indexes', 'index_bytes']];
  byId('server-cost').replaceChildren(
    ...titled('Added during the run', table([['', ([name]) => name], ['Bytes a row', ([, key]) => server.per_row?.[key], oneDecimal],
      ['In all', ([, key]) => server[key], bytes]], rows)),
    make('p', {className: 'note'}, `Checkpoints: ${shown(server.checkpoints)}.`),
    ...(server.notes || []).map((note) => make('p', {className: 'note'}, shown(note))));
  byId('server-settings').replaceChildren(pairs('Settings in force', flat(server.settings || {})));
}

function showSettings({config, environment, run_id, started_at, ended_at, app_version, breaker, time_s, audit, resumed = []}) {
  byId('settings').replaceChildren(
    pairs('Configuration', entriesOf(config)), pairs('Environment', flat(environment)),
    pairs('Run', flat({run_id, started_at, ended_at, app_version, time_s})),
    pairs('Audit', flat(audit)), pairs('Circuit breaker', flat(breaker)),
    ...resumed.map((run) => pairs(`Delivered for the earlier run ${run.run_id}`, flat(run))));
}

// What the result must hold for some sections to be there, the sections, and what fills them.
const SECTIONS = [
  [() => true, ['verdict'], showVerdict],
  [({series}) => series?.samples?.length, ['rate', 'response', 'parts', 'queue'], ({series}) => showCourse(series)],
  [({latency_us: latency}) => latency?.response.count, ['percentiles'], showLatency],
  [({errors, events}) => errors?.length || events?.length, ['events'], showErrorsAndEvents],
  [({client}) => client, ['bottleneck'], showBottleneck],
  [({server}) => server, ['server'], showServer],
  [({config}) => config, ['configuration'], showSettings],
];

function render(result) {
  marks = {warmup_s: result.warmup?.duration_s ?? 0, events: result.events ?? []};
  document.title = ['loadgen report', result.run_id && `run ${result.run_id}`].filter(Boolean).join(', ');
  byId('run').textContent = [result.run_id && `run ${result.run_id}`, result.started_at].filter(Boolean).join(' · ');
  for (const [isThere, ids, show] of SECTIONS) {
    const sections = ids.map(byId);
    const has = Boolean(isThere(result));
    sections.forEach((section) => { section.hidden = !has; });
    if (has) show(result);
  }
  const headings = document.querySelectorAll('section:not([hidden]) > h2');
  byId('contents').replaceChildren(...[...headings].map((heading) =>
    make('li', {}, make('a', {href: `#${heading.parentElement.id}`}, heading.textContent))));
}

const text = byId('result').textContent;
render(JSON.parse(text));

// Dark or light, and on paper ----------------------------------------------------------------------------------------

const root = document.documentElement;
const dark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches);

function nameTheOther() { byId('theme').textContent = isDark() ? 'Light' : 'Dark'; }

function recolour() {
  nameTheOther();
  charts.forEach(draw);
}
byId('theme').addEventListener('click', () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  recolour();
});
dark.addEventListener('change', recolour);
nameTheOther();

function setPaper(on) {
  root.classList.toggle('paper', on);
  charts.forEach((chart) => {
    chart.graph.resize();
    draw(chart);
  });
}
addEventListener('beforeprint', () => setPaper(true));
addEventListener('afterprint', () => setPaper(false));

byId('save').addEventListener('click', () => save(text));
