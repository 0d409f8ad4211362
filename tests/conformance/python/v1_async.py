# SPDX-License-Identifier: Apache-2.0
"""The official Python client, stable line, through its asynchronous calls."""

import asyncio
import io
import os
import pathlib

from driver import (
    IMAGE_MODEL, KEY, LIMITED_KEY, LIMITED_ORIGIN, MOUNT, ORIGIN, PAGES_KEY, SECURE, TEXT_MODEL, TRAINER,
    TRAINER_VERSION, VERSION, VERSIONED_MODEL, Receiver, Watch, collect, drive, equal, fetch, holds, image, is_async, make_file, new_prompt,
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


async def download(output):
    """The bytes of an output file. The client makes objects only of https: and data: URLs; others stay text."""
    equal(isinstance(output, str), not SECURE)
    return await output.aread() if SECURE else fetch(output)


async def with_prompt(prompt):
    return [p for p in (await client.predictions.async_list()).results if p.input["prompt"] == prompt]


async def create(prompt):
    return await client.predictions.async_create(model=IMAGE_MODEL, input=image(prompt))


async def refused(call, status, words):
    try:
        await call
    except ReplicateError as error:
        equal(error.status, status)
        holds(words in (error.detail or ""), error.detail)
    else:
        raise AssertionError(f"was not refused with {status}")


async def make_deployment(name):
    return await client.deployments.async_create(
        name=unique(name),
        model=IMAGE_MODEL,
        version=(await client.models.async_get(IMAGE_MODEL)).latest_version.id,
        hardware=(await client.hardware.async_list())[0].sku,
        min_instances=0,
        max_instances=1,
    )


async def op_run_blocking():
    whole_jpeg(await download((await client.async_run(IMAGE_MODEL, input=image(new_prompt())))[0]))


async def op_run_polling():
    output = await client.async_run(IMAGE_MODEL, input=image(new_prompt("[sandbox:delay=200ms]")), wait=False)
    whole_jpeg(await download(output[0]))


async def op_run_version():
    arguments = {"prompt": new_prompt(), "output_format": "jpg"}
    output = await client.async_run(f"{VERSIONED_MODEL}:{VERSION}", input=arguments)
    whole_jpeg(await download(output[0]))


async def op_run_text():
    text = "".join(await client.async_run(TEXT_MODEL, input={"prompt": new_prompt(), "max_tokens": 20}))
    holds(len(text) > 10, text)
    # By its version and polling, an iterator over a growing output is given.
    version = (await client.models.async_get(TEXT_MODEL)).latest_version.id
    prompt = new_prompt("[sandbox:pause=100ms]")
    pieces = await client.async_run(
        f"{TEXT_MODEL}:{version}", input={"prompt": prompt, "max_tokens": 8}, wait=False
    )
    equal([piece async for piece in pieces], (await with_prompt(prompt))[0].output)


async def op_run_failed():
    try:
        await client.async_run(IMAGE_MODEL, input=image(new_prompt("[sandbox:fail=the brush broke]")))
    except ModelError as error:
        equal(error.prediction.error, "the brush broke")
    else:
        raise AssertionError("did not fail")


async def op_wait_over():
    prompt = new_prompt("[sandbox:delay=2500ms]")
    whole_jpeg(await download((await client.async_run(IMAGE_MODEL, input=image(prompt), wait=1))[0]))
    equal(len(await with_prompt(prompt)), 1)


async def op_longest_wait():
    prompt = new_prompt("[sandbox:delay=61s]")
    whole_jpeg(await download((await client.async_run(IMAGE_MODEL, input=image(prompt)))[0]))
    equal(len(await with_prompt(prompt)), 1)


async def op_files_out():
    output = await client.async_run(IMAGE_MODEL, input=image(new_prompt(), num_outputs=3))
    equal(len(output), 3)
    for data in await asyncio.gather(*map(download, output)):
        whole_jpeg(data)
    if SECURE:
        whole_jpeg(b"".join([piece async for piece in output[0]]))


async def op_progress():
    prediction = await create(new_prompt())
    await prediction.async_wait()
    progress = prediction.progress
    equal((progress.percentage, progress.current, progress.total), (1.0, 4, 4))


async def op_create_by_model():
    arguments = image(new_prompt())
    created = await client.models.predictions.async_create(IMAGE_MODEL, input=arguments)
    equal((created.status, created.model, created.input), ("starting", IMAGE_MODEL, arguments))


async def op_create_by_version():
    created = await client.predictions.async_create(version=VERSION, input={"prompt": new_prompt()})
    equal((created.status, created.model, created.version), ("starting", VERSIONED_MODEL, VERSION))


async def op_get():
    created = await create(new_prompt())
    got = await client.predictions.async_get(created.id)
    equal((got.id, got.input, got.urls), (created.id, created.input, created.urls))
    equal(got.urls["get"], f"{ORIGIN}{MOUNT}/predictions/{got.id}")


async def op_list():
    created = [(await create(new_prompt())).id for _ in range(2)]
    equal([p.id for p in (await client.predictions.async_list()).results[:2]], created[::-1])


async def op_pages():
    pager = replicate.Client(api_token=PAGES_KEY)
    pages = [page async for page in replicate.async_paginate(pager.predictions.async_list)]
    equal(len(pages), 3)
    equal([p.id for page in pages for p in page], page_items()["predictions"])


async def op_pages_others():
    pager, known = replicate.Client(api_token=PAGES_KEY), page_items()

    async def every(method):
        return [item async for page in replicate.async_paginate(method) for item in page]

    unpaged([d.name for d in await every(pager.deployments.async_list)], known["deployments"])
    unpaged([t.id for t in await every(pager.trainings.async_list)], known["trainings"])
    unpaged_models([m.id for m in await every(pager.models.async_list)])
    # This call gives a list, without a way to further pages.
    equal([f.id for f in await pager.files.async_list()], known["files"][:100])


async def op_wait():
    prediction = await create(new_prompt("[sandbox:delay=200ms]"))
    await prediction.async_wait()
    equal((prediction.status, len(prediction.output)), ("succeeded", 1))


async def op_cancel():
    prediction = await create(new_prompt("[sandbox:delay=300s]"))
    await prediction.async_cancel()
    equal(prediction.status, "canceled")
    await prediction.async_reload()
    equal(prediction.status, "canceled")
    other = await create(new_prompt("[sandbox:delay=300s]"))
    equal((await client.predictions.async_cancel(other.id)).status, "canceled")
    equal((await client.predictions.async_get(other.id)).status, "canceled")


async def op_stream_text():
    prompt = new_prompt()
    stream = await client.async_stream(TEXT_MODEL, input={"prompt": prompt, "max_tokens": 60})
    events = [event async for event in stream]
    equal(events[-1].event, ServerSentEvent.EventType.DONE)
    text = "".join(str(event) for event in events)
    holds(len(text) > 10, text)
    equal(text, "".join((await with_prompt(prompt))[0].output))


    arguments = {"prompt": new_prompt()}
    prediction = await client.predictions.async_create(model=TEXT_MODEL, input=arguments, stream=True)
    text = "".join([str(event) async for event in prediction.async_stream()])
    await prediction.async_reload()
    equal(text, "".join(prediction.output))


async def op_stream_silent():
    # This client waits for 30 s at most for something to read.
    arguments = {"prompt": new_prompt("[sandbox:delay=36s]"), "max_tokens": 20}
    events = [event async for event in await client.async_stream(TEXT_MODEL, input=arguments)]
    holds(len("".join(map(str, events))) > 10, "no text")


async def op_stream_files():
    stream = await client.async_stream(IMAGE_MODEL, input=image(new_prompt(), num_outputs=2))
    files = [e.data async for e in stream if e.event == ServerSentEvent.EventType.OUTPUT]
    equal(len(files), 2)
    for file in files:
        whole_jpeg(await download(file))


async def op_stream_failed():
    stream = await client.async_stream(TEXT_MODEL, input={"prompt": new_prompt("[sandbox:fail=out of words]")})
    try:
        [event async for event in stream]
    except RuntimeError as error:
        holds("out of words" in str(error), str(error))
    else:
        raise AssertionError("did not fail")


async def op_models_list():
    models = (await client.models.async_list()).results
    holds(models and all(m.visibility == "public" for m in models), "no public models")


async def op_models_get():
    model = await client.models.async_get(IMAGE_MODEL)
    equal((model.id, model.visibility), (IMAGE_MODEL, "public"))
    holds("prompt" in model.latest_version.openapi_schema["components"]["schemas"]["Input"]["properties"], "no prompt")


async def op_versions_list():
    versions = (await client.models.async_get(VERSIONED_MODEL)).versions
    holds(VERSION in [v.id for v in (await versions.async_list()).results], "the version is not listed")


async def op_versions_get():
    version = await (await client.models.async_get(VERSIONED_MODEL)).versions.async_get(VERSION)
    equal(version.id, VERSION)
    holds(version.openapi_schema["components"]["schemas"]["Output"], "no output schema")


async def op_versions_delete():
    model = await client.models.async_get(VERSIONED_MODEL)
    await refused(model.versions.async_delete(VERSION), 403, "")


async def op_account():
    account = await client.accounts.async_current()
    equal(account.type, "organization")
    holds(account.username and account.name, repr(account))


async def op_error_401():
    wrong = replicate.Client(api_token="wrong")
    await refused(wrong.predictions.async_list(), 401, "You did not pass a valid authentication token")


async def op_error_404():
    words = "The requested resource could not be found."
    await refused(client.predictions.async_get("0" * 26), 404, words)
    await refused(client.async_run("nobody/nothing", input={}), 404, words)


async def op_error_422():
    words = "- input: prompt is required\n- input.num_outputs: Must be less than or equal to 4\n"
    await refused(client.predictions.async_create(model=IMAGE_MODEL, input={"num_outputs": 9}), 422, words)


async def op_error_429():
    use_up_limit()
    # The client waits for as long as it is told to.
    limited = replicate.Client(api_token=LIMITED_KEY, base_url=LIMITED_ORIGIN + PREFIX)
    holds((await limited.accounts.async_current()).username, "no name")


async def op_files():
    with make_file("note.txt", b"a note") as note:
        made = await client.files.async_create(note, metadata={"about": "x"})
    equal((made.name, made.content_type, made.size, made.metadata), ("note.txt", "text/plain", 6, {"about": "x"}))
    equal((await client.files.async_get(made.id)).checksums, made.checksums)
    holds(made.id in [f.id for f in await client.files.async_list()], "the file is not listed")
    equal(await client.files.async_delete(made.id), True)
    await refused(client.files.async_get(made.id), 404, "")


async def op_file_input():
    picture = await download((await client.async_run(IMAGE_MODEL, input=image(new_prompt())))[0])
    prompt = new_prompt()
    with make_file("start.jpg", picture) as start:
        arguments = {"prompt": prompt, "image": start, "output_format": "jpg"}
        output = await client.async_run(f"{VERSIONED_MODEL}:{VERSION}", input=arguments)
    whole_jpeg(await download(output[0]))
    url = (await with_prompt(prompt))[0].input["image"]
    holds(url.startswith(f"{ORIGIN}{MOUNT}/files/"), url)


async def op_file_kinds():
    picture = await download((await client.async_run(IMAGE_MODEL, input=image(new_prompt())))[0])
    uploaded = (await client.files.async_create(io.BytesIO(picture))).urls["get"]

    async def run(kind, **options):
        arguments = {"prompt": new_prompt(), "image": kind, "output_format": "jpg"}
        output = await client.async_run(f"{VERSIONED_MODEL}:{VERSION}", input=arguments, **options)
        whole_jpeg(await download(output[0]))
        return (await with_prompt(arguments["prompt"]))[0].input["image"]

    with make_file("kind.jpg", picture) as file:
        holds("/files/" in await run(file), "not uploaded")
        file.seek(0)
        inline = await run(file, file_encoding_strategy="base64")
        holds(inline.startswith("data:image/jpeg;base64,"), "not in the request")
    holds("/files/" in await run(pathlib.Path("kind.jpg")), "not uploaded")
    holds("/files/" in await run(io.BytesIO(picture)), "not uploaded")
    equal(await run(uploaded), uploaded)


async def op_files_too_large():
    large = io.BytesIO(bytes((2 << 20) + 1))
    await refused(client.files.async_create(large), 413, "Files must be less than 2MB in size")


async def op_models_search():
    found = await client.models.async_search("flux-schnell")
    holds(IMAGE_MODEL in [m.id for m in found.results], "the model was not found")


async def op_models_own():
    owner, name = (await client.accounts.async_current()).username, unique("own")
    hardware = (await client.hardware.async_list())[0].sku
    made = await client.models.async_create(owner, name, visibility="private", hardware=hardware)
    equal((made.id, made.visibility), (f"{owner}/{name}", "private"))
    equal(await client.models.async_delete(owner, name), True)
    await refused(client.models.async_get(owner, name), 404, "")


async def op_hardware():
    hardware = await client.hardware.async_list()
    holds(hardware and all(h.sku and h.name for h in hardware), repr(hardware))


async def op_collections():
    found = (await client.collections.async_list()).results[0]
    collection = await client.collections.async_get(found.slug)
    equal(collection.name, found.name)
    holds(collection.models, "no models")


async def op_deployments():
    made = await make_deployment("listed")
    equal(made.current_release.model, IMAGE_MODEL)
    equal((await client.deployments.async_get(made.id)).current_release, made.current_release)
    holds(made.id in [d.id for d in (await client.deployments.async_list()).results], "the deployment is not listed")
    updated = await client.deployments.async_update(made.owner, made.name, max_instances=2)
    equal(updated.current_release.configuration.max_instances, 2)
    equal(updated.current_release.number, made.current_release.number + 1)
    equal(await client.deployments.async_delete(made.owner, made.name), True)
    await refused(client.deployments.async_get(made.id), 404, "")


async def op_deployment_run():
    deployment = await make_deployment("run")
    by_name = await client.deployments.predictions.async_create(deployment.id, input=image(new_prompt()))
    by_object = await deployment.predictions.async_create(input=image(new_prompt()))
    for prediction in [by_name, by_object]:
        await prediction.async_wait()
        equal((prediction.status, prediction.model), ("succeeded", IMAGE_MODEL))


async def make_destination():
    """A model of one's own that a training may give a version."""
    owner, hardware = (await client.accounts.async_current()).username, (await client.hardware.async_list())[0].sku
    made = await client.models.async_create(owner, unique("trained"), visibility="private", hardware=hardware)
    return made.id


async def train(trigger_word="TOK"):
    destination = await make_destination()
    return await client.trainings.async_create(
        model=TRAINER, version=TRAINER_VERSION, input=training(trigger_word), destination=destination
    )


async def op_trainings():
    created = await train("[sandbox:delay=300s]")
    equal((created.status, created.version), ("starting", TRAINER_VERSION))
    equal((await client.trainings.async_list()).results[0].id, created.id)
    await created.async_cancel()
    equal(created.status, "canceled")
    equal((await client.trainings.async_get(created.id)).status, "canceled")
    equal((await client.trainings.async_cancel((await train("[sandbox:delay=300s]")).id)).status, "canceled")


async def op_trained_run():
    created = await train()
    while created.completed_at is None:
        await asyncio.sleep(0.05)
        await created.async_reload()
    reference = created.output["version"]
    model, version = reference.split(":")
    arguments = {"prompt": new_prompt(), "output_format": "jpg", "megapixels": "0.25"}
    whole_jpeg(await download((await client.async_run(reference, input=arguments))[0]))
    versions = (await client.models.async_get(model)).versions
    # The client wants 204 for a yes; the API answers 202.
    equal(await versions.async_delete(version), False)
    await refused(versions.async_get(version), 404, "")


async def op_webhook_secret():
    holds((await client.webhooks.default.async_secret()).key.startswith("whsec_"), "not a secret")


async def op_webhook():
    secret = await client.webhooks.default.async_secret()
    with Receiver() as receiver:
        created = await client.predictions.async_create(
            model=IMAGE_MODEL, input=image(new_prompt()), webhook=receiver.url, webhook_events_filter=["completed"]
        )
        holds(await asyncio.to_thread(receiver.arrived.wait, 30), "waited 30 s in vain for the webhook")
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
    """Calls, and what is done with objects that they give; those that are not asynchronous are for the other driver."""
    inner = ["exceptions", "helpers", "identifier", "schema"]
    if not is_async(function) or owner == "RetryTransport" or module.startswith("_"):
        return False
    return module not in inner or owner == "FileOutput"


if __name__ == "__main__":
    drive(collect(globals()), Watch(wanted))
