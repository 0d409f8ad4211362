# SPDX-License-Identifier: Apache-2.0
"""The official Python client, pre-release of the next line, through its asynchronous calls."""

import asyncio
import io
import os
import pathlib
import urllib.parse
import warnings

from driver import (
    IMAGE_MODEL, KEY, LIMITED_KEY, LIMITED_ORIGIN, MOUNT, ORIGIN, PAGES_KEY, SECURE, TEXT_MODEL, TRAINER,
    TRAINER_VERSION, VERSION, VERSIONED_MODEL, Watch, collect, drive, equal, fetch, holds, image, make_file, new_prompt, page_items,
    training, unique, unpaged, unpaged_models, use_up_limit, whole_jpeg,
)  # fmt: skip

os.environ["REPLICATE_BASE_URL"] = ORIGIN + MOUNT
os.environ["REPLICATE_API_TOKEN"] = KEY
os.environ["REPLICATE_POLL_INTERVAL"] = "0.05"

import replicate  # noqa: E402
from replicate import AsyncReplicate  # noqa: E402
from replicate.exceptions import (  # noqa: E402
    APIStatusError,
    AuthenticationError,
    ModelError,
    NotFoundError,
    PermissionDeniedError,
    UnprocessableEntityError,
)

# Parts of the client that lie in a folder which is no package.
HIDDEN = ["lib._files", "lib._predictions_use"]

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
    run = await model.create(prompt=new_prompt(), output_format="jpg", num_outputs=2)
    files = await run.output()
    equal(len(files), 2)
    for path in files:
        with open(path, "rb") as file:
            whole_jpeg(file.read())
    holds("100%" in await run.logs(), "no logs")
    # What one model made is handed on to the next by its address.
    prompt = new_prompt()
    await model(prompt=prompt, output_format="jpg", image=files[0])
    equal((await with_prompt(prompt))[0].input["image"], replicate.get_path_url(files[0]))


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
    equal([p.id for page in pages for p in page.results], page_items()["predictions"])


async def op_pages_others():
    pager, known = AsyncReplicate(bearer_token=PAGES_KEY), page_items()
    unpaged([d.name async for d in pager.deployments.list()], known["deployments"])
    unpaged([f.id async for f in pager.files.list()], known["files"])
    unpaged([t.id async for t in await pager.trainings.list()], known["trainings"])
    versions = [v.id async for v in pager.models.versions.list(model_owner="pages", model_name="trained")]
    equal(sorted(versions), sorted(known["versions"]))
    unpaged_models([f"{m.owner}/{m.name}" async for m in pager.models.list()])


async def op_list_filters():
    created = [await create(new_prompt()) for _ in range(2)]
    since = created[1].created_at.isoformat()
    page = await client.predictions.list(created_after=since)
    equal([p.id for p in page.results], [created[1].id])
    page = await client.predictions.list(created_before=since)
    equal(page.results[0].id, created[0].id)
    by_age = [m.created_at async for m in client.models.list(sort_by="model_created_at", sort_direction="asc")]
    equal(by_age, sorted(by_age))


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


async def op_versions_delete():
    """They are all the catalog's."""
    try:
        await client.models.versions.delete(**VERSIONED, version_id=VERSION)
    except PermissionDeniedError as error:
        equal(error.status_code, 403)
    else:
        raise AssertionError("did not fail")


async def op_models_describe():
    holds("# " in await client.models.readme.get(model_owner=OWNER, model_name=NAME), "no readme")
    examples = [e async for e in client.models.examples.list(model_owner=OWNER, model_name=NAME)]
    holds(all(e.input for e in examples), repr(examples))


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


async def op_error_429():
    use_up_limit()
    # The client waits for as long as it is told to.
    limited = AsyncReplicate(bearer_token=LIMITED_KEY, base_url=LIMITED_ORIGIN + MOUNT)
    holds((await limited.account.get()).username, "no name")


async def op_request():
    raw = await client.models.with_raw_response.get(model_owner=OWNER, model_name=NAME)
    equal((raw.status_code, (await raw.parse()).name), (200, NAME))
    holds(raw.headers["x-request-id"], raw.headers)
    async with client.account.with_streaming_response.get() as streamed:
        holds(b"username" in b"".join([piece async for piece in streamed.iter_bytes()]), "no name")
    account = await client.with_options(max_retries=0, timeout=20).get("/account", cast_to=object)
    equal(account["type"], "organization")
    equal((await client.copy().account.get()).username, account["username"])


async def op_files_download():
    made = await client.files.create(content=b"to be fetched")
    signed = urllib.parse.urlsplit(made.urls.download)
    query = {name: values[0] for name, values in urllib.parse.parse_qs(signed.query).items()}
    query["expiry"] = int(query["expiry"])
    answer = await client.files.download(file_id=made.id, **query)
    equal(await answer.read(), b"to be fetched")
    query["signature"] = "A" + query["signature"][1:] if query["signature"][0] != "A" else "B" + query["signature"][1:]
    await refused(client.files.download(file_id=made.id, **query), NotFoundError, "File not found")


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


