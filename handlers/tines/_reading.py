"""Reads every answer of Tines: receives it within bounds, unpacks it, masks it, and reads it as what was asked for.

It prevents answers that surprise: 100 MB bodies, gzip that expands a thousandfold, charsets that are none, a page of a
login in place of JSON. Whatever arrives, the result is a value or a `TinesError`; text in both is masked already.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator
from functools import partial
from typing import Final, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from handlers.tines._errors import TinesError
from handlers.tines._json import SHORT, TooManyPartsError, needs_tidying, read_json, text_of, tidied
from handlers.tines._judge import Answer, Call
from handlers.tines._wire import faults
from handlers.tines._words import looks_like_html, words_of

MAX_BODY: Final = 32 * 1024 * 1024  # bytes of a good answer, unpacked
MAX_ERROR: Final = 1024 * 1024  # bytes of any other one, unpacked
_UNPACKED_AT_ONCE: Final = 256 * 1024  # bytes
_SHOWN_FAULTS: Final = 3  # of an answer that does not fit; the rest would say the same
_ANY_HEADER: Final = zlib.MAX_WBITS | 32  # gzip or zlib, whichever it is

T = TypeVar("T", bound=BaseModel)


async def receive(response: httpx.Response) -> Answer:
    """Read an answer's body, no more of it than is of use. Raises what the HTTP library raises."""
    limit = MAX_BODY if response.is_success else MAX_ERROR
    body, fault = bytearray(), ""
    try:
        async for part in _unpacked(response):
            body += part
            if len(body) > limit:
                fault = f"the answer is larger than {limit // 1024 // 1024} MB"
                break
    except (zlib.error, _PackingError) as error:
        fault = f"the answer cannot be unpacked: {error}"
    del body[limit:]
    return Answer(response.status_code, response.headers, body, fault)


class _PackingError(Exception):
    """A body is packed in a way that was not asked for, or ends too early."""


async def _unpacked(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body in parts of bounded size: httpx would unpack a whole part at once, however large it becomes."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    stream = response.stream
    if not isinstance(stream, httpx.AsyncByteStream):  # pragma: no cover  # a transport of another kind
        message = "not readable"
        raise _PackingError(message)
    if encoding in {"", "identity"}:
        async for part in stream:
            yield part
        return
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        message = "it is compressed in an unexpected way"
        raise _PackingError(message)
    unpacker = zlib.decompressobj(_ANY_HEADER)
    anything = False
    async for part in stream:
        while part and not unpacker.eof:
            anything = True
            yield unpacker.decompress(part, _UNPACKED_AT_ONCE)
            part = unpacker.unconsumed_tail  # noqa: PLW2901 - what is left of this part
            await asyncio.sleep(0)  # others go on in between
    if anything and not unpacker.eof:
        message = "it ends too early"
        raise _PackingError(message)


async def read_as(model: type[T], call: Call, answer: Answer) -> T | TinesError:
    """Return a good answer as a value, or the error that it is; a large one is read beside the event loop."""
    if len(answer.body) <= SHORT:
        return parse(model, call, answer)
    return await asyncio.to_thread(parse, model, call, answer)


async def read_nothing(model: type[T], call: Call, answer: Answer) -> T | TinesError | None:
    """Read an answer without a body: 204 is documented, and a page of something in between is not a yes."""
    return await read_as(model, call, answer) if answer.body.strip() or answer.fault else None


def parse(model: type[T], call: Call, answer: Answer) -> T | TinesError:
    """Return the body of a good answer as a value, or the error that it is when it is not what Tines gives.

    The error is returned and not raised: those behind it quote the answer, and must not travel along as a context.
    """
    if answer.fault:
        return call.unreadable(answer.status, answer.fault)
    unreadable = partial(call.unreadable, answer.status)
    text = text_of(answer.body)
    if not text.strip():
        return unreadable("the answer is empty")
    if looks_like_html(text):  # a page, of a proxy or a login: its title tells more
        return unreadable(words_of(text, call.mask))
    try:
        value = read_json(text)
        return model.model_validate(tidied(value, call.mask) if needs_tidying(text, call.mask) else value)
    except ValidationError as error:
        said = "; ".join(list(faults(error))[:_SHOWN_FAULTS])
    except RecursionError:
        said = "the answer is nested too deeply"
    except TooManyPartsError as error:
        said = f"the answer has {error}"
    except ValueError:
        said = "the answer is not JSON"
    return unreadable(said)
