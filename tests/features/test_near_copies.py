"""Near copies are found among many images: all that there are, in any order, in little memory."""

import tracemalloc
from itertools import combinations

import numpy
import pytest

from tests.features.likenesses import Directions, angles, likeness_of, random_hashes
from torch_inception.features.near_copies import (
    LEAST_COSINE,
    LEAST_COSINE_BY_HASH,
    MOST_BITS,
    Labels,
    Likeness,
    join,
    link_near_copies,
)
from torch_inception.features.nearest_copies import nearest_copies
from torch_inception.images.facts import FACTS


def test_pairs_join_groups_that_are_named_by_their_first_image() -> None:
    first, second = numpy.array([5, 4, 3]), numpy.array([4, 3, 1])
    assert join(numpy.arange(7), first, second).tolist() == [0, 1, 2, 1, 1, 1, 6]
    nothing = numpy.zeros(0, int)
    assert join(numpy.arange(3), nothing, nothing).tolist() == [0, 1, 2]


def test_the_hash_and_the_cosine_link_each_for_itself_and_through_others() -> None:
    # cos 11 degrees is .982, cos 12 degrees .978.
    assert numpy.cos(numpy.radians(11)) > LEAST_COSINE > numpy.cos(numpy.radians(12))
    few, many = 2**MOST_BITS - 1, 2 ** (MOST_BITS + 1) - 1  # 8 bits and 9
    far = random_hashes(3)
    likeness = likeness_of(
        angles(0, 20, 85, 40, 51, 30), [0, few, many << 20, far[0], far[1], far[2]]
    )
    linked = link_near_copies(likeness)
    # 0 and 1 by the hash; 3 (40) with 4 (51) by the cosine, 5 (30) with 1 (20) and 3 too.
    assert linked.by_hash.tolist() == [0, 0, 2, 3, 4, 5]
    assert linked.by_either.tolist() == [0, 0, 2, 0, 0, 0]
    assert linked.by_both.tolist() == [0, 1, 2, 3, 4, 5]


def test_equal_hashes_of_images_that_the_network_tells_apart_link_nothing() -> None:
    # cos 25 degrees is .906, cos 26 degrees .899.
    assert numpy.cos(numpy.radians(25)) > LEAST_COSINE_BY_HASH > numpy.cos(numpy.radians(26))
    linked = link_near_copies(likeness_of(angles(0, 25, 51), [7] * 3))
    assert linked.by_either.tolist() == [0, 0, 2]


def test_images_that_both_link_are_told() -> None:
    linked = link_near_copies(likeness_of(angles(10, 15, 80), [5, 4, 5]))
    assert linked.by_both.tolist() == [0, 0, 2]
    assert linked.by_hash.tolist() == [0, 0, 2]


def test_images_that_are_nearly_plain_are_not_compared() -> None:
    likeness = likeness_of(angles(1, 1, 1, 1), [7] * 4)
    facts = numpy.zeros(4, FACTS)
    facts["perceptual_hash"], facts["contrast"] = 7, [0.9, 1.0, 0, 1.1]
    linked = link_near_copies(Likeness.of(likeness.rows, facts))
    assert linked.by_either.tolist() == [0, 1, 2, 1]
    none = link_near_copies(likeness_of(angles(1, 1), [7] * 2, contrast=0))
    assert none.by_either.tolist() == [0, 1]


def test_images_of_which_the_network_sees_nothing_are_linked_to_none() -> None:
    linked = link_near_copies(likeness_of(numpy.zeros((3, 2)), [1, 1, 2**40 - 1]))
    assert linked.by_either.tolist() == linked.by_hash.tolist() == [0, 1, 2]


@pytest.mark.parametrize("spread", [0.02, 0.2, 1.0])
def test_all_pairs_are_found_across_blocks_and_in_any_order(
    spread: float,
) -> None:
    # Small blocks, and few dimensions to look at first: many go through each step.
    few = {"block": 16, "dimensions": 2}
    random = numpy.random.default_rng(3)
    centres = random.normal(size=(100, 40))
    directions = centres[random.integers(0, 100, 150)] + spread * random.normal(size=(150, 40))
    hashes = random_hashes(150)
    for one, other in random.integers(0, 150, (30, 2)).tolist():
        hashes[one] = hashes[other] ^ (1 << one % 64)
        directions[one] = directions[other] + spread / 3 * random.normal(size=40)
    expected = brute_force(directions, hashes)
    assert 1 < len(set(expected.tolist())) < 150
    linked = link_near_copies(likeness_of(directions, hashes), **few)
    assert linked.by_either.tolist() == expected.tolist()
    order = random.permutation(150)
    shuffled = likeness_of(directions[order], [hashes[place] for place in order])
    other = link_near_copies(shuffled, **few)
    assert partition(other.by_either, order) == partition(expected, numpy.arange(150))


def brute_force(directions: Directions, hashes: list[int]) -> Labels:
    """Return the groups, by looking at each pair."""
    directions = numpy.abs(directions)  # their squares are what rows have
    unit = directions / numpy.linalg.norm(directions, axis=1, keepdims=True)
    labels = numpy.arange(len(hashes))
    for one, other in combinations(range(len(hashes)), 2):
        bits = (hashes[one] ^ hashes[other]).bit_count()
        least = LEAST_COSINE_BY_HASH if bits <= MOST_BITS else LEAST_COSINE
        if unit[one] @ unit[other] >= least:
            labels[labels == labels[other]] = labels[one]
    return numpy.array([labels.tolist().index(label) for label in labels.tolist()])


def partition(labels: Labels, names: Labels) -> set[frozenset[int]]:
    return {frozenset(names[labels == label].tolist()) for label in labels}


def test_images_that_are_all_alike_take_no_more_memory_than_blocks() -> None:
    # 12.5 million pairs: 200 MB, if their places were kept. Those of a block take 2.
    count = 5000
    likeness = likeness_of(numpy.ones((count, 3)), [9] * count)
    tracemalloc.start()
    linked = link_near_copies(likeness, block=256)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert linked.by_both.tolist() == [0] * count
    assert peak < 100e6


def test_the_nearest_copy_is_told_with_how_near_it_is() -> None:
    likeness = likeness_of(angles(0, 5, 7, 25, 50), [1, 2**30 - 1, 3, 0, 2**60 - 1])
    found = nearest_copies(likeness, numpy.zeros(5, int))
    assert [near and (near.place, near.bits) for near in found] == [
        (1, 29), (2, 28), (1, 28), (2, 2), None,
    ]  # fmt: skip
    # The fourth is a copy of the first and the third by the hash; the third is nearer.
    degrees = [5, 2, 2, 18]
    cosines = [near.cosine for near in found if near]
    assert cosines == pytest.approx(numpy.cos(numpy.radians(degrees)).tolist(), abs=1e-4)
    # None is looked for in another group.
    apart = nearest_copies(likeness, numpy.array([4, 7, 7, 2, 2]))
    assert [near and near.place for near in apart] == [None, 2, 1, None, None]
    likeness = likeness_of(angles(*range(0, 80, 20)).repeat(300, axis=0), random_hashes(1200))
    many = nearest_copies(likeness, numpy.arange(1200) // 2 * 5)
    assert [near and near.place for near in many] == [n ^ 1 for n in range(1200)]