async def op_file_kinds():
    picture = await download((await client.run(IMAGE_MODEL, input=image(new_prompt())))[0])
    uploaded = (await client.files.create(content=picture, filename="kind.jpg")).urls.get

    async def run(kind, **options):
        arguments = {"prompt": new_prompt(), "image": kind, "output_format": "jpg"}
        output = await client.run(f"{VERSIONED_MODEL}:{VERSION}", input=arguments, **options)
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
    try:
        await client.files.create(content=bytes((2 << 20) + 1))
    except APIStatusError as error:
        equal((error.status_code, error.body["detail"]), (413, "Files must be less than 2MB in size"))
    else:
        raise AssertionError("did not fail")


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
    words = {"description": "of my own", "readme": "# Own", "github_url": "https://github.com/own/own"}
    changed = await client.models.update(model_owner=owner, model_name=name, **words)
    equal((changed.description, changed.github_url), (words["description"], words["github_url"]))
    equal(await client.models.readme.get(model_owner=owner, model_name=name), words["readme"])
    await client.models.delete(model_owner=owner, model_name=name)
    await refused(client.models.get(model_owner=owner, model_name=name), NotFoundError, "")


async def op_hardware():
    hardware = await client.hardware.list()
    holds(hardware and all(h.sku and h.name for h in hardware), repr(hardware))


async def op_collections():
    found = [collection async for collection in client.collections.list()][0]
    collection = await client.collections.get(collection_slug=found.slug)
    equal(collection.name, found.name)
    holds(collection.models, "no models")


async def op_deployments():
    made = await make_deployment("listed")
    where = {"deployment_owner": made.owner, "deployment_name": made.name}
    equal(made.current_release.model, IMAGE_MODEL)
    equal((await client.deployments.get(**where)).current_release.version, made.current_release.version)
    holds(made.name in [d.name async for d in client.deployments.list()], "the deployment is not listed")
    updated = await client.deployments.update(**where, max_instances=2)
    equal(updated.current_release.configuration.max_instances, 2)
    equal(updated.current_release.number, made.current_release.number + 1)
    await client.deployments.delete(**where)
    await refused(client.deployments.get(**where), NotFoundError, "")


async def op_deployment_run():
    made = await make_deployment("run")
    prediction = await client.deployments.predictions.create(
        deployment_owner=made.owner, deployment_name=made.name, input=image(new_prompt()), prefer="wait"
    )
    equal((prediction.status, prediction.model), ("succeeded", IMAGE_MODEL))


async def train(trigger_word="TOK"):
    hardware = (await client.hardware.list())[0].sku
    owner, name = (await client.account.get()).username, unique("trained")
    await client.models.create(owner=owner, name=name, visibility="private", hardware=hardware)
    return await client.trainings.create(
        **dict(zip(("model_owner", "model_name"), TRAINER.split("/"))),
        version_id=TRAINER_VERSION,
        destination=f"{owner}/{name}",
        input=training(trigger_word),
    )


async def op_trainings():
    created = await train("[sandbox:delay=300s]")
    equal((created.status, created.version), ("starting", TRAINER_VERSION))
    equal((await client.trainings.list()).results[0].id, created.id)
    equal((await client.trainings.cancel(training_id=created.id)).status, "canceled")
    equal((await client.trainings.get(training_id=created.id)).status, "canceled")


async def op_trained_run():
    created = await train()
    while created.completed_at is None:
        await asyncio.sleep(0.05)
        created = await client.trainings.get(training_id=created.id)
    reference = created.output.version
    model, version = reference.split(":")
    arguments = {"prompt": new_prompt(), "output_format": "jpg", "megapixels": "0.25"}
    whole_jpeg(await download((await client.run(reference, input=arguments))[0]))
    trained = dict(zip(("model_owner", "model_name"), model.split("/")), version_id=version)
    await client.models.versions.delete(**trained)
    await refused(client.models.versions.get(**trained), NotFoundError, "")


async def op_webhook_secret():
    holds((await client.webhooks.default.secret.get()).key.startswith("whsec_"), "not a secret")


def wanted(module, owner, _):
    """Methods of the client, its parts and what it gives; those that are not asynchronous are for the other driver."""
    if owner is None or owner.startswith("_") or "WithRaw" in owner or "WithStreaming" in owner:
        return False
    calls = module.startswith("resources.") or module in ["_client", *HIDDEN]
    return calls and owner.startswith("Async")


if __name__ == "__main__":
    drive(collect(globals()), Watch(wanted, HIDDEN))
