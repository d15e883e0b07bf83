#!/usr/bin/env python3
"""Uses the stand-in for Google Wallet through Google's own client library, as its users do, and checks what they would see.

    client.py KEY_FILE BASE_URL ISSUER

The key file's `token_uri` names the stand-in's token endpoint; everything else of the library is as it comes from PyPI.
"""

import sys
import time

from google.auth import crypt, jwt
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"


def connect(key_file, base_url, scope=SCOPE):
    credentials = service_account.Credentials.from_service_account_file(key_file, scopes=[scope])
    options = {"api_endpoint": base_url}
    return build("walletobjects", "v1", credentials=credentials, client_options=options, static_discovery=True)


def refused(request, status, reason):
    """The request must fail with this status and this reason in Google's envelope."""
    try:
        answer = request.execute()
    except HttpError as error:
        assert error.resp.status == status, f"{error.resp.status} is not {status}: {error}"
        details = error.error_details
        assert details[0]["reason"] == reason, f"{details} has not the reason {reason}"
        return error
    raise AssertionError(f"it should have failed with {status}: {answer}")


def loyalty_class(class_id):
    return {
        "id": class_id,
        "issuerName": "Example Café",
        "programName": "Beans",
        "programLogo": {"sourceUri": {"uri": "https://example.com/logo.png"}},
        "reviewStatus": "UNDER_REVIEW",
    }


def card(object_id, class_id, points):
    return {
        "id": object_id,
        "classId": class_id,
        "state": "ACTIVE",
        "accountName": "Noura",
        "loyaltyPoints": {"label": "Points", "balance": {"int": points}},
        "messages": [{"id": "hello", "header": "Hello", "body": "Welcome"}],
    }


def classes(service, class_id):
    made = service.loyaltyclass().insert(body=loyalty_class(class_id)).execute()
    assert made["reviewStatus"] == "APPROVED", made
    read = service.loyaltyclass().get(resourceId=class_id).execute()
    assert read["programName"] == "Beans", read
    refused(service.loyaltyclass().insert(body=loyalty_class(class_id)), 409, "existingResource")
    refused(service.loyaltyclass().patch(resourceId=class_id, body={"programName": "More beans"}), 400, "badRequest")
    refused(service.loyaltyclass().patch(resourceId=class_id, body={"reviewStatus": "APPROVED"}), 400, "badRequest")
    changed = {"programName": "More beans", "reviewStatus": "UNDER_REVIEW"}
    assert service.loyaltyclass().patch(resourceId=class_id, body=changed).execute()["programName"] == "More beans"


def objects(service, class_id):
    ids = [class_id.replace("programme", f"card-{number}") for number in range(5)]
    for number, object_id in enumerate(ids):
        service.loyaltyobject().insert(body=card(object_id, class_id, number)).execute()
    first = service.loyaltyobject().get(resourceId=ids[0]).execute()
    assert first["hasUsers"] is False and first["classReference"]["programName"] == "More beans", first

    patch = {"loyaltyPoints": {"balance": {"int": None, "string": "3000000000"}}, "messages": []}
    patched = service.loyaltyobject().patch(resourceId=ids[0], body=patch).execute()
    assert patched["loyaltyPoints"] == {"label": "Points", "balance": {"string": "3000000000"}}, patched
    assert patched["accountName"] == "Noura" and patched["messages"] == [], patched
    whole = service.loyaltyobject().update(resourceId=ids[1], body={"id": ids[1], "classId": class_id, "state": "INACTIVE"}).execute()
    assert whole["state"] == "INACTIVE" and "accountName" not in whole, whole

    two_kinds = {"loyaltyPoints": {"balance": {"int": 1}}}
    refused(service.loyaltyobject().patch(resourceId=ids[0], body=two_kinds), 400, "badRequest")
    refused(service.loyaltyobject().patch(resourceId=ids[2], body={"state": "active"}), 400, "badRequest")
    refused(service.loyaltyobject().patch(resourceId=ids[2], body={"points": 1}), 400, "badRequest")
    too_many = {"loyaltyPoints": {"balance": {"int": 2**31}}}
    refused(service.loyaltyobject().patch(resourceId=ids[2], body=too_many), 400, "badRequest")
    refused(service.loyaltyobject().insert(body=card(ids[2], class_id, 1)), 409, "existingResource")
    refused(service.loyaltyobject().get(resourceId=ids[0] + "x"), 404, "resourceNotFound")
    refused(service.loyaltyobject().insert(body=card(ids[0] + "x", class_id + "x", 1)), 404, "classNotFound")
    refused(service.loyaltyobject().get(resourceId="no-id"), 400, "badRequest")
    refused(service.loyaltyobject().get(resourceId="3388000000000000009.x"), 403, "permissionDenied")
    refused(service.offerobject().insert(body=card(ids[0] + "x", class_id, 1)), 400, "badRequest")
    return ids


