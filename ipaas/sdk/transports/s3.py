"""S3-compatible object stores as a store of files, over the connection's signed HTTP."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import BinaryIO
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.sdk.connector import net_failure
from ipaas.sdk.errors import ActionError, default_class, retry_after
from ipaas.sdk.files import MAX_FILE_BYTES, Entry, too_large
from ipaas.sdk.transports import HttpAnswer, Transports
from ipaas.sdk.transports.folders import MAX_ENTRIES, is_finished, not_found, parts_of, too_many

PART_BYTES = 8 * 1024 * 1024
"""What is read or written by one request; larger objects go part by part (S3 takes parts from 5 MB on)."""
_MISSING, _PARTIAL, _EXISTS = 404, 206, (409, 412)
Query = tuple[tuple[str, str], ...]
Headers = dict[str, str]
XML = {"content-type": "application/xml"}


class S3Files:
    """Objects of a bucket below a prefix; a slash in a key separates folders."""

    def __init__(self, io: Transports, bucket: str, prefix: str) -> None:
        self._io = io
        self._bucket = bucket
        self._prefix = "/".join(parts_of(prefix)) + "/" if prefix else ""

    async def entries(self, folder: str) -> list[Entry]:
        prefix = self._prefix + ("/".join(parts_of(folder)) + "/" if folder else "")
        found: list[Entry] = []
        more: Query = ()
        while True:
            query: Query = (("delimiter", "/"), ("list-type", "2"), ("prefix", prefix), *more)
            page = _xml(self._good(await self._send("GET", "", query=query)).body)
            found += [one for one in _entries(page, len(self._prefix)) if is_finished(one.path.rpartition("/")[2])]
            if len(found) > MAX_ENTRIES:
                raise too_many()
            token = page.findtext("{*}NextContinuationToken") or page.findtext("NextContinuationToken")
            if not token:
                return sorted(found, key=lambda entry: entry.path)
            more = (("continuation-token", token),)

    async def read(self, path: str, into: BinaryIO) -> Entry:
        """By parts of one version: an object that is replaced in between is refused, not read half and half."""
        there = await self._send("HEAD", path)
        if there.status == _MISSING:
            raise not_found(path)
        size, same = int(self._good(there).headers.get("content-length", "0")), there.headers.get("etag")
        if size > MAX_FILE_BYTES:
            raise too_large()
        for start in range(0, size, PART_BYTES):
            wanted = {"range": f"bytes={start}-{min(start + PART_BYTES, size) - 1}"}
            answer = await self._send("GET", path, headers=wanted | ({"if-match": same} if same else {}))
            body = self._good(answer).body
            if answer.status != _PARTIAL or len(body) != min(PART_BYTES, size - start):
                raise ActionError(ErrorClass.CONTRACT_VIOLATION, "s3_range", "The store answers no part of an object.")
            into.write(body)
        modified = parsedate_to_datetime(there.headers["last-modified"]).timestamp() if _dated(there) else 0.0
        return Entry(path, size, modified)

    async def replace(self, path: str, content: BinaryIO, *, overwrite: bool) -> bool:
        first, second = content.read(PART_BYTES), content.read(PART_BYTES)
        headers = {"content-type": "application/octet-stream"}
        only_new = {} if overwrite else {"if-none-match": "*"}
        if second:
            parts = chain((first, second), iter(lambda: content.read(PART_BYTES), b""))
            answer = await self._in_parts(path, headers, only_new, parts)
        else:
            answer = await self._send("PUT", path, headers=headers | only_new, body=first)
        if not overwrite and answer.status in _EXISTS:
            return False
        self._finished(answer)
        return True

    async def _in_parts(self, path: str, headers: Headers, only_new: Headers, parts: Iterator[bytes]) -> HttpAnswer:
        """The answer to the completion, before which nothing is there; what was uploaded in vain is thrown away."""
        begun = _xml(self._good(await self._send("POST", path, query=(("uploads", ""),), headers=headers)).body)
        upload = ("uploadId", begun.findtext("{*}UploadId") or begun.findtext("UploadId") or "")
        try:
            listed = ""
            for number, part in enumerate(parts, start=1):
                sent = await self._send("PUT", path, query=(("partNumber", str(number)), upload), body=part)
                tag = escape(self._good(sent).headers.get("etag", ""))
                listed += f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
            body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
            answer = await self._send("POST", path, query=(upload,), headers=XML | only_new, body=body)
            if answer.status in _EXISTS:
                await self._send("DELETE", path, query=(upload,))
            else:
                self._finished(answer)
        except ActionError:
            with suppress(ActionError):  # the first error tells more
                await self._send("DELETE", path, query=(upload,))
            raise
        return answer

    def _finished(self, answer: HttpAnswer) -> None:
        """S3 begins to answer a copy or a completion with 200 before it knows whether it is done."""
        if self._good(answer).body and _xml(answer.body).tag.rpartition("}")[2] == "Error":
            raise ActionError(ErrorClass.TRANSIENT, "s3_unfinished", "The store could not finish it.", sent=True)

    async def move(self, source: str, target: str, *, overwrite: bool) -> bool:
        """A copy and then a deletion: S3 has no move. A repetition between the two does the rest."""
        there = await self._send("HEAD", source)
        if there.status == _MISSING:
            raise not_found(source)
        self._good(there)
        if not overwrite:
            taken = await self._send("HEAD", target)
            if taken.status != _MISSING:
                self._good(taken)
                if taken.headers.get("etag") != there.headers.get("etag"):
                    return False
        origin = quote(f"/{self._bucket}/{self._prefix}{'/'.join(parts_of(source))}", safe="/-_.~")
        self._finished(await self._send("PUT", target, headers={"x-amz-copy-source": origin}))
        self._good(await self._send("DELETE", source))
        return True

    async def delete(self, path: str) -> bool:
        there = await self._send("HEAD", path)
        if there.status == _MISSING:
            return False
        self._good(there)
        self._good(await self._send("DELETE", path))
        return True

    async def _send(
        self, method: str, path: str, *, query: Query = (), headers: Headers | None = None, body: bytes = b""
    ) -> HttpAnswer:
        key = quote(self._prefix + "/".join(parts_of(path)), safe="/-_.~") if path else ""
        try:
            return await self._io.http.send(method, f"/{self._bucket}/{key}".rstrip("/"), query, headers or {}, body)
        except IpaasError as error:
            raise net_failure(error) from error

    def _good(self, answer: HttpAnswer) -> HttpAnswer:
        if answer.status < 300:
            return answer
        code = ""
        if answer.body:
            found = _xml(answer.body)
            code = (found.findtext("{*}Code") or found.findtext("Code") or "")[:80]
        classes = {"SlowDown": ErrorClass.THROTTLED, "NoSuchBucket": ErrorClass.CONFIGURATION}
        raise ActionError(
            classes.get(code) or default_class(answer.status),
            f"s3_{code or answer.status}",
            f"The store answered {answer.status} {code}.".replace(" .", "."),
            http_status=answer.status,
            retry_after_s=retry_after(answer.headers),
            sent=True,
            applied=False if answer.status < 500 else None,
        )


@asynccontextmanager
async def opened(io: Transports) -> AsyncIterator[S3Files]:
    """The bucket of the connection, below its folder."""
    yield S3Files(io, str(io.config["bucket"]), str(io.config.get("folder") or ""))


def _entries(page: Element, cut: int) -> Iterator[Entry]:
    for one in page:
        if one.tag.rpartition("}")[2] != "Contents":
            continue
        told = {child.tag.rpartition("}")[2]: child.text or "" for child in one}
        if not told["Key"].endswith("/"):
            modified = datetime.fromisoformat(told["LastModified"]).timestamp()
            yield Entry(told["Key"][cut:], int(told["Size"]), modified)


def _dated(answer: HttpAnswer) -> bool:
    return bool(answer.headers.get("last-modified"))


def _xml(body: bytes) -> Element:
    try:
        found: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        message = "The store's answer is not the XML that S3 promises."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "s3_answer", message, sent=True) from error
    return found
