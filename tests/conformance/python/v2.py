# SPDX-License-Identifier: Apache-2.0
"""The official Python client, pre-release of the next line."""

import io
import os
import pathlib
import time
import urllib.parse
import warnings

from driver import (
    IMAGE_MODEL, KEY, LIMITED_KEY, LIMITED_ORIGIN, MOUNT, ORIGIN, PAGES_KEY, SECURE, TEXT_MODEL, TRAINER,
    TRAINER_VERSION, VERSION, VERSIONED_MODEL, Watch, collect, download, drive, equal, holds, image, make_file, new_prompt, page_items,
    training, unique, unpaged, unpaged_models, use_up_limit, whole_jpeg,
)  # fmt: skip

os.environ["REPLICATE_BASE_URL"] = ORIGIN + MOUNT
os.environ["REPLICATE_API_TOKEN"] = KEY
os.environ["REPLICATE_POLL_INTERVAL"] = "0.05"

import replicate  # noqa: E402
from replicate import Replicate  # noqa: E402
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

client = Replicate()
OWNER, NAME = IMAGE_MODEL.split("/")
VERSIONED = dict(zip(("model_owner", "model_name"), VERSIONED_MODEL.split("/")))


def create(prompt, **more):
    return client.models.predictions.create(model_owner=OWNER, model_name=NAME, input=image(prompt), **more)


def with_prompt(prompt):
    return [p for p in client.predictions.list().results if p.input["prompt"] == prompt]


def refused(call, kind, words):
    try:
        call()
    except kind as error:
        holds(words in error.body["detail"], error.body)
    else:
        raise AssertionError(f"did not raise {kind.__name__}")


