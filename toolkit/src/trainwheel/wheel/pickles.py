"""What a pickle refers to, read from its opcodes: nothing is imported and nothing executed.

joblib writes the bytes of numpy arrays between the opcodes, after the BUILD of a
`NumpyArrayWrapper` that says how many there are (`joblib/numpy_pickle.py`). So a machine follows
the opcodes with just enough of the values: short texts, numbers, tuples, and the wrapper with its
dtype. It passes over arrays and whatever is long, so that a large file takes little memory.
"""

from __future__ import annotations

import _compat_pickle
import math
import pickletools  # nosec B403 - reads opcodes, executes none
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from trainwheel.wheel.compressed import COMPRESSION_ERRORS, Source, open_source

__all__ = ["Reference", "UnreadablePickleError", "UnsupportedPickleError", "read_references"]

_LONG = 1000
"""Bytes of a text, or items of a tuple, above which it is neither a name nor a shape."""

_HOLDS_OBJECTS = 1
"""The flag of a numpy dtype whose items are or hold Python objects (`NPY_ITEM_HASOBJECT`)."""

_FIRST_WITH_NEW_NAMES = 3
"""The first protocol that names modules as Python 3 does."""

_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_WRAPPER = frozenset({"shape", "dtype", "numpy_array_alignment_bytes"})
_WIDTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


class UnreadablePickleError(Exception):
    """A file is not a pickle, is damaged, or cannot be followed.

    Its text is the rest of a sentence that begins with the file's name.
    """


class UnsupportedPickleError(UnreadablePickleError):
    """A pickle may well be good, but its compression or an array's type is not known here."""


class Reference(NamedTuple):
    """A class, function or other value that unpickling imports.

    Attributes:
        module: Its module, dotted.
        name: Its name in the module, dotted if it is nested.
    """

    module: str
    name: str

    @property
    def is_of_joblib(self) -> bool:
        """Whether it is joblib's wrapper of an array, also of scikit-learn's own copy of joblib."""
        return self.name == "NumpyArrayWrapper" and self.module.endswith("joblib.numpy_pickle")

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


_DTYPE = Reference("numpy", "dtype")
_STRINGS = "_convert_to_stringdtype_kwargs"
"""What makes numpy's `StringDType`, whose items joblib writes as Python objects."""


@dataclass(slots=True, eq=False)
class _Made:
    """A numpy dtype or joblib's wrapper of an array; no other object matters."""

    of: Reference
    arguments: Any
    state: Any = None

    @property
    def is_wrapper(self) -> bool:
        return self.of.is_of_joblib


def read_references(path: Path) -> frozenset[Reference]:
    """Return what a file of one or several pickles refers to; joblib may have written it.

    Raises:
        UnreadablePickleError: It is not a pickle, is damaged, or is compressed in a way that the
            standard library cannot read.
        OSError: There is no such file, or it may not be read.
    """
    references: set[Reference] = set()
    try:
        with open_source(path) as source:
            _Machine(source, references).run()
            while not source.is_at_end():
                _Machine(source, references).run()
    except NotImplementedError as error:
        message = f"is compressed with {error}, which the standard library cannot read"
        raise UnsupportedPickleError(message) from None
    except COMPRESSION_ERRORS as error:
        if isinstance(error, OSError) and error.errno:
            raise
        message = "is cut short or damaged"
        raise UnreadablePickleError(message) from None
    return frozenset(references)


