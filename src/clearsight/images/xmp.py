"""XMP packets: the parts that a JPEG file needs for a long one, and which way is up."""

from __future__ import annotations

import re
from hashlib import md5

__all__ = ["joined", "parted", "upright"]

_RDF = re.compile(rb"<rdf:RDF[^>]*>(.*)</rdf:RDF>", re.DOTALL)
_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>\s*))[2-8]")


def upright(packet: bytes) -> bytes:
    """The same packet, saying that the picture is upright.

    Example:
        >>> upright(b'<rdf:Description tiff:Orientation="6"/>')
        b'<rdf:Description tiff:Orientation="1"/>'
    """
    return _ORIENTATION.sub(rb"\g<1>1", packet)


def parted(packet: bytes, room: int) -> tuple[bytes, bytes, bytes]:
    """What fits, and what goes on in further segments under a digest: one packet, or a reference to all of it."""
    if len(packet) <= room:
        return packet, b"", b""
    digest = md5(packet, usedforsecurity=False).hexdigest().upper().encode()
    return _reference(digest), digest, packet


def joined(standard: bytes, digest: bytes, extended: bytes) -> bytes:
    """One packet of the two parts of a long one.

    Example:
        >>> long = b"<rdf:RDF>" + b"x" * 200 + b"</rdf:RDF>"
        >>> joined(*parted(long, 100)) == long
        True
    """
    if not extended or standard == _reference(digest):
        return extended or standard
    more = _RDF.search(extended)
    whole = re.sub(rb"\s*xmpNote:HasExtendedXMP\s*=\s*[\"'][^\"']*[\"']", b"", standard)
    return whole.replace(b"</rdf:RDF>", more[1] + b"</rdf:RDF>", 1) if more else standard


def _reference(digest: bytes) -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="'
        + digest
        + b'"/></rdf:RDF></x:xmpmeta>'
    )
