"""The browsers of a candidate set: how they are set up, and how one candidate or two are chosen."""

from __future__ import annotations

import slicer

from LDCTDenoiseLib import scene as denoisescene

from . import candidatenodes as nodes

FRAMES_PER_SECOND = 2.0
"""Playback, when the user starts it: slow enough to look, and for large volumes to follow."""
SOFT_TISSUE_WINDOW = (400.0, 40.0)
"""Window and level in HU for a source that has no display of its own."""


def configure(browser, sequence) -> None:
    """Make ``browser`` show ``sequence`` first, without looping over the ends of the trade-off."""
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.SetPlaybackActive(False)
    browser.SetPlaybackLooped(False)
    browser.SetPlaybackRateFps(FRAMES_PER_SECOND)
    browser.SetRecordingActive(False)
    # The noise stands in the name and so in the corner of the views, which tells two candidates side by side apart.
    browser.SetOverwriteProxyName(sequence, True)


def show_proxy(browser, sequence, like) -> None:
    """Put the proxy volume of ``sequence`` in the place of the volume ``like``; a new one is also displayed like that.

    Window and level are then the proxy's own, one and the same for all candidates, since an automatic window would hide
    what differs.
    """
    proxy = browser.GetProxyNode(sequence)
    proxy.SetAndObserveTransformNodeID(like.GetTransformNodeID())
    denoisescene.set_units(proxy, like)
    denoisescene.place_beside(proxy, like)
    if not sequence.HasNodeReferenceID(nodes.PROXY_ROLE, proxy.GetID()):
        denoisescene.set_window(denoisescene.display_of(proxy), *SOFT_TISSUE_WINDOW)
        denoisescene.show_like(proxy, like)
        sequence.AddNodeReferenceID(nodes.PROXY_ROLE, proxy.GetID())


def shown_by(sequence):
    """Return the proxy volume of a set; raise ValueError where there is none."""
    proxy = nodes.proxy_of(sequence)
    if proxy is None:
        raise ValueError(f"The candidate set '{sequence.GetName()}' is shown by no browser: choose it in the Sequences "
                         "module first.")
    return proxy


def compare(sequence, item: int | None = None):
    """Return a second browser of the set, for two candidates side by side; made once, then used again.

    ``item``: the candidate that it shows; None: the untouched input for a new one. Raises ValueError.
    """
    like = shown_by(sequence)
    check_item(sequence, item)
    browser = sequence.GetNodeReference(nodes.COMPARISON_ROLE)
    if browser is not None:
        if item is not None:
            browser.SetSelectedItemNumber(item)
        return browser
    with nodes.no_leftovers(sequence.GetScene()):
        browser = nodes.part(sequence, nodes.COMPARISON_ROLE, "vtkMRMLSequenceBrowserNode",
                             f"{sequence.GetName()} comparison")
        with slicer.util.NodeModify(browser):
            configure(browser, sequence)
            browser.SetSelectedItemNumber(sequence.GetNumberOfDataNodes() - 1 if item is None else item)
        show_proxy(browser, sequence, like)
    return browser


def select(sequence, item: int) -> None:
    """Make the set's browser show candidate ``item``. Raises ValueError."""
    check_item(sequence, item)
    shown_by(sequence)
    nodes.browser_of(sequence).SetSelectedItemNumber(item)


def step(sequence, steps: int) -> int:
    """Go ``steps`` candidates towards the input (positive) or the smooth end, not beyond; return the new number.

    The browser's own SelectNextItem jumps from one end of the trade-off to the other.
    """
    item = min(max(nodes.current_item(sequence) + steps, 0), sequence.GetNumberOfDataNodes() - 1)
    select(sequence, item)
    return item


def check_item(sequence, item: int | None) -> None:
    """Raise ValueError when the set has no candidate number ``item``; None is any."""
    count = sequence.GetNumberOfDataNodes()
    if item is not None and not 0 <= item < count:
        raise ValueError(f"There is no candidate {item} in '{sequence.GetName()}': choose one from 0 (the smoothest) "
                         f"to {count - 1} (the input).")
