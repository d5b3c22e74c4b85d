# SPDX-License-Identifier: Apache-2.0
"""The evaluation's result: one JSON object, a text for the terminal, the tables of docs/evaluation.md."""
import dataclasses
import datetime
import pathlib
import statistics

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"
BEGIN, END = "<!-- begin: written by ./dev evaluate --write-docs -->", "<!-- end -->"
CATEGORIES = ["function", "model", "infrastructure", "supply-chain", "identity"]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] if ordered else None


def tally(outcomes):
    attacks = [row for row in outcomes if row.attack and not row.lacking]
    quiet = [row for row in outcomes if not row.attack and not row.lacking]
    seconds = [row.seconds for row in attacks if row.passed and row.seconds is not None]
    return {"attacks": len(attacks), "caught": sum(row.passed for row in attacks),
            "median_seconds": statistics.median(seconds) if seconds else None,
            "p99_seconds": percentile(seconds, 0.99),
            "look_alikes": len(quiet), "false_alerts": sum(not row.passed for row in quiet)}


def result(outcomes, run, quiet):
    rules = {}
    for row in outcomes:
        rules.setdefault(row.rule, []).append(row)
    return {"date": datetime.date.today().isoformat(), **run,
            "total": tally(outcomes),
            "categories": {name: tally([row for row in outcomes if row.category == name]) for name in CATEGORIES},
            "rules": {name: tally(rows) for name, rows in rules.items()},
            "quiet_hour": quiet,
            "cases": [dataclasses.asdict(row) for row in outcomes]}


def passed(result, wanted):
    total = result["total"]
    caught = total["caught"] >= wanted * total["attacks"]
    quiet = result["quiet_hour"]
    return caught and not total["false_alerts"] and not (quiet and quiet["alerts"])


def milliseconds(seconds):
    return "—" if seconds is None else f"{seconds * 1000:.0f} ms"


def row_of(name, counts):
    missed = counts["attacks"] - counts["caught"]
    return [name, counts["attacks"], counts["caught"], missed, milliseconds(counts["median_seconds"]),
            milliseconds(counts["p99_seconds"]), counts["look_alikes"], counts["false_alerts"]]


HEAD = ["", "attacks", "caught", "missed", "time to alert, median", "p99", "look-alikes", "false alerts"]


def category_rows(result):
    rows = [row_of(name, counts) for name, counts in result["categories"].items()
            if counts["attacks"] or counts["look_alikes"]]
    return rows + [row_of("total", result["total"])]


def text(result):
    rows = [HEAD] + category_rows(result)
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(str(cell).ljust(width) if column == 0 else str(cell).rjust(width)
                       for column, (cell, width) in enumerate(zip(row, widths))) for row in rows]
    lines += [f"missed: {case['rule']}, {case['name']}: {case['explained'] or case['error']}"
              for case in result["cases"] if case["attack"] and not case["passed"] and not case["lacking"]]
    lines += [f"false alert: {case['rule']}, {case['name']}: {case['error']}"
              for case in result["cases"] if not case["attack"] and not case["passed"] and not case["lacking"]]
    lines += [f"not run: {case['rule']}, {case['name']}: {case['lacking']}" for case in result["cases"] if case["lacking"]]
    if result["quiet_hour"]:
        lines.append(quiet_text(result["quiet_hour"]))
    return "\n" + "\n".join(lines)


def quiet_text(quiet):
    said = "no alert above low" if not quiet["alerts"] else "alerts above low: " + "; ".join(quiet["alerts"])
    return (f"quiet hour, {quiet['seconds'] / 60:.0f} min: {quiet['requests']} requests to {quiet['functions']} functions, "
            f"{quiet['sandboxes']} sandboxes, {quiet['freezes']} freezes, {quiet['probes']} probes, {quiet['events']} events, "
            f"{quiet['lost']} lost: {said}")


def markdown(head, rows):
    def line(cells):
        return "| " + " | ".join(str(cell) for cell in cells) + " |"

    return [line(head), line(["---"] * len(head)), *map(line, rows)]


def write_docs(result):
    """Puts the tables between the two marks of docs/evaluation.md."""
    backends = sorted(set(result["backends"].values()))
    lines = [BEGIN, "", f"Of {result['date']}, kernel {result['kernel']}, backend {', '.join(backends)}; "
             f"{result['seconds']} s, {result['events']} events, {result['lost']} lost.", ""]
    lines += markdown(HEAD, category_rows(result))
    if result["quiet_hour"]:
        lines += ["", quiet_text(result["quiet_hour"]).capitalize() + "."]
    lines += ["", "By rule:", "", *markdown(["rule", *HEAD[1:]],
                                            [row_of(f"`{name}`", counts) for name, counts in result["rules"].items()])]
    missed = [f"- `{case['rule']}`, {case['name']}: {case['explained'] or case['error']}"
              for case in result["cases"] if case["attack"] and not case["passed"] and not case["lacking"]]
    if missed:
        lines += ["", "Missed:", "", *missed]
    lacking = [f"- `{case['rule']}`, {case['name']}: {case['lacking']}" for case in result["cases"] if case["lacking"]]
    if lacking:
        lines += ["", "Not run on this machine, and not counted:", "", *lacking]
    document = DOCS.read_text()
    before, rest = document.split(BEGIN, 1)
    DOCS.write_text(before + "\n".join([*lines, "", END]) + rest.split(END, 1)[1])
