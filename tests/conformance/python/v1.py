# SPDX-License-Identifier: Apache-2.0
"""The official Python client, stable line."""

import io
import os
import pathlib
import time

from driver import (
    IMAGE_MODEL, KEY, LIMITED_KEY, LIMITED_ORIGIN, MOUNT, ORIGIN, PAGES_KEY, SECURE, TEXT_MODEL, TRAINER,
    TRAINER_VERSION, VERSION, VERSIONED_MODEL, Receiver, Watch, collect, download, drive, equal, holds, image, is_async, make_file, new_prompt,
    page_items, training, unique, unpaged, unpaged_models, use_up_limit, whole_jpeg,
)  # fmt: skip

# This client adds /v1 to its base URL by itself.
PREFIX = MOUNT.removesuffix("/v1")
os.environ["REPLICATE_BASE_URL"] = ORIGIN + PREFIX
os.environ["REPLICATE_API_TOKEN"] = KEY
os.environ["REPLICATE_POLL_INTERVAL"] = "0.05"

import replicate  # noqa: E402
from replicate.exceptions import ModelError, ReplicateError  # noqa: E402
from replicate.stream import ServerSentEvent  # noqa: E402
from replicate.webhook import Webhooks  # noqa: E402

client = replicate.Client()


def with_prompt(prompt):
    return [p for p in client.predictions.list().results if p.input["prompt"] == prompt]


def refused(call, status, words):
    try:
        call()
    except ReplicateError as error:
        equal(error.status, status)
        holds(words in (error.detail or ""), error.detail)
    else:
        raise AssertionError(f"was not refused with {status}")


def make_deployment(name):
    return client.deployments.create(
        name=unique(name),
        model=IMAGE_MODEL,
        version=client.models.get(IMAGE_MODEL).latest_version.id,
        hardware=client.hardware.list()[0].sku,
        min_instances=0,
        max_instances=1,
    )


def op_run_blocking():
    whole_jpeg(download(client.run(IMAGE_MODEL, input=image(new_prompt()))[0]))


def op_run_polling():
    prompt = new_prompt("[sandbox:delay=200ms]")
    whole_jpeg(download(client.run(IMAGE_MODEL, input=image(prompt), wait=False)[0]))


def op_run_version():
    # The version is got as well, to see whether its output is an iterator.
    output = client.run(f"{VERSIONED_MODEL}:{VERSION}", input={"prompt": new_prompt(), "output_format": "jpg"})
    whole_jpeg(download(output[0]))


def op_run_text():
    arguments = {"prompt": new_prompt(), "max_tokens": 20, "seed": 7}
    text = "".join(client.run(TEXT_MODEL, input=arguments))
    holds(len(text) > 10, text)
    # By its version and polling, an iterator over a growing output is given.
    version = client.models.get(TEXT_MODEL).latest_version.id
    slow = {**arguments, "prompt": arguments["prompt"] + " [sandbox:pause=100ms]", "max_tokens": 8}
    pieces = client.run(f"{TEXT_MODEL}:{version}", input=slow, wait=False)
    holds(not isinstance(pieces, list), "an iterator is expected")
    equal(list(pieces), with_prompt(slow["prompt"])[0].output)


def op_run_failed():
    try:
        client.run(IMAGE_MODEL, input=image(new_prompt("[sandbox:fail=the brush broke]")))
    except ModelError as error:
        equal(error.prediction.error, "the brush broke")
    else:
        raise AssertionError("did not fail")


def op_wait_over():
    prompt = new_prompt("[sandbox:delay=2500ms]")
    whole_jpeg(download(client.run(IMAGE_MODEL, input=image(prompt), wait=1)[0]))
    equal(len(with_prompt(prompt)), 1)


def op_longest_wait():
    prompt = new_prompt("[sandbox:delay=61s]")
    whole_jpeg(download(client.run(IMAGE_MODEL, input=image(prompt))[0]))
    equal(len(with_prompt(prompt)), 1)


def op_files_out():
    output = client.run(IMAGE_MODEL, input=image(new_prompt(), num_outputs=3))
    equal(len(output), 3)
    for file in output:
        whole_jpeg(download(file))
        if SECURE:
            whole_jpeg(b"".join(file))


