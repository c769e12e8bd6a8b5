"""Which language copy is written in: short headlines, paragraphs, scripts, and what the feed says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.enrich import detect_language, language
from tasks.enrich.lexicon import LANGUAGES, telling

# One or two everyday sentences per language, written for this test.
SENTENCES = {
    "de": "Der Gemeinderat hat am Montag beschlossen, dass die alte Brücke nicht mehr repariert wird.",
    "en": "The council decided on Monday that the old bridge will not be repaired any more.",
    "fr": "Le conseil a décidé lundi que le vieux pont ne sera plus réparé, selon le maire de la ville.",
    "es": "El ayuntamiento decidió el lunes que el viejo puente ya no será reparado, según el alcalde.",
    "it": "Il consiglio ha deciso lunedì che il vecchio ponte non sarà più riparato, secondo il sindaco.",
    "nl": "De gemeenteraad heeft maandag besloten dat de oude brug niet meer wordt hersteld.",
    "pt": "A câmara decidiu na segunda-feira que a velha ponte não será mais reparada, segundo o prefeito.",
    "pl": "Rada miasta zdecydowała w poniedziałek, że stary most nie będzie już naprawiany.",
    "da": "Byrådet har mandag besluttet, at den gamle bro ikke længere bliver repareret.",
    "nb": "Bystyret har mandag bestemt at den gamle broen ikke lenger blir reparert, sier ordføreren etter møtet.",
    "sv": "Kommunen har på måndagen beslutat att den gamla bron inte längre ska repareras.",
    "fi": "Kaupunginvaltuusto päätti maanantaina, että vanhaa siltaa ei enää korjata, koska se on liian kallis.",
    "cs": "Zastupitelstvo v pondělí rozhodlo, že starý most už nebude opravován, protože je příliš drahý.",
    "hu": "A tanács hétfőn úgy döntött, hogy a régi hidat már nem javítják meg, mert az túl drága.",
    "ro": "Consiliul a decis luni că podul vechi nu va mai fi reparat, pentru că este prea scump.",
    "tr": "Belediye meclisi pazartesi günü eski köprünün artık onarılmayacağına karar verdi, çünkü bu çok pahalı.",
    "ru": "Городской совет решил в понедельник, что старый мост больше не будут ремонтировать.",
    "uk": "Міська рада вирішила в понеділок, що старий міст більше не будуть ремонтувати, бо це дорого.",
    "el": "Το δημοτικό συμβούλιο αποφάσισε τη Δευτέρα ότι η παλιά γέφυρα δεν θα επισκευαστεί.",
    "ja": "市議会は月曜日、古い橋をもう修理しないことを決めた。",
    "ko": "시의회는 월요일 낡은 다리를 더 이상 수리하지 않기로 결정했다.",
    "zh": "市议会星期一决定不再维修这座旧桥。",
    "ar": "قرر المجلس يوم الاثنين عدم إصلاح الجسر القديم بعد الآن.",
}
HEADLINES = {
    "de": [
        "Bahn streicht Züge zwischen Köln und Bonn",
        "Mehrere Verletzte nach Unfall auf der Autobahn",
        "Regierung einigt sich auf Haushalt",
        "Wie geht es weiter mit der Schule?",
        "Wirtschaft wächst kaum noch",
        "Heftige Gewitter über Bayern",
        "Torwart verlässt den Verein",
    ],
    "en": [
        "Man arrested after crash on motorway",
        "How schools cope with the heat",
        "Government agrees on budget",
        "Economy barely growing, bank says",
        "What we know about the storm",
        "Goalkeeper leaves club",
        "Trains cut between Leeds and York",
    ],
}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_is_known_by_its_language(code: str) -> None:
    found, confidence = detect_language(SENTENCES[code])
    assert found == code
    assert confidence > 0.3


@pytest.mark.parametrize(("code", "headline"), [(code, line) for code, lines in HEADLINES.items() for line in lines])
def test_a_headline_is_enough_for_german_and_english(code: str, headline: str) -> None:
    assert detect_language(headline)[0] == code


def test_the_feed_s_word_decides_where_the_text_says_nothing() -> None:
    assert detect_language("Tokio 2031", "de-AT") == ("de", detect_language("Tokio 2031", "de-AT")[1])
    assert detect_language("Marta Lindqvist", "sv_SE")[0] == "sv"


def test_the_feed_s_word_does_not_turn_a_paragraph() -> None:
    assert detect_language(SENTENCES["de"], "en-US")[0] == "de"
    assert detect_language(SENTENCES["en"], "de")[0] == "en"


def test_nothing_is_undetermined() -> None:
    assert detect_language("") == ("und", 0.0)
    assert detect_language("12 : 3 – 7 %") == ("und", 0.0)


@pytest.mark.parametrize("hint", ["", "  ", "x", "123", "deutsch!", "-", "de-AT-1901", None])
def test_a_senseless_hint_does_no_harm(hint: str | None) -> None:
    assert detect_language(SENTENCES["en"], hint)[0] == "en"


@given(st.text(max_size=400), st.one_of(st.none(), st.text(max_size=8)))
def test_any_text_has_a_language_code_and_a_confidence(text: str, hint: str | None) -> None:
    code, confidence = detect_language(text, hint)
    assert code.isalpha()
    assert 0.0 <= confidence <= 1.0


def test_a_headline_is_read_the_same_whatever_was_read_before() -> None:
    texts = [
        (headline, hint) for headlines in HEADLINES.values() for headline in headlines for hint in (None, "de", "en")
    ]

    def fresh(text: str, hint: str | None) -> tuple[str, float]:
        language._KNOWN.clear()
        language._TOPICAL.clear()
        for code in LANGUAGES:
            known = telling(code)
            assert known is not None
            known.clear()
        return detect_language(text, hint)

    first = [fresh(*text) for text in texts]
    assert [detect_language(*text) for text in reversed(texts)][::-1] == first
    assert fresh("Sport", "en") == detect_language("Sport", "en")
    assert language._TOPICAL["Sport"] == 0b11, "a topic's word in both languages, though neither had met a word"