def make_deployment(name):
    return client.deployments.create(
        name=unique(name),
        model=IMAGE_MODEL,
        version=client.models.get(model_owner=OWNER, model_name=NAME).latest_version.id,
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
    output = client.run(f"{VERSIONED_MODEL}:{VERSION}", input={"prompt": new_prompt(), "output_format": "jpg"})
    whole_jpeg(download(output[0]))


def op_run_text():
    text = "".join(client.run(TEXT_MODEL, input={"prompt": new_prompt(), "max_tokens": 20}))
    holds(len(text) > 10, text)


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
    # This client gives up after 60 s and sends the create again.
    prompt = new_prompt("[sandbox:delay=61s]")
    whole_jpeg(download(client.run(IMAGE_MODEL, input=image(prompt))[0]))
    equal(len(with_prompt(prompt)), 1)


def op_use():
    text = replicate.use(TEXT_MODEL)(prompt=new_prompt(), max_tokens=20)
    holds(isinstance(text, str) and len(text) > 10, repr(text))
    model = replicate.use(f"{VERSIONED_MODEL}:{VERSION}")
    holds("prompt" in model.openapi_schema()["components"]["schemas"]["Input"]["properties"], "no prompt")
    run = model.create(prompt=new_prompt(), output_format="jpg", num_outputs=2)
    files = run.output()
    equal(len(files), 2)
    for path in files:
        with open(path, "rb") as file:
            whole_jpeg(file.read())
    holds("100%" in run.logs(), "no logs")
    # What one model made is handed on to the next by its address.
    prompt = new_prompt()
    model(prompt=prompt, output_format="jpg", image=files[0])
    equal(with_prompt(prompt)[0].input["image"], replicate.get_path_url(files[0]))


def op_files_out():
    output = client.run(IMAGE_MODEL, input=image(new_prompt(), num_outputs=3))
    equal(len(output), 3)
    for file in output:
        whole_jpeg(download(file))
        if SECURE:
            whole_jpeg(b"".join(file))


def op_create_by_model():
    prompt = new_prompt()
    created = create(prompt)
    equal((created.status, created.model, created.input), ("starting", IMAGE_MODEL, image(prompt)))


def op_create_by_version():
    created = client.predictions.create(version=VERSION, input={"prompt": new_prompt()})
    equal((created.status, created.model, created.version), ("starting", VERSIONED_MODEL, VERSION))


def op_get():
    created = create(new_prompt())
    got = client.predictions.get(prediction_id=created.id)
    equal((got.id, got.input, got.urls), (created.id, created.input, created.urls))
    equal(got.urls.get, f"{ORIGIN}{MOUNT}/predictions/{got.id}")


def op_list():
    created = [create(new_prompt()).id for _ in range(2)]
    equal([p.id for p in client.predictions.list().results[:2]], created[::-1])


def op_pages():
    pages = list(Replicate(bearer_token=PAGES_KEY).predictions.list().iter_pages())
    equal(len(pages), 3)
    equal([p.id for page in pages for p in page.results], page_items()["predictions"])


def op_pages_others():
    pager, known = Replicate(bearer_token=PAGES_KEY), page_items()
    unpaged([d.name for d in pager.deployments.list()], known["deployments"])
    unpaged([f.id for f in pager.files.list()], known["files"])
    unpaged([t.id for t in pager.trainings.list()], known["trainings"])
    versions = [v.id for v in pager.models.versions.list(model_owner="pages", model_name="trained")]
    equal(sorted(versions), sorted(known["versions"]))
    unpaged_models([f"{m.owner}/{m.name}" for m in pager.models.list()])


def op_list_filters():
    created = [create(new_prompt()) for _ in range(2)]
    since = created[1].created_at.isoformat()
    page = client.predictions.list(created_after=since)
    equal([p.id for p in page.results], [created[1].id])
    page = client.predictions.list(created_before=since)
    equal(page.results[0].id, created[0].id)
    by_age = [m.created_at for m in client.models.list(sort_by="model_created_at", sort_direction="asc")]
    equal(by_age, sorted(by_age))


def op_wait():
    done = client.predictions.wait(create(new_prompt("[sandbox:delay=200ms]")).id)
    equal((done.status, len(done.output)), ("succeeded", 1))


def op_cancel():
    created = create(new_prompt("[sandbox:delay=300s]"))
    equal(client.predictions.cancel(prediction_id=created.id).status, "canceled")
    equal(client.predictions.get(prediction_id=created.id).status, "canceled")


def op_cancel_after():
    created = create(new_prompt("[sandbox:delay=300s]"), cancel_after="5s")
    equal((created.deadline - created.created_at).total_seconds(), 5.0)
    equal(client.predictions.wait(created.id).status, "canceled")


def op_stream_text():
    prompt = new_prompt("[sandbox:pause=50ms]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        text = "".join(client.stream(TEXT_MODEL, input={"prompt": prompt, "max_tokens": 20}))
    holds(len(text) > 10, text)
    equal(text, "".join(with_prompt(prompt)[0].output))


def op_stream_failed():
    try:
        list(replicate.use(TEXT_MODEL, streaming=True)(prompt=new_prompt("[sandbox:fail=out of words]")))
    except ModelError as error:
        equal(error.prediction.error, "out of words")
    else:
        raise AssertionError("did not fail")


def op_models_list():
    holds(IMAGE_MODEL in [f"{m.owner}/{m.name}" for m in client.models.list()], "the model is not listed")


def op_models_get():
    model = client.models.get(model_owner=OWNER, model_name=NAME)
    equal((model.owner, model.name, model.visibility), (OWNER, NAME, "public"))
    holds("prompt" in model.latest_version.openapi_schema["components"]["schemas"]["Input"]["properties"], "no prompt")


def op_versions_list():
    holds(VERSION in [v.id for v in client.models.versions.list(**VERSIONED)], "the version is not listed")


def op_versions_get():
    version = client.models.versions.get(**VERSIONED, version_id=VERSION)
    equal(version.id, VERSION)
    holds(version.openapi_schema["components"]["schemas"]["Output"], "no output schema")


def op_versions_delete():
    """They are all the catalog's."""
    try:
        client.models.versions.delete(**VERSIONED, version_id=VERSION)
    except PermissionDeniedError as error:
        equal(error.status_code, 403)
    else:
        raise AssertionError("did not fail")


def op_models_describe():
    holds("# " in client.models.readme.get(model_owner=OWNER, model_name=NAME), "no readme")
    examples = [e for e in client.models.examples.list(model_owner=OWNER, model_name=NAME)]
    holds(all(e.input for e in examples), repr(examples))


def op_account():
    account = client.account.get()
    equal(account.type, "organization")
    holds(account.username, repr(account))


def op_error_401():
    wrong = Replicate(bearer_token="wrong")
    refused(lambda: wrong.predictions.list(), AuthenticationError, "You did not pass a valid authentication token")


def op_error_404():
    words = "The requested resource could not be found."
    refused(lambda: client.predictions.get(prediction_id="0" * 26), NotFoundError, words)
    refused(lambda: client.run("nobody/nothing", input={}), NotFoundError, words)


def op_error_422():
    words = "- input: prompt is required\n- input.num_outputs: Must be less than or equal to 4\n"
    refused(lambda: client.run(IMAGE_MODEL, input={"num_outputs": 9}), UnprocessableEntityError, words)


def op_error_429():
    use_up_limit()
    # The client waits for as long as it is told to.
    limited = Replicate(bearer_token=LIMITED_KEY, base_url=LIMITED_ORIGIN + MOUNT)
    holds(limited.account.get().username, "no name")


def op_request():
    raw = client.models.with_raw_response.get(model_owner=OWNER, model_name=NAME)
    equal((raw.status_code, raw.parse().name), (200, NAME))
    holds(raw.headers["x-request-id"], raw.headers)
    with client.account.with_streaming_response.get() as streamed:
        holds(b"username" in b"".join([piece for piece in streamed.iter_bytes()]), "no name")
    account = client.with_options(max_retries=0, timeout=20).get("/account", cast_to=object)
    equal(account["type"], "organization")
    equal(client.copy().account.get().username, account["username"])


def op_files_download():
    made = client.files.create(content=b"to be fetched")
    signed = urllib.parse.urlsplit(made.urls.download)
    query = {name: values[0] for name, values in urllib.parse.parse_qs(signed.query).items()}
    query["expiry"] = int(query["expiry"])
    answer = client.files.download(file_id=made.id, **query)
    equal(answer.read(), b"to be fetched")
    query["signature"] = "A" + query["signature"][1:] if query["signature"][0] != "A" else "B" + query["signature"][1:]
    refused(lambda: client.files.download(file_id=made.id, **query), NotFoundError, "File not found")


def op_files():
    made = client.files.create(content=b"a note", filename="note.txt", type="text/plain", metadata={"about": "x"})
    equal((made.content_type, made.size, made.metadata), ("text/plain", 6, {"about": "x"}))
    equal(client.files.get(file_id=made.id).checksums.sha256, made.checksums.sha256)
    holds(made.id in [f.id for f in client.files.list()], "the file is not listed")
    client.files.delete(file_id=made.id)
    refused(lambda: client.files.get(file_id=made.id), NotFoundError, "")


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
    uploaded = client.files.create(content=picture, filename="kind.jpg").urls.get

    def run(kind, **options):
        arguments = {"prompt": new_prompt(), "image": kind, "output_format": "jpg"}
        output = client.run(f"{VERSIONED_MODEL}:{VERSION}", input=arguments, **options)
        whole_jpeg(download(output[0]))
        return with_prompt(arguments["prompt"])[0].input["image"]

    with make_file("kind.jpg", picture) as file:
        holds("/files/" in run(file), "not uploaded")
        file.seek(0)
        inline = run(file, file_encoding_strategy="base64")
        holds(inline.startswith("data:image/jpeg;base64,"), "not in the request")
    holds("/files/" in run(pathlib.Path("kind.jpg")), "not uploaded")
    holds("/files/" in run(io.BytesIO(picture)), "not uploaded")
    equal(run(uploaded), uploaded)


def op_files_too_large():
    try:
        client.files.create(content=bytes((2 << 20) + 1))
    except APIStatusError as error:
        equal((error.status_code, error.body["detail"]), (413, "Files must be less than 2MB in size"))
    else:
        raise AssertionError("did not fail")


def op_models_search():
    found = client.models.search(body="flux-schnell")
    holds(IMAGE_MODEL in [f"{m.owner}/{m.name}" for m in found], "the model was not found")


def op_search():
    found = [f"{hit.model.owner}/{hit.model.name}" for hit in client.search(query="flux-schnell").models]
    holds(IMAGE_MODEL in found, "the model was not found")


def op_models_own():
    owner, name = client.account.get().username, unique("own")
    hardware = client.hardware.list()[0].sku
    made = client.models.create(owner=owner, name=name, visibility="private", hardware=hardware)
    equal((made.owner, made.name, made.visibility), (owner, name, "private"))
    words = {"description": "of my own", "readme": "# Own", "github_url": "https://github.com/own/own"}
    changed = client.models.update(model_owner=owner, model_name=name, **words)
    equal((changed.description, changed.github_url), (words["description"], words["github_url"]))
    equal(client.models.readme.get(model_owner=owner, model_name=name), words["readme"])
    client.models.delete(model_owner=owner, model_name=name)
    refused(lambda: client.models.get(model_owner=owner, model_name=name), NotFoundError, "")


def op_hardware():
    hardware = client.hardware.list()
    holds(hardware and all(h.sku and h.name for h in hardware), repr(hardware))


def op_collections():
    found = list(client.collections.list())[0]
    collection = client.collections.get(collection_slug=found.slug)
    equal(collection.name, found.name)
    holds(collection.models, "no models")


def op_deployments():
    made = make_deployment("listed")
    where = {"deployment_owner": made.owner, "deployment_name": made.name}
    equal(made.current_release.model, IMAGE_MODEL)
    equal(client.deployments.get(**where).current_release.version, made.current_release.version)
    holds(made.name in [d.name for d in client.deployments.list()], "the deployment is not listed")
    updated = client.deployments.update(**where, max_instances=2)
    equal(updated.current_release.configuration.max_instances, 2)
    equal(updated.current_release.number, made.current_release.number + 1)
    client.deployments.delete(**where)
    refused(lambda: client.deployments.get(**where), NotFoundError, "")


def op_deployment_run():
    made = make_deployment("run")
    prediction = client.deployments.predictions.create(
        deployment_owner=made.owner, deployment_name=made.name, input=image(new_prompt()), prefer="wait"
    )
    equal((prediction.status, prediction.model), ("succeeded", IMAGE_MODEL))


def train(trigger_word="TOK"):
    hardware = client.hardware.list()[0].sku
    owner, name = client.account.get().username, unique("trained")
    client.models.create(owner=owner, name=name, visibility="private", hardware=hardware)
    return client.trainings.create(
        **dict(zip(("model_owner", "model_name"), TRAINER.split("/"))),
        version_id=TRAINER_VERSION,
        destination=f"{owner}/{name}",
        input=training(trigger_word),
    )


def op_trainings():
    created = train("[sandbox:delay=300s]")
    equal((created.status, created.version), ("starting", TRAINER_VERSION))
    equal(client.trainings.list().results[0].id, created.id)
    equal(client.trainings.cancel(training_id=created.id).status, "canceled")
    equal(client.trainings.get(training_id=created.id).status, "canceled")


def op_trained_run():
    created = train()
    while created.completed_at is None:
        time.sleep(0.05)
        created = client.trainings.get(training_id=created.id)
    reference = created.output.version
    model, version = reference.split(":")
    arguments = {"prompt": new_prompt(), "output_format": "jpg", "megapixels": "0.25"}
    whole_jpeg(download(client.run(reference, input=arguments)[0]))
    trained = dict(zip(("model_owner", "model_name"), model.split("/")), version_id=version)
    client.models.versions.delete(**trained)
    refused(lambda: client.models.versions.get(**trained), NotFoundError, "")


def op_webhook_secret():
    holds(client.webhooks.default.secret.get().key.startswith("whsec_"), "not a secret")


def wanted(module, owner, _):
    """Methods of the client, its parts and what it gives; the asynchronous ones are for the other driver."""
    if owner is None or owner.startswith("_") or "WithRaw" in owner or "WithStreaming" in owner:
        return False
    calls = module.startswith("resources.") or module in ["_client", *HIDDEN]
    return calls and not owner.startswith("Async")


if __name__ == "__main__":
    drive(collect(globals()), Watch(wanted, HIDDEN))
