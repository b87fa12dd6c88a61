"""Stands in for Slicer's module ``qt``: PySide6 that behaves like PythonQt.

What differs between the two, and is brought into line here:

- Properties are attributes, for reading and for writing; ``label.text()`` is an error.
- Attributes that C++ does not have cannot be made, methods and signals cannot be overwritten, and a property takes no
  value of a wrong type. Classes that are derived in Python may have attributes of their own.
- ``sender.connect("clicked(bool)", function)`` connects by signature. For a signature that is unknown PythonQt prints
  a line and connects nothing; here it is an error.
- A function receives at most as many of a signal's values as it has parameters.
- Dialogs for file names return the name alone.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import types

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import shiboken6
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

_VIRTUAL = {"sizeHint", "minimumSizeHint"}
"""Properties that C++ reads by calling a method of Python: these have to stay methods."""
_NUMBERS = {"bool": (bool, int), "int": (int,), "uint": (int,), "double": (int, float), "float": (int, float)}
_connections: dict[tuple, object] = {}
_plain: dict[type, object] = {}
"""How each class looks an attribute up without what :func:`adapt` adds; a class may have a way of its own."""


class Property:
    """A Q_PROPERTY as an attribute; for the class itself, the method of the same name."""

    def __init__(self, name: str, kind: str, writable: bool, method) -> None:
        self.name, self.kind, self.writable, self.method = name, kind, writable, method

    def __get__(self, instance, owner):
        if instance is None:
            return self.method
        value = QtCore.QObject.property(instance, self.name)
        return tuple(value) if isinstance(value, list) else value

    def __set__(self, instance, value) -> None:
        if not self.writable:
            raise AttributeError(f"Property '{self.name}' of {type(instance).__name__} object is not writable")
        wanted = str if self.kind == "QString" else _NUMBERS.get(self.kind, object)
        if not isinstance(value, wanted):
            raise AttributeError(f"Property '{self.name}' of type '{self.kind}' does not accept an object of type "
                                 f"{type(value).__name__} ({value!r})")
        if not QtCore.QObject.setProperty(instance, self.name, list(value) if isinstance(value, tuple) else value):
            raise AttributeError(f"Property '{self.name}' of type '{self.kind}' does not accept {value!r}")


def connect(sender, signature: str, function) -> bool:
    """Connect by signature, as ``sender.connect`` does in Slicer."""
    signal, count = _signal(sender, signature)
    slot = _takes_as_much_as_it_can(function, count)
    _connections.setdefault((shiboken6.getCppPointer(sender)[0], signature, function), []).append(slot)
    signal.connect(slot)
    return True


def disconnect(sender, signature: str, function) -> bool:
    """Undo one :func:`connect`; returns whether there was one."""
    signal, _ = _signal(sender, signature)
    slots = _connections.get((shiboken6.getCppPointer(sender)[0], signature, function))
    if not slots:
        return False
    signal.disconnect(slots.pop())
    return True


def forget_connections() -> None:
    """Forget the connections of all senders, which are gone when a session ends."""
    _connections.clear()


def _signal(sender, signature: str):
    """Return the bound signal of ``sender`` with this C++ signature, and how many values it carries."""
    normal = bytes(QtCore.QMetaObject.normalizedSignature(signature).data()).decode()
    name, _, types_ = normal.rstrip(")").partition("(")
    own = getattr(type(sender), "SIGNALS", {}).get(normal)
    if own is None and sender.metaObject().indexOfSignal(normal) < 0:
        raise ValueError(f"signal '{signature}' does not exist on {type(sender).__name__}")
    return getattr(sender, own or name), len(types_.split(",")) if types_ else 0


def _takes_as_much_as_it_can(function, count: int):
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if isinstance(function, (types.FunctionType, types.MethodType)) and not code.co_flags & 0x04:
        count = min(count, code.co_argcount - isinstance(function, types.MethodType))

    # PySide chooses what to pass by the number of parameters.
    return [lambda: function(), lambda a: function(a), lambda a, b: function(a, b)][count]


def _getattribute_of(plain):
    def getattribute(self, name):
        if name == "connect":
            return functools.partial(connect, self)
        if name == "disconnect":
            return functools.partial(disconnect, self)
        if name == "name":
            return QtCore.QObject.property(self, "objectName")
        value = plain(self, name)
        if isinstance(value, list) and isinstance(getattr(type(self), name, None), QtCore.Property):
            return tuple(value)  # as lists of strings arrive in Slicer
        return value

    return getattribute


def _setattr(self, name, value) -> None:
    cls = type(self)
    if isinstance(value, QtCore.SignalInstance) or name.startswith("__"):
        self.__dict__[name] = value  # by PySide itself, when a signal is used for the first time
        return
    if name == "name":
        name = "objectName"
    for base in cls.__mro__:
        member = base.__dict__.get(name)
        if member is None:
            continue
        if isinstance(member, QtCore.Property):
            entry = self.metaObject().property(self.metaObject().indexOfProperty(name))
            Property(name, entry.typeName(), entry.isWritable(), None).__set__(self, value)
        elif hasattr(type(member), "__set__"):
            member.__set__(self, value)
        elif _is_cpp(base):
            raise AttributeError(f"'{name}' can not be overwritten on {cls.__name__} object")
        else:
            self.__dict__[name] = value
        return
    if isinstance(value, QtCore.QObject) and value.objectName == name:
        # PySide's loader makes children attributes of the root; PythonQt finds children by their names.
        self.__dict__[name] = value
    elif _is_cpp(cls):
        if name not in [bytes(known.data()).decode() for known in self.dynamicPropertyNames()]:
            raise AttributeError(f"'{name}' does not exist on {cls.__name__} and creating new attributes on C++ "
                                 "objects is not allowed")
        self.setProperty(name, value)
    else:
        self.__dict__[name] = value


def _is_cpp(cls) -> bool:
    """Whether Slicer has this class from C++: Qt's own, and the stand-ins for ctk's and MRML's."""
    return cls.__module__.startswith(("PySide6", "Shiboken")) or cls.__dict__.get("STANDS_IN", False)


