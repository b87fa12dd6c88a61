"""The report on the tutorial is that of the network, the settings and the panel that are shipped."""

import sys
from dataclasses import asdict

from panelfixtures import ROOT
from reportedvalues import CARDS, REPORTS, tutorial

from DIDInteractiveLib.settings import CandidateSettings

sys.path.insert(0, str(ROOT / "Testing" / "Benchmarks"))

import tutorial_report  # noqa: E402

STALE = "run Testing/Benchmarks/tutorial_report.py again"


def test_the_tutorial_was_followed_with_the_shipped_network_and_the_default_settings():
    seen = tutorial()
    assert (seen["model"], seen["weights_sha256"]) == ("hrnet", CARDS["hrnet"]["sha256"]), STALE
    assert seen["settings"] == asdict(CandidateSettings()), STALE
    assert len(seen["candidates"]) == CandidateSettings().count
    assert (seen["device"], seen["precision"]) == ("cpu", "fp32")


def test_the_page_shows_the_numbers_that_were_kept():
    assert (REPORTS / "tutorial" / "README.md").read_text(encoding="utf-8") == tutorial_report.page(tutorial()), STALE


def test_what_the_panel_said_is_of_the_candidate_beside_it():
    for one in tutorial()["candidates"]:
        shares = f"{100 * one['noise_share']:.0f} % of the original; edges {100 * one['edges_kept']:.0f} %"
        assert shares in one["words"]
