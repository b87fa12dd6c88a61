"""After a run: the table of numbers, in soft tissue or in a region of the user."""

import numpy as np
import pytest
from panelfixtures import (  # noqa: F401  (fixtures)
    array_of, calls, complaints, ct, done, mrml, open_panel, panel, parameters, result, session, settle, ui,
    wait_for,
)


def cells(ui):
    table = ui.statisticsTable
    return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount)]


def hu(text):
    """Return the number before the unit."""
    number, unit = text.split(" ")[:2]
    assert unit == "HU"
    return float(number.replace("\N{MINUS SIGN}", "-"))


def test_the_table_tells_noise_what_was_removed_and_how_far_hu_shifted(done, ct, result):
    rows = cells(done)
    assert rows[0][0] == "Noise"
    before, after = float(rows[0][1]), float(rows[0][2])
    assert before == pytest.approx(30, rel=0.2)
    assert after == pytest.approx(27, rel=0.2)
    assert hu(rows[0][3]) == pytest.approx(after - before, abs=0.11)
    assert rows[0][3].endswith(" HU (\N{MINUS SIGN}10 %)")
    assert [row[0] for row in rows[1:]] == ["Removed noise (SD)", "Shift of HU, soft tissue"]
    assert rows[1][3].endswith(" HU")
    shift = float((array_of(result).astype(float) - array_of(ct)).mean())
    assert hu(rows[2][3]) == pytest.approx(shift, abs=0.3)


def test_a_shift_that_rounds_to_nothing_has_no_sign(session):
    from LDCTDenoiseLib.resultstatistics import ResultStatistics
    from LDCTDenoiseLib.widgetstatistics import rowsOf

    rows = rowsOf(ResultStatistics(10.0, 5.0, {"soft": -0.04, "fat": 0.04, "lung": -0.06}, 8.0, 0))
    assert [row[3] for row in rows] == ["-5.0 HU (-50 %)", "8.0 HU", "0.0 HU", "0.0 HU", "-0.1 HU"]


def test_without_noise_there_is_no_share_of_it(session):
    from LDCTDenoiseLib.resultstatistics import ResultStatistics
    from LDCTDenoiseLib.widgetstatistics import rowsOf

    assert rowsOf(ResultStatistics(0.0, 0.0, {}, 0.0, 0))[0][1:] == ("0.0", "0.0", "0.0 HU")


def add_roi(center, size):
    import slicer

    roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "liver")
    roi.SetCenter(*center)
    roi.SetSize(*size)
    return roi


def test_a_region_of_the_user_is_measured_in_place_of_soft_tissue(done, ct, result, parameters):
    # voxels 10..19 along rows and columns, slices 1..3
    parameters.region = add_roi((19 - 0.8 * 14.5, 21 - 0.8 * 14.5, -44.0), (8.0, 8.0, 9.0))
    inside = (slice(1, 4), slice(10, 20), slice(10, 20))
    before, after = array_of(ct)[inside].astype(float), array_of(result)[inside].astype(float)
    rows = cells(done)
    assert rows[0][:3] == ["Noise", f"{before.std(ddof=1):.1f}", f"{after.std(ddof=1):.1f}"]
    shift = f"{(after - before).mean():+.1f} HU".replace("-", "\N{MINUS SIGN}")
    assert rows[2] == ["Shift of HU, region", "", "", shift]
    parameters.region = None
    assert cells(done)[2][0] == "Shift of HU, soft tissue"


@pytest.mark.parametrize("center, size, reason", [
    ((500.0, 0.0, 0.0), (10.0, 10.0, 10.0), "holds no voxel"), ((0.0, 0.0, -44.0), (2.0, 2.0, 2.0), "too few"),
    ((0.0, 0.0, -44.0), (0.0, 0.0, 0.0), "has no size")])
def test_a_region_in_which_nothing_can_be_measured_says_why(done, parameters, center, size, reason):
    parameters.region = add_roi(center, size)
    assert reason in done.statisticsLabel.text
    assert done.statisticsTable.isHidden()
    parameters.region = None
    assert not done.statisticsTable.isHidden()


def test_a_new_region_lies_where_the_red_view_shows_the_volume_and_is_measured(done, parameters, session):
    session.sliceLogics["Red"].SetSliceOffset(-44.0)
    roi = done.regionSelector.addNode()
    assert parameters.region is roi
    assert roi.GetCenter()[2] == pytest.approx(-44.0)
    assert min(roi.GetSize()) == 20.0
    assert roi.GetDisplayNode().GetHandlesInteractive()
    wait_for(lambda: [row[0] for row in cells(done)[2:]] == ["Shift of HU, region"])


def test_a_new_region_lies_in_the_volume_wherever_the_view_is(done, ct, session):
    session.sliceLogics["Red"].SetSliceOffset(900.0)
    roi = done.regionSelector.addNode()
    bounds = np.zeros(6)
    ct.GetRASBounds(bounds)
    assert bounds[4] <= roi.GetCenter()[2] <= bounds[5]


def test_a_region_that_is_moved_is_measured_anew_when_it_rests(done, parameters):
    roi = add_roi((19 - 0.8 * 14.5, 21 - 0.8 * 14.5, -44.0), (8.0, 8.0, 9.0))
    parameters.region = roi
    before = cells(done)
    for step in range(3):
        roi.SetCenter(19 - 0.8 * (26 + step), 21 - 0.8 * 30, -44.0)
    assert cells(done) == before
    wait_for(lambda: cells(done) != before)


def test_moving_the_strength_measures_nothing_again(done, monkeypatch, panel):
    measured = []
    monkeypatch.setattr(panel.widget.panel.result, "measure", lambda: measured.append(True))
    done.strengthSlider.value = 30.0
    done.removedNoiseCheckBox.click()
    assert measured == []
