"""Every kind of picture comes out upright, opaque, in RGB and with its colours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from categoriser.intake import Picture, decode, sha256, thumbnail

Encode = Callable[..., bytes]


def corners(image: Image.Image) -> np.ndarray:
    """Mean colour of the four quarters: top left, top right, bottom left, bottom right."""
    return np.asarray(image.resize((2, 2), Image.Resampling.BOX), float).reshape(4, 3)


def assert_same_colours(picture: Picture, expected: Image.Image, within: float) -> None:
    assert picture.image.mode == "RGB"
    assert np.abs(corners(picture.image) - corners(expected)).max() <= within


@pytest.mark.parametrize(
    ("form", "options", "name", "within"),
    [
        ("JPEG", {"quality": 90}, "jpeg", 4),
        ("JPEG", {"quality": 90, "progressive": True}, "jpeg", 4),
        ("PNG", {}, "png", 0),
        ("GIF", {}, "gif", 12),
        ("WEBP", {"quality": 90}, "webp", 6),
        ("WEBP", {"lossless": True}, "webp", 0),
        ("TIFF", {}, "tiff", 0),
        ("TIFF", {"compression": "tiff_lzw"}, "tiff", 0),
        ("TIFF", {"compression": "jpeg"}, "tiff", 6),
        ("BMP", {}, "bmp", 0),
        ("HEIF", {"quality": 90}, "heif", 6),
        ("AVIF", {"quality": 90, "speed": 10}, "avif", 6),
    ],
)
def test_reads_format(
    photo: Image.Image, encoded: Encode, form: str, options: dict[str, Any], name: str, within: float
) -> None:
    picture = decode(encoded(photo, form, **options), side=32)
    assert (picture.format, picture.width, picture.height) == (name, 96, 64)
    assert_same_colours(picture, photo, within)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA"])
def test_png_of_any_mode_becomes_rgb(photo: Image.Image, encoded: Encode, mode: str) -> None:
    picture = decode(encoded(photo.convert(mode), "PNG"), side=32)
    assert_same_colours(picture, photo.convert(mode).convert("RGB"), within=1)


def test_cmyk_jpeg_keeps_its_colours(photo: Image.Image, encoded: Encode) -> None:
    assert_same_colours(decode(encoded(photo.convert("CMYK"), "JPEG", quality=95), side=32), photo, within=12)


def test_ycck_jpeg_keeps_its_colours(photo: Image.Image, encoded: Encode) -> None:
    """Photoshop writes CMYK as YCCK, inverted; the transform byte of the Adobe marker tells."""
    inks = [Image.eval(channel, lambda value: 255 - value) for channel in photo.split()]  # cyan, magenta, yellow
    luma = Image.merge("RGB", inks).convert("YCbCr").split()
    # a CMYK JPEG stores inks inverted; as YCCK the first three are turned to luma and chroma before, then kept as such
    stored = Image.merge(
        "CMYK", (*(Image.eval(one, lambda value: 255 - value) for one in luma), Image.new("L", photo.size))
    )
    data = bytearray(encoded(stored, "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2
    found = decode(bytes(data), side=32)
    assert Image.open(BytesIO(data)).info["adobe_transform"] == 2
    assert_same_colours(found, photo, within=14)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_range(encoded: Encode, form: str) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(64, 0)
    found = np.asarray(decode(encoded(Image.fromarray(ramp), form), side=64).image)[30, :, 0].astype(int)
    assert found[0] == 0
    assert found[-1] == 255
    assert np.abs(found - np.arange(256)).max() <= 1


def test_big_endian_sixteen_bit_tiff_keeps_its_range() -> None:
    ramp = np.linspace(0, 65535, 256).astype(">u2")[None].repeat(64, 0)
    out = BytesIO()
    Image.frombytes("I;16B", (256, 64), ramp.tobytes()).save(out, "TIFF")
    found = np.asarray(decode(out.getvalue(), side=64).image)[30, :, 0].astype(int)
    assert np.abs(found - np.arange(256)).max() <= 1


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 255.0), (-3.0, 7.0), (0.0, 1e9)])
def test_floating_point_tiff_uses_the_whole_range(encoded: Encode, low: float, high: float) -> None:
    ramp = np.linspace(low, high, 256, dtype=np.float32)[None].repeat(64, 0)
    found = np.asarray(decode(encoded(Image.fromarray(ramp), "TIFF"), side=64).image)[30, :, 0].astype(int)
    assert np.abs(found - np.arange(256)).max() <= 1


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_animation_gives_its_first_frame(photo: Image.Image, encoded: Encode, form: str) -> None:
    later = Image.new("RGB", photo.size, "yellow")
    data = encoded(
        photo, form, save_all=True, append_images=[later, later], **({} if form == "TIFF" else {"duration": 50})
    )
    assert_same_colours(decode(data, side=32), photo, within=12)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "tiled TIFF", "HEIF", "AVIF"])
def test_exif_orientation_is_honoured(photo: Image.Image, encoded: Encode, value: int, form: str) -> None:
    stored = photo
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that brings upright back to stored
    if value in undo:
        stored = photo.transpose(Image.Transpose(undo[value]))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    options: dict[str, Any] = {"compression": "tiff_lzw"} if form == "tiled TIFF" else {}
    picture = decode(encoded(stored, form.rsplit(maxsplit=1)[-1], exif=exif.tobytes(), **options), side=32)
    assert (picture.width, picture.height) == photo.size
    assert_same_colours(picture, photo, within=8)


def test_scaled_decoding_keeps_twice_the_side_and_the_orientation(photo: Image.Image, encoded: Encode) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    large = photo.resize((2400, 1600))
    picture = decode(encoded(large.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif), side=100)
    assert (picture.width, picture.height) == (2400, 1600)
    assert picture.image.size == (300, 200)  # 1600 decoded at 1/8
    assert_same_colours(picture, photo, within=5)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(3000, 1000), (999, 1000), (130, 90), (2000, 37)])
def test_short_side_is_at_least_twice_the_side_where_the_original_allows(
    photo: Image.Image, encoded: Encode, form: str, size: tuple[int, int]
) -> None:
    picture = decode(encoded(photo.resize(size), form), side=64)
    short = min(picture.image.size)
    assert min(128, *size) <= short < 4 * 128
    assert picture.image.width * picture.image.height <= 64 * 64 * 64


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (20000, 1), (30000, 3)])
def test_absurd_shapes_are_read(encoded: Encode, size: tuple[int, int]) -> None:
    picture = decode(encoded(Image.new("RGB", size, (9, 99, 199)), "PNG"), side=32)
    assert (picture.width, picture.height) == size
    assert picture.image.width * picture.image.height <= 64 * 32 * 32
    assert picture.image.getpixel((0, 0)) == (9, 99, 199)
    assert thumbnail(picture.image, 64).startswith(b"\xff\xd8")


def with_camera_facts(**camera: str) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "SECRETCAMERA"
    facts = exif.get_ifd(ExifTags.IFD.Exif)
    facts |= {ExifTags.Base[name]: value for name, value in camera.items()}
    places = exif.get_ifd(ExifTags.IFD.GPSInfo)
    places[ExifTags.GPS.GPSLatitudeRef] = "N"
    places[ExifTags.GPS.GPSLatitude] = (48.0, 8.0, 15.0)
    places[ExifTags.GPS.GPSAreaInformation] = b"SECRETPLACE"
    return exif


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF"])
def test_time_is_read_and_place_is_not(photo: Image.Image, encoded: Encode, form: str) -> None:
    exif = with_camera_facts(DateTimeOriginal="2021:07:04 12:30:05", OffsetTimeOriginal="+02:00")
    data = encoded(photo, form, exif=exif.tobytes())
    assert b"SECRETPLACE" in data
    picture = decode(data, side=32)
    assert picture.taken_at == datetime(2021, 7, 4, 10, 30, 5, tzinfo=UTC).timestamp()
    assert picture.image.info == {}
    assert not dict(picture.image.getexif())
    for output in (thumbnail(picture.image), encoded(picture.image, "PNG"), encoded(picture.image, "JPEG")):
        assert b"SECRET" not in output
        assert b"Exif" not in output
    assert "SECRET" not in repr(picture)


@pytest.mark.parametrize("stamp", ["", "0000:00:00 00:00:00", "2021:13:41 99:00:00", "yesterday"])
def test_nonsense_dates_are_no_date(photo: Image.Image, encoded: Encode, stamp: str) -> None:
    assert decode(encoded(photo, "JPEG", exif=with_camera_facts(DateTimeOriginal=stamp)), side=32).taken_at is None


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_metadata_does_not_cost_the_picture(photo: Image.Image, encoded: Encode) -> None:
    data = encoded(photo, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(range(200)))
    assert_same_colours(decode(data, side=32), photo, within=8)


def test_thumbnail_is_a_small_jpeg_and_never_larger_than_the_picture(photo: Image.Image) -> None:
    for side, size in ((48, (48, 32)), (500, (96, 64))):
        small = Image.open(BytesIO(thumbnail(photo, side)))
        assert (small.format, small.size) == ("JPEG", size)


def test_content_identity_is_sha256() -> None:
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
