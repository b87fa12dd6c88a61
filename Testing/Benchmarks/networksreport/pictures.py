"""Rows of pictures: low dose, networks, reference; whole and magnified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from didreport.drawing import Box, Panel
from didreport.tables import text
from LDCTDenoiseLib.evaluationcases import Case
from LDCTDenoiseLib.metrics import rmse, ssim

from .context import Context
from .plan import Zoom

MARGIN = 6
"""Pixels around the body in a picture."""


def picture_rows(context: Context, case: Case, zooms: Sequence[Zoom], circles: Sequence[Box] = (), low_dose="LDCT"
                 ) -> list[list[Panel]]:
    """A row of whole images with their scores, and one for each zoom; ``circles`` are drawn where LDCT is magnified.

    ``low_dose`` is what stands above the low-dose image.
    """
    body, reference = case.patient.body[0], case.reference[0]
    frames = tuple(Box(z.row, z.column, z.half, z.colour) for z in zooms)
    images = [(low_dose, case.low_dose[0])] + [(n.label, n(case).array[0]) for n in context.columns]
    rows = [[whole(image, body, name, f"RMSE {text(rmse(image, reference, body))}   SSIM "
                   f"{text(ssim(image, reference, body), 3)}", frames if number == 0 else ())
             for number, (name, image) in enumerate(images)] + [whole(reference, body, "NDCT", "")]]
    for zoom in zooms:
        top, left = zoom.row - zoom.half, zoom.column - zoom.half
        marks = tuple(replace(b, row=b.row - top, column=b.column - left) for b in circles)
        rows.append([Panel(square(image, zoom), boxes=marks if number == 0 else ())
                     for number, (_, image) in enumerate((*images, ("NDCT", reference)))])
    return rows


def whole(image: np.ndarray, body: np.ndarray, title: str, caption: str, frames: Sequence[Box] = ()) -> Panel:
    """The square around the body, with frames that are in pixels of the file."""
    row, column, side = body_square(body)
    boxes = tuple(replace(b, row=b.row - row, column=b.column - column) for b in frames)
    return Panel(image[row:row + side, column:column + side], title, caption, boxes)


def body_square(body: np.ndarray) -> tuple[int, int, int]:
    """First row and column, and side, of the square around a body in its image (J,I)."""
    spans = [(hits[0], hits[-1] + 1) for hits in (np.flatnonzero(body.any(axis=1)), np.flatnonzero(body.any(axis=0)))]
    side = min(max(stop - start for start, stop in spans) + 2 * MARGIN, *body.shape)
    corner = [int(np.clip((start + stop - side) // 2, 0, size - side))
              for (start, stop), size in zip(spans, body.shape)]
    return corner[0], corner[1], int(side)


def square(image: np.ndarray, zoom: Zoom) -> np.ndarray:
    """The pixels of a zoom."""
    return image[zoom.row - zoom.half:zoom.row + zoom.half, zoom.column - zoom.half:zoom.column + zoom.half]
