"""Apache Libcloud (python3-libcloud) through create, list, change and delete at the double.

Arguments: host, port, project, a file for its cached token. Prints "ok" at the end; anything unexpected is an exception.
"""
import json
import sys

from libcloud.common.google import InvalidRequestError, ResourceNotFoundError
from libcloud.compute.drivers.gce import GCEConnection, GCENodeDriver

host, port, project, tokens = sys.argv[1:5]
with open(tokens, "w") as cache:
    json.dump({"access_token": "given-elsewhere", "expires_in": 3600, "token_type": "Bearer", "expire_time": "2099-01-01T00:00:00Z"}, cache)
GCEConnection.host = host
GCEConnection.poll_interval = 0.05


class Driver(GCENodeDriver):
    def _ex_connection_class_kwargs(self):
        return dict(super()._ex_connection_class_kwargs(), port=int(port))


driver = Driver("someone@example.com", "unused", datacenter="us-central1-a", project=project, auth_type="IA", credential_file=tokens, secure=False)

# Create.
network = driver.ex_create_network("lc-net", None, mode="custom")
subnetwork = driver.ex_create_subnetwork("lc-sub", "10.78.0.0/24", network, "us-central1")
firewall = driver.ex_create_firewall("lc-fw", [{"IPProtocol": "tcp", "ports": ["22"]}], network=network, source_ranges=["10.0.0.0/8"])
address = driver.ex_create_address("lc-adr", "us-central1")
assert address.address, address
volume = driver.create_volume(10, "lc-disk", ex_disk_type="pd-standard")
image = driver.ex_get_image_from_family("debian-12", ex_project_list=["debian-cloud"])
node = driver.create_node("lc-vm", "e2-micro", image, ex_network=network, ex_subnetwork=subnetwork, ex_tags=["web"], ex_labels={"team": "a"}, ex_metadata={"note": "one"})
assert node.private_ips == ["10.78.0.2"] and node.public_ips, node

# List.
assert [n.name for n in driver.list_nodes()] == ["lc-vm"]
assert {v.name for v in driver.list_volumes()} == {"lc-disk", "lc-vm"}
assert [n.name for n in driver.ex_list_networks()] == ["lc-net"]
assert [f.name for f in driver.ex_list_firewalls()] == ["lc-fw"]
assert any(s.name == "e2-micro" for s in driver.list_sizes())

# Change.
firewall.allowed = [{"IPProtocol": "udp", "ports": ["53"]}]
assert driver.ex_update_firewall(firewall).allowed == [{"IPProtocol": "udp", "ports": ["53"]}]
assert driver.ex_resize_volume(volume, 20)
assert driver.attach_volume(node, driver.ex_get_volume("lc-disk"))
assert driver.ex_set_node_tags(node, ["web", "api"])
assert driver.ex_set_node_labels(driver.ex_get_node("lc-vm"), {"team": "b"})
assert driver.ex_stop_node(node)
assert driver.ex_get_node("lc-vm").extra["status"] == "TERMINATED"
assert driver.ex_start_node(node)
assert driver.reboot_node(driver.ex_get_node("lc-vm"))

# Delete.
try:
    driver.ex_destroy_network(driver.ex_get_network("lc-net"))
    raise AssertionError("a network in use was deleted")
except InvalidRequestError as refused:
    assert "resourceInUseByAnotherResource" in str(refused), refused
assert driver.detach_volume(driver.ex_get_volume("lc-disk"), ex_node=node)
assert driver.destroy_node(node)
assert driver.destroy_volume(driver.ex_get_volume("lc-disk"))
assert driver.ex_destroy_address(address)
assert driver.ex_destroy_firewall(driver.ex_get_firewall("lc-fw"))
assert driver.ex_destroy_subnetwork(subnetwork)
assert driver.ex_destroy_network(driver.ex_get_network("lc-net"))
try:
    driver.ex_get_network("lc-net")
    raise AssertionError("a network that is gone was found")
except ResourceNotFoundError:
    pass
print("ok")
