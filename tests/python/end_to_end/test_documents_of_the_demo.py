"""Every figure and table of README and docs is what the published demo says; every query in them runs."""

import pytest
import yaml
from builders import refreshes
from builders.documents import DOCUMENTS, FIGURES, PROJECT, as_it_should_be


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.relative_to(PROJECT).as_posix())
def test_a_document_says_what_the_demo_says(file, write_documents):
    made = as_it_should_be(file, refreshes.demo())
    if write_documents:
        file.write_text(made, encoding="utf-8")
    assert file.read_text(encoding="utf-8").splitlines() == made.splitlines(), "make documents writes it anew"


def test_figures_are_described_for_documents_that_there_are():
    described = yaml.safe_load(FIGURES.read_text(encoding="utf-8"))
    assert set(described) <= {file.relative_to(PROJECT).as_posix() for file in DOCUMENTS}
