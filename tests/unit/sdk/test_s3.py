"""The connector for S3 against a stand-in that keeps to the API's description."""

import hashlib
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

import pytest
from defusedxml.ElementTree import fromstring

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from ipaas.sdk.transports import HttpAnswer
from ipaas.sdk.transports.s3 import PART_BYTES

CONNECTOR = load_folder(Path(__file__).resolve().parents[3] / "connectors" / "s3")
PAGE = 2
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
WHEN = 1_700_000_000


class Store:
    """ListObjectsV2, GetObject, HeadObject, PutObject with If-None-Match, CopyObject, DeleteObject."""

    def __init__(self) -> None:
        self.config = CONNECTOR.with_config_defaults(
            {"bucket": "fernhill", "folder": "orders", "poll_folder": "in", "poll_quiet_s": 0}
        )
        self.effect_key: str | None = "effect-1"
        self.objects: dict[str, bytes] = {"other/secret.txt": b"x"}
        self.failing: HttpAnswer | None = None
        self.parts: dict[str, dict[str, bytes]] = {}
        self.read: list[int] = []
        self.between: bytes | None = None
        self.failing_part, self.unfinished = 0, False

    @property
    def http(self) -> "Store":
        return self

    def committing(self) -> None:
        """HTTP tells by itself what was sent."""

    async def send(self, method: str, path: str, query: Any, headers: Any, body: bytes) -> HttpAnswer:
        if self.failing is not None:
            return self.failing
        bucket, _, key = unquote(path).removeprefix("/").partition("/")
        assert bucket == "fernhill"
        if not key:
            return self.listed(dict(query))
        if dict(query).keys() & {"uploads", "uploadId"}:
            return self.uploaded(method, key, dict(query), headers, body)
        if method == "PUT" and "x-amz-copy-source" in headers:
            source = unquote(headers["x-amz-copy-source"]).removeprefix("/fernhill/")
            self.objects[key] = self.objects[source]
            return HttpAnswer(200, {}, b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>")
        if method == "PUT":
            if headers.get("if-none-match") == "*" and key in self.objects:
                return self.error(412, "PreconditionFailed")
            self.objects[key] = body
            return HttpAnswer(200, {}, b"")
        if method == "DELETE":
            self.objects.pop(key, None)
            return HttpAnswer(204, {}, b"")
        if key not in self.objects:
            return self.error(404, "NoSuchKey")
        content = self.objects[key]
        told = {
            "etag": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "last-modified": formatdate(WHEN, usegmt=True),
            "content-length": str(len(content)),
        }
        if method == "HEAD":
            return HttpAnswer(200, told, b"")
        if headers.get("if-match") != told["etag"]:
            return self.error(412, "PreconditionFailed")
        first, last = map(int, headers["range"].removeprefix("bytes=").split("-"))
        self.read.append(last + 1 - first)
        if self.between is not None:
            self.objects[key] = self.between
        return HttpAnswer(206, told, content[first : last + 1])

    def uploaded(self, method: str, key: str, query: dict[str, str], headers: Any, body: bytes) -> HttpAnswer:
        """CreateMultipartUpload, UploadPart, CompleteMultipartUpload with If-None-Match, AbortMultipartUpload."""
        if "uploads" in query:
            self.parts["u-1"] = {}
            return HttpAnswer(
                200, {}, b"<InitiateMultipartUploadResult><UploadId>u-1</UploadId></InitiateMultipartUploadResult>"
            )
        upload = self.parts[query["uploadId"]]
        if method == "PUT":
            if int(query["partNumber"]) == self.failing_part:
                return self.error(500, "InternalError")
            upload[query["partNumber"]] = body
            return HttpAnswer(200, {"etag": f'"{query["partNumber"]}&"'}, b"")
        if method == "DELETE":
            del self.parts[query["uploadId"]]
            return HttpAnswer(204, {}, b"")
        if headers.get("if-none-match") == "*" and key in self.objects:
            return self.error(412, "PreconditionFailed")
        listed = [(one.findtext("PartNumber"), one.findtext("ETag")) for one in fromstring(body)]
        assert listed == [(number, f'"{number}&"') for number in upload]
        if self.unfinished:
            return self.error(200, "InternalError")
        self.objects[key] = b"".join(upload.values())
        del self.parts[query["uploadId"]]
        return HttpAnswer(200, {}, b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")

    def listed(self, query: dict[str, str]) -> HttpAnswer:
        prefix, start = query["prefix"], int(query.get("continuation-token", "0"))
        keys = sorted(key for key in self.objects if key.startswith(prefix) and "/" not in key[len(prefix) :])
        page, more = keys[start : start + PAGE], start + PAGE < len(keys)
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[key])}</Size>"
            "<LastModified>2023-11-14T22:13:20.000Z</LastModified></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
        text = f'<ListBucketResult xmlns="{NAMESPACE}">{items}{token}</ListBucketResult>'
        return HttpAnswer(200, {"content-type": "application/xml"}, text.encode())

    def error(self, status: int, code: str) -> HttpAnswer:
        return HttpAnswer(status, {}, f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode())


async def call(store: Store, action: str, **params: Any) -> Any:
    return (await CONNECTOR.execute(action, params, store)).data  # type: ignore[arg-type]


