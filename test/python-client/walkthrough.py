"""The main job once more, by a client that openapi-python-client generated from openapi.yaml.

    python walkthrough.py URL BASE.onnx PHOTOS.zip PHOTO.jpg [--key KEY]

What it proves is the contract: a program in another language, that knows only the description, does the four steps.
"""

import argparse
import time
from pathlib import Path

from graft_client import AuthenticatedClient
from graft_client.api.bases import create_base, get_base
from graft_client.api.datasets import create_dataset, get_dataset
from graft_client.api.jobs import create_job, get_job, list_job_events
from graft_client.api.models import get_model_evaluation, predict
from graft_client.models import BaseUpload, DatasetUpload, JobRequest, PredictUpload, Problem, Task
from graft_client.types import File


def answered(answer):
    if answer is None or isinstance(answer, Problem):
        raise SystemExit(f"refused: {answer}")
    return answer


def wait(what, fetch, done):
    end = time.monotonic() + 300
    while time.monotonic() < end:
        seen = answered(fetch())
        if done(str(seen.state)):
            return seen
        time.sleep(0.2)
    raise SystemExit(f"{what} did not come to its end in five minutes")


def upload(path):
    return File(payload=path.open("rb"), file_name=path.name, mime_type="application/octet-stream")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("base", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--label", required=True, help="what the photo shows")
    parser.add_argument("--key", default="none-is-needed-on-this-machine")
    args = parser.parse_args()
    client = AuthenticatedClient(base_url=args.url, token=args.key, timeout=60)
    if args.key.startswith("none"):
        client = AuthenticatedClient(base_url=args.url, token="", prefix="", auth_header_name="X-No-Key", timeout=60)
    checked = ("ready", "invalid")

    base = answered(create_base.sync(client=client, body=BaseUpload(name="mobilenetv2", file=upload(args.base))))
    base = wait("the base", lambda: get_base.sync(base.id, client=client), lambda state: state in checked)
    assert base.state == "ready", base.error
    print("base", base.id, base.name, [cut.tensor for cut in base.cuts if cut.default])

    body = DatasetUpload(name="ants and bees", task=Task.IMAGE_CLASSIFICATION, file=upload(args.photos))
    dataset = answered(create_dataset.sync(client=client, body=body))
    dataset = wait("the dataset", lambda: get_dataset.sync(dataset.id, client=client), lambda state: state in checked)
    assert dataset.state == "ready", dataset.error
    print("dataset", dataset.id, dataset.summary.examples, "examples")

    request = JobRequest(task=Task.IMAGE_CLASSIFICATION, dataset=dataset.id, base=base.name)
    job = answered(create_job.sync(client=client, body=request, idempotency_key="python-walkthrough"))
    job = wait("the job", lambda: get_job.sync(job.id, client=client), lambda s: s in ("succeeded", "failed", "cancelled"))
    assert job.state == "succeeded", job.error
    events = answered(list_job_events.sync(job.id, client=client, limit=100)).data
    assert [event.data.additional_properties.get("state") for event in events if event.type_ == "state"][-1] == "succeeded"
    evaluation = answered(get_model_evaluation.sync(job.model, client=client))
    print("job", job.id, "accuracy", evaluation.accuracy)

    result = answered(predict.sync(job.model, client=client, body=PredictUpload(file=[upload(args.photo)])))
    prediction = result.predictions[0]
    print("prediction", prediction.label, prediction.probability)
    assert prediction.label == args.label, prediction
    assert evaluation.accuracy > 0.9, evaluation.accuracy
    print("the generated client did the main job")


if __name__ == "__main__":
    main()
