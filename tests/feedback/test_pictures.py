"""FEED-1: what is kept of a screenshot is its pixels, and nothing that was sent with them."""

import io
import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from apps.feedback import pictures
from apps.feedback.pictures import LARGEST, LONGEST_SIDE, MOST_PIXELS, NotAPicture, redrawn


def image(kind: str = "PNG", size: tuple[int, int] = (40, 20), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    found = Image.open(io.BytesIO(data))
    found.load()
    return found


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_three_formats_become_one(kind: str) -> None:
    found = redrawn(image(kind))
    assert (opened(found.data).format, found.width, found.height) == ("WEBP", 40, 20)


def test_where_it_was_taken_is_gone_and_it_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "SecretCam"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)  # the latitude
    sent = image("JPEG", exif=exif, comment=b"SecretComment", icc_profile=b"SecretProfile" * 20)
    assert b"SecretCam" in sent and b"SecretComment" in sent
    found = redrawn(sent)
    kept = opened(found.data)
    assert (found.width, found.height) == (20, 40)
    assert not kept.getexif() and "icc_profile" not in kept.info and "xmp" not in kept.info
    assert b"Secret" not in found.data


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_way_to_hold_a_phone_ends_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = redrawn(image("JPEG", exif=exif))
    assert (found.width, found.height) == ((40, 20) if orientation < 5 else (20, 40))


def test_damaged_words_beside_the_pixels_are_nobodys_business() -> None:
    """Thousands of broken variants of a picture with EXIF: a picture or a sentence, never anything else."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Cam"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)
    sent, rng = bytearray(image("JPEG", exif=exif)), random.Random(3)
    for _ in range(1_500):
        broken = bytearray(sent)
        for _ in range(rng.randrange(1, 5)):
            broken[rng.randrange(20, 220)] = rng.randrange(256)
        try:
            redrawn(bytes(broken))
        except NotAPicture as error:
            assert str(error)


def test_texts_in_a_png_are_gone() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "<script>Secret</script>")
    sent = image("PNG", pnginfo=info)
    assert b"Secret" in sent
    assert b"Secret" not in redrawn(sent).data


@pytest.mark.parametrize(
    "tail",
    [b"<script>alert('polyglot')</script>", b"PK\x03\x04polyglot.zip", b"<?php polyglot(); ?>", b"%PDF-1.7 polyglot"],
)
def test_a_file_that_is_also_another_is_only_a_picture_afterwards(tail: bytes) -> None:
    found = redrawn(image("PNG") + tail)
    assert b"polyglot" not in found.data and opened(found.data).size == (40, 20)


def test_a_gif_that_is_also_a_script_is_refused() -> None:
    with pytest.raises(NotAPicture, match="Send a PNG, JPEG or WebP picture"):
        redrawn(b"GIF89a/*" + b"\x00" * 20 + b"*/=1;alert(1)")


@pytest.mark.parametrize(
    "data",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"II*\x00" + b"\x00" * 100,  # TIFF
        b"BM" + b"\x00" * 100,
        b"%!PS-Adobe-3.0 EPSF-3.0\n(secret) run",
        b"\x00" * 64,
    ],
)
def test_what_is_no_picture_is_refused_whatever_it_is_called(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        redrawn(data)


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG by hand, so that its head can promise what it likes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (2**31 - 1, 1), (60_000, 60_000), (5_001, 5_000)])
def test_a_bomb_is_refused_by_its_head_before_it_is_unpacked(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*args: object) -> None:
        raise AssertionError("it was unpacked")

    monkeypatch.setattr(pictures.Image.Image, "load", explode)
    with pytest.raises(NotAPicture, match="at most 25 million pixels"):
        redrawn(png(width, height, zlib.compress(b"\x00" * 1_000)))


def test_a_text_chunk_that_unpacks_to_gigabytes_is_refused_or_left_out() -> None:
    bomb = zlib.compress(b"\x00" * 80_000_000)
    body = b"Comment\x00\x00" + bomb
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    plain = image("PNG")
    with pytest.raises(NotAPicture, match="broken"):
        redrawn(plain[:33] + chunk + plain[33:])


def test_what_ends_too_early_and_what_moves_is_refused() -> None:
    with pytest.raises(NotAPicture, match="broken"):
        redrawn(image("JPEG", (400, 400))[:300])
    frames = [Image.new("RGB", (8, 8), (n, 0, 0)) for n in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(NotAPicture, match="this one moves"):
        redrawn(out.getvalue())


def test_size_is_bounded_on_both_sides() -> None:
    for data in (b"", b"\x89PNG" * (LARGEST // 4 + 1)):
        with pytest.raises(NotAPicture, match="at most 5 MB"):
            redrawn(data)
    found = redrawn(image("PNG", (4_000, 1_000)))
    assert (found.width, found.height) == (LONGEST_SIDE, 500)
    assert MOST_PIXELS > 4_000 * 1_000


@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_picture_or_in_a_sentence(data: bytes) -> None:
    for sent in (data, image("PNG")[:60] + data, image("JPEG")[:200] + data, image("WEBP")[:40] + data):
        try:
            assert opened(redrawn(sent).data).format == "WEBP"
        except NotAPicture as error:
            assert str(error)