def adapt(cls) -> None:
    """Make the QObject class ``cls`` behave like one of PythonQt. Its bases have to be adapted before it."""
    if "_adapted" in cls.__dict__:
        return
    meta = cls.staticMetaObject
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        entry = meta.property(index)
        if entry.name() not in _VIRTUAL and not isinstance(cls.__dict__.get(entry.name()), QtCore.Property):
            setattr(cls, entry.name(), Property(entry.name(), entry.typeName(), entry.isWritable(),
                                                getattr(cls, entry.name(), None)))
    owner = next(base for base in cls.__mro__ if base in _plain or "__getattribute__" in base.__dict__)
    _plain[cls] = _plain.get(owner) or owner.__dict__["__getattribute__"]
    cls.__getattribute__ = _getattribute_of(_plain[cls])
    cls.__setattr__ = _setattr
    cls._adapted = True


def _names_only(method):
    @functools.wraps(method)
    def names(*arguments, **options):
        return method(*arguments, **options)[0]

    return staticmethod(names)


def make_module() -> types.ModuleType:
    """Return the module ``qt`` with everything of QtCore, QtGui, QtWidgets and QtUiTools, adapted."""
    module = types.ModuleType("qt", __doc__)
    found = [QtCore.QObject]
    for part in (QtCore, QtGui, QtWidgets, QtUiTools):
        for name in dir(part):
            if name.startswith("Q"):
                member = getattr(part, name)
                setattr(module, name, member)
                if isinstance(member, type) and issubclass(member, QtCore.QObject):
                    found.append(member)
    for cls in sorted(set(found), key=lambda cls: len(cls.__mro__)):
        adapt(cls)
    for name in ("getOpenFileName", "getSaveFileName", "getOpenFileNames"):
        setattr(QtWidgets.QFileDialog, name, _names_only(getattr(QtWidgets.QFileDialog, name)))
    QtWidgets.QDialog.exec_ = QtWidgets.QDialog.exec
    return module


def _keep_none_alive() -> None:
    """Give None more references than can be taken.

    Every call of PySide 6.12 that returns nothing takes one too many, and before Python 3.12, which keeps None for
    ever, the interpreter aborts when the last one is gone.
    """
    if sys.version_info < (3, 12):
        ctypes.c_ssize_t.from_address(id(None)).value += 2**40


def install() -> types.ModuleType:
    """Return the module ``qt``, made and put into ``sys.modules`` at the first call, with a QApplication."""
    if "qt" not in sys.modules:
        _keep_none_alive()
        sys.modules["qt"] = make_module()
        QtWidgets.QApplication.instance() or QtWidgets.QApplication(["tests"])
    return sys.modules["qt"]
