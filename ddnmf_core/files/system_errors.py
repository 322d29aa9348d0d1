"""Say errors of the operating system in a sentence with the way out."""

import errno

DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room on the disk, in the quota, in a file
_WAYS_OUT = {
    **dict.fromkeys(DISK_FULL_ERRORS, "there is no room on the disk{of}. Free some space, then try again"),
    errno.EROFS: "the file system{of} is read-only. Choose another folder",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "permission is missing{of}. Grant it, or choose another folder"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "too many files are open. Raise the limit (`ulimit -n 4096`) and try again"),
    errno.ENOENT: "there is no such file or folder{of}",
    errno.EEXIST: "it exists already{of}. Choose another name",
    errno.ENOTDIR: "a file stands where a folder is needed{of}. Choose another folder",
    errno.EISDIR: "a folder stands where a file is needed{of}. Choose another name",
    errno.ENAMETOOLONG: "the name is too long{of}. Choose a shorter one",
}


def explain_os_error(error: OSError) -> str:
    """Return what went wrong, with the file if it is known, and what to do; never a number.

    An error that was made with a sentence of its own keeps it.
    """
    if error.errno is None or type(error).__module__ != "builtins":
        return str(error)
    of = f": {error.filename}" if error.filename else ""
    sentence = _WAYS_OUT.get(error.errno, f"{(error.strerror or 'the operating system refused').lower()}{{of}}")
    return sentence.replace("{of}", of)
