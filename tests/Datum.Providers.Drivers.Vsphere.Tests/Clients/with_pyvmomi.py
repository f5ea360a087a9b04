# VMware's own Python client against the proxy: creates, lists, changes and deletes. Prints "ok", or what the inventory holds as JSON with "list".
import json
import ssl
import sys
import time
import warnings

warnings.filterwarnings("ignore")
from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim

host, port, user, password, ca, what = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
service = SmartConnect(host=host, port=int(port), user=user, pwd=password, sslContext=context)
content = service.RetrieveContent()


def view(kind):
    found = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    try:
        return list(found.view)
    finally:
        found.Destroy()


def wait(task):
    for _ in range(600):
        if task.info.state == vim.TaskInfo.State.success:
            return task.info.result
        if task.info.state == vim.TaskInfo.State.error:
            raise task.info.error
        time.sleep(0.05)
    raise RuntimeError("the task doesn't end")


def machine(vm):
    config = vm.config
    return {
        "name": vm.name,
        "id": vm._moId,
        "template": config.template,
        "power": vm.runtime.powerState,
        "cpus": config.hardware.numCPU,
        "memory": config.hardware.memoryMB,
        "annotation": config.annotation,
        "options": {o.key: o.value for o in config.extraConfig},
        "disks": [{"file": d.backing.fileName, "bytes": d.capacityInBytes} for d in config.hardware.device if isinstance(d, vim.vm.device.VirtualDisk)],
        "addresses": [a for n in vm.guest.net for a in n.ipAddress],
    }


def vlan_of(portgroup):
    # A range is a trunk's.
    vlan = getattr(getattr(portgroup.config.defaultPortConfig, "vlan", None), "vlanId", None)
    return vlan if isinstance(vlan, int) else None


def inventory():
    return {
        "machines": [machine(vm) for vm in view(vim.VirtualMachine)],
        "portgroups": [{"name": p.name, "id": p._moId, "vlan": vlan_of(p), "description": p.config.description} for p in view(vim.dvs.DistributedVirtualPortgroup)],
    }


try:
    if what == "list":
        print(json.dumps(inventory()))
        sys.exit(0)
    template = next(vm for vm in view(vim.VirtualMachine) if vm.config.template)
    folder = content.searchIndex.FindByInventoryPath("DC0/vm")
    pool = content.searchIndex.FindByInventoryPath("DC0/host/DC0_C0/Resources/DC0_C0_RP1")
    spec = vim.vm.CloneSpec(location=vim.vm.RelocateSpec(pool=pool), powerOn=False, template=False,
                            config=vim.vm.ConfigSpec(numCPUs=2, memoryMB=2048, extraConfig=[vim.option.OptionValue(key="datum.uid", value="u1")]))
    vm = wait(template.CloneVM_Task(folder=folder, name="py-1", spec=spec))
    try:
        wait(template.CloneVM_Task(folder=folder, name="py-1", spec=spec))
        raise RuntimeError("a second machine of that name was made")
    except vim.fault.DuplicateName as e:
        assert e.object == vm, e
    assert machine(vm)["options"]["datum.uid"] == "u1" and machine(vm)["cpus"] == 2, machine(vm)
    wait(vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation="changed", extraConfig=[vim.option.OptionValue(key="datum.uid", value="u2")])))
    assert machine(vm)["options"]["datum.uid"] == "u2" and machine(vm)["annotation"] == "changed", machine(vm)
    wait(vm.PowerOnVM_Task())
    assert machine(vm)["addresses"], machine(vm)
    assert [m["name"] for m in inventory()["machines"] if m["power"] == "poweredOn"] == ["py-1"], inventory()
    wait(vm.PowerOffVM_Task())
    wait(vm.Destroy_Task())
    switch = content.searchIndex.FindByInventoryPath("DC0/network/DVS0")
    vlan = vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec(inherited=False, vlanId=12)
    wait(switch.CreateDVPortgroup_Task(vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
        name="py-net", numPorts=8, type="earlyBinding", defaultPortConfig=vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(vlan=vlan))))
    portgroup = next(p for p in view(vim.dvs.DistributedVirtualPortgroup) if p.name == "py-net")
    assert portgroup.config.defaultPortConfig.vlan.vlanId == 12
    wait(portgroup.ReconfigureDVPortgroup_Task(vim.dvs.DistributedVirtualPortgroup.ConfigSpec(configVersion=portgroup.config.configVersion, description="changed")))
    assert portgroup.config.description == "changed" and portgroup.config.defaultPortConfig.vlan.vlanId == 12
    wait(portgroup.Destroy_Task())
    assert "py-net" not in [p["name"] for p in inventory()["portgroups"]]
    print("ok")
finally:
    Disconnect(service)
