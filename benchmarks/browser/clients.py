"""People on one server who each draw on a machine of their own: clients that speak Streamlit's protocol and draw nothing.

Each has Explain open and does one thing after the other, a step to the next sample or a move of the noise's slider, with a
pause of one to five seconds between them. A wait is from the message that tells the server of it to the one that says that
the page has been sent whole; "of another": waits after which the page did not hold the client's own sample. What a browser
takes to draw is in `screen`, browsers on the server's own cores are in `browsers`. Target: eight wait at most twice as long
as one.
"""

import asyncio
import random
import tempfile
import time
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import DoubleArray
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from benchmarks.common.browser import address, serve
from benchmarks.common.harness import Result, Row, spread, threads_of_a_run
from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.run_store import Store

REPEATS = 1
N_CLIENTS, SECONDS = (1, 8, 16, 32), 60.0  # of each crowd, times `--repeats`; twice for one
PAUSE, PATIENCE = (1.0, 5.0), 60.0  # seconds
LARGEST = 2**28  # bytes of a message
RUN = RunConfig(epochs=1)
TRAINED = RunConfig(epochs=10_000, seed=7)  # meanwhile, by one thread


@dataclass
class Client:
    """An open page: its latest content, and the duration of each change."""

    socket: WebSocketClientConnection
    query: str
    widgets: dict[str, str] = field(default_factory=dict)  # label -> id
    waits: list[float] = field(default_factory=list)  # milliseconds
    errors: list[str] = field(default_factory=list)
    foreign: int = 0  # waits after which another's sample was shown

    async def rerun(self, *changed: WidgetState) -> bytes:
        """Tells the server of widgets' new values; the page that comes back."""
        message = BackMsg()
        message.rerun_script.query_string, message.rerun_script.page_name = self.query, "explain"
        message.rerun_script.widget_states.widgets.extend(changed)
        await self.socket.write_message(message.SerializeToString(), binary=True)
        parts = []
        while True:
            raw = await asyncio.wait_for(self.socket.read_message(), PATIENCE)
            if not isinstance(raw, bytes):
                raise ConnectionError("the server closed the connection")
            parts.append(raw)
            if self._read(ForwardMsg.FromString(raw)):
                return b"".join(parts)

    def _read(self, message: ForwardMsg) -> bool:
        """Store the state that the next change needs; True at the end of a page."""
        kind = message.WhichOneof("type")
        if kind == "delta":
            element = message.delta.new_element
            shown = element.WhichOneof("type")
            if shown in ("number_input", "slider"):
                widget = getattr(element, shown)
                self.widgets[widget.label.split(" (")[0]] = widget.id
            elif shown == "exception":
                self.errors.append(element.exception.message[:80])
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        return kind == "script_finished"


def measure(repeats: int, counts: tuple[int, ...] = N_CLIENTS, seconds: float = SECONDS, run: RunConfig = RUN) -> Result:
    rows: list[Row] = []
    with threads_of_a_run(1), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        store = Store(home)
        entry = store.create(run)
        tasks.perform(home, "runs", entry.id, "cpu")
        server = serve(store)
        try:
            for training in (False, True):
                if training:
                    _train(store)
                lasting = {n: seconds * repeats * (2 if n == 1 else 1) for n in counts}
                rows += [_row(n, training, asyncio.run(_crowd(n, entry.id, lasting[n]))) for n in counts]
        finally:
            server.terminate()
            engine.stop(store)
    for row in rows:
        row["times one"] = row["p95, ms"] / rows[0]["p95, ms"]
    of_eight = next((row for row in rows if row["clients"] == 8), rows[-1])
    return Result("clients", rows, {"ratio": of_eight["times one"]}, repeats)


def _train(store: Store) -> None:
    entry = engine.submit(store, TRAINED)
    while len(entry.history()) < 3:
        time.sleep(0.5)


def _row(n: int, training: bool, clients: list[Client]) -> Row:
    waits = spread([wait for client in clients for wait in client.waits])
    return {
        "clients": n,
        "beside a training": training,
        "steps": sum(len(client.waits) for client in clients),
        "errors": sum(len(client.errors) for client in clients),
        "of another": sum(client.foreign for client in clients),
        "p50, ms": waits["median"],
        "p95, ms": waits["p95"],
    }


async def _crowd(n: int, run_id: str, seconds: float) -> list[Client]:
    begin = asyncio.Barrier(n)
    return await asyncio.gather(*(_one(run_id, number, begin, seconds) for number in range(n)))


async def _one(run_id: str, number: int, begin: asyncio.Barrier, seconds: float) -> Client:
    """One client: its samples are its own hundred; the clock starts once every page is complete."""
    request = HTTPRequest(address().replace("http", "ws", 1) + "/_stcore/stream")
    socket = await websocket_connect(request, subprotocols=["streamlit"], max_message_size=LARGEST)
    chance, sample, level = random.Random(number), 100 * number, 0.4
    client = Client(socket, f"run={run_id}&sample={sample}")
    await client.rerun()
    await begin.wait()
    until = time.monotonic() + seconds
    await asyncio.sleep(chance.uniform(0, PAUSE[1]))
    while time.monotonic() < until:
        moved = chance.random() < 0.5
        sample, level = (sample, 0.35 if level == 0.4 else 0.4) if moved else (sample + 1, level)
        began = time.perf_counter()
        page = await client.rerun(
            WidgetState(id=client.widgets["Noise level"], double_array_value=DoubleArray(data=[level]))
            if moved
            else WidgetState(id=client.widgets["Sample"], int_value=sample)
        )
        client.waits.append(1000 * (time.perf_counter() - began))
        client.foreign += f"sample {sample},".encode() not in page
        await asyncio.sleep(chance.uniform(*PAUSE))
    socket.close()
    return client
