"""The reports' pages: charts fit a desktop and a phone, text can be read, no scripts."""

import re
from html import unescape

import pytest

from minijax.bench import plot, results
from minijax.compare import cell_words, cells, html, plots
from minijax.measure import charts, page, statistics, svg, units

SHEETS = {"wide": svg.WIDE, "narrow": svg.NARROW}
SMALLEST = 11  # of letters, in pixels: a narrow sheet is as wide as a phone
_TEXT = re.compile(
    r'<text x="([^"]+)" y="[^"]+" text-anchor="(\w+)" font-size="(\d+)"[^>]*>([^<]*)<'
)


def value(seconds):
    return statistics.summary([[seconds * k] for k in (1.0, 1.02, 0.97, 1.01)])


def row(first, second):
    return {"values": [value(first), value(second)]}


REPORT = {
    "sides": [{"name": "JAX"}, {"name": "minijax"}],
    "totals": {
        part: row(0.3 * k, 0.1 * k)
        for k, part in enumerate(("import", "trace", "lower", "compile", "calls"), 1)
    }
    | {part: row(1e-3, 1e-3) for part in ("wait", "rest")},
    "functions": [
        {
            "name": f"function_{k}",
            "site": "program.py:12",
            "figures": {"ready": row(10.0**-k, 10.0**-k / 2)},
        }
        for k in range(1, 7)
    ],
}
MACHINE = {"flops": 1e11, "bytes of 1000000": 2e10}
RATIOS = {
    "sides": REPORT["sides"],
    "cases": [
        {
            "name": f"group/a case with a name {k}",
            "group": "group",
            "sides": {"JAX": {"ready": value(1.0)}},
            "ratios": {"ready": {"ratio": r, "low": r * 0.9, "high": r * 1.1}},
        }
        for k, r in enumerate((0.4, 3.0, 700.0))
    ],
}
CHARTS = {
    "parts of a process": lambda sheet: plots.parts_bar(REPORT, sheet),
    "warm calls": lambda sheet: plots.function_dots(REPORT, sheet),
    "parts of a call": lambda sheet: charts.stacked_bars(
        [("step on JAX", {"dispatch": 1e-4, "runtime": 2e-4, "kernels": 5e-3})], sheet
    ),
    "curves": lambda sheet: charts.curves(
        {n: [(10.0**k, 1e-6 * 4**k) for k in range(8)] for n in ("JAX", "minijax")},
        "Time against size",
        sheet=sheet,
    ),
    "roofline": lambda sheet: charts.roofline(
        [("step on JAX", 0, 1e-6, 1e5), ("step on minijax", 1, 300.0, 5e10)],
        MACHINE,
        sheet,
    ),
    "ratios": lambda sheet: plot.ratios_svg(RATIOS, sheet=sheet),
}


@pytest.mark.parametrize("width", SHEETS)
@pytest.mark.parametrize("name", CHARTS)
def test_a_charts_text_fits_and_can_be_read(name, width):
    sheet = SHEETS[width]
    found = _TEXT.findall(CHARTS[name](sheet))
    assert found
    for x, anchor, size, text in found:
        long = 0.5 * int(size) * len(unescape(text))
        left = float(x) - {"start": 0, "middle": long / 2, "end": long}[anchor]
        assert left >= -2 and left + long <= sheet.width + 2, text
        assert int(size) >= SMALLEST


def test_both_widths_are_there_and_the_style_chooses():
    text = svg.responsive(CHARTS["roofline"])
    assert text.count("<svg") == 2
    assert re.search(r'class="narrow"><svg viewBox="0 0 360 ', text)
    whole = page.page("title", [text])
    assert "<script" not in whole and "max-width: 40rem" in whole


def test_wide_tables_say_that_there_is_more():
    small = page.table(["a", "b"], [["1", "2"]])
    large = page.table(["a", "b", "c", "d", "e"], [list("12345")], words=[4])
    assert "More columns" not in small and "More columns" in large
    assert '<td class="words">5</td>' in large


def test_figures_and_their_spans():
    assert units.span(2.43e-4, 2.66e-4) == "243 … 266 µs"
    assert units.span(9e-4, 1.2e-3) == "900 µs … 1.20 ms"
    assert units.span(0.0, 1e-3) == "0 … 1.00 ms"
    assert units.with_range(value(1e-3)) == "1.01 ms  (961 µs … 1.05 ms)"
    assert [units.plain(v) for v in (0.1, 1000, 2e4, 1e9)] == [
        "0.1",
        "1000",
        "20k",
        "1G",
    ]
    assert units.whole("10.0 ms") == "10 ms" and units.whole("100 s") == "100 s"
    assert page.two_lines("1 s  (1 … 2 s)").endswith(">1&nbsp;… 2&nbsp;s</span>")


def test_a_functions_card_shows_both_axes():
    samples = {
        "JAX": [
            {"times": {"XLA": [8.0 + k / 50], "C backend": [2.0]}} for k in range(4)
        ],
        "minijax": [{"times": {"XLA": [8.0], "C backend": [2.0]}} for _ in range(4)],
    }
    times = {
        front: {
            b: statistics.summary([r["times"][b] for r in runs]) for b in cells.BACKENDS
        }
        for front, runs in samples.items()
    }
    function = {"name": "step", "site": "a.py:1", "withheld": None, "times": times}
    function["factors"] = cells.factors(samples)
    head, rows = cell_words.two_by_two(function)
    assert head == ["", "XLA", "C backend", "by the backend"]
    assert [r[-1] for r in rows] == ["4.01x", "4.00x", "4.01x"]
    text = html._card(function)
    assert "minijax&#x27;s backend makes it 4.0" in text and text.count("<tr>") == 4


def test_curves_are_drawn_for_every_group_with_sizes():
    def case(group, name, figure, first, second):
        return {
            "name": f"{group}/{name}",
            "group": group,
            "sides": {
                "JAX": {figure: value(first)},
                "minijax": {figure: value(second)},
            },
            "ratios": {figure: {"ratio": first / second}},
        }

    cases = [
        case("scaling", "width 4", "ready", 8.0, 1.0),
        case("scaling", "width 16", "ready", 8.0, 6.0),
        case("growth", "100 equations", "trace", 3.0, 1.0),
        case("growth", "1000 equations", "trace", 30.0, 10.0),
        case("memory", "parameters 1000", "memory", 3e8, 1e8),
        case("memory", "parameters 50", "memory", 2e8, 5e7),
        case("first", "gpt_2_16", "ready", 2.0, 1.0),
    ]
    found = {c["figure"]: c for c in results.curves(cases, ["JAX", "minijax"])}
    assert set(found) == {"ready", "trace", "memory"}
    assert found["trace"]["axis"] == "equations" and found["trace"]["sizes"] == [
        100,
        1000,
    ]
    assert found["memory"]["sizes"] == [50, 1000]
    assert found["memory"]["values"]["JAX"] == pytest.approx([2e8, 3e8], rel=0.02)
    assert 4 < found["ready"]["crossovers"]["2"] < 16
    assert results.main_figure(cases[4]) == "memory"
    assert len(results.timed(cases)) == 5
