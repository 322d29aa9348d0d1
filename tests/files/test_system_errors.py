"""Errors of the operating system in words, with the way out, in every command."""

import errno
import os

import pytest
from typer.testing import CliRunner

from ddnmf_core.cli.main import main_app
from ddnmf_core.engine.worker.tasks import error_message
from ddnmf_core.files.read_only import ReadOnlyError
from ddnmf_core.files.system_errors import explain_os_error


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_no_error_is_a_number(number):
    for error in (OSError(number, os.strerror(number), "/some/file"), OSError(number, os.strerror(number))):
        for text in (explain_os_error(error), error_message(error)):
            assert "Errno" not in text
            assert "{" not in text
            assert len(text) > 5


def test_the_sentence_names_the_file_and_the_way_out():
    full = explain_os_error(OSError(errno.ENOSPC, "No space left on device", "/data/run"))
    assert full == "there is no room on the disk: /data/run. Free some space, then try again"
    assert "ulimit -n" in explain_os_error(OSError(errno.EMFILE, "Too many open files"))
    assert explain_os_error(OSError("a sentence of its own")) == "a sentence of its own"
    assert explain_os_error(ReadOnlyError()).startswith("read-only mode")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EACCES])
@pytest.mark.parametrize(
    ("command", "function"),
    [
        (["train", "--dataset", "digits", "--detach"], "ddnmf_core.engine.client.submit"),
        (["data", "add", "x.csv"], "ddnmf_core.data.user.user_sets.add"),
        (["runs", "list"], "ddnmf_core.store.run_store.Store.entries"),
        (["runs", "import", "x.zip"], "ddnmf_core.store.archive_import.import_archive"),
    ],
)
def test_commands_say_it_in_one_sentence(command, function, number, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number), "/data/file")

    monkeypatch.setattr(function, fail)
    done = CliRunner().invoke(main_app, command)
    assert done.exit_code == 2
    assert "Errno" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("ddnmf: ")
