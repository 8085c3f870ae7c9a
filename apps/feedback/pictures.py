"""Screenshots: taken apart to their pixels and drawn anew (FEED-1). Pure.

What is kept is never what was sent. The bytes have to be one of three formats, whatever their name says; the picture
is decoded within a bound of pixels that is checked before anything is unpacked, and encoded anew. So a file that is
two formats at once, a script behind a picture, a colour profile that attacks a reader, and the place a photograph was
taken at all end here.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

LARGEST = 5 * 1024 * 1024
MOST_PIXELS = 25_000_000
LONGEST_SIDE = 2_000
MEDIA_TYPE = "image/webp"
_FORMATS = ("PNG", "JPEG", "WEBP")


class NotAPicture(ValueError):
    """It can't be taken; the message is for the person who sent it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """WebP without anything but pixels; at most :data:`LONGEST_SIDE` wide and high."""

    data: bytes
    width: int
    height: int


def redrawn(data: bytes) -> Picture:
    """The picture that these bytes show, and nothing else of them.

    Raises:
        NotAPicture: not a PNG, JPEG or WebP picture, too large, or broken.
    """
    if not 0 < len(data) <= LARGEST:
        raise NotAPicture(f"A screenshot has at most {LARGEST // 1024 // 1024} MB; this has {len(data)} bytes.")
    try:
        with warnings.catch_warnings():
            # Pillow warns from a bound on and refuses from twice that; here the first is the end.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as found:
                return _redraw(found)
    except NotAPicture:
        raise
    except UnidentifiedImageError as error:
        raise NotAPicture("Send a PNG, JPEG or WebP picture; this is none, whatever it is called.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotAPicture(_TOO_MANY) from error
    except Exception as error:
        # A decoder stumbles over damaged bytes in more ways than it documents; none of them is anybody's business.
        raise NotAPicture("The picture is broken: it can't be read to its end.") from error


_TOO_MANY = f"A screenshot has at most {MOST_PIXELS // 1_000_000} million pixels."


def _redraw(found: Image.Image) -> Picture:
    if found.width * found.height > MOST_PIXELS:
        raise NotAPicture(_TOO_MANY)
    if getattr(found, "n_frames", 1) > 1:
        raise NotAPicture("Send one picture; this one moves.")
    found.load()
    upright = _upright(found).convert("RGB")
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # Into a new image: whatever hung on the old one stays behind.
    clean = Image.new("RGB", upright.size)
    clean.paste(upright)
    out = io.BytesIO()
    clean.save(out, "WEBP", quality=80, method=4)
    return Picture(out.getvalue(), *clean.size)


# What the tag "orientation" says about how a phone was held: that is beside the pixels, and would be lost with it.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(found: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(found.getexif().get(0x0112, 1))
    except Exception:
        return found
    return found.transpose(turn) if turn is not None else found
