import hashlib
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipebench.errors import UsageError
from pipebench.models.pairs import catalogs
from pipebench.models.pairs.catalogs import Catalogs
from pipebench.models.text.asked import TokenRule
from tests.models.pairs.building import catalog, write

LINES = [
    ("no such file or directory", "aucun fichier ou dossier de ce nom"),
    ("the disk is full now", "le disque est plein maintenant"),
]
SHORT = [("%s: no file", "%s : aucun fichier"), ("Open the file", "Ouvrir le fichier")]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any catalog: what is written there is all that there is."""
    monkeypatch.setattr(catalogs, "_SYSTEM", (str(tmp_path / "share" / "locale"),))
    monkeypatch.setattr(catalogs, "_VIM", str(tmp_path / "vim"))
    monkeypatch.setattr(catalogs, "_PACKAGES", str(tmp_path / "system" / "dist-packages"))
    path = ["", str(tmp_path), str(tmp_path / "own" / "site-packages")]
    monkeypatch.setattr(catalogs, "sys", SimpleNamespace(path=path, prefix=str(tmp_path / "prefix")))
    return tmp_path


def system(machine: Path, name: str, language: str = "fr") -> Path:
    return machine / "share" / "locale" / language / "LC_MESSAGES" / f"{name}.mo"


def read(language: str = "fr", rule: TokenRule = "words") -> tuple[list[tuple[str, str]], Catalogs]:
    """Pairs as text, words between spaces."""
    origin = Catalogs(language, rule)
    return [(" ".join(source), " ".join(target)) for source, target in origin.pairs()], origin


def test_pairs_come_by_path_and_then_by_their_order_in_the_file(machine: Path) -> None:
    write(system(machine, "b"), catalog([LINES[0]]))
    write(system(machine, "a"), catalog([("Z is the last letter", "Z est la dernière lettre"), LINES[1]]))
    pairs, origin = read()
    assert pairs == [("Z is the last letter", "Z est la dernière lettre"), LINES[1], LINES[0]]
    told = origin.told()
    assert (told.text, told.skipped, told.whole) == ("2 gettext catalogs, English to fr", 0, True)
    text = "".join(f"{source}\0{target}\0" for source, target in pairs)
    assert told.sha256 == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "place",
    [
        "share/locale/fr/LC_MESSAGES/x.mo",
        "prefix/share/locale/fr/LC_MESSAGES/x.mo",
        "vim/vim90/lang/fr/LC_MESSAGES/vim.mo",
        "system/dist-packages/mercurial/locale/fr/LC_MESSAGES/hg.mo",
        "own/site-packages/django/contrib/admin/locale/fr/LC_MESSAGES/djangojs.mo",
        "own/site-packages/sphinx/translations/fr/LC_MESSAGES/sphinx.mo",
    ],
)
def test_catalogs_of_the_system_and_of_packages_are_found(machine: Path, place: str) -> None:
    write(machine / place, catalog(LINES))
    assert read()[0] == LINES
    assert catalogs.languages() == {"fr": 1}


@pytest.mark.parametrize(
    "place",
    [
        "fr/LC_MESSAGES/x.mo",
        "project/locale/fr/LC_MESSAGES/x.mo",  # not installed, though on the path
        "share/locale/fr/LC_TIME/x.mo",
        "share/locale/fr/LC_MESSAGES/x.po",
        "share/locale/fr_CA/LC_MESSAGES/x.mo",
        "own/site-packages/.hidden/locale/fr/LC_MESSAGES/x.mo",
        "share/locale/fr/LC_MESSAGES/x.mo/y",
    ],
)
def test_other_files_are_not_read(machine: Path, place: str) -> None:
    write(machine / place, catalog(LINES))
    with pytest.raises(UsageError, match=r"^--pairs fr: no catalog of this machine is in it; "):
        read()


def test_a_pair_has_five_english_words_without_its_markup(machine: Path) -> None:
    write(
        system(machine, "a"),
        catalog(
            [
                *SHORT,
                ("<b>Delete</b> all _files of %s?", "<b>Supprimer</b> tous les _fichiers de %s ?"),
                ("{a} {b} {c} {d} {e} nothing", "{a} {b} {c} {d} {e} rien"),
                ("It is not translated here", "It is not translated here"),
                ("<b>It</b> is not translated here", "<i>It</i> is not translated here"),
                ("There is nothing behind it", "%s"),
                ("There is nothing at all", ""),
                LINES[0],
                LINES[0],
                (f"  {LINES[0][0]}\n", f"{LINES[0][1]}\n"),
                (LINES[0][0].capitalize(), LINES[0][1]),
            ]
        ),
    )
    assert read()[0] == [
        ("Delete all files of ?", "Supprimer tous les fichiers de ?"),
        LINES[0],
        ("No such file or directory", LINES[0][1]),
    ]


def test_a_text_with_two_translations_is_two_pairs(machine: Path) -> None:
    write(system(machine, "a"), catalog([LINES[0]]))
    write(system(machine, "b"), catalog([(LINES[0][0], "introuvable")]))
    assert read()[0] == [LINES[0], (LINES[0][0], "introuvable")]


def test_the_rule_is_for_words_and_not_for_which_pairs_there_are(machine: Path) -> None:
    write(system(machine, "a"), catalog([*LINES, *SHORT]))
    assert read(rule="spaces")[0] == LINES
    assert read(rule="characters")[0][1][0] == " ".join("thediskisfullnow")


def test_catalogs_that_cannot_be_read_are_skipped_and_counted(machine: Path) -> None:
    write(system(machine, "a"), catalog(LINES)[:-30])
    write(system(machine, "b"), b"no catalog")
    write(
        system(machine, "c"),
        catalog([*LINES, ("the summer is long ago", "l'été est loin")], "latin-1", said="ascii"),
    )
    write(system(machine, "d"), catalog([("an old encoding is fine", "été comme hiver")], "iso-8859-15"))
    system(machine, "e").symlink_to("nowhere")
    os.mkfifo(system(machine, "f"))
    pairs, origin = read()
    assert pairs == [("an old encoding is fine", "été comme hiver")]
    assert origin.told().text == "1 gettext catalog, English to fr (3 more cannot be read)"
    assert origin.told().skipped == 3


def test_a_catalog_that_is_far_too_large_is_skipped(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "_MOST_BYTES", 1000)
    write(system(machine, "a"), catalog([*LINES, ("a" * 1000, "b")]))
    write(system(machine, "b"), catalog(LINES))
    assert read()[1].told().skipped == 1


def test_the_same_catalogs_elsewhere_have_the_same_hash(machine: Path) -> None:
    found = []
    for place in ("share/locale/fr/LC_MESSAGES/x.mo", "prefix/share/locale/fr/LC_MESSAGES/x.mo"):
        path = write(machine / place, catalog(LINES))
        found.append(read()[1].told())
        path.unlink()
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("asked", "others"),
    [
        ("xx", "de (3), pt (1), pt_BR (1) and sr@latin (1)"),
        ("sr", "sr@latin (1), de (3), pt (1) and pt_BR (1)"),
        ("en", "de (3), pt (1), pt_BR (1) and sr@latin (1)"),
    ],
)
def test_an_unknown_language_names_those_that_there_are(machine: Path, asked: str, others: str) -> None:
    for language, names in {"de": "abc", "pt": "a", "pt_BR": "a", "sr@latin": "a"}.items():
        for name in names:
            write(system(machine, name, language), b"")
    (machine / "share" / "locale" / "nl" / "LC_MESSAGES").mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        read(asked)
    assert str(caught.value) == (
        f"--pairs {asked}: no catalog of this machine is in it; "
        f"name a language that has catalogs: {others}, or use --source FILE --target FILE"
    )


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("pt_PT", "pt"), ("pt-BR", "pt_BR"), ("pt_br", "pt_BR"), ("DE", "de"), ("de_CH", "de")],
)
def test_a_language_that_is_written_almost_so_is_named(machine: Path, asked: str, meant: str) -> None:
    for language in ("de", "pt", "pt_BR", "sr@latin"):
        write(system(machine, "a", language), b"")
    with pytest.raises(UsageError, match=f"is in it; did you mean {meant}\\? else name a language"):
        read(asked)


def test_of_many_languages_a_few_are_named(machine: Path) -> None:
    for number in range(20):
        write(system(machine, "a", f"l{number:02}"), b"")
    with pytest.raises(UsageError, match=r"l06 \(1\), l07 \(1\) and 12 more, or use --source"):
        read()


def test_a_machine_without_catalogs_says_what_to_do() -> None:
    with pytest.raises(UsageError) as caught:
        read()
    assert str(caught.value) == (
        "--pairs fr: no catalog of this machine is in it; use --source FILE --target FILE"
    )


@pytest.mark.parametrize(
    "language", ["", "..", ".", "../fr", "fr/", "*", "fr\n", "f r", "-fr", "[a-z]", "été"]
)
def test_what_is_no_name_of_a_language_is_refused(language: str) -> None:
    with pytest.raises(UsageError, match="expected a language such as fr or pt_BR"):
        Catalogs(language, "words")


def test_where_nothing_is_long_enough_it_is_said(machine: Path) -> None:
    write(system(machine, "a"), catalog(SHORT))
    pairs, origin = read()
    assert pairs == []
    assert origin.none_found == (
        "--pairs fr: 1 catalog of this machine translates no text of 5 words or more; use --source FILE --target FILE"
    )
    write(system(machine, "b"), b"")
    write(system(machine, "c"), catalog(SHORT))
    write(system(machine, "c", "de"), b"")
    assert read()[1].none_found == (
        "--pairs fr: 2 catalogs of this machine translate no text of 5 words or more, 1 catalog cannot be read; "
        "name a language that has catalogs: de (1), or use --source FILE --target FILE"
    )
