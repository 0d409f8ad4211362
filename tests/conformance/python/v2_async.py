# SPDX-License-Identifier: Apache-2.0
"""The official Python client, pre-release of the next line, through its asynchronous calls."""

import asyncio
import os
import warnings

from driver import (
    IMAGE_MODEL, KEY, MOUNT, ORIGIN, PAGES_KEY, SECURE, TEXT_MODEL, VERSION, VERSIONED_MODEL, collect, drive, equal,
    fetch, holds, image, make_file, new_prompt, page_ids, unique, whole_jpeg,
)  # fmt: skip

os.environ["REPLICATE_BASE_URL"] = ORIGIN + MOUNT
os.environ["REPLICATE_API_TOKEN"] = KEY
os.environ["REPLICATE_POLL_INTERVAL"] = "0.05"

import replicate  # noqa: E402
from replicate import AsyncReplicate  # noqa: E402
from replicate.exceptions import (  # noqa: E402
    AuthenticationError,
    ModelError,
    NotFoundError,
    UnprocessableEntityError,
)

client = AsyncReplicate()
OWNER, NAME = IMAGE_MODEL.split("/")
VERSIONED = dict(zip(("model_owner", "model_name"), VERSIONED_MODEL.split("/")))


async def download(output):
    """The bytes of an output file. The client makes objects only of https: and data: URLs; others stay text."""
    equal(isinstance(output, str), not SECURE)
    return await output.read() if SECURE else fetch(output)


async def create(prompt, **more):
    return await client.models.predictions.create(model_owner=OWNER, model_name=NAME, input=image(prompt), **more)


async def with_prompt(prompt):
    return [p for p in (await client.predictions.list()).results if p.input["prompt"] == prompt]


async def refused(call, kind, words):
    try:
        await call
    except kind as error:
        holds(words in error.body["detail"], error.body)
    else:
        raise AssertionError(f"did not raise {kind.__name__}")


async def make_deployment(name):
    return await client.deployments.create(
        name=unique(name),
        model=IMAGE_MODEL,
        version=(await client.models.get(model_owner=OWNER, model_name=NAME)).latest_version.id,
        hardware=(await client.hardware.list())[0].sku,
        min_instances=0,
        max_instances=1,
    )


async def op_run_blocking():
    whole_jpeg(await download((await client.run(IMAGE_MODEL, input=image(new_prompt())))[0]))


async def op_run_polling():
    output = await client.run(IMAGE_MODEL, input=image(new_prompt("[sandbox:delay=200ms]")), wait=False)
    whole_jpeg(await download(output[0]))


async def op_run_version():
    arguments = {"prompt": new_prompt(), "output_format": "jpg"}
    whole_jpeg(await download((await client.run(f"{VERSIONED_MODEL}:{VERSION}", input=arguments))[0]))


async def op_run_text():
    text = "".join(await client.run(TEXT_MODEL, input={"prompt": new_prompt(), "max_tokens": 20}))
    holds(len(text) > 10, text)


async def op_run_failed():
    try:
        await client.run(IMAGE_MODEL, input=image(new_prompt("[sandbox:fail=the brush broke]")))
    except ModelError as error:
        equal(error.prediction.error, "the brush broke")
    else:
        raise AssertionError("did not fail")


async def op_wait_over():
    prompt = new_prompt("[sandbox:delay=2500ms]")
    whole_jpeg(await download((await client.run(IMAGE_MODEL, input=image(prompt), wait=1))[0]))
    equal(len(await with_prompt(prompt)), 1)


async def op_longest_wait():
    # This client gives up after 60 s and sends the create again.
    prompt = new_prompt("[sandbox:delay=61s]")
    whole_jpeg(await download((await client.run(IMAGE_MODEL, input=image(prompt)))[0]))
    equal(len(await with_prompt(prompt)), 1)


