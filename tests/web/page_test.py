#!/usr/bin/python3
"""The page of a report in a real browser: page_test.py APP CHECK

Each check makes pages with "APP report RESULT --html PAGE" and opens them in Chromium. Without a browser it is
skipped (exit code 77), or fails where CI is set.
"""

import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from browser import Browser, Page, find_browser
from sample_result import sample_result

SKIPPED = 77
MARKUP = "</script><img src=x onerror=\"document.title='run'\"><b>&amp;<!--"

# Cells as they are in the JSON: numbers without separators, and None for a dash.
READ_TABLE = """(table) => [...table.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell) => {
  const exact = cell.querySelector('data');
  if (exact) return Number(exact.value);
  if (cell.textContent === '–') return null;
  return cell.className === 'number' ? Number(cell.textContent.replaceAll(',', '')) : cell.textContent;
}))"""
OPEN_ALL = """(async () => {
  for (const details of document.querySelectorAll('details')) details.open = true;
  while (document.querySelector('details:not(:has(table))')) await new Promise(requestAnimationFrame);
})()"""


class Pages:
    """Makes pages with the program, and opens them."""

    def __init__(self, app, browser, directory):
        self._app, self._browser, self._directory = app, browser, pathlib.Path(directory)

    def write(self, result):
        (self._directory / "result.json").write_text(json.dumps(result))
        page = self._directory / "page.html"
        subprocess.run([self._app, "report", self._directory / "result.json", "--html", page], check=True,
                       stdout=subprocess.DEVNULL)
        return page

    def open(self, result, **how):
        return Page(self._browser, self.write(result), **how)


def same(what, seen, expected):
    assert seen == expected, f"{what}: the page shows {seen!r}, expected {expected!r}"


def complaints(page):
    """What the browser found wrong with a page, violations of its policy included."""
    events = page.events("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    return [json.dumps(event)[:400] for event in events]


def table_of(page, selector):
    return page.run(f"({READ_TABLE})(document.querySelector({json.dumps(selector)}))")


def the_numbers_are_those_of_the_result(pages):
    result = sample_result(60)
    page = pages.open(result)
    page.run(OPEN_ALL)
    samples = result["series"]["samples"]
    parts = ("schedule_lag", "queue_wait", "batch_wait", "write")
    columns = {
        "rate": lambda s: [s[key] for key in ("rate_wanted", "scheduled", "produced", "stored", "skipped", "dropped", "failed")],
        "response": lambda s: [s["response_us"][key] for key in ("p50", "p99", "max")],
        "parts": lambda s: [s["parts_mean_us"][part] for part in parts],
        "queue": lambda s: [s[key] for key in ("queue_depth", "in_flight", "producers", "consumers", "cpu_cores")],
    }
    for chart, of in columns.items():
        same(chart, table_of(page, f"#{chart} details table"), [[s["t_s"], *of(s)] for s in samples])
    latency = result["latency_us"]
    same("percentiles", table_of(page, "#percentiles details table"),
         [[part, *point] for part in ("response", "uncorrected") for point in latency[part]["percentiles"]])
    same("latency", [row[1:] for row in table_of(page, "#latency table")],
         [[value for key, value in latency[part].items() if key != "percentiles"]
          for part in ("response", *parts, "uncorrected")])
    same("messages", table_of(page, "#balance table"), [list(result["counts"].values())])
    same("thresholds", table_of(page, "#thresholds table"),
         [[t["expression"], "no samples" if t["observed"] is None else t["observed"], "met" if t["passed"] else "not met"] for t in result["thresholds"]])
    same("errors", table_of(page, "#error-list table"),
         [[e["code"], e["class"], e["count"], e["message"]] for e in result["errors"]])
    figures = dict(page.run("[...document.querySelectorAll('#figures div')].map((figure) => "
                            "[figure.querySelector('dt').textContent, Number(figure.querySelector('data').value)])"))
    rate = result["rate"]
    same("figures", {key: figures[key] for key in ("wanted", "produced", "stored", "response p99", "messages stored")},
         {"wanted": rate["target_per_s"], "produced": rate["produced_per_s"], "stored": rate["stored_per_s"],
          "response p99": latency["response"]["p99"], "messages stored": result["counts"]["stored"]})
    settings = dict(table_of(page, "#settings table"))
    same("a seed that no double can hold", page.run("document.querySelector('#settings').textContent.includes("
                                                    f"'{result['config']['seed']}')"), True)
    same("a setting", settings["queue_capacity"], f"{result['config']['queue_capacity']:,}")
    same("complaints", complaints(page), [])


def nothing_is_loaded_and_nothing_is_complained_about(pages):
    path = pages.write(sample_result(600))
    assert path.stat().st_size < 1_000_000, f"the page of a run of ten minutes has {path.stat().st_size} bytes"
    text = path.read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy, policy
    assert "Permission is hereby granted" in text, "the licence of dygraphs is missing"
    page = Page(pages._browser, path)
    same("complaints", complaints(page), [])
    same("what was loaded", [event["request"]["url"] for event in page.events("Network.requestWillBeSent")],
         [path.as_uri()])
    same("charts that are drawn", page.run("[...document.querySelectorAll('.plot canvas')].length >= 10"), True)
    page.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 1\">')")
    assert complaints(page), "the policy lets markup that was added run a script"


