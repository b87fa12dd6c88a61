"""The stand-ins for Slicer's Qt refuse what PythonQt would refuse, and do what the panels count on."""

import numpy as np
import pytest
from panelfixtures import complaints, mrml, session  # noqa: F401  (fixtures)


@pytest.fixture
def qt(session):
    import qt

    return qt


@pytest.mark.parametrize("wrong, why", [
    (lambda button: setattr(button, "tooltip", "x"), "'tooltip' does not exist on QPushButton"),
    (lambda button: setattr(button, "enabled", "yes"), "does not accept an object of type str"),
    (lambda button: setattr(button, "text", None), "does not accept an object of type NoneType"),
    (lambda button: setattr(button, "setText", print), "can not be overwritten"),
    (lambda button: setattr(button, "clicked", print), "can not be overwritten"),
    (lambda button: button.text(), "not callable"),
    (lambda button: button.connect("clicke(bool)", print), "'clicke.bool.' does not exist")])
def test_what_pythonqt_refuses_is_refused(qt, wrong, why):
    with pytest.raises((AttributeError, TypeError, ValueError), match=why):
        wrong(qt.QPushButton("Apply"))


def test_properties_are_attributes(qt):
    button = qt.QPushButton("Apply")
    button.objectName = "applyButton"
    button.toolTip = "Go"
    assert (button.text, button.toolTip, button.name) == ("Apply", "Go", "applyButton")
    assert isinstance(button, qt.QAbstractButton)


def test_classes_derived_in_python_have_attributes_of_their_own(qt):
    class Own(qt.QWidget):
        def __init__(self):
            super().__init__()
            self.mine = 3

    assert Own().mine == 3


def test_a_slot_receives_what_it_has_parameters_for(qt):
    button, heard = qt.QPushButton(), []
    button.connect("clicked(bool)", lambda: heard.append("none"))
    button.connect("clicked(bool)", lambda checked=None: heard.append(checked))
    button.connect("clicked()", lambda checked="not told": heard.append(checked))
    button.click()
    assert heard == ["none", False, "not told"]


def test_what_was_connected_can_be_disconnected(qt):
    button, heard = qt.QPushButton(), []
    button.connect("clicked()", heard.clear)
    assert button.disconnect("clicked()", heard.clear)
    assert not button.disconnect("clicked()", heard.clear)


UI = """<ui version="4.0"><class>Test</class><widget class="qMRMLWidget" name="Test">
<layout class="QVBoxLayout" name="layout"><item><widget class="ctkCollapsibleButton" name="section">
<property name="text"><string>Section</string></property><property name="collapsed"><bool>true</bool></property>
<layout class="QFormLayout" name="form"><item row="0" column="1"><widget class="{kind}" name="selector">
<property name="nodeTypes"><stringlist notr="true"><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
<property name="showChildNodeTypes"><bool>false</bool></property>
<property name="addEnabled"><bool>false</bool></property>
<property name="SlicerParameterName" stdset="0"><string>volume</string></property>
</widget></item></layout></widget></item></layout></widget><connections><connection><sender>Test</sender>
<signal>mrmlSceneChanged(vtkMRMLScene*)</signal><receiver>selector</receiver><slot>{slot}(vtkMRMLScene*)</slot>
</connection></connections></ui>"""


@pytest.fixture
def load(session, tmp_path):
    def load(kind="qMRMLNodeComboBox", slot="setMRMLScene"):
        import slicer

        (tmp_path / "test.ui").write_text(UI.format(kind=kind, slot=slot))
        widget = slicer.util.loadUI(str(tmp_path / "test.ui"))
        widget.setMRMLScene(slicer.mrmlScene)
        return widget, slicer.util.childWidgetVariables(widget)

    return load


def test_a_ui_file_is_loaded_with_its_connections(mrml, load):
    _, ui = load()
    assert ui.section.collapsed
    assert ui.selector.enabled
    assert ui.selector.nodeCount() == 0
    assert ui.selector.nodeTypes == ("vtkMRMLScalarVolumeNode",)


@pytest.mark.parametrize("change", [{"kind": "qMRMLNodeCombo"}, {"slot": "setScene"}])
def test_a_ui_file_that_names_what_does_not_exist_is_refused(load, change):
    with pytest.raises((ValueError, AttributeError)):
        load(**change)


def test_the_content_of_a_closed_section_is_hidden_until_it_is_opened(qt, load):
    widget, ui = load()
    widget.show()
    assert not ui.selector.isVisible()
    ui.section.click()
    assert ui.selector.isVisible()
    ui.selector.hide()
    ui.section.collapsed = True
    ui.section.collapsed = False
    assert not ui.selector.isVisible()


def test_a_selector_follows_the_scene_but_chooses_nothing_by_itself(mrml, load):
    _, ui = load()
    heard = []
    ui.selector.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    first, second = (mrml.add_volume(np.zeros((2, 3, 4), np.int16), name=name) for name in "AB")
    mrml.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "label map")
    assert (ui.selector.nodeCount(), ui.selector.currentNode()) == (2, None)
    ui.selector.setCurrentNode(first)
    mrml.scene.RemoveNode(first)
    assert ui.selector.currentNode() is second
    mrml.scene.Clear(False)
    assert heard == [first, second, None]


@pytest.fixture
def wrapper(session):
    from typing import Annotated

    import slicer
    from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        volume: slicer.vtkMRMLScalarVolumeNode
        share: Annotated[float, WithinRange(0, 100)] = 100.0
        keep: bool = False
        model: str = "hrnet"

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    return Parameters(node)


def test_a_parameter_node_keeps_typed_values_and_refuses_others(mrml, wrapper):
    assert (wrapper.volume, wrapper.share, wrapper.keep, wrapper.model) == (None, 100.0, False, "hrnet")
    volume = mrml.add_volume(np.zeros((2, 3, 4), np.int16))
    wrapper.volume, wrapper.share, wrapper.keep, wrapper.model = volume, 12.5, True, "unet"
    assert (wrapper.volume, wrapper.share, wrapper.keep, wrapper.model) == (volume, 12.5, True, "unet")
    with pytest.raises(ValueError):
        wrapper.share = 100.5
    mrml.scene.RemoveNode(volume)
    assert wrapper.volume is None


def test_a_parameter_node_and_its_widget_follow_each_other_until_they_are_parted(mrml, load, wrapper):
    _, ui = load()
    first, second = (mrml.add_volume(np.zeros((2, 3, 4), np.int16), name=name) for name in "AB")
    wrapper.volume = first
    tag = wrapper.connectGui(ui)
    assert ui.selector.currentNode() is first
    ui.selector.setCurrentNode(second)
    assert wrapper.volume is second
    wrapper.volume = first
    assert ui.selector.currentNode() is first
    wrapper.disconnectGui(tag)
    ui.selector.setCurrentNode(second)
    assert wrapper.volume is first


def test_a_widget_of_the_wrong_kind_is_refused(load, wrapper):
    _, ui = load()
    ui.selector.setProperty("SlicerParameterName", "share")
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        wrapper.connectGui(ui)


def test_the_views_of_a_session_show_real_slices(mrml, session):
    import slicer

    volume = mrml.add_volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    red = slicer.app.layoutManager().sliceWidget("Red").sliceLogic()
    assert red.GetBackgroundLayer().GetVolumeNode() is volume
    assert slicer.util.mainWindow() is session.mainWindow
