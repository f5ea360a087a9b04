"""Google's own Python client (python3-googleapi) through create, list, change and delete at the double.

Arguments: address, project, folder of discovery documents. Prints "ok" at the end; anything unexpected is an exception.
"""
import json
import sys
import time

import httplib2
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

address, project, folder = sys.argv[1:4]
zone, region = "us-central1-a", "us-central1"


def client(name, path):
    with open(f"{folder}/{name}") as document:
        description = json.load(document)
    # The client takes its addresses from the document.
    description["rootUrl"] = address + "/"
    description["baseUrl"] = address + path
    description.pop("mtlsRootUrl", None)
    return build_from_document(description, http=httplib2.Http())


compute = client("compute.v1.json", "/compute/v1/")


def wait(operation):
    for _ in range(200):
        if operation["status"] == "DONE":
            assert "error" not in operation, operation
            return operation
        time.sleep(0.05)
        if "zone" in operation:
            operation = compute.zoneOperations().get(project=project, zone=zone, operation=operation["name"]).execute()
        elif "region" in operation:
            operation = compute.regionOperations().get(project=project, region=region, operation=operation["name"]).execute()
        else:
            operation = compute.globalOperations().get(project=project, operation=operation["name"]).execute()
    raise AssertionError(f"no end: {operation}")


def status_of(request):
    try:
        request.execute()
    except HttpError as refused:
        return int(refused.resp.status), json.loads(refused.content)["error"]["errors"][0]["reason"]
    raise AssertionError("it wasn't refused")


# Create.
network = {"name": "gapi-net", "autoCreateSubnetworks": False, "mtu": 1460}
wait(compute.networks().insert(project=project, body=network, requestId="6c1c4e1a-52a5-4c3a-9a5d-0f3e8f1f0001").execute())
assert status_of(compute.networks().insert(project=project, body=network)) == (409, "alreadyExists")
link = compute.networks().get(project=project, network="gapi-net").execute()["selfLink"]
wait(compute.subnetworks().insert(project=project, region=region, body={"name": "gapi-sub", "network": link, "ipCidrRange": "10.77.0.0/24"}).execute())
wait(compute.firewalls().insert(project=project, body={"name": "gapi-fw", "network": link, "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}], "sourceRanges": ["0.0.0.0/0"]}).execute())
wait(compute.addresses().insert(project=project, region=region, body={"name": "gapi-adr"}).execute())
wait(compute.disks().insert(project=project, zone=zone, body={"name": "gapi-disk", "sizeGb": "10", "labels": {"team": "a"}}).execute())
image = compute.images().getFromFamily(project="debian-cloud", family="debian-12").execute()["selfLink"]
wait(compute.instances().insert(project=project, zone=zone, body={
    "name": "gapi-vm",
    "machineType": f"zones/{zone}/machineTypes/e2-micro",
    "labels": {"team": "a"},
    "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": image}}, {"source": f"projects/{project}/zones/{zone}/disks/gapi-disk", "deviceName": "data"}],
    "networkInterfaces": [{"subnetwork": f"regions/{region}/subnetworks/gapi-sub", "accessConfigs": [{"type": "ONE_TO_ONE_NAT"}]}],
    "metadata": {"items": [{"key": "note", "value": "one"}]},
}).execute())

