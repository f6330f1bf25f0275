"""What a file is when it is not an image that we read: a word for the message. Pure."""

from __future__ import annotations

__all__ = ["what_came"]

_BEGINNINGS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"RIFF", "a sound or video file"),
    (b"8BPS", "a Photoshop image"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\x00\x00\x00\x0cJXL", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"%!PS", "a PostScript file"),
    (b"\x1aE\xdf\xa3", "a video file"),
    (b"OggS", "a sound or video file"),
    (b"ID3", "a sound file"),
    (b"\x00\x00\x01\x00", "an icon image (ICO)"),
    (b"icns", "an icon image (ICNS)"),
    (b"II\xbc\x01", "a JPEG XR image"),
    (b"\x76\x2f\x31\x01", "an OpenEXR image"),
    (b"#?RADIANCE", "a Radiance HDR image"),
    (b"qoif", "a QOI image"),
    (b"gimp xcf", "a GIMP image"),
    (b"DDS ", "a DDS image"),
    (b"FLIF", "a FLIF image"),
    (b"SIMPLE  =", "a FITS image"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: run `git lfs pull`"),
)
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_NETPBM = (b"1", b"2", b"3", b"4", b"5", b"6")
_TEXT_START_BYTES = 1024


def what_came(data: bytes) -> str:
    """The kind of file in a few words, from its first bytes.

    >>> what_came(b"<!DOCTYPE html><html>")
    'an HTML page'
    >>> what_came(b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')
    'an SVG drawing (vector images are not read)'
    """
    if not data:
        return "an empty file"
    for beginning, words in _BEGINNINGS:
        if data.startswith(beginning):
            return words
    if data[:1] == b"P" and data[1:2] in _NETPBM and data[2:3].isspace():
        return "a Netpbm image (PPM, PGM or PBM)"
    if data[128:132] == b"DICM":
        return "a DICOM file"
    if data[4:8] == b"ftyp":
        return "a HEIC image" if data[8:12] in _HEIF else "a video file"
    return _text_kind(data) or "a file of an unknown kind"


def _text_kind(data: bytes) -> str | None:
    head = data[:_TEXT_START_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head and head.startswith(b"<"):
        return "an SVG drawing (vector images are not read)"
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "an HTML page"
    if head.startswith(b"<"):
        return "an XML or HTML text"
    if head.startswith((b"{", b"[")):
        return "a JSON text"
    if b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return "a text"
    return None
