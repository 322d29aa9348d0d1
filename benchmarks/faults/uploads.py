"""Malformed uploads: lying headers, zip bombs, path traversal, truncation. Each is refused with a message; nothing stored."""

import io
import json
import pickle
import random
import struct
import time
import zipfile
from collections.abc import Callable

import numpy as np
from PIL import Image

from benchmarks.faults.counting import Count
from benchmarks.faults.fixtures import environment, folder
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.single_image import read_picture
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.store.archive_import import import_archive
from ddnmf_core.store.run_store import Store

N_ROWS, LONGEST = 40, 400  # samples of a file; letters of a sentence
File = tuple[str, bytes]  # its name and content


# ------------------------------------------------------------------------------- what is wrong with a file


def cut(chance: random.Random) -> File:
    """A good file that ends too early."""
    name, content = chance.choice([_npy(), _npz(), _parquet(), _pictures(), _picture()])
    return name, content[: chance.randrange(1, int(0.9 * len(content)))]


def noise(chance: random.Random) -> File:
    """Random bytes under a good name."""
    return f"x.{chance.choice(['zip', 'npy', 'npz', 'parquet', 'png'])}", chance.randbytes(chance.randrange(0, 3000))


def objects(chance: random.Random) -> File:
    """Arrays of Python objects, whose reading would run a pickle."""
    array = np.array([chance.random(), "text", None] * N_ROWS, dtype=object)
    buffer = io.BytesIO()
    if chance.random() < 0.5:
        np.save(buffer, array, allow_pickle=True)
        return "x.npy", buffer.getvalue()
    np.savez(buffer, x=array)
    return "x.npz", buffer.getvalue()


