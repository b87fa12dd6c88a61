"""What the panel says of a volume before it is denoised: where it is outside the training, and how long it takes."""

import types

import numpy as np
import pytest
from panelfixtures import (  # noqa: F401  (fixtures)
    calls, complaints, ct, mrml, open_panel, panel, parameters, session, settle, ui,
)

USUAL = {"0008,0060": "CT", "0018,1210": "B30f", "0018,0050": "3.0", "0018,0010": "APPLIED", "0010,1010": "054Y"}


@pytest.fixture
def header(ct, session):
    """Gives the CT a DICOM header in Slicer's database; holds its values by tag."""
    import slicer

    values = dict(USUAL)
    ct.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    slicer.dicomDatabase = types.SimpleNamespace(
        isOpen=True, instanceValue=lambda uid, tag: values.get(tag, "") if uid == "1.2.3" else "")
    yield values
    del slicer.dicomDatabase


def warning(ui, parameters, volume):
    parameters.inputVolume = volume
    settle()
    return "" if ui.warningLabel.isHidden() else ui.warningLabel.text


def test_a_usual_ct_gives_no_warning(ui, parameters, ct, header):
    assert warning(ui, parameters, ct) == ""
    assert ui.warningIcon.isHidden()


@pytest.mark.parametrize("tag, value, text", [
    ("0008,0060", "MR", "The DICOM header says MR, not CT."),
    ("0018,1210", "B80f", "Kernel B80f is sharper than those that the network was trained with."),
    ("0018,1210", "BONEPLUS", "Kernel BONEPLUS is sharper"),
    ("0018,0050", "0.6", "Slices of 0.6 mm; the network was trained with 2 to 8 mm."),
    ("0018,0010", "", "The DICOM header does not tell: contrast agent."),
    ("0010,1010", "007M", "The patient is a child; the network was trained on adults."),
    ("0010,1010", "", "The DICOM header does not tell: age of the patient.")])
def test_what_the_header_tells_is_compared_with_the_card(ui, parameters, ct, header, tag, value, text):
    header[tag] = value
    assert text in warning(ui, parameters, ct)
    assert not ui.warningIcon.isHidden()


def test_the_run_is_possible_all_the_same(ui, parameters, ct, header):
    header["0008,0060"] = "MR"
    assert warning(ui, parameters, ct)
    assert ui.applyButton.enabled


UNKNOWN = "No DICOM header is at hand: kernel, contrast agent and age of the patient are unknown."


def test_without_a_header_the_unknown_is_named_but_is_no_warning(ui, parameters, ct):
    assert warning(ui, parameters, ct) == UNKNOWN
    assert ui.warningIcon.isHidden()


def test_without_a_header_what_is_known_is_a_warning_all_the_same(mrml, ui, parameters):
    values = np.random.default_rng(1).normal(50, 30, (5, 64, 64)).astype(np.int16)
    said = warning(ui, parameters, mrml.add_volume(values, np.diag([0.8, 0.8, 0.5, 1.0]))).splitlines()
    assert said == ["Slices of 0.5 mm; the network was trained with 2 to 8 mm.", UNKNOWN]
    assert not ui.warningIcon.isHidden()


@pytest.mark.parametrize("model", ["hrnet", "unet", "plain"])
def test_the_shipped_sample_gives_no_warning(mrml, ui, parameters, model):
    from LDCTDenoiseLib.sampledata import SAMPLES

    parameters.model = model
    assert warning(ui, parameters, mrml.load_volume(SAMPLES[0].path, SAMPLES[0].node)) == UNKNOWN
    assert ui.warningIcon.isHidden()


@pytest.mark.parametrize("spacing, sd, offset, text", [
    ((0.2, 0.2, 3.0), 30, 50, "Pixels of 0.2 mm; the network was trained with 0.39 to 1.39 mm."),
    ((0.8, 0.8, 0.5), 30, 50, "Slices of 0.5 mm"), ((0.8, 0.8, 3.0), 1.5, 50, "Noise of 1."),
    ((0.8, 0.8, 3.0), 30, 1050, "can hardly be HU"), ((3.0, 0.8, 0.8), 30, 50, "stacked along I")])
def test_geometry_noise_and_values_are_compared_with_the_card(mrml, ui, parameters, spacing, sd, offset, text):
    values = np.random.default_rng(1).normal(offset, sd, (5, 64, 64)).clip(offset - 100)
    assert text in warning(ui, parameters, mrml.add_volume(values.astype(np.float32), np.diag([*spacing, 1.0])))
    assert not ui.warningIcon.isHidden()


def test_coronal_slices_are_pointed_out_and_can_be_denoised(mrml, ui, parameters):
    values = np.random.default_rng(1).normal(50, 30, (5, 64, 64)).astype(np.int16)
    coronal = np.array([[0.8, 0, 0, 0], [0, 0, 3.0, 0], [0, -0.8, 0, 0], [0, 0, 0, 1]])
    assert "'CT' is stored as coronal slices" in warning(ui, parameters, mrml.add_volume(values, coronal))
    assert not ui.warningIcon.isHidden()
    assert ui.applyButton.enabled


