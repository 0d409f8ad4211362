# SPDX-License-Identifier: Apache-2.0
"""What the drivers in Python share; ../node/driver.mjs says what a driver is given and prints."""

import asyncio
import base64
import functools
import http.server
import importlib
import importlib.metadata
import inspect
import itertools
import json
import os
import pkgutil
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request

ORIGIN = os.environ["CONFORMANCE_ORIGIN"]
MOUNT = os.environ["CONFORMANCE_MOUNT"]
KEY = os.environ["CONFORMANCE_KEY"]
LIMITED_ORIGIN = os.environ["CONFORMANCE_LIMITED_ORIGIN"]
LIMITED_KEY = os.environ["CONFORMANCE_LIMITED_KEY"]
PAGES_KEY = os.environ["CONFORMANCE_PAGES_KEY"]
SECURE = ORIGIN.startswith("https:")

IMAGE_MODEL = "black-forest-labs/flux-schnell"
VERSIONED_MODEL = "lucataco/flux-schnell-lora"
VERSION = "2a6b576af31790b470f0a8442e1e9791213fa13799cbb65a9fc1436e96389574"
TEXT_MODEL = "meta/meta-llama-3-8b-instruct"

TRAINER = "ostris/flux-dev-lora-trainer"
TRAINER_VERSION = "e440909d3512c31646ee2e0c7d6f6f4923224863a6a10c494606e79fb5844497"

_numbers = itertools.count(1)


def page_items():
    with open(os.environ["CONFORMANCE_PAGES_FILE"], encoding="utf-8") as file:
        return json.load(file)


def new_prompt(directives=""):
    """A prompt that no other operation uses, followed by what the sandbox shall do."""
    return f"prompt {next(_numbers)} {directives}".strip()


def image(prompt, **more):
    """Input of an image model that is quick to make: 512x512."""
    return {"prompt": prompt, "megapixels": "0.25", "output_format": "jpg", **more}


def training(trigger_word="TOK"):
    """Input of a training that ends at once; `trigger_word` may hold what the sandbox shall do."""
    empty_zip = base64.b64encode(b"PK\x05\x06" + bytes(18)).decode()
    return {"input_images": f"data:application/zip;base64,{empty_zip}", "steps": 3, "trigger_word": trigger_word}


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r} is not {wanted!r}")


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


def whole_jpeg(data):
    equal(bytes(data[:3]).hex(), "ffd8ff")
    equal(bytes(data[-2:]).hex(), "ffd9")


def fetch(url):
    with urllib.request.urlopen(url) as answer:
        equal(answer.status, 200)
        return answer.read()


def use_up_limit():
    """Uses up what the key for the limited server may ask for, so that the next request there is refused."""
    request = urllib.request.Request(
        f"{LIMITED_ORIGIN}{MOUNT}/account", headers={"Authorization": f"Bearer {LIMITED_KEY}"}
    )
    for _ in range(500):
        try:
            urllib.request.urlopen(request).close()
        except urllib.error.HTTPError as error:
            equal(error.code, 429)
            holds(error.headers["retry-after"].isdigit(), error.headers)
            return
    raise AssertionError("500 requests, and none was refused with 429")


def unpaged(ids, known):
    """Holds a list that a client put together from several pages against what is known to be there."""
    holds(len(ids) > 25, "there is only one page")
    equal(ids, known)


def unpaged_models(models):
    """The same for models, of which a server lists more than one's own."""
    equal(len(set(models)), len(models))
    holds({IMAGE_MODEL, *page_items()["models"]} <= set(models), "a model is missing")


def download(output):
    """The bytes of an output file. The clients make objects only of https: and data: URLs; others stay text."""
    equal(isinstance(output, str), not SECURE)
    return output.read() if SECURE else fetch(output)


def make_file(name, content):
    """A file in the folder of this run, opened for reading."""
    with open(name, "wb") as file:
        file.write(content)
    return open(name, "rb")


def unique(name):
    return f"{name}-{time.time_ns() // 1_000_000}-{next(_numbers)}"


class Receiver:
    """Takes webhooks: `received` holds (headers, body) of each."""

    def __enter__(self):
        received = self.received = []
        self.arrived = threading.Event()
        arrived = self.arrived

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                received.append((dict(self.headers), body.decode()))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                arrived.set()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class Watch:
    """
    Which public methods of the installed client are called. `wanted(module, class or None, function)` says which
    count; `hidden` names modules that lie in folders which are no packages. The client is not touched: the interpreter
    tells of every function that begins to run.
    """

    def __init__(self, wanted, hidden=()):
        package = importlib.import_module("replicate")
        self._names, self._called = {}, set()
        found = [module.name for module in pkgutil.walk_packages(package.__path__, "replicate.")]
        for module in map(importlib.import_module, [*found, *(f"replicate.{name}" for name in hidden)]):
            for owner in [module, *filter(inspect.isclass, vars(module).values())]:
                for member in vars(owner).values():
                    self._add(module, None if owner is module else owner.__name__, member, wanted)

    def _add(self, module, owner, member, wanted):
        if isinstance(member, (staticmethod, classmethod)):
            member = member.__func__
        function = inspect.unwrap(member) if callable(member) else None
        if isinstance(member, functools.cached_property) or not inspect.isfunction(function):
            return
        name, path = function.__name__, module.__name__.removeprefix("replicate.")
        # By file, since what is written in one module may be there in others, and may say that it is from another.
        here = function.__code__.co_filename == module.__file__
        if here and not name.startswith("_") and wanted(path, owner, function):
            self._names[function.__code__] = ".".join(filter(None, [path, owner, name]))

    def _see(self, frame, event, _):
        if event == "call" and frame.f_code in self._names:
            self._called.add(frame.f_code)

    def begin(self):
        threading.setprofile(self._see)
        sys.setprofile(self._see)

    def result(self):
        sys.setprofile(None)
        return {name: code in self._called for code, name in self._names.items()}


def is_async(function):
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def drive(operations, watch):
    """Runs the asked operations of `operations`, which maps ids to functions or coroutine functions, and reports."""

    def report(line):
        print(json.dumps(line), flush=True)

    async def run():
        for name in os.environ["CONFORMANCE_OPERATIONS"].split(","):
            problem = None
            try:
                result = operations[name]()
                if inspect.isawaitable(result):
                    await result
            except BaseException:
                problem = traceback.format_exc()
            report({"operation": name, "problem": problem})

    report({"version": importlib.metadata.version("replicate")})
    watch.begin()
    asyncio.run(run())
    report({"methods": watch.result()})


def collect(namespace):
    """The operations among the functions of a module: op_run_blocking is 'run-blocking'."""
    return {name[3:].replace("_", "-"): value for name, value in namespace.items() if name.startswith("op_")}
