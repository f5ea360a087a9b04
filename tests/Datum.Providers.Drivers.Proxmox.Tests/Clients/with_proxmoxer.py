"""proxmoxer (python3-proxmoxer) through create, clone, list, change, power and delete at the double.

Arguments: host, port, certificate file, password of root@pam, value of the token root@pam!other. Prints "ok" at the end; anything unexpected is an
exception.
"""
import io
import sys
import time

from proxmoxer import ProxmoxAPI
from proxmoxer.backends.https import AuthenticationError
from proxmoxer.core import ResourceException

host, port, certificate, password, secret = sys.argv[1:6]


def connect(**how):
    return ProxmoxAPI(host, port=int(port), verify_ssl=certificate, **how)


def wait(client, upid):
    node = upid.split(":")[1]
    for _ in range(400):
        status = client.nodes(node).tasks(upid).status.get()
        if status["status"] == "stopped":
            assert status["exitstatus"] == "OK", status
            return
        time.sleep(0.02)
    raise AssertionError(f"no end: {upid}")


def refused(call, status, word):
    try:
        call()
    except ResourceException as error:
        # The words come from the reason phrase.
        assert error.status_code == status and word in error.content, error
        return
    raise AssertionError("it wasn't refused")


try:
    connect(user="root@pam", password="wrong")
    raise AssertionError("a wrong password was taken")
except AuthenticationError:
    pass

# With a ticket and its CSRF token.
pve = connect(user="root@pam", password=password)
assert pve.version.get()["release"].startswith("9."), pve.version.get()
assert [n["node"] for n in pve.nodes.get()] == ["pve1", "pve2", "pve3"]
number = int(pve.cluster.nextid.get())

# Create and clone.
pve.pools.post(poolid="others", comment="somebody else's")
upload = io.BytesIO(b"\0" * 4096)
upload.name = "seed.iso"
wait(pve, pve.nodes("pve1").storage("shared").upload.post(content="iso", filename=upload))
assert [v["volid"] for v in pve.nodes("pve2").storage("shared").content.get(content="iso")] == ["shared:iso/seed.iso"]
wait(pve, pve.nodes("pve2").qemu.post(vmid=number, name="made", cores=1, memory=512, scsi0="ceph:4", net0="virtio,bridge=vmbr0", pool="others"))
refused(lambda: pve.nodes("pve2").qemu.post(vmid=number), 500, "already exists")
wait(pve, pve.nodes("pve1").qemu(9000).clone.post(newid=number + 1, name="cloned", full=1, target="pve3", storage="ceph"))
assert sorted(m["vmid"] for m in pve.cluster.resources.get(type="vm") if m["vmid"] < 9000) == [number, number + 1]
assert [m["name"] for m in pve.nodes("pve3").qemu.get()] == ["cloned"]

# Change.
clone = pve.nodes("pve3").qemu(number + 1)
clone.config.put(cores=4, tags="other;b", description="a note", ide2="shared:iso/seed.iso,media=cdrom")
wait(pve, clone.config.post(scsi1="ceph:1,serial=data"))
wait(pve, clone.resize.put(disk="scsi0", size="10G"))
config = clone.config.get()
assert config["cores"] == 4 and config["tags"] == "b;other" and "size=10G" in config["scsi0"], config
refused(lambda: clone.config.put(cores=8, digest="0" * 40), 500, "detected modified configuration")
refused(lambda: clone.config.put(cores="many"), 400, "verification failed")
pve.cluster.firewall.groups.post(group="others", comment="x")
pve.cluster.firewall.groups("others").post(type="in", action="ACCEPT", proto="tcp", dport="22", enable=1)
clone.firewall.rules.post(type="group", action="others", enable=1)
assert clone.firewall.rules.get()[0]["action"] == "others"
pve.cluster.sdn.vnets.post(vnet="onet", zone="lab")
wait(pve, pve.cluster.sdn.put())
assert [v["vnet"] for v in pve.cluster.sdn.vnets.get(running=1)] == ["onet"]

# With a token, without a ticket.
token = connect(user="root@pam", token_name="other", token_value=secret)
wait(token, token.nodes("pve3").qemu(number + 1).status.start.post())
assert token.nodes("pve3").qemu(number + 1).status.current.get()["status"] == "running"
assert token.nodes("pve3").qemu(number + 1).agent.ping.post() == {"result": {}}
assert any(i["name"] != "lo" for i in token.nodes("pve3").qemu(number + 1).agent("network-get-interfaces").get()["result"])
refused(lambda: clone.delete(), 500, "is running")
wait(token, token.nodes("pve3").qemu(number + 1).status.shutdown.post())

# Delete.
wait(pve, clone.delete(**{"purge": 1, "destroy-unreferenced-disks": 1}))
wait(pve, pve.nodes("pve2").qemu(number).delete())
refused(lambda: clone.config.get(), 500, "does not exist")
wait(pve, pve.nodes("pve1").storage("shared").content("shared:iso/seed.iso").delete())
pve.cluster.firewall.groups("others")("0").delete()
pve.cluster.firewall.groups("others").delete()
pve.cluster.sdn.vnets("onet").delete()
wait(pve, pve.cluster.sdn.put())
pve.pools("others").delete()
print("ok")