def hostile_text_is_shown_as_text(pages):
    result = sample_result(20)
    result["verdict"] = f"verdict {MARKUP}"
    result["errors"][0]["message"] = f"message {MARKUP}"
    result["events"][0].update(kind=MARKUP, text=f"event {MARKUP}")
    result["thresholds"][0]["expression"] = f"expression {MARKUP}"
    result["config"]["table"] = f"table {MARKUP}"
    result["environment"]["database"]["durability"][MARKUP] = "on"
    result["client"]["threads"][0]["role"] = f"role {MARKUP}"
    result["bottleneck"].update(kind=f"kind {MARKUP}", evidence=f"evidence {MARKUP}")
    result["server"]["notes"] = [f"note {MARKUP}"]
    result["failure"] = {"code": MARKUP, "class": "fatal", "count": 1, "message": f"failure {MARKUP}"}
    page = pages.open(result)
    page.run(OPEN_ALL)
    text = page.run("document.body.innerText")
    for place in ("verdict", "message", "event", "expression", "table", "role", "kind", "evidence", "note", "failure"):
        assert f"{place} {MARKUP}" in text, f"the page does not show what the {place} says"
    same("elements made of text", page.run("document.querySelectorAll('img, b').length"), 0)
    assert page.run("document.title").startswith("loadgen report")
    same("complaints", complaints(page), [])


