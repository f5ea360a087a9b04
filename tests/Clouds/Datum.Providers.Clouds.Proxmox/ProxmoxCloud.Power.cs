using System.Globalization;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>Power.</summary>
public sealed partial class ProxmoxCloud
{
    private void AddPowerRoutes()
    {
        const string status = "/nodes/{node}/qemu/{vmid}/status";
        const string power = "/vms/{vmid} VM.PowerMgmt";
        _routes.Add("GET", status, null, r => { MachineAt(r); return Index("current", "start", "stop", "reset", "shutdown", "reboot"); });
        _routes.Add("GET", status + "/current", "/vms/{vmid} VM.Audit", r => StatusBody(MachineAt(r), full: true, ha: true));
        _routes.Add("POST", status + "/start", power, StartMachine);
        _routes.Add("POST", status + "/stop", power, r => Work(r, "qmstop", PowerOff));
        _routes.Add("POST", status + "/shutdown", power, ShutMachineDown);
        _routes.Add("POST", status + "/reboot", power, r => Work(RunningAt(r), "qmreboot", m =>
        {
            PowerOff(m);
            PowerOn(m);
        }));
        // The guest starts anew; what waits for a start goes on waiting.
        _routes.Add("POST", status + "/reset", power, r => Work(RunningAt(r), "qmreset", m => m.Started = Now));
    }

    private PveRequest RunningAt(PveRequest r) => MachineAt(r) is { Running: false } off ? throw PveError.Failed($"VM {off.Id} not running") : r;

    private JsonObject StatusBody(Machine machine, bool full, bool ha = false)
    {
        var shown = new JsonObject
        {
            ["vmid"] = machine.Id,
            ["name"] = machine.Config.GetValueOrDefault("name") ?? "VM " + machine.Id.ToString(CultureInfo.InvariantCulture),
            ["status"] = machine.Running ? "running" : "stopped",
            ["cpus"] = Cores(machine),
        };
        foreach (var (key, value) in Statistics(machine, machine.Running))
            if (key is not ("maxcpu" or "disk"))
                shown[key] = value!.DeepClone();
        if (machine.IsTemplate)
            shown["template"] = 1;
        if (machine.Config.TryGetValue("tags", out var tags))
            shown["tags"] = tags;
        if (machine.Lock is { } locked)
            shown["lock"] = locked;
        if (machine.Running)
            shown["pid"] = 100_000 + machine.Id % 100_000;
        if (!full)
            return shown;
        shown["qmpstatus"] = machine.Running ? "running" : "stopped";
        if (HasAgent(machine))
            shown["agent"] = 1;
        if (ha)
            shown["ha"] = new JsonObject { ["managed"] = 0 };
        return shown;
    }

    /// <summary>Changes power in a task. Locks are looked at in there: the call itself is taken.</summary>
    private JsonNode Work(PveRequest r, string type, Action<Machine> work, TimeSpan longer = default)
    {
        var machine = MachineAt(r);
        CheckRoot(r);
        return Begin(r, type, machine.Id.ToString(CultureInfo.InvariantCulture), machine.Node, _ =>
        {
            if (!_machines.ContainsValue(machine))
                throw PveError.Failed($"Configuration file 'nodes/{machine.Node}/qemu-server/{machine.Id}.conf' does not exist");
            CheckFree(r, machine);
            work(machine);
        }, machine, longer: longer);
    }

    private JsonNode StartMachine(PveRequest r) => Work(r, "qmstart", machine =>
    {
        if (machine.IsTemplate)
            throw PveError.Failed("you can't start a vm if it's a template");
        if (machine.Running)
            throw PveError.Failed($"VM {machine.Id} already running");
        PowerOn(machine);
        if (Knobs.StartFailsButRuns)
            throw PveError.Failed("start failed: command '/usr/bin/kvm -id " + machine.Id + "' failed: got timeout");
    });

    private void PowerOn(Machine machine)
    {
        if (Knobs.FullNodes.Contains(machine.Node))
            throw PveError.Failed("start failed: QEMU exited with code 1: cannot set up guest memory 'pc.ram': Cannot allocate memory");
        ApplyPending(machine);
        foreach (var (key, value) in machine.Config)
        {
            if (MachineKeys.IsNic(key) && PropertyText.Find(value, "bridge", "model") is { } bridge && bridge != "vmbr0" && !_running["vnets"].ContainsKey(bridge))
                throw PveError.Failed($"bridge '{bridge}' does not exist");
            if (MachineKeys.IsDisk(key) && !value.StartsWith("none", StringComparison.Ordinal) && value.Contains(':', StringComparison.Ordinal) && VolumeOf(value, machine.Node) is null)
                throw PveError.Failed($"volume '{value.Split(',')[0]}' does not exist");
        }

        (machine.Running, machine.Started, machine.PowerChanged) = (true, Now, Now);
        machine.Revision = Touched();
    }

    private void PowerOff(Machine machine)
    {
        if (!machine.Running)
            return;
        (machine.Running, machine.PowerChanged) = (false, Now);
        ApplyPending(machine);
        machine.Revision = Touched();
    }

    private JsonNode? ShutMachineDown(PveRequest r)
    {
        var machine = MachineAt(r);
        var force = r.Flag("forceStop");
        // Who doesn't listen is waited for.
        var patience = machine.Running && !Boots(machine) ? TimeSpan.FromSeconds(r.Number("timeout") ?? 60) : TimeSpan.Zero;
        return Work(r, "qmshutdown", m =>
        {
            // Nobody in there listens to the power button or the agent: only force ends it.
            if (m.Running && !force && !Boots(m))
                throw PveError.Failed(HasAgent(m) ? $"VM {m.Id} qga command 'guest-shutdown' failed - got timeout" : "VM quit/powerdown failed - got timeout");
            PowerOff(m);
        }, patience);
    }

    /// <summary>Whether the guest is up: as a test says, else from the time after its start that the knobs say.</summary>
    private bool Boots(Machine machine) => machine.Guest.Answers ?? (Knobs.GuestBoot is { } boot && Now >= machine.Started + boot);
}
