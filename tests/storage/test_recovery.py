"""The recovery copy: file and code together give every key again, each alone nothing; a mistyped code says where."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from school_protocol.ops import key_rotation
from school_protocol.ops.key_rotation import CodeMistyped, CopyUnusable
from school_protocol.storage.vault import Vault
from storage.conftest import NOW

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    vault = Vault.open(tmp_path / "keys", create=True)
    vault.add_master()
    return vault


def test_a_code_is_256_random_bits_in_groups_with_a_check_digit() -> None:
    codes = [key_rotation.new_code() for _ in range(20)]
    assert len({key_rotation.code_bytes(code) for code in codes}) == 20
    assert {len(key_rotation.code_bytes(code)) for code in codes} == {32}
    assert all(re.fullmatch(r"(\d{7}\s+){12}\d{7}", code) for code in codes)


def test_a_code_typed_otherwise_is_the_same() -> None:
    code = key_rotation.new_code()
    for typed in (code.translate(ARABIC), "".join(code.split()), code.replace("  ", "-"), f"\u200f {code} \n"):
        assert key_rotation.code_bytes(typed) == key_rotation.code_bytes(code)


@given(st.integers(0, 90), st.integers(1, 9))
def test_any_wrong_digit_is_found_in_its_group(place: int, by: int) -> None:
    digits = "".join(key_rotation.new_code().split())
    wrong = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]
    with pytest.raises(CodeMistyped, match=f"group {place // 7 + 1} "):
        key_rotation.code_bytes(wrong)


def test_groups_that_changed_places_are_found() -> None:
    found = 0
    for _ in range(50):
        groups = key_rotation.new_code().split()
        groups[2], groups[3] = groups[3], groups[2]
        try:
            key_rotation.code_bytes(" ".join(groups))
        except CodeMistyped:
            found += 1
    assert found >= 45


@pytest.mark.parametrize("typed", ["", "12", "a" * 91, "0" * 91, "9" * 91, "1" * 5000])
def test_what_is_no_code_is_said(typed: str) -> None:
    with pytest.raises(CodeMistyped):
        key_rotation.code_bytes(typed)


def test_file_and_code_give_every_key(vault: Vault, tmp_path: Path) -> None:
    code = key_rotation.new_code()
    copy = key_rotation.make_recovery_sheet(vault, tmp_path / "copy.json", code, NOW)
    assert copy.masters == (2, 1)
    assert (tmp_path / "copy.json").stat().st_mode & 0o077 == 0
    found = key_rotation.opened(key_rotation.read_recovery_sheet(tmp_path / "copy.json"), code)
    assert found == vault.secrets()


def test_the_file_alone_holds_no_key(vault: Vault, tmp_path: Path) -> None:
    key_rotation.make_recovery_sheet(vault, tmp_path / "copy.json", key_rotation.new_code(), NOW)
    data, kept = (tmp_path / "copy.json").read_bytes(), vault.secrets()
    for key in (*kept.masters.values(), kept.journal, kept.marks):
        for form in (key, key.hex().encode(), key_rotation._text(key).encode()):
            assert form not in data
    with pytest.raises(CopyUnusable, match="another copy's"):
        key_rotation.opened(key_rotation.read_recovery_sheet(tmp_path / "copy.json"), key_rotation.new_code())


def test_a_file_that_was_changed_does_not_open(vault: Vault, tmp_path: Path) -> None:
    code, path = key_rotation.new_code(), tmp_path / "copy.json"
    key_rotation.make_recovery_sheet(vault, path, code, NOW)
    told = json.loads(path.read_bytes())
    for name, value in {
        "masters": [2], "made_at": "2020-01-01T00:00:00+00:00", "prints": {},
        "sealed": told["sealed"][:-8] + "AAAAAAA=",
    }.items():  # fmt: skip
        path.write_text(json.dumps({**told, name: value}))
        with pytest.raises(CopyUnusable):
            key_rotation.opened(key_rotation.read_recovery_sheet(path), code)
    for spoilt in ("", "{}", "[]", "nonsense", json.dumps({**told, "format": "x"}), json.dumps({**told, "prints": 3})):
        path.write_text(spoilt)
        with pytest.raises(CopyUnusable):
            key_rotation.read_recovery_sheet(path)


def test_lost_keys_are_put_back_and_no_key_is_written_over(vault: Vault, tmp_path: Path) -> None:
    master, wrapped = vault.wrap(b"k" * 32, "case:a")
    found = vault.secrets()
    for name in ("master-2.key", "marks.key"):
        (vault.folder / name).unlink()
    assert key_rotation.put_back(vault.folder, found) == ("marks.key", "master-2.key")
    assert Vault.open(vault.folder).unwrap(master, wrapped, "case:a") == b"k" * 32
    assert key_rotation.put_back(vault.folder, found) == ()
    assert key_rotation.put_back(tmp_path / "elsewhere", found) == (
        "journal.key", "marks.key", "master-1.key", "master-2.key",
    )  # fmt: skip
    assert Vault.open(tmp_path / "elsewhere").secrets() == found


def test_another_key_in_its_place_stops_everything(vault: Vault, tmp_path: Path) -> None:
    found = vault.secrets()
    other = Vault.open(tmp_path / "other", create=True).folder
    (other / "marks.key").unlink()
    with pytest.raises(CopyUnusable, match="another key"):
        key_rotation.put_back(other, found)
    assert not (other / "marks.key").exists(), "nothing was written"


def test_nothing_is_written_over(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "copy.json").write_text("mine")
    with pytest.raises(CopyUnusable, match="exists already"):
        key_rotation.make_recovery_sheet(vault, tmp_path / "copy.json", key_rotation.new_code(), NOW)
    assert (tmp_path / "copy.json").read_text() == "mine"


def test_what_is_known_of_the_copy_is_kept(vault: Vault) -> None:
    assert key_rotation.recovery_state(vault.folder) is None
    for tested in (None, NOW):
        now = key_rotation.State(NOW, tested, key_rotation.prints(vault.secrets()))
        key_rotation.note_state(vault.folder, now)
        assert key_rotation.recovery_state(vault.folder) == now
    (vault.folder / key_rotation.STATE).write_text("{")
    assert key_rotation.recovery_state(vault.folder) is None
