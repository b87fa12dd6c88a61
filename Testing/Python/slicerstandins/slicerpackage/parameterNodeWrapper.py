"""Stands in for Slicer's typed view of a parameter node, and its ties to widgets.

As in Slicer: a value is checked when it is assigned; a tie gives the widget the node's value first; the class of the
widget has to be exactly one that fits the type; and some names and types are refused.
"""

import typing

import ctk
import qt
import slicer
import vtk

RESERVED = {"allParameters", "default", "isCached", "dataType", "getValue", "setValue", "connectGui",
            "connectParametersToGui", "disconnectGui", "StartModify", "EndModify", "AddObserver", "RemoveObserver",
            "Modified"}


class WithinRange:
    def __init__(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


class _Parameter:
    """One field: how it is kept in the node. Nodes are kept as references, all else as text."""

    def __init__(self, name, annotation, default):
        self.name = name
        self.annotations = getattr(annotation, "__metadata__", ())
        self.type = typing.get_args(annotation)[0] if self.annotations else annotation
        self.isNode = issubclass(self.type, slicer.vtkMRMLNode)
        if not self.isNode and self.type not in (int, float, str, bool):
            raise TypeError(f"Unable to create serializer for member {name} of type {self.type}")
        self.default = default if default is not None or self.isNode else self.type()

    def __get__(self, wrapper, owner):
        node = wrapper.parameterNode
        if self.isNode:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        return text == "True" if self.type is bool else self.type(text)

    def __set__(self, wrapper, value):
        node = wrapper.parameterNode
        if self.isNode:
            if value is not None and not value.IsA(self.type.__name__):
                raise TypeError(f"Value must be of type '{self.type}', is '{value.GetClassName()}'")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            return
        if not isinstance(value, (int, float) if self.type is float else self.type):
            raise TypeError(f"Value must be of type '{self.type}', is '{value!r}'")
        for validator in self.annotations:
            validator.validate(value)
        node.SetParameter(self.name, str(value))

    def holdsValue(self, wrapper):
        return self.isNode or bool(wrapper.parameterNode.HasParameter(self.name))


class _Connector:
    """A tie between a widget and a type: the signal to listen to, how to read and how to write."""

    def __init__(self, widget, parameter):
        self.widget = widget
        kind = type(widget)
        if kind is qt.QCheckBox and parameter.type is bool:
            self.signal, self.read = widget.stateChanged, lambda: widget.checked
            self.write = lambda value: setattr(widget, "checked", value)
        elif kind in (ctk.ctkSliderWidget, slicer.qMRMLSliderWidget, qt.QDoubleSpinBox) and parameter.type is float:
            bounds = [item for item in parameter.annotations if isinstance(item, WithinRange)]
            if not bounds and kind is not qt.QDoubleSpinBox:
                raise RuntimeError("Cannot have a connection to ctkSliderWidget where the float types is unbounded.")
            for bound in bounds:
                widget.minimum, widget.maximum = float(bound.minimum), float(bound.maximum)
            self.signal, self.read = widget.valueChanged, lambda: widget.value
            self.write = lambda value: setattr(widget, "value", value)
        elif kind is qt.QSpinBox and parameter.type is int:
            self.signal, self.read = widget.valueChanged, lambda: widget.value
            self.write = lambda value: setattr(widget, "value", value)
        elif kind is qt.QLineEdit and parameter.type is str:
            self.signal, self.read = widget.textChanged, lambda: widget.text
            self.write = lambda value: widget.text == value or setattr(widget, "text", value)
        elif kind is slicer.qMRMLNodeComboBox and parameter.isNode:
            widget.nodeTypes = [parameter.type.__name__]
            self.signal, self.read, self.write = widget.currentNodeChanged, widget.currentNode, widget.setCurrentNode
        else:
            raise RuntimeError(f"Unable to create GUI connector from datatype '{parameter.type}' to widget type "
                               f"'{kind}'.")


def parameterNodeWrapper(cls):
    """Make a class with annotated fields a view of a vtkMRMLScriptedModuleNode."""
    parameters = {}
    for name, annotation in typing.get_type_hints(cls, include_extras=True).items():
        if name in RESERVED:
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        parameters[name] = _Parameter(name, annotation, getattr(cls, name, None))
        setattr(cls, name, parameters[name])

    def init(self, parameterNode, prefix=None):
        self.parameterNode = parameterNode
        self._ties = {}
        self._updating = False
        for parameter in parameters.values():
            if not parameter.holdsValue(self):
                setattr(self, parameter.name, parameter.default)

    def connectGui(self, ui):
        ties = {}
        for widget in vars(ui).values():
            name = widget.property("SlicerParameterName")
            if name:
                if name not in parameters:
                    raise ValueError(f"Cannot find a param with the given name: {name}")
                ties[name] = (_Connector(widget, parameters[name]), _callback(self, name))
        for name, (connector, callback) in ties.items():
            connector.write(getattr(self, name))
            callback.connector = connector
            connector.signal.connect(callback)
        observer = self.parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: update(self))
        tag = len(self._ties)
        self._ties[tag] = ties, observer
        return tag

    def update(self):
        if self._updating:
            return
        self._updating = True
        try:
            with slicer.util.NodeModify(self.parameterNode):
                for ties, _ in list(self._ties.values()):
                    for name, (connector, _) in ties.items():
                        connector.write(getattr(self, name))
        finally:
            self._updating = False

    def disconnectGui(self, tag):
        ties, observer = self._ties.pop(tag, ({}, None))
        for connector, callback in ties.values():
            connector.signal.disconnect(callback)
        if observer is not None:
            self.parameterNode.RemoveObserver(observer)

    cls.__init__, cls.connectGui, cls.disconnectGui = init, connectGui, disconnectGui
    cls.StartModify = lambda self: self.parameterNode.StartModify()
    cls.EndModify = lambda self, before: self.parameterNode.EndModify(before)
    cls.Modified = lambda self: self.parameterNode.Modified()
    cls.AddObserver = lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(
        event, callback, priority)
    cls.RemoveObserver = lambda self, tag: self.parameterNode.RemoveObserver(tag)
    return cls


def _callback(wrapper, name):
    def changed():
        if not wrapper._updating:
            with slicer.util.NodeModify(wrapper.parameterNode):
                setattr(wrapper, name, changed.connector.read())

    return changed
