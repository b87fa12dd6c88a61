"""Stand in for the widgets of CTK that the panels use, and name those that Slicer's own Python files mention.

Only what the panels need has behaviour. Looks are approximate: a heading that opens and closes, a slider beside a spin
box, a button that shows a folder.
"""

from __future__ import annotations

import types

from PySide6 import QtCore, QtGui, QtWidgets

from . import pythonqt


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A heading; a click on it hides or shows what lies below."""

    STANDS_IN = True
    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setChecked(True)
        self.setFocusPolicy(QtCore.Qt.StrongFocus)
        self.setSizePolicy(QtWidgets.QSizePolicy.Minimum, QtWidgets.QSizePolicy.Preferred)
        self.__dict__.update(_collapsed=False, _hidden=set(), _forcing=False)
        self.toggled.connect(lambda checked: self._collapse(not checked))
        self.setContentsMargins(0, self._heading(), 0, 0)

    def _isCollapsed(self) -> bool:
        return self._collapsed

    def setCollapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = QtCore.Property(bool, _isCollapsed, setCollapsed)

    def _collapse(self, collapsed: bool) -> None:
        self.__dict__["_collapsed"] = collapsed
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget):
                self._show(child)
        self.updateGeometry()
        self.update()
        self.contentsCollapsed.emit(collapsed)

    def _show(self, child) -> None:
        self.__dict__["_forcing"] = True
        child.setVisible(not self._collapsed and child not in self._hidden)
        self.__dict__["_forcing"] = False

    def childEvent(self, event) -> None:
        if event.added() and isinstance(event.child(), QtWidgets.QWidget):
            event.child().installEventFilter(self)
        super().childEvent(event)

    def eventFilter(self, child, event) -> bool:
        # As in CTK: what is shown or hidden while the section is closed comes to light when it is opened.
        shown = event.type() == QtCore.QEvent.ShowToParent
        if not self._forcing and (shown or event.type() == QtCore.QEvent.HideToParent):
            (self._hidden.discard if shown else self._hidden.add)(child)
            if shown and self._collapsed:
                self._show(child)
        return False

    def sizeHint(self):
        heading = QtCore.QSize(self.fontMetrics().horizontalAdvance(self.text) + 40, self._heading())
        if self._collapsed or self.layout() is None:
            return heading
        return self.layout().totalSizeHint().expandedTo(heading)

    def minimumSizeHint(self):
        heading = QtCore.QSize(40, self._heading())
        if self._collapsed or self.layout() is None:
            return heading
        return self.layout().totalMinimumSize().expandedTo(heading)

    def hasHeightForWidth(self) -> bool:
        return not self._collapsed and self.layout() is not None and self.layout().hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        return self.layout().totalHeightForWidth(width) if self.hasHeightForWidth() else self.sizeHint().height()

    def _heading(self) -> int:
        return self.fontMetrics().height() + 10

    def paintEvent(self, event) -> None:
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.rect.width(), self._heading())
        painter.drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(6, self._heading() // 2 - 5, 10, 10)
        style = QtWidgets.QStyle
        painter.drawPrimitive(style.PE_IndicatorArrowRight if self._collapsed else style.PE_IndicatorArrowDown, arrow)
        painter.setPen(self.palette.color(QtGui.QPalette.ButtonText))
        painter.drawText(option.rect.adjusted(24, 0, -4, 0), QtCore.Qt.AlignVCenter | QtCore.Qt.AlignLeft, self.text)
        if self.focus:
            frame = QtWidgets.QStyleOptionFocusRect()
            frame.initFrom(self)
            frame.rect = option.rect.adjusted(2, 2, -2, -2)
            painter.drawPrimitive(QtWidgets.QStyle.PE_FrameFocusRect, frame)


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box for one number. As in CTK, Tab reaches these two; the widget itself takes no focus."""

    STANDS_IN = True
    valueChanged = QtCore.Signal(float)
    STEPS = 10000

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        slider, box = QtWidgets.QSlider(QtCore.Qt.Horizontal, self), QtWidgets.QDoubleSpinBox(self)
        self.__dict__.update(_slider=slider, _box=box)
        slider.setRange(0, self.STEPS)
        layout.addWidget(slider)
        layout.addWidget(box)
        box.setRange(0.0, 99.0)
        box.setKeyboardTracking(False)
        slider.valueChanged.connect(lambda place: self._slid(place))
        box.valueChanged.connect(lambda value: self._changed(value))

    def _slid(self, place: int) -> None:
        low, high = self._box.minimum, self._box.maximum
        value = low + (high - low) * place / self.STEPS
        step = self._box.singleStep
        self._box.setValue(round(value / step) * step if step else value)

    def _changed(self, value: float) -> None:
        self._place()
        self.valueChanged.emit(value)

    def _place(self) -> None:
        span = self._box.maximum - self._box.minimum
        self._slider.blockSignals(True)
        self._slider.setValue(round(self.STEPS * (self._box.value - self._box.minimum) / span) if span else 0)
        self._slider.setSingleStep(max(1, round(self.STEPS * self._box.singleStep / span)) if span else 1)
        self._slider.blockSignals(False)

    def setRange(self, low: float, high: float) -> None:
        self._box.setRange(low, high)
        self._place()

    def setValue(self, value: float) -> None:
        self._box.setValue(value)

    def _forward(name: str, kind):
        """A property of the spin box as one of this widget."""
        setter = "set" + name[0].upper() + name[1:]

        def write(self, value):
            getattr(self._box, setter)(value)
            self._place()

        return QtCore.Property(kind, lambda self: getattr(self._box, name), write)

    value = _forward("value", float)
    minimum = _forward("minimum", float)
    maximum = _forward("maximum", float)
    decimals = _forward("decimals", int)
    singleStep = _forward("singleStep", float)
    prefix = _forward("prefix", str)
    suffix = _forward("suffix", str)

    def _getPageStep(self) -> float:
        return self._slider.pageStep * (self._box.maximum - self._box.minimum) / self.STEPS

    def _setPageStep(self, step: float) -> None:
        span = self._box.maximum - self._box.minimum
        self._slider.setPageStep(max(1, round(self.STEPS * step / span)) if span else 1)

    pageStep = QtCore.Property(float, _getPageStep, _setPageStep)
    del _forward