@dataclass(slots=True)
class _Machine:
    """Follows the opcodes of one pickle.

    Args:
        source: Stands at its beginning.
        references: Gets what it refers to.
    """

    source: Source
    references: set[Reference]
    protocol: int = 0
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def run(self) -> None:
        """Read up to the end of the pickle."""
        name = ""
        try:
            while name != "STOP":
                opcode = _OPCODES[self.source.read(1)]
                name = opcode.name
                step = _STEPS.get(name)
                argument = self._read_argument(opcode)
                if step is None:
                    self._pass(opcode)
                else:
                    step(self, argument)
        except (LookupError, ValueError, TypeError, AttributeError):
            message = "is damaged, or is not a pickle"
            raise UnreadablePickleError(message) from None

    def _read_argument(self, opcode: pickletools.OpcodeInfo) -> Any:
        """Return an opcode's argument; None for none, and for one too long to matter."""
        if opcode.arg is None:
            return None
        size = opcode.arg.n
        if size == pickletools.UP_TO_NEWLINE:
            return self.source.line()
        if size >= 0:
            return int.from_bytes(self.source.read(size), "little", signed=opcode.name == "BININT")
        size = int.from_bytes(self.source.read(_WIDTHS[size]), "little")
        if size <= _LONG:
            return self.source.read(size)
        self.source.skip(size)
        return None

    def _pass(self, opcode: pickletools.OpcodeInfo) -> None:
        """Take from the stack what an opcode takes, and add unknown values for what it adds."""
        taken = len(opcode.stack_before)
        if pickletools.markobject in opcode.stack_before:
            self.pop_mark()
            taken = opcode.stack_before.index(pickletools.markobject)
        for _ in range(taken):
            if self.marks and self.marks[-1] == len(self.stack):
                self.marks.pop()
            else:
                self.stack.pop()
        self.stack += [None] * len(opcode.stack_after)

    def pop_mark(self) -> list[Any]:
        """Take the values above the last mark from the stack."""
        start = self.marks.pop()
        if not 0 <= start <= len(self.stack):
            raise IndexError
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def refer(self, module: object, name: object) -> None:
        """Note a reference and put it on the stack."""
        if not isinstance(module, str) or not isinstance(name, str):
            message = "computes the name of what it refers to, so it cannot be told what that is"
            raise UnreadablePickleError(message)
        if self.protocol < _FIRST_WITH_NEW_NAMES:
            module, name = _compat_pickle.NAME_MAPPING.get((module, name), (module, name))
            module = _compat_pickle.IMPORT_MAPPING.get(module, module)
        self.stack.append(Reference(module, name))
        self.references.add(self.stack[-1])

    def make(self, of: object, arguments: Any = ()) -> None:
        """Put an object on the stack."""
        if of == ("copyreg", "_reconstructor") and arguments:  # Protocols 0 and 1.
            of, arguments = arguments[0], ()
        if isinstance(of, Reference) and (of == _DTYPE or of.name == _STRINGS or of.is_of_joblib):
            self.stack.append(_Made(of, arguments))
        else:
            self.stack.append(None)

    def build(self, state: Any) -> None:
        """Give the object on the stack its state; the bytes of an array follow its wrapper's."""
        value = self.stack[-1]
        if isinstance(value, _Made):
            value.state = state
            if value.is_wrapper:
                self._pass_array(state)

    def _pass_array(self, wrapper: Mapping[str, Any]) -> None:
        size = _item_size(wrapper["dtype"])
        if size is None:
            _Machine(self.source, self.references).run()
            return
        if wrapper.get("numpy_array_alignment_bytes") is not None:
            self.source.skip(self.source.read(1)[0])
        self.source.skip(math.prod(wrapper["shape"]) * size)

    def set_items(self, pairs: list[Any]) -> None:
        """Set items of the dictionary on the stack, of which only those of a wrapper matter."""
        target = self.stack[-1]
        if isinstance(target, dict):
            for key, value in zip(pairs[::2], pairs[1::2], strict=True):
                if isinstance(key, str) and key in _WRAPPER:
                    target[key] = value

    def fold(self, count: int) -> None:
        """Make a tuple of the last values on the stack."""
        self.marks.append(len(self.stack) - count)
        self.fold_marked()

    def fold_marked(self) -> None:
        """Make a tuple of the values above the last mark."""
        values = self.pop_mark()
        self.stack.append(tuple(values) if len(values) <= _LONG else None)


def _item_size(dtype: Any) -> int | None:
    """Return the bytes of an item of an array; None if they are Python objects.

    Args:
        dtype: Made by ``numpy.dtype("f8", False, True)``, with a state of (version, byte order,
            subarray, names, fields, size or -1, alignment, flags).
    """
    if isinstance(dtype, _Made) and dtype.of.name == _STRINGS:
        return None
    if not isinstance(dtype, _Made) or dtype.is_wrapper or not isinstance(dtype.arguments[0], str):
        message = "has an array of a type that is not numpy's, whose end cannot be told"
        raise UnsupportedPickleError(message)
    code, size, flags = dtype.arguments[0], dtype.state[5], dtype.state[7]
    if code.startswith("O") or flags & _HOLDS_OBJECTS:
        return None
    return size if size >= 0 else int(code[1:])


