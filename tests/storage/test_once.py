"""Pressing twice records once, and no typed word is lost."""

import hashlib
from datetime import timedelta

import pytest

from school_protocol.engine.errors import SentBefore
from school_protocol.storage import idempotency
from school_protocol.storage.vault import canonical
from storage.conftest import NOW, Realm


def sent(realm: Realm, account: str = "a", token: str = "token", *said: object) -> idempotency.Press:
    return idempotency.press(realm.vault, account, token, *(said or ("the same",)))


def test_a_token_gives_its_first_outcome_for_ever(realm: Realm) -> None:
    for outcome, expected in (({"seq": 1}, None), ({"seq": 2}, {"seq": 1}), ({"seq": 3}, {"seq": 1})):
        with realm.store.writing() as session:
            assert idempotency.use(session, sent(realm), outcome, at=NOW) == expected
    with realm.store.reading() as session:
        assert idempotency.spent(session, sent(realm)) == {"seq": 1}
        assert idempotency.spent(session, sent(realm, "a", "tokén")) is None
        assert idempotency.spent(session, sent(realm, "b")) is None


def test_a_used_token_with_other_words_is_never_taken_for_the_first(realm: Realm) -> None:
    with realm.store.writing() as session:
        idempotency.use(session, sent(realm, "a", "token", "act", {"text": "هاد الشي"}), {"seq": 1}, at=NOW)
    with realm.store.writing() as session:
        assert idempotency.spent(session, sent(realm, "a", "token", "act", {"text": "هاد الشي"})) == {"seq": 1}
        for said in (("act", {"text": "هاد الشيء"}), ("other", {"text": "هاد الشي"}), ("act", {}), ()):
            with pytest.raises(SentBefore) as refused:
                idempotency.spent(session, sent(realm, "a", "token", *said))
            assert refused.value.outcome == {"seq": 1}
            with pytest.raises(SentBefore):
                idempotency.use(session, sent(realm, "a", "token", *said), {"seq": 2}, at=NOW)


def test_what_is_kept_of_the_words_says_nothing_without_the_key(realm: Realm) -> None:
    first, same = sent(realm, "a", "t", "سلمى"), sent(realm, "b", "u", "سلمى")
    assert first.said == same.said
    assert first.said != hashlib.sha256(canonical(["سلمى"])).hexdigest()


def test_the_same_token_in_one_transaction(realm: Realm) -> None:
    with realm.store.writing() as session:
        assert idempotency.use(session, sent(realm), {"seq": 1}, at=NOW) is None
        assert idempotency.use(session, sent(realm), {"seq": 2}, at=NOW) == {"seq": 1}


@pytest.mark.exhaustive
def test_a_refused_form_uses_no_token_up(realm: Realm) -> None:
    def refuse() -> None:
        with realm.store.writing() as session:
            idempotency.use(session, sent(realm), {"seq": 1}, at=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        refuse()
    with realm.store.writing() as session:
        assert idempotency.use(session, sent(realm), {"seq": 2}, at=NOW) is None


def test_old_tokens_are_forgotten(realm: Realm) -> None:
    with realm.store.writing() as session:
        idempotency.use(session, sent(realm), {}, at=NOW)
        idempotency.drop_tokens(session, NOW)
        assert idempotency.spent(session, sent(realm)) == {}
        idempotency.drop_tokens(session, NOW + timedelta(seconds=1))
    with realm.store.reading() as session:
        assert idempotency.spent(session, sent(realm)) is None


def test_drafts_are_for_the_same_person_only(realm: Realm) -> None:
    for text, moment in (("first", NOW), ("ثانٍ", NOW + timedelta(minutes=1))):
        with realm.store.writing() as session:
            idempotency.keep_draft(session, realm.vault, "a", "case/note", {"text": text}, at=moment)
            idempotency.keep_draft(session, realm.vault, "a", "other", {"text": text}, at=NOW)
    with realm.store.reading() as session:
        found = idempotency.draft(session, realm.vault, "a", "case/note")
        assert found == idempotency.Draft("case/note", NOW + timedelta(minutes=1), {"text": "ثانٍ"})
        assert idempotency.draft(session, realm.vault, "b", "case/note") is None
        assert [key for key, _ in idempotency.drafts_of(session, "a")] == ["case/note", "other"]
    with realm.store.writing() as session:
        idempotency.drop_draft(session, "a", "case/note")
        assert [key for key, _ in idempotency.drafts_of(session, "a")] == ["other"]
        idempotency.drop_drafts(session, NOW + timedelta(seconds=1))
        assert idempotency.drafts_of(session, "a") == ()
