"""Client of the public NBIA REST interface of The Cancer Imaging Archive (TCIA)."""

from __future__ import annotations

import json
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

BASE_URL = "https://services.cancerimagingarchive.net/nbia-api/services/v1"
_TIMEOUT_S = 120


class ArchiveError(RuntimeError):
    """The archive could not be reached, refused, or sent something unusable."""


class Archive:
    """Lists and downloads image series.

    Args:
        opener: called as ``opener(url, timeout=seconds)``, returning a readable context manager, as
            ``urllib.request.urlopen`` does.

    Every method raises ArchiveError if the archive does not answer as it should.
    """

    def __init__(self, opener=urllib.request.urlopen):
        self._opener = opener

    def series(self, collection: str, patient: str, at_least: int = 1) -> list[str]:
        """Return the UIDs of a patient's CT series of at least so many images, the smallest first."""
        found = self._json("getSeries", Collection=collection, PatientID=patient, Modality="CT")
        sized = [(int(s.get("ImageCount") or 0), s["SeriesInstanceUID"]) for s in found]
        return [uid for count, uid in sorted(sized) if count >= at_least]

    def first_header(self, series: str):
        """Return the header (a pydicom Dataset) of one image of a series."""
        import pydicom

        images = self._json("getSOPInstanceUIDs", SeriesInstanceUID=series)
        if not images:
            raise ArchiveError("The archive lists a series without images.")
        with self._open("getSingleImage", SeriesInstanceUID=series,
                        SOPInstanceUID=images[0]["SOPInstanceUID"]) as response:
            content = self._read(response)
        try:
            return pydicom.dcmread(BytesIO(content), stop_before_pixels=True)
        except Exception as error:  # pydicom raises many types on damaged files
            raise ArchiveError(f"The archive sent an image that is no DICOM ({error}).") from error

    def download(self, series: str, folder: Path):
        """Download the images of a series as DICOM files into ``folder``, which must exist."""
        with tempfile.TemporaryFile() as stream:
            with self._open("getImage", SeriesInstanceUID=series) as response:
                try:
                    shutil.copyfileobj(response, stream)
                except OSError as error:
                    raise ArchiveError(f"The download broke off ({error}); try again.") from error
            extract_images(stream, folder)

    def _json(self, endpoint: str, **query) -> list[dict]:
        with self._open(endpoint, **query, format="json") as response:
            content = self._read(response)
        try:
            return json.loads(content) if content.strip() else []  # nothing found: an empty answer
        except ValueError as error:
            raise ArchiveError(f"The archive's answer to {endpoint} is no JSON; it may be down for "
                               "maintenance.") from error

    def _open(self, endpoint: str, **query):
        try:
            return self._opener(f"{BASE_URL}/{endpoint}?{urlencode(query)}", timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            raise ArchiveError(f"The archive refused {endpoint} (HTTP {error.code}); the collection may have moved to "
                               "controlled access.") from error
        except OSError as error:
            raise ArchiveError(f"The archive cannot be reached ({getattr(error, 'reason', error)}); check the network "
                               "connection.") from error

    @staticmethod
    def _read(response) -> bytes:
        try:
            return response.read()
        except OSError as error:
            raise ArchiveError(f"The archive's answer broke off ({error}); try again.") from error


def extract_images(stream, folder: Path):
    """Extract the .dcm files of a ZIP file into ``folder``, flat and under names of their own.

    The names in the archive are not used: a harmful one could point outside the folder.

    Raises:
        ArchiveError: no or a damaged ZIP file, or one without images.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and m.filename.lower().endswith(".dcm")]
            for number, member in enumerate(members):
                with archive.open(member) as source, open(Path(folder) / f"{number:05d}.dcm", "wb") as target:
                    shutil.copyfileobj(source, target)
    except zipfile.BadZipFile as error:
        raise ArchiveError(f"The archive sent a damaged ZIP file ({error}); try again.") from error
    if not members:
        raise ArchiveError("The archive sent a ZIP file without images.")