def paging(service, class_id, ids):
    found, token, pages = [], None, 0
    while True:
        page = service.loyaltyobject().list(classId=class_id, maxResults=2, token=token).execute()
        found += [resource["id"] for resource in page["resources"]]
        pages += 1
        assert page["pagination"]["resultsPerPage"] == len(page["resources"]), page["pagination"]
        token = page["pagination"].get("nextPageToken")
        if token is None:
            break
    assert (found, pages) == (ids, 3), (found, pages)
    assert len(service.loyaltyobject().list(classId=class_id).execute()["resources"]) == 5
    issuer = class_id.split(".")[0]
    assert [one["id"] for one in service.loyaltyclass().list(issuerId=issuer).execute()["resources"]] == [class_id]
    assert service.issuer().get(resourceId=int(issuer)).execute()["issuerId"] == issuer


def messages(service, object_id):
    def say(kind):
        body = {"message": {"header": "News", "body": "Cake today", "messageType": kind}}
        return service.loyaltyobject().addmessage(resourceId=object_id, body=body)

    assert say("TEXT").execute()["resource"]["messages"][-1]["body"] == "Cake today"
    for _ in range(3):
        say("TEXT_AND_NOTIFY").execute()
    error = refused(say("TEXT_AND_NOTIFY"), 429, "quotaExceeded")
    assert "QuotaExceededException" in str(error), error
    say("TEXT").execute()


def batches(service, base_url, ids):
    answers = {}

    def heard(request_id, response, error):
        answers[request_id] = error.resp.status if error else response["loyaltyPoints"]["balance"]["int"]

    batch = service.new_batch_http_request(callback=heard)
    batch._batch_uri = base_url + "/batch"
    for number, object_id in enumerate(ids[2:]):
        body = {"loyaltyPoints": {"balance": {"int": 100 + number}}}
        batch.add(service.loyaltyobject().patch(resourceId=object_id, body=body), request_id=object_id)
    batch.add(service.loyaltyobject().get(resourceId=ids[0] + "x"), request_id="missing")
    batch.add(service.loyaltyobject().patch(resourceId=ids[2], body={"state": "gone"}), request_id="wrong")
    batch.execute()
    expected = {object_id: 100 + number for number, object_id in enumerate(ids[2:])}
    assert answers == {**expected, "missing": 404, "wrong": 400}, answers


def save_links(service, key_file, object_id):
    signer = crypt.RSASigner.from_service_account_file(key_file)
    email = service._http.credentials.service_account_email
    claims = {"iss": email, "aud": "google", "typ": "savetowallet", "iat": int(time.time()), "origins": []}
    text = jwt.encode(signer, {**claims, "payload": {"loyaltyObjects": [{"id": object_id}]}}).decode()
    assert service.jwt().validate(body={"jwtResource": {"jwt": text}}).execute() == {}
    answer = service.jwt().insert(body={"jwt": text}).execute()
    assert answer["resources"]["loyaltyObjects"][0]["id"] == object_id and "/gp/v/save/" in answer["saveUri"], answer
    other = jwt.encode(signer, {**claims, "aud": "apple", "payload": {"loyaltyObjects": [{"id": object_id}]}}).decode()
    refused(service.jwt().validate(body={"jwtResource": {"jwt": other}}), 400, "badRequest")
    refused(service.jwt().validate(body={}), 400, "badRequest")


def credentials(key_file, base_url, object_id):
    other = connect(key_file, base_url, scope="https://www.googleapis.com/auth/drive")
    refused(other.loyaltyobject().get(resourceId=object_id), 403, "insufficientPermissions")
    late = connect(key_file, base_url)
    late._http.credentials._token_uri = base_url + "/nowhere"
    try:
        late.loyaltyobject().get(resourceId=object_id).execute()
    except RefreshError:
        return
    raise AssertionError("a token from nowhere")


def main():
    key_file, base_url, issuer = sys.argv[1:]
    service = connect(key_file, base_url)
    class_id = f"{issuer}.programme"
    classes(service, class_id)
    ids = objects(service, class_id)
    paging(service, class_id, ids)
    messages(service, ids[3])
    batches(service, base_url, ids)
    save_links(service, key_file, ids[2])
    credentials(key_file, base_url, ids[0])
    print("Google's client is content")


if __name__ == "__main__":
    main()
