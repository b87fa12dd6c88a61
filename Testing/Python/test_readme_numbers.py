"""The numbers in the README, the changes and the model cards are those of the committed reports and of the networks.

A sentence of the README stands below by its words, with {} for its numbers, beside the values that they are to show. So
after a report was made anew the failing tests say what the README is to say; where a sentence is reworded, its words
here are too.
"""

import re
from math import nan
from statistics import mean

import pytest
from readmewords import AtLeast, AtMost, Near, Part, differences, find
from reportedvalues import (
    CARDS, CONDITIONS, REPORTS, ROOT, at_matched_noise, better_in_both, candidate_sets, column, default_of,
    detectability, harm, largest_bias, lesions, more_edges_than_blending, patients, ratios, real_rods, reported,
    resolution, rises, rows, settings, smoothest_over_default, trained_alike, training_hours, tutorial, water_rods,
)

from DIDInteractiveLib.settings import CandidateSettings
from LDCTDenoiseLib.networks import UNet, build
from LDCTDenoiseLib.networks.multiplyadds import multiply_adds
from LDCTDenoiseLib.training.config import read_config

README = (ROOT / "README.md").read_text(encoding="utf-8")
METHODS = ("ldct", "gaussian", "nlm", "tv", "bm3d", "plain", "unet", "hrnet")
DEFAULT_METHOD = rows("did/range.csv")[0]["method"]
VOLUME = "dome of the liver NI 30"


def excess(method, other, sign):
    """By how many per cent the error of a method is above that of another (1) or below it (-1), where it is."""
    return [100 * sign * (ratio - 1) for ratio in ratios(method, other) if sign * (ratio - 1) > 0]


def span(values):
    return Near(min(values, default=nan)), Near(max(values, default=nan))


def edges_given_up(name):
    """By how much the smoothest candidate is less sharp than the default, at most, in per cent of the input's slope."""
    return max(100 * (column(one, "edges_kept")[default_of(one)] - column(one, "edges_kept")[0])
               for (_, model), one in candidate_sets(DEFAULT_METHOD).items() if model == name)


def out_of_order():
    """The sets whose sharpness does not rise, and how much less of it a candidate has than the one before, at most."""
    edges = {case: column(one, "edges_kept") for case, one in candidate_sets(DEFAULT_METHOD).items()}
    return {case: max(a - b for a, b in zip(one, one[1:])) for case, one in edges.items() if not rises(one)}


def sharper_edges(*case):
    """The sharpness of the candidates of a set, from the default on."""
    one = candidate_sets(DEFAULT_METHOD)[case]
    return column(one, "edges_kept")[default_of(one):]


def beside_blending():
    """How far at most the error is from blending's at the same noise, and by how much less on average, in per cent."""
    found = at_matched_noise(DEFAULT_METHOD, "body").values()
    return AtMost(100 * max(abs(ratio - 1) for ratio in found)), Near(100 * (1 - mean(found)))


def beside_full_dose(name):
    """A value of the tutorial's candidate whose noise level is closest to that of the full dose; its number from 1."""
    found = tutorial()["candidates"]
    distances = [abs(one["noise_level_hu"] - tutorial()["reference_noise_level_hu"]) for one in found]
    closest = distances.index(min(distances))
    return closest + 1 if name == "number" else found[closest][name]


def equal_terms(name):
    """The network that a recipe of configs/equal trains."""
    network = read_config(ROOT / "configs" / "equal" / f"{name}.toml").network
    return build(network.architecture, network.widths, network.form, **network.options)


def of_default(name):
    return next(one[name] for one in tutorial()["candidates"] if one["kind"] == "default")