async def op_use():
    text = await replicate.use(TEXT_MODEL, use_async=True)(prompt=new_prompt(), max_tokens=20)
    holds(isinstance(text, str) and len(text) > 10, repr(text))
    model = replicate.use(f"{VERSIONED_MODEL}:{VERSION}", use_async=True)
    files = await model(prompt=new_prompt(), output_format="jpg", num_outputs=2)
    equal(len(files), 2)
    for path in files:
        with open(path, "rb") as file:
            whole_jpeg(file.read())


async def op_files_out():
    output = await client.run(IMAGE_MODEL, input=image(new_prompt(), num_outputs=3))
    equal(len(output), 3)
    for data in await asyncio.gather(*map(download, output)):
        whole_jpeg(data)


async def op_create_by_model():
    prompt = new_prompt()
    created = await create(prompt)
    equal((created.status, created.model, created.input), ("starting", IMAGE_MODEL, image(prompt)))


async def op_create_by_version():
    created = await client.predictions.create(version=VERSION, input={"prompt": new_prompt()})
    equal((created.status, created.model, created.version), ("starting", VERSIONED_MODEL, VERSION))


async def op_get():
    created = await create(new_prompt())
    got = await client.predictions.get(prediction_id=created.id)
    equal((got.id, got.input, got.urls), (created.id, created.input, created.urls))
    equal(got.urls.get, f"{ORIGIN}{MOUNT}/predictions/{got.id}")


async def op_list():
    created = [(await create(new_prompt())).id for _ in range(2)]
    equal([p.id for p in (await client.predictions.list()).results[:2]], created[::-1])


async def op_pages():
    first = await AsyncReplicate(bearer_token=PAGES_KEY).predictions.list()
    pages = [page async for page in first.iter_pages()]
    equal(len(pages), 3)
    equal([p.id for page in pages for p in page.results], page_ids())


async def op_wait():
    done = await client.predictions.wait((await create(new_prompt("[sandbox:delay=200ms]"))).id)
    equal((done.status, len(done.output)), ("succeeded", 1))


async def op_cancel():
    created = await create(new_prompt("[sandbox:delay=300s]"))
    equal((await client.predictions.cancel(prediction_id=created.id)).status, "canceled")
    equal((await client.predictions.get(prediction_id=created.id)).status, "canceled")


async def op_cancel_after():
    created = await create(new_prompt("[sandbox:delay=300s]"), cancel_after="5s")
    equal((created.deadline - created.created_at).total_seconds(), 5.0)
    equal((await client.predictions.wait(created.id)).status, "canceled")


