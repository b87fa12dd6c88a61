"""The browsers of a candidate set: how they are set up, and how one candidate or two are chosen."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from LDCTDenoiseLib import scene as denoisescene

from . import candidatenodes as nodes
from .candidatearguments import whole_number

FRAMES_PER_SECOND = 2.0
"""Playback, when the user starts it: slow enough to look, and for large volumes to follow."""
SOFT_TISSUE_WINDOW = (400.0, 40.0)
"""Window and level in HU for a source that has no display of its own."""


def configure(browser, sequence) -> None:
    """Make ``browser`` show ``sequence`` first, without looping over the ends of the trade-off."""
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    take_over(browser, sequence, nodes.unused(sequence, nodes.PROXY_ROLE, sequence))
    browser.SetPlaybackActive(False)
    browser.SetPlaybackLooped(False)
    browser.SetPlaybackRateFps(FRAMES_PER_SECOND)
    browser.SetRecordingActive(False)
    # The noise stands in the name and so in the corner of the views, which tells two candidates side by side apart.
    browser.SetOverwriteProxyName(sequence, True)


def take_over(browser, sequence, proxy) -> None:
    """Let ``browser`` fill ``proxy`` (or None: one of its own) from ``sequence``, unless it fills another node."""
    if proxy is not None and browser.GetProxyNode(sequence) is None:
        browser.AddProxyNode(proxy, sequence, False)


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


def proxy_of(sequence):
    """Return the volume that shows the current candidate of a set, in its place and window, or None without one."""
    proxy = nodes.proxy_of(sequence)
    if proxy is not None and not sequence.HasNodeReferenceID(nodes.PROXY_ROLE, proxy.GetID()):
        # Slicer made it, in place of one that was removed or for a browser of the user's.
        source = sequence.GetNodeReference(denoisescene.SOURCE_ROLE)
        if source is not None:
            show_proxy(nodes.browser_of(sequence), sequence, source)
            nodes.tie_members(sequence)
    return proxy


def shown_by(sequence):
    """Return what :func:`proxy_of` does; raise ValueError where there is none."""
    proxy = proxy_of(sequence)
    if proxy is None:
        raise ValueError(_("The candidate set '{name}' is shown by no browser: choose it in the Sequences module "
                           "first.").format(name=sequence.GetName()))
    return proxy


def compare(sequence, item: int | None = None):
    """Return a second browser of the set, for two candidates side by side; made once, then used again.

    ``item``: the candidate that it shows; None: the untouched input for a new one. Raises ValueError.
    """
    like = shown_by(sequence)
    if item is not None:
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
        nodes.tie_members(sequence)
    return browser


def select(sequence, item: int) -> None:
    """Make the set's browser show candidate ``item``. Raises ValueError."""
    check_item(sequence, item)
    shown_by(sequence)
    nodes.browser_of(sequence).SetSelectedItemNumber(item)


def step(sequence, steps: int) -> int:
    """Go ``steps`` candidates towards the input (positive) or the smooth end, not beyond; return the new number.

    The browser's own SelectNextItem jumps from one end of the trade-off to the other. Raises ValueError.
    """
    number = whole_number(steps)
    if number is None:
        raise ValueError(_("There is no step of {steps} candidates: choose a whole number, negative towards the smooth "
                           "end.").format(steps=repr(steps)))
    item = min(max(nodes.current_item(sequence) + number, 0), sequence.GetNumberOfDataNodes() - 1)
    select(sequence, item)
    return item


def check_item(sequence, item: int) -> None:
    """Raise ValueError when the set has no candidate number ``item``."""
    count = sequence.GetNumberOfDataNodes()
    if whole_number(item) not in range(count):
        raise ValueError(_("There is no candidate {number} in '{name}': choose one from 0 (the smoothest) to {last} "
                           "(the input), a whole number.").format(
            number=repr(item), name=sequence.GetName(), last=count - 1))
