// Reads --hdr-log and --hgrm of a run with HdrHistogram's own code (its port to JavaScript) and
// compares them with the JSON result: node read_back.js RUN.hlog RUN.hgrm RUN.json
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const hdr = require("hdr-histogram-js");

const [log, hgrm, json] = process.argv.slice(2).map((file) => fs.readFileSync(file, "utf8"));
const result = JSON.parse(json);

const kTags = ["batch_wait", "queue_wait", "response", "schedule_lag", "write"];
const kPercentiles = { p50: 50, p90: 90, p95: 95, p99: 99, p99_9: 99.9, p99_99: 99.99 };

// The intervals of each tag, added up.
const intervals = {};
const merged = {};
const reader = new hdr.HistogramLogReader(log, 64);
for (let histogram; (histogram = reader.nextIntervalHistogram()) !== null; ) {
  assert.notEqual(histogram.totalCount, 0, "an interval without a message has no line");
  (intervals[histogram.tag] ??= []).push(histogram);
  merged[histogram.tag] ??= hdr.build({
    lowestDiscernibleValue: histogram.lowestDiscernibleValue,
    highestTrackableValue: histogram.highestTrackableValue,
    numberOfSignificantValueDigits: histogram.numberOfSignificantValueDigits,
    bitBucketSize: 64,
  });
  merged[histogram.tag].add(histogram);
}
assert.deepEqual(Object.keys(merged).sort(), kTags);
assert.deepEqual(hdr.listTags(log).sort(), kTags);

// The result never tells more than the exact maximum, nor less than the exact minimum.
function within(value, exact) {
  return Math.min(Math.max(value, exact.min * 1000), exact.max * 1000);
}

function near(seen, wanted, what) {
  assert.ok(Math.abs(seen - wanted) <= 1e-9 * Math.abs(wanted), `${what}: ${seen}, not ${wanted}`);
}

for (const [tag, histogram] of Object.entries(merged)) {
  const exact = result.latency_us[tag];
  assert.equal(histogram.totalCount, exact.count, `${tag}: count`);
  assert.ok(exact.count > 0, `${tag}: nothing was recorded`);
  for (const [key, percent] of Object.entries(kPercentiles)) {
    near(within(histogram.getValueAtPercentile(percent), exact), exact[key] * 1000, `${tag}.${key}`);
  }
  const slot = histogram.getValueAtPercentile(100);
  assert.ok(histogram.valuesAreEquivalent
    ? histogram.valuesAreEquivalent(slot, Math.round(exact.max * 1000))
    : histogram.highestEquivalentValue(Math.round(exact.max * 1000)) === slot, `${tag}: max`);
}

// Intervals follow each other, from the end of the warm-up to the end of the run.
const start_ms = Number(/^#\[StartTime: ([0-9.]+)/m.exec(log)[1]) * 1000;
near(start_ms, Date.parse(result.started_at), "StartTime");
for (const [tag, list] of Object.entries(intervals)) {
  let last_ms = start_ms + (result.warmup?.duration_s ?? 0) * 1000 - 2;
  for (const interval of list) {
    assert.ok(interval.startTimeStampMsec >= last_ms - 2, `${tag}: intervals overlap`);
    assert.ok(interval.endTimeStampMsec >= interval.startTimeStampMsec, `${tag}: a negative length`);
    last_ms = interval.endTimeStampMsec;
  }
}

// The plotter's file is what this code prints of the same counts. Its maximum is left out, because
// the port adds the width of a slot to it.
function but_maximum(text) {
  return text.split("\n").filter((line) => !line.startsWith("#[Max "));
}
assert.deepEqual(but_maximum(hgrm),
  but_maximum(merged.response.outputPercentileDistribution(5, 1e6, false)));
const [, max, count] = /^#\[Max +=([ 0-9.]+), Total count +=([ 0-9]+)\]$/m.exec(hgrm).map(Number);
assert.equal(max.toFixed(3), (merged.response.getValueAtPercentile(100) / 1e6).toFixed(3));
assert.equal(count, result.latency_us.response.count);

console.log(`${merged.response.totalCount} messages in ${intervals.response.length} intervals agree`);
