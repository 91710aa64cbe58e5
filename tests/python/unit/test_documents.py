"""The documents among themselves: decisions have one form, the index names them all, links and paths lead somewhere."""

import csv
import re

import pytest
from builders import documents
from builders.documents import DOCUMENTS, INDEX, PROJECT, THEMES, decisions

FORM = ["Options", "Choice", "Why", "Costs", "Example", "Since"]


def test_every_page_of_decisions_is_a_theme():
    assert sorted(THEMES) == sorted(file.stem for file in (PROJECT / "docs" / "decisions").glob("*.md"))


@pytest.mark.parametrize("theme", THEMES)
def test_each_decision_says_options_choice_why_costs_example_and_version(theme):
    assert decisions(theme)
    for title, text in decisions(theme).items():
        assert re.findall(r"^- \*\*(\w+)\*\*: \S", text, re.MULTILINE) == FORM, title
        assert re.search(r"^- \*\*Since\*\*: \d+\.\d+\.\d+$", text, re.MULTILINE), title


def test_the_index_names_every_decision(write_documents):
    if write_documents:
        INDEX.write_text(documents.index_of_decisions(), encoding="utf-8")
    assert INDEX.read_text(encoding="utf-8") == documents.index_of_decisions(), "make documents writes it anew"


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.relative_to(PROJECT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading_of_it(file):
    text = re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        where, _, heading = link.partition("#")
        target = (file.parent / where).resolve() if where else file
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {documents.anchor(re.sub(r"\[(.+?)\]\(.*?\)", r"\1", title)) for title in titles}, link


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.relative_to(PROJECT).as_posix())
def test_every_path_of_the_project_that_is_named_is_there(file):
    folders = "|".join(sorted(entry.name for entry in PROJECT.iterdir() if entry.is_dir() and entry.name[0] != "."))
    named = re.findall(rf"`((?:{folders})/[^`\s]*)`", file.read_text(encoding="utf-8"))
    # data/ and target/ are written by commands; <key> stands for any.
    paths = [path for path in named if not path.startswith(("data/", "target/"))]
    missing = [path for path in paths if not list(PROJECT.glob(re.sub(r"<[^>]+>", "*", path.rstrip("/"))))]
    if file.name != "CHANGELOG.md":  # it tells of what was
        assert missing == []


def test_the_catalogue_says_for_each_metric_where_its_definition_comes_from():
    with (PROJECT / "seeds" / "metrics_listed.csv").open(encoding="utf-8", newline="") as file:
        for metric in csv.DictReader(file):
            origin, where = metric["source"].split("; ")
            assert origin == "Keizoku" or "顧客の成功を、データで先回りする" in origin
            assert (PROJECT / where).is_file(), where
            assert all(metric[name] for name in ("name_en", "name_ja", "definition_en", "definition_ja"))