SENTENCES = {
    "in a region of yours: {} and {} HU for the sample": lambda: [
        Near(tutorial()["noise_before_hu"]), Near(tutorial()["noise_after_hu"])],
    "In slice {} of {}, which the Red view shows after loading": lambda: [
        Near(tutorial()["slice"] + 1), Near(tutorial()["slices"])],
    'candidate {} of {} says "Noise {} HU, {} % of the original; edges {} %"': lambda: [
        Near(beside_full_dose("number")), Near(len(tutorial()["candidates"])), Near(beside_full_dose("noise_hu")),
        Near(100 * beside_full_dose("noise_share")), Near(100 * beside_full_dose("edges_kept"))],
    "The default has less noise there than the full dose, {} in place of {} HU": lambda: [
        Near(of_default("noise_level_hu")), Near(tutorial()["reference_noise_level_hu"])],
    "candidate {} comes closest to the noise of the full dose": lambda: [Near(beside_full_dose("number"))],
    "On the processor step 3 took {} s in that run and the preview of step 4 {} s": lambda: [
        Near(tutorial()["apply_seconds"]), Near(tutorial()["preview_seconds"])],
    "disks of {} to {} HU and {} or {} mm put into a liver, HRNet leaves {} to {} % of the contrast": lambda: [
        *span([abs(float(row["contrast_hu"])) for row in lesions("hrnet")]),
        *span([float(row["diameter_mm"]) for row in lesions("hrnet")]),
        *span([100 * float(row["kept"]) for row in lesions("hrnet")])],
    "with {} % of the detectability (d') that the input gives it where HRNet removes half the noise, and with {} % at "
    "full strength": lambda: [
        Near(100 * float(row["ratio"])) for level in ("half the noise", "full strength")
        for row in detectability(level, "spot or none")],
    "tells a lesion with a rim from a solid one with {} and {} %": lambda: [
        Near(100 * float(row["ratio"])) for level in ("half the noise", "full strength")
        for row in detectability(level, "solid or rim")],
    "The U-Net and the plain network shift soft tissue by up to {} and {} HU": lambda: [
        Near(largest_bias(name, "soft")[0]) for name in ("unet", "plain")],
    "mean of {} patients that no network was trained on": lambda: [Near(len(settings()["patients"]))],
    "BM3D is {} % ahead of HRNet in {} row on average": lambda: [
        Near(max(excess("bm3d", "hrnet", -1), default=nan)), Near(len(excess("bm3d", "hrnet", -1)))],
    "and {} to {} % behind in the others": lambda: span(excess("bm3d", "hrnet", 1)),
    "HRNet has both the lower error and the higher SSIM in {} of the {} comparisons with BM3D": lambda: [
        Part(*better_in_both("hrnet", "bm3d")), Near(better_in_both("hrnet", "bm3d")[1])],
    "It is {} to {} % ahead of the U-Net": lambda: span(excess("hrnet", "unet", -1)),
    "its error is {} to {} % below that of a U-Net of equal cost": lambda: span(
        [100 * (1 - ratio) for ratio in trained_alike("unet_equal")]),
    "at most {} % above those of RED-CNN and of a U-Net with the printed widths": lambda: [
        Near(100 * (max(trained_alike("redcnn") + trained_alike("unet_full")) - 1))],
    "which take {} and {} times its multiply-adds": lambda: [
        Near(multiply_adds(network) / CARDS["hrnet"]["multiply_adds_512"])
        for network in (equal_terms("redcnn"), equal_terms("unet_full"))],
    "HRNet was trained for {} hours on one CPU core": lambda: [Near(training_hours("hrnet"))],
    "it shifts no tissue by more than {} HU": lambda: [
        AtMost(max(abs(value) for value in harm("hrnet", "full dose", "|HU bias|").values()))],
    "(TTF50) is {} or more at contrasts of 900 HU and above": lambda: [AtLeast(min(resolution("hrnet", 900)))],
    "{} to {} at 100 HU": lambda: span(resolution("hrnet", 100, 100)),
    "under the real noise of a lung kernel it is {}, {} and {} at 100, 50 and 20 HU": lambda: [
        Near(real_rods(contrast)) for contrast in (100, 50, 20)],
    "non-local means keeps more of it, {} and {} against {} and {} at 100 HU": lambda: [
        Near(value) for method in ("Non-local", "hrnet ") for value in water_rods(method, 100)],
    "its bias stays below {} HU in soft tissue and lung": lambda: [AtMost(largest_bias("hrnet", "soft", "lung")[0])],
    "in bone it reaches {} HU": lambda: [Near(largest_bias("hrnet", "bone")[0])],
    "On {} scenes of {} validation patients": lambda: [
        Near(len({scene for scene, _ in candidate_sets(DEFAULT_METHOD)})),
        Near(len({row["patient"] for row in rows("did/matched.csv")}))],
    "({} candidates, {} networks)": lambda: [
        Near(min(len(one) for one in candidate_sets(DEFAULT_METHOD).values())),
        Near(len({model for _, model in candidate_sets(DEFAULT_METHOD)}))],
    "the noise rises strictly from candidate to candidate in all {} sets": lambda: [
        Near(len(candidate_sets(DEFAULT_METHOD)))],
    "the sharpness of the edges rises with it in {} of them": lambda: [
        Near(len(candidate_sets(DEFAULT_METHOD)) - len(out_of_order()))],
    "out of order by at most {} % of the edges' slope": lambda: [
        AtMost(100 * max(out_of_order().values(), default=nan))],
    "has at most {} % less of the edges' slope with HRNet, and {} % with the plain network": lambda: [
        Near(edges_given_up("hrnet")), Near(edges_given_up("plain"))],
    "within {} % everywhere in the body and {} % less on average": beside_blending,
    "with about {} percent more of the edges' slope on the sharper side": lambda: [
        Near(more_edges_than_blending(DEFAULT_METHOD))],
    "it is worse than blending by up to {} %": lambda: [
        Near(100 * (max(at_matched_noise(DEFAULT_METHOD, "body, matched in flat tissue").values()) - 1))],
    "the smoothest candidate keeps {} to {} % of the default's noise": lambda: span(
        [100 * smoothest_over_default(one) for one in candidate_sets(DEFAULT_METHOD).values()]),
}
STATEMENTS = {
    "the smoother ones to its values (RMSE)": lambda: min(
        tutorial()["candidates"], key=lambda one: one["error_hu"])["kind"] == "smoother",
    "The default has less noise there than the full dose": lambda: (
        of_default("noise_level_hu") < tutorial()["reference_noise_level_hu"]),
    "at many times the cost": lambda: min(ratios("bm3d", "hrnet", "seconds_per_slice")) >= 5,
    "the others for less": lambda: training_hours("hrnet") > max(map(training_hours, {*CARDS} - {"hrnet"})),
    "never raises the noise of the patients": lambda: max(
        harm("hrnet", "full dose, patients", "noise level").values()) <= 1,
    "at 100 HU, less below": lambda: all(
        end(resolution("hrnet", 0, 99)) < end(resolution("hrnet", 100, 100)) for end in (min, max)),
    "HU where the noise is strongest": lambda: largest_bias("hrnet", "bone")[1][2] == max(
        noise_index for _, noise_index in CONDITIONS),
    "The default method (descents towards the input, mixtures towards the smooth bound)": lambda: (
        CandidateSettings().method == DEFAULT_METHOD),
    "of the contrast at a quarter of the dose, the smallest the least": lambda: (
        {float(row["dose"]) for row in rows("networks/lesions.csv")} == {0.25}
        and float(min(lesions("hrnet"), key=lambda row: float(row["kept"]))["diameter_mm"])
        == min(float(row["diameter_mm"]) for row in lesions("hrnet"))),
    "validation patients at a quarter of the dose": lambda: "at 0.25 of their dose" in (
        REPORTS / "did" / "range.md").read_text(encoding="utf-8"),
    "the noise rises strictly from candidate to candidate in all": lambda: all(
        rises(column(one, "noise_hu")) for one in candidate_sets(DEFAULT_METHOD).values()),
    "one of them a volume": lambda: [scene for scene, _ in candidate_sets(DEFAULT_METHOD)].count(VOLUME) == 3,
    "in four with HRNet, the volume among them, candidates towards the smooth end are out of order": lambda: (
        len(out_of_order()) == 4 and (VOLUME, "hrnet") in out_of_order()
        and all(model == "hrnet" and rises(sharper_edges(scene, model)) for scene, model in out_of_order())),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_of_the_readme_gives_the_numbers_of_the_reports(sentence):
    wrong = differences(sentence, tuple(SENTENCES[sentence]()), README)
    assert wrong is None, f"README.md: {wrong}"


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_of_the_readme_holds_in_the_reports(statement):
    assert find(statement, README), f"README.md: nothing reads '{statement}'; reword it in this test too"
    assert STATEMENTS[statement](), f"README.md: '{statement}' is no longer true of the committed reports"


@pytest.mark.parametrize(("printed", "value", "right"), [
    ("2", Near(2.4), "2"), ("2", Near(2.6), "3"), ("0.5", Near(0.49), "0.5"), ("2.1", Near(2.15), "2.1"),
    ("2.2", Near(2.15), "2.2"), ("one", Near(0.0), "no"), ("half", Near(0.57), "half"), ("half", Near(0.7), "0.7"),
    ("1", AtMost(1.01), "2"), ("1", AtMost(0.02), "1"), ("0.92", AtLeast(0.929), "0.92"), ("9", Near(nan), "nan"),
    ("0.93", AtLeast(0.929), "0.92"), ("half", Part(14, 28), "half"), ("half", Part(13, 28), "13"),
    ("14", Part(13, 28), "13"), ("two", Near(nan), "nan"),
])
def test_a_value_is_printed_in_the_way_of_the_sentence(printed, value, right):
    assert value.like(printed) == right
    wrong = differences("up to {} HU of it", (value,), f"It takes up to\n{printed} HU of it.")
    assert wrong is None if right == printed else f"'up to {right} HU of it'" in wrong


def test_a_sentence_that_is_not_there_is_told_with_its_values():
    wrong = differences("by {} HU", (Near(1.234),), "by HU")
    assert "nothing reads 'by {} HU'; the values for it are (1.234,)" in wrong


@pytest.mark.parametrize(("track", "noise_index"), CONDITIONS)
def test_the_readme_and_the_cards_give_the_errors_of_the_report(track, noise_index):
    row, = re.findall(rf"^\| {track}, index {noise_index} HU \|(.*)\|$", README, re.MULTILINE)
    assert [cell.strip() for cell in row.split("|")] == [
        f"{reported(method, track, noise_index):.1f}" for method in METHODS]
    for name, card in CARDS.items():
        quality = card["quality"][f"{track}, noise index {noise_index} HU"]
        assert quality["rmse_hu"] == round(reported(name, track, noise_index), 2)
        assert quality["rmse_low_dose_hu"] == round(reported("ldct", track, noise_index), 2)
        assert quality["ssim"] == round(reported(name, track, noise_index, "ssim"), 4)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_says_how_its_network_was_trained_and_measured(name):
    card = CARDS[name]
    slices = {(row["patient"], row["slice"]) for row in rows("validation/slices.csv") if row["method"] == name}
    assert card["quality"]["measured"].startswith(
        f"quarter dose, {len(slices)} slices of {len({patient for patient, *_ in patients(name)})} validation "
        "patients, mean of the patients")
    assert card["trained_for"]["noise_added_hu"] == card["training"]["sampling"]["noise_sd"]
    limits = " ".join(card["limits"])
    for sentence, value in (("Trained for {} hours on one CPU core", training_hours(name)),
                            ("targets that hold noise of their own, from {} sources", len(card["training"]["data"]))):
        wrong = differences(sentence, (Near(value),), limits)
        assert wrong is None, f"models.json, {name}: {wrong}"


def test_no_loss_on_the_disk_of_the_mita_phantom_is_beyond_the_uncertainty():
    said = "on the low-contrast disk of the MITA phantom no loss was measured beyond the uncertainty"
    assert said in " ".join(README.split())
    found = [row for level in ("half the noise", "full strength")
             for row in detectability(level, "all rods", "MITA, own scans")]
    assert len(found) == 6 and all(float(row["ratio_high"]) >= 1 for row in found)


@pytest.mark.parametrize("report", ["validation", "validation-doses"])
def test_the_shipped_versions_are_those_that_were_measured_and_are_in_the_changes(report):
    shipped = {f"{card['name']} {card['version']}" for card in CARDS.values()}
    measured = {row["label"] for row in rows(f"{report}/patients.csv") if row["method"] in CARDS}
    assert measured == shipped, f"Testing/Benchmarks/{report} is not about the shipped networks; make it anew"
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for card in CARDS.values():
        assert re.search(rf"^- .*\b{re.escape(card['version'])}\b", changes, re.MULTILINE), (
            f"CHANGELOG.md does not say what came with version {card['version']} of {card['name']}")


@pytest.mark.parametrize("name", CARDS)
def test_the_readme_and_the_cards_give_the_size_of_the_networks(name):
    card = CARDS[name]
    network = build(card["architecture"], card["widths"], card["form"], **card["options"])
    parameters, cost = sum(p.numel() for p in network.parameters()), multiply_adds(network)
    assert (card["parameters"], card["multiply_adds_512"]) == (parameters, cost)
    row, = re.findall(rf"^\| `{name}` \|(.*)\|$", README, re.MULTILINE)
    assert [cell.strip() for cell in row.split("|")][1:] == [f"{parameters / 1e6:.2f} M", f"{cost / 1e9:.1f} G"]


def test_the_readme_gives_the_size_of_the_printed_unet():
    network = UNet(form="literal")
    parameters, cost = sum(p.numel() for p in network.parameters()), multiply_adds(network)
    assert f"(as printed: {parameters / 1e6:.1f} M, {cost / 1e9:.0f} G)" in README