async def op_stream_text():
    prompt = new_prompt("[sandbox:pause=50ms]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # The call gives a coroutine, and that one the iterator.
        stream = await (await client.stream(TEXT_MODEL, input={"prompt": prompt, "max_tokens": 20}))
        text = "".join([piece async for piece in stream])
    holds(len(text) > 10, text)
    equal(text, "".join((await with_prompt(prompt))[0].output))


async def op_stream_failed():
    model = replicate.use(TEXT_MODEL, streaming=True, use_async=True)
    try:
        [piece async for piece in await model(prompt=new_prompt("[sandbox:fail=out of words]"))]
    except ModelError as error:
        equal(error.prediction.error, "out of words")
    else:
        raise AssertionError("did not fail")


async def op_models_list():
    models = [f"{m.owner}/{m.name}" async for m in client.models.list()]
    holds(IMAGE_MODEL in models, "the model is not listed")


async def op_models_get():
    model = await client.models.get(model_owner=OWNER, model_name=NAME)
    equal((model.owner, model.name, model.visibility), (OWNER, NAME, "public"))
    holds("prompt" in model.latest_version.openapi_schema["components"]["schemas"]["Input"]["properties"], "no prompt")


async def op_versions_list():
    holds(VERSION in [v.id async for v in client.models.versions.list(**VERSIONED)], "the version is not listed")


async def op_versions_get():
    version = await client.models.versions.get(**VERSIONED, version_id=VERSION)
    equal(version.id, VERSION)
    holds(version.openapi_schema["components"]["schemas"]["Output"], "no output schema")


async def op_account():
    account = await client.account.get()
    equal(account.type, "organization")
    holds(account.username, repr(account))


async def op_error_401():
    wrong = AsyncReplicate(bearer_token="wrong")

    async def listed():
        await wrong.predictions.list()

    await refused(listed(), AuthenticationError, "You did not pass a valid authentication token")


async def op_error_404():
    words = "The requested resource could not be found."
    await refused(client.predictions.get(prediction_id="0" * 26), NotFoundError, words)
    await refused(client.run("nobody/nothing", input={}), NotFoundError, words)


async def op_error_422():
    words = "- input: prompt is required\n- input.num_outputs: Must be less than or equal to 4\n"
    await refused(client.run(IMAGE_MODEL, input={"num_outputs": 9}), UnprocessableEntityError, words)


async def op_files():
    made = await client.files.create(content=b"a note", filename="note.txt", type="text/plain", metadata={"about": "x"})
    equal((made.content_type, made.size, made.metadata), ("text/plain", 6, {"about": "x"}))
    equal((await client.files.get(file_id=made.id)).checksums.sha256, made.checksums.sha256)
    holds(made.id in [f.id async for f in client.files.list()], "the file is not listed")
    await client.files.delete(file_id=made.id)
    await refused(client.files.get(file_id=made.id), NotFoundError, "")


async def op_file_input():
    picture = await download((await client.run(IMAGE_MODEL, input=image(new_prompt())))[0])
    prompt = new_prompt()
    with make_file("start.jpg", picture) as start:
        arguments = {"prompt": prompt, "image": start, "output_format": "jpg"}
        output = await client.run(f"{VERSIONED_MODEL}:{VERSION}", input=arguments)
    whole_jpeg(await download(output[0]))
    url = (await with_prompt(prompt))[0].input["image"]
    holds(url.startswith(f"{ORIGIN}{MOUNT}/files/"), url)


async def op_models_search():
    found = [f"{m.owner}/{m.name}" async for m in client.models.search(body="flux-schnell")]
    holds(IMAGE_MODEL in found, "the model was not found")


async def op_search():
    found = [f"{hit.model.owner}/{hit.model.name}" for hit in (await client.search(query="flux-schnell")).models]
    holds(IMAGE_MODEL in found, "the model was not found")


async def op_models_own():
    owner, name = (await client.account.get()).username, unique("own")
    hardware = (await client.hardware.list())[0].sku
    made = await client.models.create(owner=owner, name=name, visibility="private", hardware=hardware)
    equal((made.owner, made.name, made.visibility), (owner, name, "private"))
    await client.models.delete(model_owner=owner, model_name=name)
    await refused(client.models.get(model_owner=owner, model_name=name), NotFoundError, "")


async def op_hardware():
    hardware = await client.hardware.list()
    holds(hardware and all(h.sku and h.name for h in hardware), repr(hardware))


async def op_collections():
    holds(isinstance((await client.collections.list()).results, list), "no page")


async def op_deployments():
    made = await make_deployment("listed")
    where = {"deployment_owner": made.owner, "deployment_name": made.name}
    equal(made.current_release.model, IMAGE_MODEL)
    equal((await client.deployments.get(**where)).current_release.version, made.current_release.version)
    holds(made.name in [d.name async for d in client.deployments.list()], "the deployment is not listed")
    updated = await client.deployments.update(**where, max_instances=2)
    equal(updated.current_release.configuration.max_instances, 2)
    equal(updated.current_release.number, made.current_release.number + 1)


async def op_deployment_run():
    made = await make_deployment("run")
    prediction = await client.deployments.predictions.create(
        deployment_owner=made.owner, deployment_name=made.name, input=image(new_prompt()), prefer="wait"
    )
    equal((prediction.status, prediction.model), ("succeeded", IMAGE_MODEL))


async def op_trainings():
    holds(isinstance((await client.trainings.list()).results, list), "no page")


async def op_webhook_secret():
    holds((await client.webhooks.default.secret.get()).key.startswith("whsec_"), "not a secret")


if __name__ == "__main__":
    drive(collect(globals()))
