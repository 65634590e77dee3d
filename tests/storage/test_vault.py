"""Keys and sealing: what opens, what stays shut, and what is recognised again."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from school_protocol.engine.errors import Sealed
from school_protocol.storage.store_errors import KeysUnusable
from school_protocol.storage.vault import Vault, canonical, from_canonical, normalised

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path / "keys", create=True)


def test_key_files_are_private_and_stay(vault: Vault, tmp_path: Path) -> None:
    files = {path.name: path for path in (tmp_path / "keys").glob("*.key")}
    assert set(files) == {"master-1.key", "journal.key", "marks.key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o400}
    before = {name: path.read_bytes() for name, path in files.items()}
    Vault.open(tmp_path / "keys", create=True)
    assert {name: path.read_bytes() for name, path in files.items()} == before


def test_without_create_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeysUnusable):
        Vault.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["master-1.key", "journal.key", "marks.key"])
def test_a_lost_key_is_never_replaced_in_silence(vault: Vault, tmp_path: Path, name: str) -> None:
    (tmp_path / "keys" / name).unlink()
    with pytest.raises(KeysUnusable):
        Vault.open(tmp_path / "keys", create=True)


def test_a_key_that_others_can_read_is_refused(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "keys" / "journal.key").chmod(0o440)
    with pytest.raises(KeysUnusable, match="others"):
        Vault.open(tmp_path / "keys")


def test_a_cut_key_is_refused(vault: Vault, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "marks.key"
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(KeysUnusable, match="5 bytes"):
        Vault.open(tmp_path / "keys")


def test_two_that_create_at_once_get_the_same_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: Vault.open(tmp_path / "keys", create=True), range(8)))
    assert len({vault.mark("u", "x") for vault in vaults}) == 1


def test_wrapping_is_bound_to_its_case(vault: Vault) -> None:
    key = vault.new_case_key()
    master, wrapped = vault.wrap(key, "case:a")
    assert vault.unwrap(master, wrapped, "case:a") == key
    with pytest.raises(Sealed):
        vault.unwrap(master, wrapped, "case:b")
    with pytest.raises(Sealed):
        vault.unwrap(master + 1, wrapped, "case:a")


def test_another_process_learns_a_new_master(vault: Vault, tmp_path: Path) -> None:
    other = Vault.open(tmp_path / "keys")
    assert vault.add_master() == 2
    master, wrapped = vault.wrap(b"k" * 32, "case:a")
    assert master == 2
    assert other.unwrap(master, wrapped, "case:a") == b"k" * 32
    assert other.numbers == (2, 1)


def test_the_newest_master_is_never_removed(vault: Vault) -> None:
    with pytest.raises(KeysUnusable):
        vault.remove_master(1)


@pytest.mark.exhaustive
@given(PLAIN)
def test_canonical_values_come_back(value: Any) -> None:
    data = canonical(value)
    assert from_canonical(data) == value
    assert canonical(from_canonical(data)) == data


def test_canonical_doesnt_depend_on_the_order() -> None:
    assert canonical({"b": 1, "a": "ب"}) == canonical({"a": "ب", "b": 1}) == '{"a":"ب","b":1}'.encode()


def test_canonical_takes_the_domains_values() -> None:
    value = {"at": datetime(2026, 1, 2, tzinfo=UTC), "both": frozenset({"b", "a"}), "big": 2**70, "half": "\ud800"}
    assert from_canonical(canonical(value)) == {
        "at": "2026-01-02T00:00:00+00:00",
        "both": ["a", "b"],
        "big": 2**70,
        "half": "\ud800",
    }


@pytest.mark.parametrize("value", [float("nan"), object(), b"bytes"])
def test_canonical_refuses_the_rest(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical({"a": value})


@given(st.binary(max_size=40), st.integers(0, 200))
def test_no_altered_byte_opens(garbage: bytes, place: int) -> None:
    vault = Vault(Path("unused"), {1: b"m" * 32}, b"j" * 32, b"n" * 32)
    key = b"k" * 32
    sealed = bytearray(vault.seal(key, "label", {"a": "secret"}))
    with pytest.raises(Sealed):
        vault.open_sealed(key, "label", garbage)
    sealed[place % len(sealed)] ^= 1
    with pytest.raises(Sealed):
        vault.open_sealed(key, "label", bytes(sealed))


def test_sealing_is_bound_to_label_and_key(vault: Vault) -> None:
    key = vault.new_case_key()
    sealed = vault.seal(key, "case:a|event:1", {"x": 1})
    assert vault.open_sealed(key, "case:a|event:1", sealed) == {"x": 1}
    assert vault.seal(key, "case:a|event:1", {"x": 1}) != sealed
    for other_key, label in ((key, "case:a|event:2"), (vault.new_case_key(), "case:a|event:1")):
        with pytest.raises(Sealed):
            vault.open_sealed(other_key, label, sealed)


def test_commitments_need_the_key(vault: Vault) -> None:
    assert vault.commit(b"k" * 32, b"data") == vault.commit(b"k" * 32, b"data")
    assert len({vault.commit(b"k" * 32, b"data"), vault.commit(b"l" * 32, b"data"), vault.commit(b"k" * 32, b"x")}) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Yasmine  EL-AMRANI", "yasmine el amrani"),
        ("Émilie", "emilie"),
        ("أحمد", "احمد"),
        ("إدريس", "ادريس"),
        ("آمنة", "امنه"),
        ("فاطمة", "فاطمه"),
        ("مُحَمَّد", "محمد"),
        ("محـــمد", "محمد"),
        ("ليلى", "ليلي"),
        ("ٱلحسن", "الحسن"),
        ("\u200fسعيد\u200e", "سعيد"),
        ("ﻣﺤﻤﺪ", "محمد"),
        ("J١٢٣٤٥٦٧٨٩", "j123456789"),
        ("۰۱", "01"),
        ("Ｊ１２３", "j123"),
    ],
)
def test_names_that_are_the_same_to_a_person(vault: Vault, one: str, other: str) -> None:
    assert normalised(one) == normalised(other)
    assert vault.mark("u", one) == vault.mark("u", other)


@given(st.text())
def test_normalising_is_done_once(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


def test_a_mark_says_nothing_in_another_unit(vault: Vault) -> None:
    assert vault.mark("school-1", "Samir") != vault.mark("school-2", "Samir")
    assert vault.mark("school-1", "Samir") != vault.mark("school-1", "Samira")