def _begin(machine: _Machine, protocol: int) -> None:
    machine.protocol = protocol


def _mark(machine: _Machine, _: None) -> None:
    machine.marks.append(len(machine.stack))


def _text(machine: _Machine, data: bytes | None) -> None:
    machine.stack.append(None if data is None else data.decode("utf-8", "replace"))


def _number(machine: _Machine, number: int) -> None:
    machine.stack.append(number)


def _long_number(machine: _Machine, data: bytes) -> None:
    machine.stack.append(int.from_bytes(data, "little", signed=True))


def _written_number(machine: _Machine, line: bytes) -> None:
    machine.stack.append(int(line.rstrip(b"L")) if len(line) < _LONG else None)


def _quoted(machine: _Machine, line: bytes) -> None:
    _text(machine, line[1:-1])


def _refer_by_lines(machine: _Machine, module: bytes) -> None:
    machine.refer(module.decode(), machine.source.line().decode())


def _refer_by_stack(machine: _Machine, _: None) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.refer(module, name)


def _refer_by_number(_: _Machine, number: int) -> None:
    message = f"refers to number {number} of copyreg's extension registry, which is not in it"
    raise UnreadablePickleError(message)


def _call(machine: _Machine, _: None) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    machine.make(function, arguments)


def _call_with_names(machine: _Machine, _: None) -> None:
    machine.stack.pop()
    _call(machine, None)


def _call_marked(machine: _Machine, _: None) -> None:
    machine.make(machine.pop_mark()[0])


def _call_by_lines(machine: _Machine, module: bytes) -> None:
    machine.pop_mark()
    _refer_by_lines(machine, module)
    machine.make(machine.stack.pop())


def _build(machine: _Machine, _: None) -> None:
    machine.build(machine.stack.pop())


def _dictionary(machine: _Machine, _: None) -> None:
    machine.stack.append({})


def _marked_dictionary(machine: _Machine, _: None) -> None:
    pairs = machine.pop_mark()
    machine.stack.append({})
    machine.set_items(pairs)


def _set_one(machine: _Machine, _: None) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.set_items([key, value])


def _set_marked(machine: _Machine, _: None) -> None:
    machine.set_items(machine.pop_mark())


def _again(machine: _Machine, _: None) -> None:
    machine.stack.append(machine.stack[-1])


def _put(machine: _Machine, key: int | bytes | None) -> None:
    machine.memo[len(machine.memo) if key is None else int(key)] = machine.stack[-1]


def _get(machine: _Machine, key: int | bytes) -> None:
    machine.stack.append(machine.memo[int(key)])


_STEPS: Final[Mapping[str, Callable[[_Machine, Any], None]]] = {
    "PROTO": _begin,
    "MARK": _mark,
    "DUP": _again,
    **dict.fromkeys(("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _text),
    **dict.fromkeys(("SHORT_BINSTRING", "BINSTRING"), _text),
    "STRING": _quoted,
    **dict.fromkeys(("BININT", "BININT1", "BININT2"), _number),
    "LONG1": _long_number,
    **dict.fromkeys(("INT", "LONG"), _written_number),
    "GLOBAL": _refer_by_lines,
    "STACK_GLOBAL": _refer_by_stack,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _refer_by_number),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _call),
    "NEWOBJ_EX": _call_with_names,
    "OBJ": _call_marked,
    "INST": _call_by_lines,
    "BUILD": _build,
    "EMPTY_DICT": _dictionary,
    "DICT": _marked_dictionary,
    "SETITEM": _set_one,
    "SETITEMS": _set_marked,
    "EMPTY_TUPLE": lambda machine, _: machine.fold(0),
    "TUPLE1": lambda machine, _: machine.fold(1),
    "TUPLE2": lambda machine, _: machine.fold(2),
    "TUPLE3": lambda machine, _: machine.fold(3),
    "TUPLE": lambda machine, _: machine.fold_marked(),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
}