def op_progress():
    prediction = client.predictions.create(model=IMAGE_MODEL, input=image(new_prompt()))
    prediction.wait()
    progress = prediction.progress
    equal((progress.percentage, progress.current, progress.total), (1.0, 4, 4))


def op_create_by_model():
    arguments = image(new_prompt())
    created = client.models.predictions.create(IMAGE_MODEL, input=arguments)
    equal((created.status, created.model, created.input), ("starting", IMAGE_MODEL, arguments))


def op_create_by_version():
    created = client.predictions.create(version=VERSION, input={"prompt": new_prompt()})
    equal((created.status, created.model, created.version), ("starting", VERSIONED_MODEL, VERSION))


def op_get():
    created = client.predictions.create(model=IMAGE_MODEL, input=image(new_prompt()))
    got = client.predictions.get(created.id)
    equal((got.id, got.input, got.urls), (created.id, created.input, created.urls))
    equal(got.urls["get"], f"{ORIGIN}{MOUNT}/predictions/{got.id}")


def op_list():
    created = [client.predictions.create(model=IMAGE_MODEL, input=image(new_prompt())).id for _ in range(2)]
    equal([p.id for p in client.predictions.list().results[:2]], created[::-1])


def op_pages():
    pages = list(replicate.paginate(replicate.Client(api_token=PAGES_KEY).predictions.list))
    equal(len(pages), 3)
    equal([p.id for page in pages for p in page], page_items()["predictions"])


def op_pages_others():
    pager, known = replicate.Client(api_token=PAGES_KEY), page_items()

    def every(method):
        return [item for page in replicate.paginate(method) for item in page]

    unpaged([d.name for d in every(pager.deployments.list)], known["deployments"])
    unpaged([t.id for t in every(pager.trainings.list)], known["trainings"])
    unpaged_models([m.id for m in every(pager.models.list)])
    # This call gives a list, without a way to further pages.
    equal([f.id for f in pager.files.list()], known["files"][:100])


def op_wait():
    prediction = client.predictions.create(model=IMAGE_MODEL, input=image(new_prompt("[sandbox:delay=200ms]")))
    prediction.wait()
    equal((prediction.status, len(prediction.output)), ("succeeded", 1))


def op_cancel():
    prediction = client.predictions.create(model=IMAGE_MODEL, input=image(new_prompt("[sandbox:delay=300s]")))
    prediction.cancel()
    equal(prediction.status, "canceled")
    prediction.reload()
    equal(prediction.status, "canceled")
    other = client.predictions.create(model=IMAGE_MODEL, input=image(new_prompt("[sandbox:delay=300s]")))
    equal(client.predictions.cancel(other.id).status, "canceled")


def op_stream_text():
    prompt = new_prompt()
    events = list(client.stream(TEXT_MODEL, input={"prompt": prompt, "max_tokens": 60}))
    equal(events[-1].event, ServerSentEvent.EventType.DONE)
    text = "".join(str(event) for event in events)
    holds(len(text) > 10, text)
    equal(text, "".join(with_prompt(prompt)[0].output))


    prediction = client.predictions.create(model=TEXT_MODEL, input={"prompt": new_prompt()}, stream=True)
    text = "".join(str(event) for event in prediction.stream())
    equal(text, "".join(client.predictions.get(prediction.id).output))


def op_stream_silent():
    # This client waits for 30 s at most for something to read.
    events = client.stream(TEXT_MODEL, input={"prompt": new_prompt("[sandbox:delay=36s]"), "max_tokens": 20})
    holds(len("".join(map(str, events))) > 10, "no text")


def op_stream_files():
    events = list(client.stream(IMAGE_MODEL, input=image(new_prompt(), num_outputs=2)))
    files = [e.data for e in events if e.event == ServerSentEvent.EventType.OUTPUT]
    equal(len(files), 2)
    for file in files:
        whole_jpeg(download(file))


def op_stream_failed():
    try:
        list(client.stream(TEXT_MODEL, input={"prompt": new_prompt("[sandbox:fail=out of words]")}))
    except RuntimeError as error:
        holds("out of words" in str(error), str(error))
    else:
        raise AssertionError("did not fail")


def op_models_list():
    models = client.models.list().results
    holds(models and all(m.visibility == "public" for m in models), "no public models")