def test_a_labelmap_among_the_volumes_is_noticed(mrml, ui, parameters):
    labels = np.zeros((5, 64, 64), np.uint8)
    labels[:, 10:40, 10:40] = 1
    assert "looks like a labelmap" in warning(ui, parameters, mrml.add_volume(labels))


def test_the_warning_goes_with_the_volume(mrml, ui, parameters, ct):
    assert warning(ui, parameters, ct)
    mrml.scene.RemoveNode(ct)
    settle()
    assert ui.warningLabel.isHidden()


def test_ages_are_read_as_dicom_writes_them():
    from LDCTDenoiseLib.acquisition import _years

    assert [_years(text) for text in ("054Y", "018M", "012W", "", "54", "abcY")] == [
        54.0, 1.5, pytest.approx(0.23, abs=0.01), None, None, None]


def card_of(**details):
    from pathlib import Path

    from LDCTDenoiseLib.modelregistry import ModelCard

    return ModelCard("mine", "<b>1</b>", "plain", (8,), "shipped", {}, Path("mine.pt"), "ab", details)


def test_the_card_of_every_packaged_network_is_shown(ui, parameters):
    for model in ("hrnet", "unet", "plain"):
        parameters.model = model
        for name in ("Trained for", "Kernels", "Measured"):
            assert f"<b>{name}:</b>" in ui.modelCardLabel.text
        assert "Not for clinical use." in ui.modelCardLabel.toolTip
        assert "<b>Network:</b>" in ui.modelCardLabel.toolTip


def test_the_card_says_what_for_and_how_good():
    from LDCTDenoiseLib.widgetmodelcard import cardText

    quality = {"measured": "quarter dose, mean of 7 patients, see the report",
               "matched, noise index 30 HU": {"rmse_hu": 20.4, "rmse_low_dose_hu": 50.1},
               "matched, noise index 15 HU": {"rmse_hu": 13.4, "rmse_low_dose_hu": 23.3},
               "sharp, noise index 15 HU": {"rmse_hu": 14.4, "rmse_low_dose_hu": 22.1},
               "sharp, noise index 30 HU": {"rmse_hu": 21.4, "rmse_low_dose_hu": 51.1}}
    trained = {"noise_added_hu": [4, 150], "slice_thickness_mm": [2, 8], "pixel_mm": [0.39, 1.39], "anatomy": "abdomen",
               "kernels": "soft to sharp; other things"}
    text = cardText(card_of(trained_for=trained, quality=quality)).replace("\N{NO-BREAK SPACE}", " ")
    assert text == (
        "<b>Trained for:</b> abdomen; noise 4 to 150 HU; slices 2 to 8 mm; pixels 0.39 to 1.39 mm<br>"
        "<b>Kernels:</b> soft to sharp<br><b>Measured:</b> error to the full dose from 23 to 13 HU with little noise, "
        "from 50 to 20 HU with much (quarter dose, mean of 7 patients)")


def test_a_card_without_details_says_so():
    from LDCTDenoiseLib.widgetmodelcard import cardText, titleOf

    assert titleOf(card_of()) == "mine"
    assert cardText(card_of()) == "This network came without a card: what it was trained for is unknown."


def test_what_a_card_says_is_text_and_no_markup():
    from LDCTDenoiseLib.widgetmodelcard import cardDetails, cardText

    card = card_of(trained_for={"kernels": "<img src='x'>"}, limits=["<script>"])
    assert "<img" not in cardText(card)
    assert "<script" not in cardDetails(card) and "<b>1" not in cardDetails(card)


@pytest.mark.parametrize("seconds, text", [
    (0.2, "1 s"), (7.3, "8 s"), (23, "25 s"), (54, "55 s"), (61, "1 min"), (400, "7 min"), (3600, "1 h"),
    (5400, "1.5 h")])
def test_durations_are_rounded_as_one_would_say_them(seconds, text):
    from LDCTDenoiseLib.widgetmodelcard import durationText

    assert durationText(seconds) == text


def test_the_estimate_grows_with_the_volume_and_the_network(mrml, ui, parameters, panel):
    settings = panel.widget.panel.settings
    settings.setRate("auto", "auto", 21809856512.0)  # one slice of 512 x 512 a second with HRNet
    parameters.inputVolume = mrml.add_volume(np.zeros((100, 256, 256), np.int16))
    assert ui.estimateLabel.text == "100 slices: about 30 s on this device."
    parameters.model = "plain"
    assert ui.estimateLabel.text == "100 slices: about 20 s on this device."


def test_a_device_that_was_not_timed_gets_a_rough_estimate(ui, parameters, ct):
    parameters.inputVolume = ct
    assert ui.estimateLabel.text.startswith("5 slices: roughly")


def test_without_a_volume_there_is_what_is_missing_in_place_of_an_estimate(ui):
    assert ui.estimateLabel.text == "Choose the CT volume to denoise."
