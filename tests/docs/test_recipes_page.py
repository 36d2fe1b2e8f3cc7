from tests.docs.recipes import PAGE, page


def test_recipes_page_is_what_the_docstrings_make():
    assert PAGE.read_text() == page(), "docs/recipes.md is out of date; run make docs"