def op_models_get():
    model = client.models.get(IMAGE_MODEL)
    equal((model.id, model.visibility), (IMAGE_MODEL, "public"))
    holds("prompt" in model.latest_version.openapi_schema["components"]["schemas"]["Input"]["properties"], "no prompt")
    # Afterwards the version is no object any more, but that is the client's doing.
    model.reload()
    equal(model.id, IMAGE_MODEL)


def op_versions_list():
    holds(VERSION in [v.id for v in client.models.get(VERSIONED_MODEL).versions.list().results], "not listed")


def op_versions_get():
    version = client.models.get(VERSIONED_MODEL).versions.get(VERSION)
    equal(version.id, VERSION)
    holds(version.openapi_schema["components"]["schemas"]["Output"], "no output schema")


def op_versions_delete():
    refused(lambda: client.models.get(VERSIONED_MODEL).versions.delete(VERSION), 403, "")


def op_account():
    account = client.accounts.current()
    equal(account.type, "organization")
    holds(account.username and account.name, repr(account))


def op_error_401():
    wrong = replicate.Client(api_token="wrong")
    refused(lambda: wrong.predictions.list(), 401, "You did not pass a valid authentication token")


def op_error_404():
    words = "The requested resource could not be found."
    refused(lambda: client.predictions.get("0" * 26), 404, words)
    refused(lambda: client.run("nobody/nothing", input={}), 404, words)


def op_error_422():
    words = "- input: prompt is required\n- input.num_outputs: Must be less than or equal to 4\n"
    refused(lambda: client.predictions.create(model=IMAGE_MODEL, input={"num_outputs": 9}), 422, words)


def op_error_429():
    use_up_limit()
    # The client waits for as long as it is told to.
    limited = replicate.Client(api_token=LIMITED_KEY, base_url=LIMITED_ORIGIN + PREFIX)
    holds(limited.accounts.current().username, "no name")


def op_files():
    with make_file("note.txt", b"a note") as note:
        made = client.files.create(note, metadata={"about": "x"})
    equal((made.name, made.content_type, made.size, made.metadata), ("note.txt", "text/plain", 6, {"about": "x"}))
    equal(client.files.get(made.id).checksums, made.checksums)
    holds(made.id in [f.id for f in client.files.list()], "the file is not listed")
    equal(client.files.delete(made.id), True)
    refused(lambda: client.files.get(made.id), 404, "")


def op_file_input():
    picture = download(client.run(IMAGE_MODEL, input=image(new_prompt()))[0])
    prompt = new_prompt()
    with make_file("start.jpg", picture) as start:
        arguments = {"prompt": prompt, "image": start, "output_format": "jpg"}
        output = client.run(f"{VERSIONED_MODEL}:{VERSION}", input=arguments)
    whole_jpeg(download(output[0]))
    url = with_prompt(prompt)[0].input["image"]
    holds(url.startswith(f"{ORIGIN}{MOUNT}/files/"), url)


def op_file_kinds():
    picture = download(client.run(IMAGE_MODEL, input=image(new_prompt()))[0])
    uploaded = client.files.create(io.BytesIO(picture)).urls["get"]

    def run(kind, **options):
        arguments = {"prompt": new_prompt(), "image": kind, "output_format": "jpg"}
        whole_jpeg(download(client.run(f"{VERSIONED_MODEL}:{VERSION}", input=arguments, **options)[0]))
        return with_prompt(arguments["prompt"])[0].input["image"]

    with make_file("kind.jpg", picture) as file:
        holds("/files/" in run(file), "not uploaded")
        file.seek(0)
        holds(run(file, file_encoding_strategy="base64").startswith("data:image/jpeg;base64,"), "not in the request")
    holds("/files/" in run(pathlib.Path("kind.jpg")), "not uploaded")
    holds("/files/" in run(io.BytesIO(picture)), "not uploaded")
    equal(run(uploaded), uploaded)


def op_files_too_large():
    refused(lambda: client.files.create(io.BytesIO(bytes((2 << 20) + 1))), 413, "Files must be less than 2MB in size")


def op_models_search():
    holds(IMAGE_MODEL in [m.id for m in client.models.search("flux-schnell").results], "the model was not found")


