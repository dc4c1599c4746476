"""An extension in C, built from the source below by whatever compiler there is."""

from __future__ import annotations

import atexit
import functools
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType

SOURCE = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM 4096
#define PAGES (16 * 4096)

/* The words of a text, in a list; one reference too many is left on the list. */
static PyObject *
words(PyObject *module, PyObject *text)
{
    PyObject *list = PyUnicode_Split(text, NULL, -1);
    Py_XINCREF(list);
    return list;
}

static PyObject *
words_soundly(PyObject *module, PyObject *text)
{
    return PyUnicode_Split(text, NULL, -1);
}

/* The sum of some numbers; the item that is no number is not given back. */
static PyObject *
sum_up(PyObject *numbers, int sound)
{
    long sum = 0;
    Py_ssize_t length = PySequence_Size(numbers);
    if (length < 0)
        return NULL;
    for (Py_ssize_t i = 0; i < length; i++) {
        PyObject *number = PySequence_GetItem(numbers, i);
        if (number == NULL)
            return NULL;
        long value = PyLong_AsLong(number);
        if (value == -1 && PyErr_Occurred()) {
            if (sound)
                Py_DECREF(number);
            return NULL;
        }
        Py_DECREF(number);
        sum += value;
    }
    return PyLong_FromLong(sum);
}

static PyObject *
total(PyObject *module, PyObject *numbers)
{
    return sum_up(numbers, 0);
}

static PyObject *
total_soundly(PyObject *module, PyObject *numbers)
{
    return sum_up(numbers, 1);
}

/* A text the other way round, by way of a buffer that may be forgotten. */
static PyObject *
turn(PyObject *text, int sound)
{
    Py_ssize_t length;
    const char *from = PyUnicode_AsUTF8AndSize(text, &length);
    if (from == NULL)
        return NULL;
    char *buffer = malloc(ROOM);
    if (buffer == NULL || length > ROOM) {
        free(buffer);
        return PyErr_NoMemory();
    }
    memset(buffer, 0, ROOM);
    for (Py_ssize_t i = 0; i < length; i++)
        buffer[i] = from[length - 1 - i];
    PyObject *turned = PyUnicode_FromStringAndSize(buffer, length);
    if (sound)
        free(buffer);
    return turned;
}

static PyObject *
reversed_text(PyObject *module, PyObject *text)
{
    return turn(text, 0);
}

static PyObject *
reversed_text_soundly(PyObject *module, PyObject *text)
{
    return turn(text, 1);
}

/* How many bytes there are, counted in pages of their own. */
static PyObject *
count(PyObject *bytes, int sound)
{
    char *pages = mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_ssize_t length = PyBytes_Size(bytes);
    memset(pages, 1, PAGES);
    if (sound)
        munmap(pages, PAGES);
    return PyLong_FromSsize_t(length);
}

static PyObject *
counted(PyObject *module, PyObject *bytes)
{
    return count(bytes, 0);
}

static PyObject *
counted_soundly(PyObject *module, PyObject *bytes)
{
    return count(bytes, 1);
}

/* The first byte of a file. */
static PyObject *
look(PyObject *path, int sound)
{
    const char *name = PyUnicode_AsUTF8(path);
    if (name == NULL)
        return NULL;
    char byte = 0;
    int file = open(name, O_RDONLY);
    if (file < 0 || read(file, &byte, 1) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    if (sound)
        close(file);
    return PyBytes_FromStringAndSize(&byte, 1);
}

static PyObject *
first_byte(PyObject *module, PyObject *path)
{
    return look(path, 0);
}

static PyObject *
first_byte_soundly(PyObject *module, PyObject *path)
{
    return look(path, 1);
}

static PyMethodDef methods[] = {
    {"words", words, METH_O, NULL},
    {"words_soundly", words_soundly, METH_O, NULL},
    {"total", total, METH_O, NULL},
    {"total_soundly", total_soundly, METH_O, NULL},
    {"reversed_text", reversed_text, METH_O, NULL},
    {"reversed_text_soundly", reversed_text_soundly, METH_O, NULL},
    {"counted", counted, METH_O, NULL},
    {"counted_soundly", counted_soundly, METH_O, NULL},
    {"first_byte", first_byte, METH_O, NULL},
    {"first_byte_soundly", first_byte_soundly, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "spool", NULL, 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit_spool(void)
{
    return PyModule_Create(&definition);
}
"""


def compiler() -> str | None:
    """Return the C compiler of this machine, if it can build extensions."""
    headers = Path(sysconfig.get_path("include"), "Python.h")
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    return found if os.name == "posix" and headers.exists() else None


@functools.cache
def spool() -> ModuleType:
    """Build the extension, load it, and return it."""
    command = compiler()
    assert command is not None
    folder = tempfile.mkdtemp(prefix="spool-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    source = Path(folder, "spool.c")
    source.write_text(SOURCE, encoding="utf-8")
    library = str(source.with_suffix(importlib.machinery.EXTENSION_SUFFIXES[0]))
    arguments = ["-O1", "-shared", "-fPIC", f"-I{sysconfig.get_path('include')}"]
    if sysconfig.get_config_var("MACHDEP") == "darwin":
        arguments += ["-undefined", "dynamic_lookup"]
    subprocess.run([command, *arguments, str(source), "-o", library], check=True)
    loader = importlib.machinery.ExtensionFileLoader("spool", library)
    spec = importlib.util.spec_from_loader("spool", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
