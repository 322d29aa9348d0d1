"""The folder of the store: whose it is, where it lies."""

from pathlib import Path

import pytest

from ddnmf_core.files.home import default_root, exposure, make_home


def test_a_store_made_here_is_private_and_one_that_others_may_open_is_told(tmp_path):
    assert exposure(tmp_path / "none") == ""
    make_home(tmp_path / "home")
    assert exposure(tmp_path / "home") == ""
    (tmp_path / "home").chmod(0o750)
    assert f"chmod 700 {tmp_path / 'home'}" in exposure(tmp_path / "home")


@pytest.mark.parametrize("given", ["~/runs", "~"])
def test_a_tilde_is_the_user_s_home(monkeypatch, given):
    monkeypatch.setenv("DDNMF_HOME", given)
    assert default_root() == Path(given).expanduser()
    assert "~" not in str(default_root())