class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder, and lets another one be chosen. As in CTK, the widget itself takes no focus."""

    STANDS_IN = True
    directoryChanged = QtCore.Signal(str)
    directorySelected = QtCore.Signal(str)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        button = QtWidgets.QPushButton(self)
        button.setIcon(self.style().standardIcon(QtWidgets.QStyle.SP_DirIcon))
        button.setSizePolicy(QtWidgets.QSizePolicy.Ignored, QtWidgets.QSizePolicy.Fixed)
        layout.addWidget(button)
        self.__dict__.update(_button=button, _directory=".", _caption="")
        button.clicked.connect(lambda: self.browse())

    def _getDirectory(self) -> str:
        return self._directory

    def setDirectory(self, directory: str) -> None:
        # As in CTK: "selected" comes with every call, "changed" with another folder, and "" is the current one.
        wanted = QtCore.QDir(directory)
        changed = wanted != QtCore.QDir(self._directory)
        if changed:
            self.__dict__["_directory"] = wanted.absolutePath()
            self._show()
        self.directorySelected.emit(wanted.absolutePath())
        if changed:
            self.directoryChanged.emit(self._directory)

    directory = QtCore.Property(str, _getDirectory, setDirectory)

    def _show(self) -> None:
        room = self.width - 3 * self._button.iconSize.width()
        self._button.setText(self._button.fontMetrics().elidedText(
            QtCore.QDir(self._directory).absolutePath(), QtCore.Qt.ElideLeft, room))

    def resizeEvent(self, event) -> None:
        self._show()

    def _getCaption(self) -> str:
        return self._caption

    def setCaption(self, caption: str) -> None:
        self.__dict__["_caption"] = caption

    caption = QtCore.Property(str, _getCaption, setCaption)

    def browse(self) -> None:
        chosen = QtWidgets.QFileDialog.getExistingDirectory(self, self._caption, self._directory)
        if chosen:
            self.setDirectory(chosen)


_OTHERS = {
    "ctkCheckBox": QtWidgets.QCheckBox, "ctkCheckablePushButton": QtWidgets.QPushButton,
    "ctkColorPickerButton": QtWidgets.QPushButton, "ctkComboBox": QtWidgets.QComboBox,
    "ctkDoubleRangeSlider": QtWidgets.QWidget, "ctkDoubleSlider": QtWidgets.QSlider,
    "ctkDoubleSpinBox": QtWidgets.QDoubleSpinBox, "ctkPathLineEdit": QtWidgets.QWidget,
    "ctkRangeWidget": QtWidgets.QWidget,
}
"""Classes that Slicer's Python files compare types with, without behaviour of their own."""


def make_module() -> types.ModuleType:
    """Return the module ``ctk``."""
    module = types.ModuleType("ctk", __doc__)
    for cls in (ctkCollapsibleButton, ctkSliderWidget, ctkDirectoryButton):
        pythonqt.adapt(cls)
        setattr(module, cls.__name__, cls)
    for name, base in _OTHERS.items():
        cls = type(name, (base,), {"STANDS_IN": True})
        pythonqt.adapt(cls)
        setattr(module, name, cls)
    return module
