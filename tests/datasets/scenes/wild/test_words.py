"""What is said about wild scenes is true of them."""

from datasets.scenes.wild.scene import WildScene
from datasets.scenes.wild.words import TAGS, describe_wild
from datasets.schema import TEXT_ROLES
from datasets.sources.synthetic import wild_scene


def scenes() -> list[WildScene]:
    return [wild_scene(index, seed=4, seconds=1.0, size=32) for index in range(120)]


def words(scene: WildScene, role: str, **options: float) -> list[str]:
    return [text.text for text in describe_wild(scene, **options) if text.role == role]


def test_words_name_what_is_heard_and_whether_it_is_seen():
    places = set()
    for scene in scenes():
        assert {text.role for text in describe_wild(scene)} <= set(TEXT_ROLES)
        answers = dict(zip(words(scene, "question"), words(scene, "answer"), strict=True))
        heard = {thing.material for thing in scene.cast.heard}
        assert ("a voice" in answers["What does it sound like?"]) == ("speech" in heard)
        place = answers.get("Is what is heard in the picture?")
        places.add(place)
        assert place == {0: "no", len(scene.cast.heard): "yes"}.get(len(scene.boxes))
    assert places >= {"yes", "no"}


def test_tags_are_what_is_heard_and_what_of_it_is_seen():
    for scene in scenes():
        tags = set(words(scene, "tag"))
        assert {thing.material for thing in scene.cast.heard} <= tags <= set(TAGS)
        assert ("off screen" in tags) == scene.off_screen
        assert ("head" in tags) == any(thing.kind == "head" for thing, _ in scene.boxes)


def test_tags_are_wrong_where_asked():
    for scene in scenes()[:10]:
        assert not set(words(scene, "tag", tag_noise=1.0)) & set(words(scene, "tag"))
        assert len(words(scene, "tag", tag_noise=1.0)) == len(words(scene, "tag"))