def op_models_own():
    owner, name = client.accounts.current().username, unique("own")
    made = client.models.create(owner, name, visibility="private", hardware=client.hardware.list()[0].sku)
    equal((made.id, made.visibility), (f"{owner}/{name}", "private"))
    equal(client.models.delete(owner, name), True)
    refused(lambda: client.models.get(owner, name), 404, "")


def op_hardware():
    hardware = client.hardware.list()
    holds(hardware and all(h.sku and h.name for h in hardware), repr(hardware))


def op_collections():
    found = client.collections.list().results[0]
    equal(client.collections.get(found.slug).name, found.name)
    holds(client.collections.get(found.slug).models, "no models")


def op_deployments():
    made = make_deployment("listed")
    equal(made.current_release.model, IMAGE_MODEL)
    equal(client.deployments.get(made.id).current_release, made.current_release)
    holds(made.id in [d.id for d in client.deployments.list().results], "the deployment is not listed")
    updated = client.deployments.update(made.owner, made.name, max_instances=2)
    equal(updated.current_release.configuration.max_instances, 2)
    equal(updated.current_release.number, made.current_release.number + 1)
    equal(client.deployments.delete(made.owner, made.name), True)
    refused(lambda: client.deployments.get(made.id), 404, "")


def op_deployment_run():
    made = make_deployment("run")
    by_name = client.deployments.predictions.create(made.id, input=image(new_prompt()))
    by_object = made.predictions.create(input=image(new_prompt()))
    for prediction in [by_name, by_object]:
        prediction.wait()
        equal((prediction.status, prediction.model), ("succeeded", IMAGE_MODEL))


def make_destination():
    """A model of one's own that a training may give a version."""
    owner, hardware = client.accounts.current().username, client.hardware.list()[0].sku
    made = client.models.create(owner, unique("trained"), visibility="private", hardware=hardware)
    return made.id


def train(trigger_word="TOK"):
    destination = make_destination()
    return client.trainings.create(
        version=f"{TRAINER}:{TRAINER_VERSION}", input=training(trigger_word), destination=destination
    )


def op_trainings():
    created = train("[sandbox:delay=300s]")
    equal((created.status, created.version), ("starting", TRAINER_VERSION))
    equal(client.trainings.list().results[0].id, created.id)
    created.cancel()
    equal(created.status, "canceled")
    equal(client.trainings.get(created.id).status, "canceled")
    equal(client.trainings.cancel(train("[sandbox:delay=300s]").id).status, "canceled")


def op_trained_run():
    created = train()
    while created.completed_at is None:
        time.sleep(0.05)
        created.reload()
    reference = created.output["version"]
    model, version = reference.split(":")
    arguments = {"prompt": new_prompt(), "output_format": "jpg", "megapixels": "0.25"}
    whole_jpeg(download(client.run(reference, input=arguments)[0]))
    versions = client.models.get(model).versions
    # The client wants 204 for a yes; the API answers 202.
    equal(versions.delete(version), False)
    refused(lambda: versions.get(version), 404, "")


def op_webhook_secret():
    holds(client.webhooks.default.secret().key.startswith("whsec_"), "not a secret")


def op_webhook():
    secret = client.webhooks.default.secret()
    with Receiver() as receiver:
        created = client.predictions.create(
            model=IMAGE_MODEL, input=image(new_prompt()), webhook=receiver.url, webhook_events_filter=["completed"]
        )
        holds(receiver.arrived.wait(30), "waited 30 s in vain for the webhook")
    headers, body = receiver.received[0]
    holds(created.id in body, body)
    Webhooks.validate(headers=headers, body=body, secret=secret)
    try:
        Webhooks.validate(headers=headers, body=body + " ", secret=secret)
    except ValueError:
        pass
    else:
        raise AssertionError("a changed body was taken for genuine")


def wanted(module, owner, function):
    """Calls, and what is done with objects that they give; those that are asynchronous are for the other driver."""
    inner = ["exceptions", "helpers", "identifier", "schema"]
    if is_async(function) or owner == "RetryTransport" or module.startswith("_"):
        return False
    return module not in inner or owner == "FileOutput"


if __name__ == "__main__":
    drive(collect(globals()), Watch(wanted))
