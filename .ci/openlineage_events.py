"""Whether events are OpenLineage, by the classes that its own Python client has of its published schema.

They are built anew of each event: a member that the schema does not have, one that it needs, a word that is none of its,
a time that is none are refused; and what the client would send must be what came.
"""

import importlib
import json
import pkgutil
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attr
from openlineage.client import generated
from openlineage.client.generated.base import BaseFacet, EventType, InputDataset, Job, OutputDataset, Run, RunEvent
from openlineage.client.serde import Serde

#: The facets of the schema, by what the addresses of their schemas end with.
FACETS = {
    kind.__name__: kind
    for module in pkgutil.iter_modules(generated.__path__)
    for kind in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values()
    if isinstance(kind, type) and issubclass(kind, BaseFacet)
}


def build(kind, members):
    """An object of the schema; its texts are texts."""
    made = kind(**members)
    for field in attr.fields(kind):
        value = getattr(made, field.name)
        if str(field.type).startswith("str") and not isinstance(value, str) and not (value is None and "None" in field.type):
            raise TypeError(f"{kind.__name__}.{field.name} is {value!r}")
    return made


def compatible(url):
    """The name of a schema without the last number of its version, which changes nothing that is sent."""
    return re.sub(r"/(\d+-\d+)-\d+/", r"/\1/", url)


def facets(given):
    """The facets of the schema, rebuilt. Those of one's own have a prefix, and need no more than the base of all facets."""
    found = {}
    for name, members in given.items():
        rest = dict(members)
        producer, url = rest.pop("_producer"), rest.pop("_schemaURL")
        kind = FACETS[url.rsplit("/", 1)[1]]
        if compatible(url) != compatible(kind._get_schema()):
            raise ValueError(f"{name} is of {url}, and the schema has {kind._get_schema()}")
        if kind.__module__.endswith(".base") and "_" in name:
            rest = {}
        found[name] = build(kind, rest | {"producer": producer})
    return found


def check(event):
    """Raises unless it is a RunEvent."""
    rest = dict(event)
    if rest.pop("schemaURL") != RunEvent._get_schema():
        raise ValueError(f"schemaURL is {event['schemaURL']}")
    datasets = {
        side: [build(kind, one | {"facets": facets(one.get("facets", {}))}) for one in rest.pop(side, [])]
        for side, kind in (("inputs", InputDataset), ("outputs", OutputDataset))
    }
    run, job = rest.pop("run"), rest.pop("job")
    made = RunEvent(
        run=build(Run, run | {"facets": facets(run.get("facets", {}))}),
        job=build(Job, job | {"facets": facets(job.get("facets", {}))}),
        eventType=EventType(rest.pop("eventType")),
        producer=rest.pop("producer"),
        **datasets,
        **rest,
    )
    sent = json.loads(Serde.to_json(made))
    for one, two in ((sent, event), (sent["run"], run), (sent["job"], job)):
        if lost := {key for key in one if key != "facets" and key in two and not isinstance(one[key], dict | list) and one[key] != two[key]}:
            raise ValueError(f"the client would send something else of {lost}: {sent}, {event}")


class Collector:
    """Takes events at `url`, and keeps them."""

    def __init__(self):
        self.events = []
        events = self.events

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                events.append((self.path, json.loads(body)))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
