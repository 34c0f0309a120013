"""A peer that takes much longer than its budget is ended and has no plan, and the others are compared all the same."""

import pytest

from benchmarks.matching import runs
from benchmarks.matching.cases import OURS, Case


def test_a_peer_that_is_late_has_no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "GRACE", -10.0)
    mine, *peers = runs.run(Case("fixed", 20, 1, 1.0), print)
    assert mine.method == OURS
    assert mine.value is not None
    assert [(peer.value, peer.bound, peer.wrong) for peer in peers] == [(None, None, [])] * len(peers)
    assert len(peers) >= 4
