"""Drawn pictures of a few kinds, no two alike: for stories in the browser, and for screenshots that show nobody."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 360
Random = np.random.Generator
Colour = tuple[int, int, int]


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return round(255 * red), round(255 * green), round(255 * blue)


def _sky(top: Colour, bottom: Colour) -> Image.Image:
    column = np.linspace(np.array(top), np.array(bottom), SIDE).astype(np.uint8)
    return Image.fromarray(np.repeat(column[:, None, :], SIDE, axis=1))


def _ridge(rng: Random, level: float, rough: float) -> list[tuple[float, float]]:
    x = np.linspace(0, SIDE, 60)
    y = np.full(60, float(level))
    for wave in range(1, 6):
        y += rough / wave * np.sin(x / SIDE * math.tau * wave * rng.uniform(0.6, 1.2) + rng.uniform(0, 9))
    return [*zip(x.tolist(), y.tolist(), strict=True), (SIDE, SIDE), (0, SIDE)]


def hills(rng: Random) -> Image.Image:
    """Layered green hills under a pale sky."""
    hue = rng.uniform(0.27, 0.38)
    image = _sky(_colour(0.55, 0.35, 0.95), _colour(0.13, 0.15, 1))
    draw = ImageDraw.Draw(image)
    for layer in range(5):
        ink = _colour(hue, 0.25 + 0.13 * layer, 0.85 - 0.13 * layer)
        draw.polygon(_ridge(rng, SIDE * (0.38 + 0.13 * layer), 20), fill=ink)
    return image


def sunset(rng: Random) -> Image.Image:
    """A low sun over a dark sea."""
    hue = rng.uniform(0.98, 1.06)
    image = _sky(_colour(0.78, 0.5, 0.45), _colour(hue, 0.75, 1))
    draw = ImageDraw.Draw(image)
    x, y, r = rng.uniform(90, 270), rng.uniform(150, 215), rng.uniform(34, 58)
    draw.ellipse([x - r, y - r, x + r, y + r], fill=_colour(0.12, 0.45, 1))
    draw.rectangle([0, 240, SIDE, SIDE], fill=_colour(0.75, 0.6, 0.28))
    for step in range(9):
        half = r * (1 - step / 12) * rng.uniform(0.5, 1)
        draw.rectangle([x - half, 246 + 12 * step, x + half, 250 + 12 * step], fill=_colour(hue, 0.6, 0.95))
    return image


def night(rng: Random) -> Image.Image:
    """Stars and a moon over black mountains."""
    image = _sky(_colour(0.66, 0.75, 0.12), _colour(0.6, 0.6, 0.38))
    draw = ImageDraw.Draw(image)
    for x, y, r in zip(*rng.uniform(0, SIDE, (2, 90)), rng.uniform(0.4, 1.9, 90), strict=True):
        draw.ellipse([x - r, y * 0.7 - r, x + r, y * 0.7 + r], fill=(235, 240, 255))
    x, y, r = rng.uniform(60, 300), rng.uniform(50, 120), rng.uniform(20, 34)
    draw.ellipse([x - r, y - r, x + r, y + r], fill=(250, 246, 220))
    draw.polygon(_ridge(rng, 270, 34), fill=(10, 12, 24))
    return image


def citrus(rng: Random) -> Image.Image:
    """A cut fruit on a plain cloth."""
    hue = float(rng.choice([0.08, 0.14, 0.02])) + rng.uniform(-0.01, 0.01)
    image = Image.new("RGB", (SIDE, SIDE), _colour(hue + 0.5, 0.12, 0.96))
    draw = ImageDraw.Draw(image)
    x, y, r, turn = rng.uniform(160, 200), rng.uniform(160, 200), rng.uniform(105, 140), rng.uniform(0, 40)
    draw.ellipse([x - r, y - r, x + r, y + r], fill=_colour(hue, 0.9, 0.98))
    draw.ellipse([x - 0.9 * r, y - 0.9 * r, x + 0.9 * r, y + 0.9 * r], fill=_colour(hue, 0.12, 1))
    for slice_ in range(10):
        box = [x - 0.84 * r, y - 0.84 * r, x + 0.84 * r, y + 0.84 * r]
        draw.pieslice(box, turn + 36 * slice_ + 2, turn + 36 * slice_ + 33, fill=_colour(hue, 0.75, 1))
    return image


def leaves(rng: Random) -> Image.Image:
    """Many leaves over each other."""
    image = Image.new("RGB", (SIDE, SIDE), _colour(0.38, 0.6, 0.22))
    for _ in range(46):
        leaf = Image.new("RGBA", (150, 60))
        draw = ImageDraw.Draw(leaf)
        ink = _colour(rng.uniform(0.24, 0.42), rng.uniform(0.5, 0.8), rng.uniform(0.35, 0.8))
        draw.ellipse([5, 10, 145, 50], fill=ink)
        draw.line([5, 30, 145, 30], fill=_colour(0.3, 0.3, 0.9), width=2)
        leaf = leaf.rotate(rng.uniform(0, 360), expand=True)
        image.paste(leaf, (int(rng.uniform(-80, SIDE)), int(rng.uniform(-80, SIDE))), leaf)
    return image


def tiles(rng: Random) -> Image.Image:
    """A mosaic of blue tiles."""
    image = Image.new("RGB", (SIDE, SIDE), (244, 246, 250))
    draw = ImageDraw.Draw(image)
    size, hue = int(rng.choice([45, 60, 72])), rng.uniform(0.56, 0.63)
    for x in range(0, SIDE, size):
        for y in range(0, SIDE, size):
            ink = _colour(hue, rng.uniform(0.3, 0.9), rng.uniform(0.5, 1))
            draw.rectangle([x + 3, y + 3, x + size - 3, y + size - 3], fill=ink)
            draw.ellipse([x + size / 3, y + size / 3, x + size / 1.5, y + size / 1.5], fill=(250, 250, 252))
    return image


def planet(rng: Random) -> Image.Image:
    """A banded planet in the dark."""
    image = Image.new("RGB", (SIDE, SIDE), (6, 6, 12))
    ball = Image.new("RGB", (SIDE, SIDE))
    draw = ImageDraw.Draw(ball)
    hue, y = rng.uniform(0.03, 0.1), 0.0
    while y < SIDE:
        high = rng.uniform(8, 30)
        draw.rectangle([0, y, SIDE, y + high], fill=_colour(hue, rng.uniform(0.3, 0.65), rng.uniform(0.55, 0.95)))
        y += high
    ball = ball.filter(ImageFilter.GaussianBlur(3)).rotate(rng.uniform(-25, 25))
    mask = Image.new("L", (SIDE, SIDE))
    x, y, r = rng.uniform(150, 210), rng.uniform(150, 210), rng.uniform(85, 125)
    ImageDraw.Draw(mask).ellipse([x - r, y - r, x + r, y + r], fill=255)
    image.paste(ball, (0, 0), mask)
    return image


def balloons(rng: Random) -> Image.Image:
    """Bright balloons in a clear sky."""
    image = _sky(_colour(0.56, 0.45, 0.98), _colour(0.54, 0.12, 1))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(4, 7))):
        x, y, r = rng.uniform(40, 320), rng.uniform(40, 270), rng.uniform(26, 50)
        draw.line([x, y + r, x + rng.uniform(-6, 6), y + 2.4 * r], fill=(90, 90, 100), width=2)
        draw.ellipse([x - r, y - 1.15 * r, x + r, y + 1.15 * r], fill=_colour(rng.uniform(0.85, 1.15), 0.75, 0.95))
        draw.ellipse([x - 0.5 * r, y - 0.8 * r, x - 0.15 * r, y - 0.3 * r], fill=(255, 235, 235))
    return image


def zebra(rng: Random) -> Image.Image:
    """Black stripes on white."""
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    bend = 22 * np.sin(y / rng.uniform(40, 70) + rng.uniform(0, 6)) + 12 * np.sin(x / rng.uniform(50, 80))
    stripes = np.sin((x * np.cos(t := rng.uniform(-0.4, 0.4)) + y * np.sin(t) + bend) / rng.uniform(6.5, 8))
    return Image.fromarray(np.where(stripes > 0, 246, 22).astype(np.uint8)).convert("RGB")


def bricks(rng: Random) -> Image.Image:
    """A wall of red bricks."""
    image = Image.new("RGB", (SIDE, SIDE), (214, 205, 192))
    draw = ImageDraw.Draw(image)
    wide, high, hue = int(rng.integers(64, 84)), int(rng.integers(26, 34)), rng.uniform(0.0, 0.035)
    for row, y in enumerate(range(0, SIDE, high)):
        for x in range(-wide, SIDE, wide):
            left = x + (wide // 2 if row % 2 else 0)
            ink = _colour(hue + rng.uniform(-0.01, 0.01), rng.uniform(0.5, 0.75), rng.uniform(0.5, 0.78))
            draw.rectangle([left + 2, y + 2, left + wide - 2, y + high - 2], fill=ink)
    return image


KINDS: dict[str, Callable[[Random], Image.Image]] = {
    one.__name__: one for one in (hills, sunset, night, citrus, leaves, tiles, planet, balloons, zebra, bricks)
}


def scene(kind: str, seed: int) -> bytes:
    """A JPEG of that kind."""
    image = KINDS[kind](np.random.default_rng([seed, *kind.encode()]))
    written = BytesIO()
    image.save(written, "JPEG", quality=88)
    return written.getvalue()


def scenes(folder: Path, each: int, kinds: list[str] | None = None, *, start: int = 0) -> list[Path]:
    """Files ``kind-seed.jpg``, so many of each kind, in mixed order."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for seed in range(start, start + each):
        for kind in kinds or list(KINDS):
            path = folder / f"{kind}-{seed:03}.jpg"
            path.write_bytes(scene(kind, seed))
            made.append(path)
    return made
