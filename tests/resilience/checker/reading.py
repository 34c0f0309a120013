"""What readers saw while faults happened."""

from tests.resilience.evidence import Evidence
from tests.resilience.verdict import Verdict, verdict


def nothing_goes_back(evidence: Evidence) -> Verdict:
    """Whoever reads the same thing again sees the same version or a later one."""
    last: dict[str, int] = {}
    wrong, checked = [], 0
    for each in evidence.reads:
        if each["who"] == "member" and each.get("status") == 200 and each["version"] is not None:
            checked += 1
            if each["version"] < last.get(each["path"], 0):
                wrong.append(f"{each['path']}: version {each['version']} after {last[each['path']]}")
            last[each["path"]] = max(each["version"], last.get(each["path"], 0))
    return verdict("nothing goes back in time", checked, wrong)


def strangers_see_nothing(evidence: Evidence) -> Verdict:
    """Another pole's member is answered that there is no such thing."""
    looks = [each for each in evidence.reads if each["who"] == "stranger" and each.get("status", 500) < 500]
    wrong = [f"{each['path']}: {each['status']}" for each in looks if each["status"] not in (404, 429)]
    return verdict("strangers see nothing", len(looks), wrong)


RULES = (nothing_goes_back, strangers_see_nothing)
