"""Event streams on FastAPI: GET /stream to subscribe, POST /answer for a stream that answers.

Everything is written out here. `EventSourceResponse` of fastapi.sse encodes and pings by itself: there `data=` is sent
as JSON and `raw_data=` as it is; the history, the refusals and the bound for slow readers stay yours.
The parts from "recipe" to "end" are what `streamproof explain` prints.
Run: uvicorn fastapi_streams:app --timeout-graceful-shutdown 5
"""
import asyncio
import json
import os
import re
import signal
import uuid
from contextlib import asynccontextmanager
from datetime import datetime, timezone

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import Response, StreamingResponse


# recipe: event
def block(data="", event=None, id=None, retry=None):
    """One event as one block, blank line included. Raises for what a line cannot hold: refuse that beforehand."""
    if re.search(r"[\r\n]", event or "") or re.search(r"[\x00-\x1f\x7f]|^ | $", id or ""):
        raise ValueError("an event name with a line break, or an id that no header can carry")
    if retry is not None and (not isinstance(retry, int) or retry < 0):
        raise ValueError("retry is whole milliseconds")
    lines = [f"id: {id}"] if id else []
    lines += [f"event: {event}"] if event else []
    lines += [f"retry: {retry}"] if retry is not None else []
    # not splitlines(), which knows eight more line ends and drops the last one; surrogates have no bytes in UTF-8
    lines += [f"data: {line}" for line in re.split(r"\r\n|\r|\n", data)]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")
# end


# recipe: history
class Channel:
    """The last events as they were written, under ids that they keep, and a bounded queue for each reader."""

    def __init__(self):
        self.readers, self.kept, self.finished = set(), [], False
        self.series, self.count = uuid.uuid4().hex[:8], 0  # after a restart old ids are unknown

    def publish(self, data, event=None):
        self.count += 1
        id = f"{self.series}-{self.count}"
        self.kept = [*self.kept[-999:], (id, block(data, event, id))]
        for reader in list(self.readers):
            reader.put(self.kept[-1][1])

    def after(self, id):
        """What came after an id: nothing for a first request, a reset event for an id that is not kept (any more)."""
        if id is None:
            return []
        ids = [kept for kept, _ in self.kept]
        at = ids.index(id) if id in ids else -1
        missed = [written for _, written in self.kept[at + 1:]]
        return missed if at >= 0 else [block("some events are gone: load everything anew", "reset"), *missed]
# end

    # recipe: finish
    def finish(self):
        """An event says that it was the last, for an end alone is a lost connection. Who comes back gets 204."""
        self.publish("", "end")
        self.finished = True
        for reader in list(self.readers):
            reader.end()

    def is_over(self, id):
        return self.finished and self.kept[-1][0] == id
    # end


# recipe: slow-reader
class Reader:
    """A queue between the channel and one client: nobody waits for a client, and a client too far behind is let go."""

    def __init__(self, first):
        self.queue, self.over = asyncio.Queue(maxsize=1000), asyncio.Event()
        for written in [b": open\n\n", *first]:
            self.put(written)

    def put(self, written):
        try:
            self.queue.put_nowait(written)
        except asyncio.QueueFull:
            self.over.set()  # it comes back with Last-Event-ID; dropping single events would leave a hole

    def end(self):
        self.put(None)
# end

    # recipe: heartbeat
    async def read(self):
        while not self.over.is_set():
            try:
                written = await asyncio.wait_for(self.queue.get(), timeout=15)
            except TimeoutError:
                written = b": ping\n\n"
            if written is None:
                return
            yield written
    # end


news = Channel()


# recipe: last-event-id
def last_event_id(request: Request):
    """Starlette gives the bytes of a header as latin-1, clients send the id in UTF-8. Empty is as good as none."""
    header = request.headers.get("last-event-id")
    return header.encode("latin-1").decode("utf-8", "replace") if header else None
# end


# recipe: refuse
def problem(status, title, **headers):
    """A dependency may raise it; the generator of a stream runs after the head and can change no status."""
    return HTTPException(status, title, {"Cache-Control": "no-store", **headers})
# end


# recipe: subscribe
async def subscription(request: Request):
    """A dependency: it runs before the head, so who has seen the head is subscribed. Left when the response is over."""
    if news.is_over(last_event_id(request)):
        yield None
        return
    reader = Reader(news.after(last_event_id(request)))
    news.readers.add(reader)
    try:
        yield reader
    finally:
        news.readers.discard(reader)
# end


# recipe: credentials
async def credentials(request: Request):
    token = os.environ.get("TOKEN")
    if token and request.headers.get("authorization") != f"Bearer {token}":
        raise problem(401, "credentials, please", **{"WWW-Authenticate": "Bearer"})
# end


# recipe: capacity
async def capacity():
    if len(news.readers) >= 10_000:
        raise problem(503, "too many readers", **{"Retry-After": "30"})
# end


# recipe: shutdown
@asynccontextmanager
async def lifespan(app):
    """uvicorn waits for streams before it runs the shutdown of lifespan: end them when the signal comes."""
    previous = signal.getsignal(signal.SIGTERM)

    def stop(number, frame):
        for reader in list(news.readers):
            reader.end()
        if callable(previous):
            previous(number, frame)

    signal.signal(signal.SIGTERM, stop)
    ticking = asyncio.create_task(tick())
    yield
    ticking.cancel()
# end


async def tick():
    while True:
        news.publish(datetime.now(timezone.utc).isoformat(), "tick")
        await asyncio.sleep(1)


app = FastAPI(lifespan=lifespan)

# recipe: origins
# It answers preflights before any dependency asks for credentials, and adds the fields to 204 and errors too: without
# them a browser takes a refusal for a lost connection. "*" would not do for cookies, nor cover Authorization.
app.add_middleware(
    CORSMiddleware,
    allow_origins=["https://app.example.com"],
    allow_credentials=True,
    allow_methods=["GET", "POST"],
    allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
)
# end

# recipe: head
FIELDS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


def stream(generator):
    # media_type= would add "; charset=utf-8", which is allowed and of no use
    return StreamingResponse(generator, headers={"Content-Type": "text/event-stream", **FIELDS})
# end


# recipe: methods
@app.get("/stream", dependencies=[Depends(credentials), Depends(capacity)])
async def subscribe(reader=Depends(subscription)):
    # recipe: stop
    if reader is None:
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    # end
    return stream(reader.read())


@app.head("/stream", dependencies=[Depends(credentials)])
async def head():
    return Response(headers={"Content-Type": "text/event-stream", **FIELDS})


@app.options("/stream")
async def options():
    # other than a preflight, which the middleware answers
    return Response(status_code=204, headers={"Allow": "GET, HEAD, OPTIONS"})
# end


# recipe: post
@app.post("/answer", dependencies=[Depends(credentials)])
async def answer():
    async def work():
        # when the reader leaves, the generator is cancelled: let the cancellation through, and the work stops
        try:
            for word in ["one", " two", " three"]:
                await asyncio.sleep(0.05)
                yield block(json.dumps({"word": word}))
            yield block("{}", "end")
        except Exception:
            yield block('{"title":"the answer broke off"}', "failure")

    return stream(work())
# end
