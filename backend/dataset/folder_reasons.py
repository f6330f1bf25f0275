"""Why a file in a folder of images is none that we read, in words for a report."""

from __future__ import annotations

import os
from pathlib import Path

from backend.images.decode import known_format

__all__ = [
    "A_LINK_ASTRAY",
    "A_LINK_OUT",
    "A_LINK_TO_A_FOLDER",
    "HIDDEN",
    "IMAGE_SUFFIXES",
    "NOT_READABLE",
    "NO_REGULAR_FILE",
    "why_no_image",
]

#: Whether a file is an image its content says; whether it is meant as one, its name does.
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
)
HIDDEN = "hidden: the name begins with a dot"
NOT_READABLE = "cannot be read"
NO_REGULAR_FILE = "no regular file"
A_LINK_TO_A_FOLDER = "link to a folder: give that folder itself"
A_LINK_OUT = "link that leads out of the folder: --follow-links takes it"
A_LINK_ASTRAY = "link that leads nowhere, or a file that is gone"
UNNAMED = "image by its content, but not by its name: end the name in .jpg, .png or the like"
OTHER = "no image by its name"

_CONVERT = "not read: convert to JPEG or PNG"
_KINDS = {
    "HEIC image": ".heic .heif .hif",
    "JPEG 2000 image": ".jp2 .j2k .j2c .jpf .jpx .jpm",
    "JPEG XL image": ".jxl",
    "JPEG XR image": ".jxr .wdp .hdp",
    "SVG drawing": ".svg .svgz",
    "camera's raw image": ".cr2 .cr3 .crw .nef .nrw .arw .dng .orf .raf .rw2 .pef .srw .raw .3fr .x3f",
    "Photoshop or GIMP file": ".psd .psb .xcf",
    "PDF or PostScript document": ".pdf .ps .eps .ai",
    "DICOM file": ".dcm .dicom",
    "icon": ".ico .icns .cur",
    "Netpbm image": ".ppm .pgm .pbm .pnm .pam",
    "image of another kind": ".tga .pcx .exr .hdr .dds .qoi .fits .fit .sgi .xbm .xpm .emf .wmf .djvu"
    " .bpg .flif .ras .nii .svs .ndpi .czi .vsi .mrxs",
    "video": ".mp4 .mov .avi .mkv .webm .m4v .mpg .mpeg .wmv .3gp .mts .gifv",
    "archive": ".zip .tar .gz .tgz .7z .rar .bz2 .xz",
}
_KIND_OF = {suffix: kind for kind, suffixes in _KINDS.items() for suffix in suffixes.split()}
#: What lies beside images and is not opened to see whether it is one.
_PLAIN = frozenset(
    [
        ".txt",
        ".json",
        ".jsonl",
        ".xml",
        ".csv",
        ".tsv",
        ".md",
        ".yaml",
        ".yml",
        ".html",
        ".htm",
        ".log",
        ".ini",
        ".cfg",
        ".toml",
        ".py",
        ".ipynb",
        ".npy",
        ".npz",
        ".pt",
        ".pth",
        ".onnx",
        ".cache",
        ".db",
        ".sqlite",
        ".pkl",
        ".h5",
        ".xlsx",
        ".xls",
        ".doc",
        ".docx",
        ".sh",
        ".js",
        ".css",
        ".xmp",
        ".aae",
        ".thm",
        ".lock",
    ]
)
_HEAD_BYTES = 64


def why_no_image(entry: os.DirEntry[str]) -> str | None:
    """Why a regular file is left out; `None` for an image by its name. Raises `OSError`."""
    suffix = Path(entry.name).suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return None
    if suffix in _KIND_OF:
        return f"{_KIND_OF[suffix]}, {_CONVERT}"
    if suffix in _PLAIN:
        return OTHER
    with open(entry.path, "rb") as file:
        head = file.read(_HEAD_BYTES)
    return UNNAMED if known_format(head) is not None else OTHER
