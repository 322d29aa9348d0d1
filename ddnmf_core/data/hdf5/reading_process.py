"""The process in which h5py reads a file: it lists what the file holds, or writes chosen arrays as .npy and .json files.

    python -P reading_process.py FILE SECONDS list
    python -P reading_process.py FILE SECONDS read FOLDER PATH ...

On damaged files the library of HDF5 can run for ever, or end its process. The answer is one JSON document on standard output.
Links are not followed, other files are never opened, and filters that the library would load from the disk are not used.
"""

import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

os.environ["HDF5_PLUGIN_PRELOAD"] = "::"  # no filter is loaded from the disk; h5py reads this when it is imported

MAX_OBJECTS, MAX_DEPTH = 20_000, 32
MAX_ATTRIBUTE = 200_000  # values of an attribute
LONGEST_TEXT, TEXTS_AT_ONCE = 1_000, 1_000  # letters of a text that are kept, texts read at once
MAX_MEMORY = 6 * 2**30  # bytes of address space
ATTRIBUTES = (
    "encoding-type",
    "shape",
    "_index",
    "column-order",
    "h5sparse_format",
    "h5sparse_shape",
    "pandas_type",
    "MATLAB_class",
    "MATLAB_sparse",
    "MATLAB_empty",
)


def list_objects(file: Any) -> list[dict[str, Any]]:
    """List groups, arrays and links to other files, with shapes, types and the attributes that matter."""
    found = [{"path": "", "kind": "group", "attributes": _attributes(file)}]
    for path, item in _walk(file, "", 0, set()):
        if len(found) > MAX_OBJECTS:
            raise ValueError(f"it holds more than {MAX_OBJECTS:,} arrays: put the samples into one array")
        found.append({"path": path, **_describe(item)})
    return found


def _walk(group: Any, above: str, depth: int, seen: set[Any]) -> Iterator[tuple[str, Any]]:
    """Yield path and object, or link to another file; a group that contains itself is entered once."""
    import h5py

    for name in group:
        path, link = f"{above}{name}", group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            yield path, link
        if not isinstance(link, h5py.HardLink):
            continue
        item = group[name]
        yield path, item
        address = h5py.h5o.get_info(item.id).addr
        if isinstance(item, h5py.Group) and address not in seen and depth < MAX_DEPTH:
            seen.add(address)
            yield from _walk(item, f"{path}/", depth + 1, seen)


def _describe(item: Any) -> dict[str, Any]:
    import h5py

    if isinstance(item, h5py.ExternalLink):
        return {"kind": "link", "elsewhere": item.filename}
    if not isinstance(item, h5py.Dataset):
        return {"kind": "group", "attributes": _attributes(item)}
    return {
        "kind": "array",
        "shape": list(item.shape or ()),
        "holds": _type_of(item),
        "n_bytes": item.dtype.itemsize * math.prod(item.shape or (0,)),
        "block_bytes": item.dtype.itemsize * math.prod(item.chunks or (0,)),
        "elsewhere": _elsewhere(item),
        "attributes": _attributes(item),
    }


def _type_of(item: Any) -> str:
    """Return 'number', 'text', or what else an array holds; an array without a shape is empty."""
    import h5py

    if item.shape is None:
        return "nothing"
    if item.dtype.kind in "biuf" and item.dtype.subdtype is None:
        return "number"
    return "text" if h5py.check_string_dtype(item.dtype) else str(item.dtype)


def _elsewhere(item: Any) -> str:
    """Name another file from which an array's values would come; empty if they are in this one."""
    if item.is_virtual:
        return str(item.virtual_sources()[0].file_name) if item.virtual_sources() else "another file"
    return str(item.external[0][0]) if item.external else ""


def _attributes(item: Any) -> dict[str, Any]:
    found = {}
    for name in ATTRIBUTES:
        if name in item.attrs and math.prod(item.attrs.get_id(name).shape) <= MAX_ATTRIBUTE:
            found[name] = _plain(item.attrs[name])
    return found


def _plain(value: Any) -> Any:
    """Turn a value of an attribute into what JSON holds."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str | int | float | bool) else str(value)


def write_arrays(file: Any, folder: Path, paths: list[str]) -> list[str]:
    """Write arrays into the folder, numbered: numbers as .npy, texts as .json. Return the names of the files."""
    import numpy as np

    names = []
    for number, path in enumerate(paths):
        item = _opened(file, path)
        if _elsewhere(item):
            raise ValueError(f"{path} is in another file")
        if _type_of(item) == "text":
            (folder / f"{number}.json").write_text(json.dumps(_texts(item)), "utf-8")
            names.append(f"{number}.json")
        else:
            np.save(folder / f"{number}.npy", item[()], allow_pickle=False)
            names.append(f"{number}.npy")
    return names


def _opened(file: Any, path: str) -> Any:
    """Open an array of this file by its path, of which no step is a link to elsewhere."""
    import h5py

    item = file
    for name in path.split("/"):
        if not isinstance(item.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{path} is a link")
        item = item[name]
    return item


def _texts(item: Any) -> list[str]:
    reader = item.asstr(errors="replace")
    if item.shape == ():
        return [str(reader[()])[:LONGEST_TEXT]]
    blocks = (reader[start : start + TEXTS_AT_ONCE] for start in range(0, item.shape[0], TEXTS_AT_ONCE))
    return [str(text)[:LONGEST_TEXT] for block in blocks for text in block.ravel()]


def _limit_resources(seconds: int) -> None:
    with suppress(ImportError, ValueError, OSError):  # where a system knows no limits the caller's time limit is left
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(path: str, seconds: str, task: str, *rest: str) -> None:
    """Do a task and print its result, or the message of the library's error."""
    _limit_resources(int(seconds))
    try:
        import h5py

        with h5py.File(path, "r", locking=False) as file:
            answer: dict[str, Any] = {
                "result": list_objects(file) if task == "list" else write_arrays(file, Path(rest[0]), list(rest[1:]))
            }
    except Exception as error:  # the library raises any error on damaged files
        answer = {"error": str(error) or type(error).__name__}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