# List: plain, filtered, aggregated, page by page.
assert [i["name"] for i in compute.instances().list(project=project, zone=zone, filter='labels.team = "a"').execute()["items"]] == ["gapi-vm"]
assert "items" not in compute.instances().list(project=project, zone=zone, filter='labels.team = "b"').execute()
scopes = compute.disks().aggregatedList(project=project).execute()["items"]
assert {d["name"] for d in scopes[f"zones/{zone}"]["disks"]} == {"gapi-disk", "gapi-vm"}
assert scopes["zones/us-central1-b"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"
names, request = [], compute.disks().list(project=project, zone=zone, maxResults=1)
while request is not None:
    page = request.execute()
    names += [d["name"] for d in page.get("items", [])]
    request = compute.disks().list_next(request, page)
assert names == ["gapi-disk", "gapi-vm"], names
vm = compute.instances().get(project=project, zone=zone, instance="gapi-vm").execute()
assert vm["status"] == "RUNNING" and vm["networkInterfaces"][0]["networkIP"] == "10.77.0.2", vm
assert compute.projects().get(project=project).execute()["name"] == project

# Change: in place, with fingerprints.
wait(compute.firewalls().patch(project=project, firewall="gapi-fw", body={"allowed": [{"IPProtocol": "udp", "ports": ["53"]}]}).execute())
assert compute.firewalls().get(project=project, firewall="gapi-fw").execute()["allowed"] == [{"IPProtocol": "udp", "ports": ["53"]}]
assert status_of(compute.instances().setMetadata(project=project, zone=zone, instance="gapi-vm", body={"fingerprint": "c3RhbGU=", "items": []})) == (412, "conditionNotMet")
metadata = dict(vm["metadata"], items=[{"key": "note", "value": "two"}])
wait(compute.instances().setMetadata(project=project, zone=zone, instance="gapi-vm", body=metadata).execute())
wait(compute.instances().setLabels(project=project, zone=zone, instance="gapi-vm", body={"labels": {"team": "b"}, "labelFingerprint": vm["labelFingerprint"]}).execute())
wait(compute.instances().stop(project=project, zone=zone, instance="gapi-vm").execute())
assert compute.instances().get(project=project, zone=zone, instance="gapi-vm").execute()["status"] == "TERMINATED"
wait(compute.instances().start(project=project, zone=zone, instance="gapi-vm").execute())
compute.instances().getSerialPortOutput(project=project, zone=zone, instance="gapi-vm").execute()

# Delete: what is used is refused, then in order.
assert status_of(compute.networks().delete(project=project, network="gapi-net")) == (400, "resourceInUseByAnotherResource")
assert status_of(compute.disks().delete(project=project, zone=zone, disk="gapi-disk")) == (400, "resourceInUseByAnotherResource")
wait(compute.instances().delete(project=project, zone=zone, instance="gapi-vm").execute())
wait(compute.disks().resize(project=project, zone=zone, disk="gapi-disk", body={"sizeGb": "20"}).execute())
wait(compute.disks().delete(project=project, zone=zone, disk="gapi-disk").execute())
wait(compute.addresses().delete(project=project, region=region, address="gapi-adr").execute())
wait(compute.firewalls().delete(project=project, firewall="gapi-fw").execute())
wait(compute.subnetworks().delete(project=project, region=region, subnetwork="gapi-sub").execute())
wait(compute.networks().delete(project=project, network="gapi-net").execute())
assert status_of(compute.networks().get(project=project, network="gapi-net")) == (404, "notFound")

# Secret Manager.
secrets = client("secretmanager.v1.json", "/").projects().secrets()
parent = f"projects/{project}"
made = secrets.create(parent=parent, secretId="gapi-secret", body={"replication": {"automatic": {}}, "labels": {"team": "a"}}).execute()
assert made["name"].endswith("/secrets/gapi-secret")
secrets.addVersion(parent=f"{parent}/secrets/gapi-secret", body={"payload": {"data": "b25l"}}).execute()
assert secrets.versions().access(name=f"{parent}/secrets/gapi-secret/versions/latest").execute()["payload"]["data"] == "b25l"
assert len(secrets.list(parent=parent, filter="labels.team = a").execute()["secrets"]) == 1
secrets.patch(name=f"{parent}/secrets/gapi-secret", updateMask="annotations", body={"annotations": {"note": "x"}}).execute()
secrets.setIamPolicy(resource=f"{parent}/secrets/gapi-secret", body={"policy": {"bindings": []}}).execute()
secrets.delete(name=f"{parent}/secrets/gapi-secret").execute()
assert "secrets" not in secrets.list(parent=parent).execute()
print("ok")
