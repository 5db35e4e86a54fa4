"""Thumbnails of pictures, made by Pillow in processes of their own, which tell how far they are.

Put pictures into the folder ``pictures`` beside this file (or name one in PIPELINE_PICTURES), run
``pipeline run examples/thumbnails.yaml``, and::

    curl -H 'Content-Type: application/json' -d '{"size": 200}' \\
        http://127.0.0.1:8080/tasks/thumbnails

Pillow decodes what strangers have made, in C: if a picture crashes it, or takes for ever, that ends
one call, and nothing else. Needs ``pip install Pillow``.
"""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image, ImageOps

from pipeline.errors import PermanentFailure
from pipeline.tasks import report_progress, task

PICTURES = Path(os.environ.get("PIPELINE_PICTURES") or Path(__file__).with_name("pictures"))
FORMATS = (".jpg", ".jpeg", ".png", ".webp")


@task(name="thumbnail", queue="pictures", isolation="process", retries=0, timeout=30)
def thumbnail(name: str, size: int = 160) -> str:
    """Make the thumbnail of one picture: the name of its file."""
    if Path(name).name != name or not (PICTURES / name).is_file():
        raise PermanentFailure(f"there is no picture {name!r}")
    if not 16 <= size <= 2000:
        raise PermanentFailure(f"a thumbnail has 16 to 2000 pixels, not {size}")
    try:
        return _shrink(PICTURES / name, size).name
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise PermanentFailure(f"{name}: {error}") from None


@task(name="thumbnails", queue="pictures", isolation="process", retries=0, timeout=3600)
def thumbnails(size: int = 160) -> dict[str, list[str]]:
    """Make those of all pictures: which were made, and which could not be."""
    pictures = sorted(each for each in PICTURES.iterdir() if each.suffix.lower() in FORMATS)
    made: list[str] = []
    broken: list[str] = []
    for done, picture in enumerate(pictures):
        report_progress(done, len(pictures), picture.name)
        try:
            made.append(thumbnail(picture.name, size))
        except PermanentFailure as error:
            broken.append(str(error))
    report_progress(len(pictures), len(pictures), "done")
    return {"made": made, "broken": broken}


def _shrink(picture: Path, size: int) -> Path:
    thumbnail = picture.parent / "thumbnails" / f"{picture.name}.webp"
    thumbnail.parent.mkdir(exist_ok=True)
    # A process that is killed leaves no half of a picture under the name.
    unfinished = thumbnail.with_suffix(f".{os.getpid()}.part")
    with Image.open(picture) as image:
        image.thumbnail((size, size))
        ImageOps.exif_transpose(image).save(unfinished, "WEBP")
    unfinished.replace(thumbnail)
    return thumbnail
