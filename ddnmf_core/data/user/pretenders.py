"""Files that are not what their names say, and options that are not for a kind of data: refused with the way out."""

from pathlib import Path
from typing import Any

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user.source import DataSource, ImportOptions, opened

HEAD = 200  # bytes
LFS_HEAD, PAGE_HEADS = b"version https://git-lfs", (b"<!doctype html", b"<html")
KINDS = {"pictures": "pictures", "array": "files of arrays", "table": "tables"}
FITTING: dict[str, tuple[str, ...]] = {  # field of ImportOptions to the kinds that it is for, of those that would be ignored
    "x": ("array", "table"),
    "y": ("array", "pictures"),
    "labels": ("table", "pictures"),
    "leave_out": ("table",),
    "transpose": ("table", "array"),
    "separator": ("table",),
    "decimal": ("table",),
    "header": ("table",),
    "sheet": ("table",),
    "class_level": ("pictures",),
    "class_from": ("pictures",),
    "pages": ("pictures", "table"),
    "skip_damaged": ("pictures", "table"),
}


def check_head(source: DataSource, name: str) -> None:
    """Raise DataError for a pointer of Git LFS, and for a web page that was saved in place of a file."""
    if isinstance(source, Path) and source.is_dir():
        return
    with opened(source) as file:
        head = file.read(HEAD).lstrip(b"\xef\xbb\xbf \r\n\t")
    if head.startswith(LFS_HEAD):
        raise DataError(f"{name} is a pointer of Git LFS, not the file itself: fetch it first (git lfs pull)")
    if head[:20].lower().startswith(PAGE_HEADS):
        raise DataError(f"{name} is a web page, not the file itself: download it again, by the link to the raw file")


def check_options(kind: str, choices: ImportOptions) -> None:
    """Raise DataError for an option that has no effect on a kind of data: 'pictures', 'array' or 'table'."""
    default = ImportOptions()
    for field, kinds in FITTING.items():
        value: Any = getattr(choices, field)
        if kind not in kinds and value != getattr(default, field):
            instead = ". Name the array of the labels (--y)" if field == "labels" else ""
            instead = ". Name the column of the labels (--labels)" if field == "y" else instead
            option = f"{field.replace('_', '-')} = {value!r}"
            raise DataError(f"{option}: this is not for {KINDS[kind]}; leave it out{instead}")
