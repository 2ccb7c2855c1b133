"""Whatever the bytes, decoding ends in a picture or in one sentence."""

from __future__ import annotations

import random
import struct
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from categoriser.errors import UnreadablePictureError
from categoriser.intake import Limits, Picture, decode
from tests.examples import examples

FORMS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "HEIF", "AVIF")
Encode = Callable[..., bytes]


@pytest.fixture(scope="module")
def originals(photo: Image.Image, encoded: Encode) -> dict[str, bytes]:
    small = photo.resize((48, 32))
    made = {form: encoded(small, form) for form in FORMS}
    made["progressive"] = encoded(small, "JPEG", progressive=True)
    made["CMYK"] = encoded(small.convert("CMYK"), "JPEG")
    made["lzw"] = encoded(small, "TIFF", compression="tiff_lzw")
    made["animation"] = encoded(small, "WEBP", save_all=True, append_images=[small.rotate(90)])
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    made["exif"] = encoded(small, "JPEG", exif=exif)
    return made


def outcome(data: bytes) -> Picture | str:
    """The picture or the sentence; any other exception fails the test."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return decode(data, side=16, limits=Limits(max_pixels=4_000_000))
    except UnreadablePictureError as error:
        sentence = str(error)
        assert sentence.endswith(".")
        assert "\n" not in sentence
        return sentence


def refusal(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(UnreadablePictureError) as caught:
        decode(data, side=32, limits=limits or Limits())
    return str(caught.value)


def test_empty_file_is_named() -> None:
    assert "empty" in refusal(b"")


def test_file_over_the_byte_limit_is_named(photo: Image.Image, encoded: Encode) -> None:
    assert "limit is 100" in refusal(encoded(photo, "PNG"), Limits(max_bytes=100))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"%PDF-1.7\n...", "PDF"),
        (b"\n <!DOCTYPE html><html>sign in</html>", "web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b'{"error": "no"}', "JSON"),
        (b"\0\0\0\x18ftypmp42" + bytes(50), "video"),
        (b"just words", "no known picture format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9", "no known picture format"),
    ],
)
def test_a_file_that_is_no_picture_is_called_what_it_is(data: bytes, word: str) -> None:
    assert word in refusal(data)


def test_zip_renamed_to_jpg_is_called_a_zip() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "hello")
    assert "zip" in refusal(out.getvalue())


@pytest.mark.parametrize("form", FORMS)
def test_half_a_picture_is_refused(originals: dict[str, bytes], form: str) -> None:
    data = originals[form]
    assert "complete" in refusal(data[: len(data) // 2])


def png_with_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data",
    [
        png_with_header(60_000, 60_000),
        b"GIF89a"
        + struct.pack("<HH", 65535, 65535)
        + b"\x80\0\0"
        + bytes(6)
        + b","
        + bytes(4)
        + b"\xff\xff\xff\xff\0\x02\0;",
        b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\xff\x00\xff\xff\x00",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 50_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0),
    ],
    ids=["png", "gif", "webp", "bmp"],
)
def test_decompression_bomb_is_refused_by_its_header(data: bytes) -> None:
    started = time.perf_counter()
    assert "pixels" in refusal(data)
    assert time.perf_counter() - started < 0.5


def test_pixel_limit_can_be_raised_beyond_pillows_own_without_touching_it() -> None:
    before = Image.MAX_IMAGE_PIXELS
    sentence = refusal(png_with_header(20_000, 20_000), Limits(max_pixels=500_000_000))
    assert "damaged" in sentence  # it got past the size check to the missing pixels
    assert before == Image.MAX_IMAGE_PIXELS


def test_zero_sized_picture_is_refused() -> None:
    assert "PNG" in refusal(png_with_header(0, 5))


def test_jpeg_with_endless_passes_is_refused(photo: Image.Image, encoded: Encode) -> None:
    data = encoded(photo, "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    assert "passes" in refusal(data[:last] + data[last:-2] * 300 + b"\xff\xd9")


def test_bytes_after_the_end_of_a_jpeg_are_no_passes(photo: Image.Image, encoded: Encode) -> None:
    """Phones append a film to a motion photo; by chance it holds any two bytes many times."""
    assert decode(encoded(photo, "JPEG") + b"\xff\xda\0\x02" * 1000, side=32).format == "jpeg"


@pytest.mark.parametrize("name", [*FORMS, "progressive", "CMYK", "lzw", "animation", "exif"])
def test_truncation_anywhere_gives_a_picture_or_a_sentence(originals: dict[str, bytes], name: str) -> None:
    data = originals[name]
    for length in range(0, len(data), max(1, len(data) // 80)):
        outcome(data[:length])


@pytest.mark.parametrize("name", [*FORMS, "progressive", "CMYK", "lzw", "animation", "exif"])
def test_changed_bytes_give_a_picture_or_a_sentence(originals: dict[str, bytes], name: str) -> None:
    chance = random.Random(name)
    for _ in range(80):
        data = bytearray(originals[name])
        reach = len(data) if chance.random() < 0.5 else min(len(data), 200)  # headers matter most
        for _ in range(chance.randint(1, 12)):
            data[chance.randrange(reach)] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
        outcome(bytes(data))


@given(data=st.data())
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spliced_files_give_a_picture_or_a_sentence(originals: dict[str, bytes], data: st.DataObject) -> None:
    first, second = (originals[data.draw(st.sampled_from(sorted(originals)))] for _ in range(2))
    cut = data.draw(st.integers(0, len(first)))
    start = data.draw(st.integers(0, len(second)))
    outcome(first[:cut] + data.draw(st.binary(max_size=64)) + second[start:])


STARTS = (
    *(b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"BM", b"II*\0", b"MM\0*", b"II+\0"),
    *(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"\0\0\0\x18ftypmif1\0\0\0\0avifmiaf"),
)


@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=300))
@settings(max_examples=examples(300), deadline=None)
def test_random_bytes_give_a_picture_or_a_sentence(start: bytes, rest: bytes) -> None:
    outcome(start + rest)


def test_threads_do_not_disturb_each_other(originals: dict[str, bytes]) -> None:
    files = [originals[name] for name in sorted(originals)] * 4
    alone = [decode(data, side=16).fingerprint for data in files]
    with ThreadPoolExecutor(8) as pool:
        assert [picture.fingerprint for picture in pool.map(lambda data: decode(data, side=16), files)] == alone