def it_fits_every_width(pages):
    page = pages.open(sample_result(90))
    page.run(OPEN_ALL)
    for width in (360, 768, 1280):
        page.resize(width)
        page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        same(f"pixels to scroll sideways at {width}",
             page.run("document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0)
        too_wide = page.run("[...document.querySelectorAll('.plot canvas')].filter((canvas) => "
                            "canvas.getBoundingClientRect().right > innerWidth).length")
        same(f"charts that are too wide at {width}", too_wide, 0)
    same("complaints", complaints(page), [])


def it_is_usable_by_keyboard(pages):
    result = sample_result(30)
    page = pages.open(result)
    reached = []
    for _ in range(80):
        page.press("Tab")
        reached.append(page.run("`${document.activeElement.tagName} ${document.activeElement.className}`.trim()"))
    for wanted in ("BUTTON", "A", "DIV plot", "INPUT", "SUMMARY"):
        assert wanted in reached, f"Tab reaches no {wanted}: {reached}"
    key = "[...document.querySelectorAll('#rate .key data')].map((value) => value.value)"
    page.run("document.querySelector('#rate .plot').focus()")
    page.press("ArrowLeft")
    same("the last values", page.run(key), [str(result["series"]["samples"][-1][k]) for k in ("rate_wanted", "produced", "stored")])
    assert page.run("document.querySelector('#queue .key .when').textContent") == "30 s", "other charts are not read"
    page.press("Home")
    same("the first moment", page.run("document.querySelector('#rate .key .when').textContent"), "1 s")
    page.press("+")
    same("zoomed", page.run("charts.get('response').graph.isZoomed('x')"), True)
    page.press("Escape")
    same("zoomed after Escape", page.run("charts.get('response').graph.isZoomed('x')"), False)
    same("values after Escape", page.run(key), ["", "", ""])
    page.run("document.querySelector('#response input').click()")
    same("the scale is logarithmic", page.run("charts.get('response').graph.getOption('logscale')"), True)
    same("complaints", complaints(page), [])


# The contrast of a text with the page, as the WCAG count it.
CONTRAST = """(selector) => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const colours = [getComputedStyle(document.querySelector(selector)).color, getComputedStyle(document.documentElement).backgroundColor];
  const [more, less] = colours.map(light).sort((a, b) => b - a);
  return (more + 0.05) / (less + 0.05);
}"""


def it_has_a_dark_and_a_light_form(pages):
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    line = "charts.get('rate').graph.getColors().join()"
    seen = {}
    for dark in (False, True):
        page = pages.open(sample_result(30), dark=dark)
        seen[dark] = (page.run(paper), page.run(line))
        for selector, least in (("h1", 7), ("section > p", 4.5), (".good", 4.5), (".bad", 4.5), ("th", 4.5),
                                (".tone-blue", 3), (".tone-orange", 3), (".tone-green", 3), (".tone-purple", 3)):
            contrast = page.run(f"({CONTRAST})('{selector}')")
            assert contrast >= least, f"{selector} has a contrast of {contrast:.2f} when dark is {dark}"
        page.run("document.querySelector('#theme').focus()")
        page.press("Enter")
        same("colours after the button was pressed twice, or not", (page.run(paper), page.run(line)) != seen[dark], True)
        page.press("Enter")
        same("colours", (page.run(paper), page.run(line)), seen[dark])
        same("complaints", complaints(page), [])
    assert seen[False] != seen[True], "dark and light look the same"
    page.prefer(False)
    same("the button's choice stays", page.run(paper), seen[True][0])


def it_prints_light_and_fits_the_paper(pages):
    page = pages.open(sample_result(60), dark=True)
    before = page.run("charts.get('rate').graph.size().width")
    page.run("dispatchEvent(new Event('beforeprint'))")
    same("the width of a chart on paper", page.run("charts.get('rate').graph.size().width"), 680)
    same("the colour scheme on paper", page.run("getComputedStyle(document.documentElement).colorScheme"), "light")
    page.run("dispatchEvent(new Event('afterprint'))")
    same("the width of a chart afterwards", page.run("charts.get('rate').graph.size().width"), before)
    printed = page.pdf()
    pages_printed = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert printed.startswith(b"%PDF") and 3 <= pages_printed <= 12, f"{pages_printed} pages"
    same("complaints", complaints(page), [])


def results_that_lack_something_are_shown(pages):
    def without(*keys, **changed):
        result = copy.deepcopy(sample_result(20))
        for key in keys:
            del result[key]
        return {**result, **changed}

    old = without("series", "events", "thresholds", "warmup", "bottleneck", "server")
    for part in ("response", "uncorrected"):
        del old["latency_us"][part]["percentiles"]
    del old["client"]["threads"], old["client"]["oversleep_us"]
    nothing = without(series={"interval_s": 1.0, "samples": []}, thresholds=None, warmup=None, server=None, errors=[], events=[])
    for part in nothing["latency_us"].values():
        part.update({key: 0 for key in part if key != "percentiles"}, count=0)
    one = without()
    one["series"]["samples"] = one["series"]["samples"][:1]
    one["rate"]["target_per_s"] = one["config"]["rps"] = one["series"]["samples"][0]["rate_wanted"] = None
    for result, sections in ((old, 5), (nothing, 3), (one, 10)):
        page = pages.open(result)
        same("complaints", complaints(page), [])
        same("sections", page.run("document.querySelectorAll('section:not([hidden])').length"), sections)
        same("verdict", page.run("document.querySelector('h1').textContent"), result["verdict"])
    # A page that watches a run shows newer results by the same function.
    newer = sample_result(30)
    page.run(f"render({json.dumps(newer)})")
    page.run("document.querySelector('#rate details').open = true")
    page.run(f"render({json.dumps(newer)})")
    page.run(OPEN_ALL)
    same("a newer result", len(table_of(page, "#rate details table")), 30)
    same("plots", page.run("document.querySelectorAll('.plot').length"), 5)
    same("complaints", complaints(page), [])


CHECKS = [the_numbers_are_those_of_the_result, nothing_is_loaded_and_nothing_is_complained_about,
          hostile_text_is_shown_as_text, it_fits_every_width, it_is_usable_by_keyboard, it_has_a_dark_and_a_light_form,
          it_prints_light_and_fits_the_paper, results_that_lack_something_are_shown]


def main():
    app, *names = sys.argv[1:]
    if find_browser() is None:
        print("no Chromium is installed, so the page was NOT tested (Debian: apt-get install chromium)", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else SKIPPED)
    with tempfile.TemporaryDirectory() as directory, Browser() as browser:
        for check in CHECKS:
            if not names or check.__name__ in names:
                check(Pages(app, browser, directory))


if __name__ == "__main__":
    main()
