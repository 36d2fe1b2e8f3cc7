"""Pretrained parts are the pinned bytes of installed packages, and their words and weights mean what they should."""

import dataclasses

import numpy as np
import pytest
import torch

from infra.errors import InputError
from models.encoders.picture import PictureEncoder
from workflows.contract import pretrained
from workflows.contract.pretrained import (
    PRETRAINED,
    pretrained_fingerprint,
    pretrained_folder,
    read_vectors,
    read_weights,
)
from workflows.contract.references import open_reference, resolve_references


@pytest.mark.parametrize("name", PRETRAINED)
def test_pretrained_parts_are_the_bytes_that_were_pinned(name, tmp_path):
    (found,) = resolve_references({"part": f"package:{name}"}, str(tmp_path)).values()
    assert found.fingerprint == pretrained_fingerprint(name)
    assert found.license == PRETRAINED[name].license
    assert open_reference(found) == pretrained_folder(name)


def test_pretrained_parts_of_other_bytes_are_refused(monkeypatch):
    part = PRETRAINED["efficientnet_lite0"]
    other = dataclasses.replace(part, files=dict.fromkeys(part.files, "0" * 64))
    monkeypatch.setitem(pretrained.PRETRAINED, "efficientnet_lite0", other)
    with pytest.raises(InputError, match="is not the file that was pinned; install its package again"):
        pretrained_fingerprint("efficientnet_lite0")


def test_pretrained_parts_that_are_not_there_are_refused_in_one_line(monkeypatch, tmp_path):
    part = dataclasses.replace(PRETRAINED["glove_6b_50d"], module="no_such_package")
    monkeypatch.setitem(pretrained.PRETRAINED, "glove_6b_50d", part)
    for uri, words in (
        ("package:glove_6b_50d", "references.vectors: package:glove_6b_50d: its package is not installed; install"),
        ("package:none_such", "references.vectors: package:none_such: there is none of that name; choose from"),
    ):
        with pytest.raises(InputError, match=words):
            resolve_references({"vectors": uri}, str(tmp_path))


def test_pretrained_words_that_are_alike_lie_near_each_other():
    words, vectors = read_vectors(pretrained_folder("glove_6b_50d"))
    place = {word: words.index(word) for word in ("dog", "cat", "violin", "cello")}
    units = {word: vectors[row] / np.linalg.norm(vectors[row]) for word, row in place.items()}
    assert units["dog"] @ units["cat"] > 0.8 > 0.5 > units["dog"] @ units["violin"]
    assert units["violin"] @ units["cello"] > 0.8


def test_pretrained_image_network_tells_a_plain_picture_from_noise():
    """Its distribution over classes is far from even, and another for another picture: weights went to their places."""
    encoder = PictureEncoder("tf_efficientnet_lite0", size=224, frozen=True)
    encoder.load_in_order(read_weights(pretrained_folder("efficientnet_lite0")))
    stripes = np.zeros((1, 150, 200, 3), np.uint8)
    stripes[:, :, ::20] = 255
    noise = np.random.default_rng(0).integers(0, 256, stripes.shape, np.uint8)
    with torch.inference_mode():
        features = encoder(torch.from_numpy(np.concatenate([stripes, noise])))
        chances = encoder.classify(features).softmax(dim=1)
    assert features.shape == (2, 1280)
    assert (chances.max(dim=1).values > 10 / 1000).all()
    assert chances[0].argmax() != chances[1].argmax()


def test_folders_of_other_content_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds 0 files of weights"):
        read_weights(str(tmp_path))
    with pytest.raises(InputError, match="holds no word vectors"):
        read_vectors(str(tmp_path))
