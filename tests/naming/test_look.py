from __future__ import annotations

import numpy as np

from categoriser.naming import Picture, Survey
from categoriser.naming.look import Looks, look_at
from tests.naming.conftest import case, category, flat, pictures_of, shown

BLUE, WHITE, RED, BLACK = (30, 80, 200), (250, 250, 250), (200, 30, 30), (10, 10, 10)


def name(pictures: list[Picture], taken: dict[str, int] | None = None) -> str:
    survey = Survey([category(0, pictures_of("anything", 3), pictures)])
    proposal = Looks().propose(case(survey, 0, taken))
    assert proposal is not None
    assert proposal.provisional
    return proposal.name


def test_pictures_are_called_by_their_colour() -> None:
    assert name([shown(1, flat(BLUE)), shown(2, flat((40, 90, 210)))]) == "Mostly blue"


def test_what_stands_on_a_ground_is_told_apart() -> None:
    assert name([shown(1, flat(WHITE, middle=RED))]) == "Red on white"
    assert name([shown(1, flat(BLACK, middle=WHITE))]) == "White on black"


def test_no_two_are_called_the_same_however_alike_they_look() -> None:
    taken: dict[str, int] = {}
    for number in range(12):
        found = name([shown(number, flat(BLACK, middle=WHITE))], taken)
        assert found.casefold() not in taken
        assert len(found) <= 60
        taken[found.casefold()] = number


def test_ready_vectors_are_called_by_what_they_lie_near_and_never_by_an_image() -> None:
    assert name([Picture("sku-4711")]) == name([]) == "Small group 1"
    near = category(1, pictures_of("anything", 4), label="Shoes")
    proposal = Looks().propose(case(Survey([category(0, pictures_of("anything", 3)), near]), 0))
    assert proposal is not None
    assert proposal.name == "Similar to Shoes"


def test_unreadable_thumbnails_are_passed_over() -> None:
    broken = [shown(1, b"no picture"), Picture("2"), shown(3, flat(BLUE))]
    look = look_at(broken)
    assert look is not None
    assert look.shares[0][0] == "blue"
    assert look_at(broken[:2]) is None


def test_noise_is_busy_and_any_pixels_have_a_name() -> None:
    rng = np.random.default_rng(0)
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.fromarray(rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)).save(out, "PNG")
    look = look_at([shown(1, out.getvalue())])
    assert look is not None
    assert look.busyness > 0.16


def drawn(number: int, *marks: tuple[int, int, int, int], ring: bool = False) -> Picture:
    """Dark bars on white, and perhaps a ring."""
    from io import BytesIO

    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (64, 64), WHITE)
    pen = ImageDraw.Draw(picture)
    for mark in marks:
        pen.rectangle(mark, fill=BLACK)
    if ring:
        pen.ellipse((20, 30, 46, 56), outline=BLACK, width=5)
    out = BytesIO()
    picture.save(out, "PNG")
    return shown(number, out.getvalue())


def test_strokes_are_called_by_their_shape_and_not_by_the_white_around_them() -> None:
    assert name([drawn(1, (29, 8, 34, 56))]) == "Dark strokes on white, narrow"
    assert name([drawn(1, (8, 29, 56, 34))]) == "Dark strokes on white, wide"
    assert name([drawn(1, ring=True)]) == "Dark strokes on white, with a large loop"
    assert name([drawn(1, (10, 8, 54, 13), (30, 8, 35, 56))]) == "Dark strokes on white, with a bar at the top"
    taken = {"dark strokes on white, with a loop at the bottom": 1}
    assert name([drawn(1, (20, 8, 25, 50), ring=True)], taken) not in {"Mostly white", "Dark strokes on white (2)"}


def test_what_is_no_line_is_not_called_strokes() -> None:
    assert "strokes" not in name([shown(1, flat(WHITE, middle=BLACK))])
    assert "strokes" not in name([shown(1, flat(WHITE))])
    assert "strokes" not in name([shown(1, flat(BLUE))])