def lying_header(chance: random.Random) -> File:
    """An array whose header declares far more values than it has."""
    shape = (chance.randrange(10**6, 10**12), chance.randrange(100, 10**6))
    header = repr({"descr": "<f8", "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return "x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + chance.randbytes(512)


def wrong_shape(chance: random.Random) -> File:
    """Too few samples, too many dimensions, a single value each, text."""
    shape = chance.choice([(), (5,), (3, 4), (N_ROWS, 1), (2, 2, 2, 2), (N_ROWS, 0), (0, 9), (N_ROWS, 3, 3, 3, 3)])
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(shape) if chance.random() < 0.7 else np.full(shape, "text"))
    return "x.npy", buffer.getvalue()


def no_numbers(chance: random.Random) -> File:
    """Missing, infinite or negative values without a chosen treatment."""
    values = np.random.default_rng(chance.randrange(10**6)).random((N_ROWS, 6))
    values[chance.randrange(N_ROWS), chance.randrange(6)] = chance.choice([np.nan, np.inf, -np.inf, -3.0])
    buffer = io.BytesIO()
    np.save(buffer, values)
    return "x.npy", buffer.getvalue()


def bad_table(chance: random.Random) -> File:
    """Rows of different lengths, text among numbers, no rows, one column, bytes that are no text."""
    rows = [f"{chance.random()},{chance.random()}" for _ in range(N_ROWS)]
    text = chance.choice(
        [
            "a,b\n" + "\n".join([*rows, "1,2,3,4"]),
            "a,b\n" + "\n".join([*rows, "word,2"]),
            "a,b\n",
            "",
            "a,b\n=cmd|' /C calc'!A0,1\n" + "\n".join(rows),
            "a\n" + "\n".join("1" for _ in rows),
        ]
    )
    return "x.csv", text.encode() if chance.random() < 0.8 else b"\xff\xfe\x00" + chance.randbytes(200)


def bomb(chance: random.Random) -> File:
    """A few bytes that unpack to, or declare, gigabytes: as a member of a zip, a picture, an array in a zip."""
    kind = chance.choice(["declared", "picture", "array"])
    if kind == "picture":
        side = chance.randrange(20_000, 60_000)
        head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        return "x.zip", _zip(
            {f"{k:03d}.png": b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + bytes(8) for k in range(N_ROWS)}
        )
    if kind == "array":
        shape = (chance.randrange(10**9, 10**11), 100)
        header = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode() + b"\n"
        return "x.npz", _zip({"x.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(10_000)})
    content = bytearray(_pictures()[1])
    for place in _places(bytes(content), b"PK\x01\x02"):  # of the directory's records: the unpacked size
        content[place + 24 : place + 28] = struct.pack("<I", chance.randrange(2**31, 2**32 - 1))
    return "x.zip", bytes(content)


def climbing(chance: random.Random) -> File:
    """Members of a zip with path traversal."""
    way = chance.choice(["../", "../../../", "/etc/", "a/../../", "..\\", "C:\\"])
    return "x.zip", _zip({f"{way}{k:03d}.png": _picture()[1] for k in range(N_ROWS)})


def pickled(chance: random.Random) -> File:
    """A pickle under another name."""
    return f"x.{chance.choice(['npy', 'npz', 'parquet', 'zip'])}", pickle.dumps({"x": [chance.random()] * 100})


def odd_hdf5(chance: random.Random) -> File:
    """An HDF5 file that ends too early, leads to another file, declares far more than it has, or holds objects."""
    import h5py

    buffer, kind = io.BytesIO(), chance.choice(["cut", "link", "virtual", "huge", "objects", "sparse"])
    with h5py.File(buffer, "w") as file:
        match kind:
            case "cut":
                file["x"] = np.random.default_rng(0).random((N_ROWS, 90))
            case "link":
                file["x"] = h5py.ExternalLink("/etc/passwd", "/x")
            case "virtual":
                layout = h5py.VirtualLayout((N_ROWS, 9), "f8")
                layout[:] = h5py.VirtualSource("other.h5", "x", (N_ROWS, 9))
                file.create_virtual_dataset("x", layout)
            case "huge":
                file.create_dataset("x", (chance.randrange(10**6, 10**12), 10**4), "f8", chunks=(10, 10))
            case "objects":
                file.create_dataset("x", (N_ROWS, 9), h5py.ref_dtype)
            case "sparse":
                file["obs/_index"] = np.arange(N_ROWS)
                file["var/_index"] = np.arange(9)
                file["X/data"], file["X/indices"], file["X/indptr"] = np.ones(40), np.full(40, 10**6), np.arange(N_ROWS + 1)
                file["X"].attrs.update({"encoding-type": "csr_matrix", "shape": (N_ROWS, 9)})
    content = buffer.getvalue()
    content = content[: chance.randrange(1, int(0.9 * len(content)))] if kind == "cut" else content
    return f"x.{chance.choice(['h5', 'hdf5', 'h5ad'])}", content


def no_archive(chance: random.Random) -> File:
    """A false archive of runs: path traversal, foreign or unsigned members."""
    entry = "runs/0123456789abcdef"
    header = json.dumps({"format": "DDNMF Studio archive", "version": chance.choice([1, 1, 99]), "entries": [entry]})
    members = chance.choice(
        [
            {f"{entry}/../../x.json": b"{}"},
            {f"{entry}/evil.pkl": b"x"},
            {"elsewhere/x": b"x"},
            {f"{entry}/config.json": b"{}"},
            {f"{entry}/config.json": b"not json"},
        ]
    )
    return "x.ddnmf.zip", _zip({"ddnmf-archive.json": header.encode(), **members})


KINDS: tuple[Callable[[random.Random], File], ...] = (
    cut,
    noise,
    objects,
    lying_header,
    wrong_shape,
    no_numbers,
    bad_table,
    bomb,
    climbing,
    pickled,
    odd_hdf5,
    no_archive,
)


# ---------------------------------------------------------------------------------------------- the count


def malformed(most: int) -> Count:
    """F14: each upload a clear sentence, nothing stored, no crash."""
    count, chance = Count("F14", "malformed uploads: refused in a sentence, nothing stored", 500), random.Random(14)
    for attempt in count.attempts(most):
        with folder() as home, environment(DDNMF_HOME=home):
            store = Store()
            kind = KINDS[attempt % len(KINDS)]
            name, content = kind(chance)
            began = time.monotonic()
            lost = _offered(store, name, content)
            left = [str(path) for path in store.root.rglob("*") if path.is_file() and path.name != "layout.json"]
            count.add(
                f"{kind.__name__}: {lost or 'left in the store: ' + ', '.join(left)}" if lost or left else "",
                time.monotonic() - began,
            )
    return count


def _offered(store: Store, name: str, content: bytes) -> str:
    """Describe the failure; empty if the upload was refused correctly."""
    try:
        if name.endswith(".ddnmf.zip"):
            imported = import_archive(store, io.BytesIO(content))
            if imported.imported or not imported.refused:
                return "an archive was taken in"
            return _unclear("; ".join(imported.refused.values()))
        if name.endswith(".png"):
            read_picture(content)
        else:
            user_sets.add(io.BytesIO(content), name, ImportOptions())
        return "it was taken in"
    except (DataError, ValueError) as error:
        return _unclear(str(error))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _unclear(sentence: str) -> str:
    """Return an empty text for a readable message."""
    fine = 0 < len(sentence) <= LONGEST and "\n" not in sentence and "Traceback" not in sentence
    return "" if fine else f"no clear sentence: {sentence[:100]!r}"


# ------------------------------------------------------------------------------------------------ good files


def _npy() -> File:
    buffer = io.BytesIO()
    np.save(buffer, np.ones((N_ROWS, 9)))
    return "x.npy", buffer.getvalue()


def _npz() -> File:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.random.default_rng(0).random((N_ROWS, 9)), y=np.arange(N_ROWS) % 3)
    return "x.npz", buffer.getvalue()


def _parquet() -> File:
    import pandas as pd

    buffer = io.BytesIO()
    pd.DataFrame(np.ones((N_ROWS, 4)), columns=list("abcd")).to_parquet(buffer)
    return "x.parquet", buffer.getvalue()


def _picture() -> File:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (12, 12), np.uint8)).save(buffer, "PNG")
    return "x.png", buffer.getvalue()


def _pictures() -> File:
    return "x.zip", _zip({f"{k % 2}/{k:03d}.png": _picture()[1] for k in range(N_ROWS)})


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _places(content: bytes, sign: bytes) -> list[int]:
    found, place = [], content.find(sign)
    while place >= 0:
        found.append(place)
        place = content.find(sign, place + 1)
    return found