async def refused(store: Store, action: str, **params: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        await call(store, action, **params)
    return caught.value


async def test_objects_are_written_read_moved_and_deleted_and_repetitions_change_nothing() -> None:
    store = Store()
    write = {"path": "out/ü & b.txt", "content": "Grüße"}
    first, again = await call(store, "write_file", **write), await call(store, "write_file", **write)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert (
        await refused(store, "write_file", path="out/ü & b.txt", content="other")
    ).error_class is ErrorClass.CONFLICT
    assert (await call(store, "read_file", path="out/ü & b.txt"))["content"] == "Grüße"
    for repeated in (False, True):
        moved = await call(store, "move_file", path="out/ü & b.txt", to="done/b.txt")
        assert moved == {"path": "done/b.txt", "repeated": repeated}
    assert set(store.objects) == {"other/secret.txt", "orders/done/b.txt"}
    store.objects["orders/out/b.txt"] = store.objects["orders/done/b.txt"]  # broken off between copy and deletion
    await call(store, "move_file", path="out/b.txt", to="done/b.txt")
    assert set(store.objects) == {"other/secret.txt", "orders/done/b.txt"}
    for deleted in (True, False):
        assert (await call(store, "delete_file", path="done/b.txt"))["deleted"] is deleted
    assert (await refused(store, "read_file", path="none")).error_class is ErrorClass.NOT_FOUND


async def test_a_large_object_is_written_and_read_part_by_part() -> None:
    store = Store()
    rows = [{"number": f"{number:07}", "text": "x" * 2000} for number in range(9000)]
    for repeated in (False, True):
        made = await call(store, "write_rows", path="big.jsonl", format="jsonl", rows=rows)
        assert made["repeated"] is repeated
        assert store.parts == {}
    found = await call(store, "read_rows", path="big.jsonl", format="jsonl", offset=8999, max_rows=5)
    assert (found["rows"], found["size"]) == ([rows[-1]], len(store.objects["orders/big.jsonl"]))
    assert max(store.read) == PART_BYTES
    assert len(store.read) == 2 * 3
    store.between = b"another version"
    assert (await refused(store, "read_rows", path="big.jsonl", format="jsonl")).vendor_code == "s3_PreconditionFailed"


async def test_what_was_uploaded_in_vain_is_thrown_away() -> None:
    rows = [{"text": "x" * 2000}] * 9000
    given = {"path": "big.jsonl", "format": "jsonl", "rows": rows}
    for attribute, value in (("failing_part", 2), ("unfinished", True)):
        store = Store()
        setattr(store, attribute, value)
        assert (await refused(store, "write_rows", **given)).error_class is ErrorClass.TRANSIENT
        assert store.parts == {}
        assert set(store.objects) == {"other/secret.txt"}
    store.objects["orders/big.jsonl"] = b"theirs"
    store.unfinished = False
    assert (await refused(store, "write_rows", **given)).error_class is ErrorClass.CONFLICT
    assert (store.parts, store.objects["orders/big.jsonl"]) == ({}, b"theirs")


async def test_a_poll_goes_through_all_pages_and_gives_each_object_once() -> None:
    store = Store()
    store.objects |= {f"orders/in/{name}": b"a\n1\n" for name in ("a.csv", "b.csv", "c.csv", "d.csv", "e.csv")}
    store.objects |= {"orders/in/sub/x.csv": b"", "orders/in/": b"", "orders/in/.hidden": b""}
    page = await CONNECTOR.poll("new_files", None, store)  # type: ignore[arg-type]
    assert [item.data["name"] for item in page.items] == ["a.csv", "b.csv", "c.csv", "d.csv", "e.csv"]
    assert (await CONNECTOR.poll("new_files", page.cursor, store)).items == []  # type: ignore[arg-type]
    rows = await call(store, "read_rows", path="in/a.csv", format="csv")
    assert rows["rows"] == [{"a": "1"}]


@pytest.mark.parametrize("path", ["../other/secret.txt", "/x", "a//b", "a/../b"])
async def test_no_path_leads_out_of_the_folder(path: str) -> None:
    assert (await refused(Store(), "read_file", path=path)).error_class is ErrorClass.CONTRACT_VIOLATION


@pytest.mark.parametrize(
    ("status", "body", "code", "error_class"),
    [
        (503, b"<Error><Code>SlowDown</Code></Error>", "s3_SlowDown", ErrorClass.THROTTLED),
        (403, b"<Error><Code>AccessDenied</Code></Error>", "s3_AccessDenied", ErrorClass.AUTH),
        (404, b"<Error><Code>NoSuchBucket</Code></Error>", "s3_NoSuchBucket", ErrorClass.CONFIGURATION),
        (500, b"", "s3_500", ErrorClass.TRANSIENT),
        (200, b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "s3_answer", ErrorClass.CONTRACT_VIOLATION),
    ],
)
async def test_answers_are_classed(status: int, body: bytes, code: str, error_class: ErrorClass) -> None:
    store = Store()
    store.failing = HttpAnswer(status, {}, body)
    error = await refused(store, "list_files")
    assert (error.vendor_code, error.error_class) == (code, error_class)
