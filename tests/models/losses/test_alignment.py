"""Losses that align two modalities have their closed forms."""

import math

import pytest
import torch
from torch.nn import functional

from models.losses.alignment import info_nce, ranking_loss, transfer_loss

SCALE = torch.tensor(10.0)


def rows(*size: int) -> torch.Tensor:
    return functional.normalize(torch.randn(*size), dim=1)


def test_info_nce_of_equal_embeddings_is_log_of_the_batch() -> None:
    same = torch.ones(5, 3) / math.sqrt(3)
    torch.testing.assert_close(info_nce(same, same, SCALE), torch.tensor(math.log(5)))


def test_info_nce_of_two_orthogonal_pairs_has_its_closed_form() -> None:
    basis = torch.eye(2)
    torch.testing.assert_close(info_nce(basis, basis, SCALE), torch.tensor(math.log1p(math.exp(-10.0))))


def test_info_nce_does_not_depend_on_order_or_on_which_side_is_first() -> None:
    first, second = rows(6, 4), rows(6, 4)
    order = torch.randperm(6)
    wanted = info_nce(first, second, SCALE)
    torch.testing.assert_close(info_nce(first[order], second[order], SCALE), wanted)
    torch.testing.assert_close(info_nce(second, first, SCALE), wanted)


@pytest.mark.parametrize(("reduction", "wanted"), [("sum", 2 * 3 * 0.2), ("max", 2 * 0.2)])
def test_ranking_of_equal_embeddings_is_the_margin_of_every_negative(reduction, wanted) -> None:
    same = torch.ones(4, 3) / math.sqrt(3)
    torch.testing.assert_close(ranking_loss(same, same, margin=0.2, reduction=reduction), torch.tensor(wanted))


def test_ranking_is_zero_beyond_the_margin() -> None:
    basis = torch.eye(4)
    assert ranking_loss(basis, basis, margin=0.9) == 0
    torch.testing.assert_close(ranking_loss(basis, basis, margin=1.1), torch.tensor(2 * 3 * 0.1))


def test_transfer_is_zero_for_equal_distributions_and_their_divergence_otherwise() -> None:
    teacher = torch.randn(3, 5)
    torch.testing.assert_close(transfer_loss(teacher, teacher + 7), torch.tensor(0.0), atol=1e-6, rtol=0)
    certain, even = torch.tensor([[100.0, 0, 0, 0]]), torch.zeros(1, 4)
    torch.testing.assert_close(transfer_loss(certain, even), torch.tensor(math.log(4)))


def test_transfer_teaches_the_student_alone() -> None:
    teacher, student = (torch.randn(2, 3, requires_grad=True) for _ in range(2))
    transfer_loss(teacher, student).backward()
    assert teacher.grad is None
    assert student.grad is not None
