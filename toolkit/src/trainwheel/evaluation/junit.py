"""The JUnit file that CI services read: the tests, and a case for each condition of the gate.

Locked tools write it in the same run, so the parser need not resist hostile XML.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET  # nosec B405 - reads what pytest wrote a moment ago

from trainwheel.evaluation.gate import DEFERRED, FAILED, SKIPPED, MetricCheck, Verdict

__all__ = ["describe", "with_gate"]


def describe(tests: bytes, coverage: bytes) -> str:
    """Return how many tests passed, and how much they cover.

    Args:
        tests: What pytest wrote.
        coverage: What coverage wrote.
    """
    suite = next(ET.fromstring(tests).iter("testsuite"))  # noqa: S314  # nosec B314
    rate = float(ET.fromstring(coverage).get("line-rate", "0"))  # noqa: S314  # nosec B314
    return f"{suite.get('tests')} tests passed, {rate:.0%} of the package covered"


def with_gate(tests: bytes, verdict: Verdict) -> bytes:
    """Return pytest's JUnit file with a suite ``gate``; unchanged where the gate has no rule.

    Args:
        tests: What pytest wrote.
        verdict: Of the gate.
    """
    if not verdict.outcome:
        return tests
    root = ET.fromstring(tests)  # noqa: S314  # nosec B314
    suites = root if root.tag == "testsuites" else ET.Element("testsuites")
    if suites is not root:
        suites.append(root)
    cases = list(map(_case, verdict.checks))
    if verdict.refusal:
        cases.append(_failed("baseline", verdict.refusal))
    failures = sum(case.find("failure") is not None for case in cases)
    skips = sum(case.find("skipped") is not None for case in cases)
    counts = {"tests": len(cases), "failures": failures, "errors": 0, "skipped": skips}
    attributes = {"name": "gate", **{name: str(value) for name, value in counts.items()}}
    suite = ET.SubElement(suites, "testsuite", attributes)
    suite.extend(cases)
    text: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return text


def _case(check: MetricCheck) -> ET.Element:
    name = f"{check.metric} {check.wanted}"
    if check.outcome == FAILED:
        return _failed(name, check.line)
    case = _named(name)
    if check.outcome in {DEFERRED, SKIPPED}:
        ET.SubElement(case, "skipped", {"message": check.told})
    elif check.remark:
        ET.SubElement(case, "system-out").text = check.line
    return case


def _failed(name: str, message: str) -> ET.Element:
    case = _named(name)
    ET.SubElement(case, "failure", {"message": message, "type": "gate"}).text = message
    return case


def _named(name: str) -> ET.Element:
    return ET.Element("testcase", {"classname": "gate", "name": name, "time": "0"})
