using System.Globalization;
using System.Text;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>The agent inside a guest.</summary>
public sealed partial class ProxmoxCloud
{
    /// <summary>Answers commands that the agent is told to run; null: every command ends with 0 and says nothing.</summary>
    public Func<int, IReadOnlyList<string>, string, GuestAnswer>? OnCommand { get; set; }

    private void AddAgentRoutes()
    {
        const string agent = "/nodes/{node}/qemu/{vmid}/agent";
        _routes.Add("GET", agent, null, r => { MachineAt(r); return Index("ping", "exec", "exec-status", "file-read", "file-write", "network-get-interfaces"); });
        _routes.Add("POST", agent + "/ping", null, r => { Reach(r, "VM.GuestAgent.Audit"); return new JsonObject { ["result"] = new JsonObject() }; });
        _routes.Add("GET", agent + "/info", null, r => { Reach(r, "VM.GuestAgent.Audit"); return Result(new JsonObject { ["version"] = "9.1.0", ["supported_commands"] = new JsonArray() }); });
        _routes.Add("GET", agent + "/get-host-name", null, r => Result(new JsonObject { ["host-name"] = Reach(r, "VM.GuestAgent.Audit").Config.GetValueOrDefault("name") ?? "localhost" }));
        _routes.Add("GET", agent + "/get-osinfo", null, r => { Reach(r, "VM.GuestAgent.Audit"); return Result(new JsonObject { ["id"] = "ubuntu", ["name"] = "Ubuntu", ["version-id"] = "22.04", ["kernel-release"] = "5.15.0" }); });
        _routes.Add("GET", agent + "/network-get-interfaces", null, r => Result(InterfacesOf(Reach(r, "VM.GuestAgent.Audit"))));
        _routes.Add("POST", agent + "/exec", null, RunCommand);
        _routes.Add("GET", agent + "/exec-status", null, CommandStatus);
        _routes.Add("POST", agent + "/file-write", null, WriteFile);
        _routes.Add("GET", agent + "/file-read", null, ReadFile);
    }

    private static JsonObject Result(JsonNode result) => new() { ["result"] = result };

    private static bool HasAgent(Machine machine) =>
        machine.Config.TryGetValue("agent", out var text) && PveRequest.IsTrue(PropertyText.Find(text, "enabled", "enabled") ?? "0");

    /// <summary>The machine whose agent answers; refuses in the platform's words where none does.</summary>
    private Machine Reach(PveRequest r, string privilege)
    {
        var machine = MachineAt(r);
        DemandAny(r.Caller, "/vms/" + machine.Id, Is9 ? privilege + "|VM.GuestAgent.Unrestricted" : "VM.Monitor");
        if (!HasAgent(machine))
            throw PveError.Failed("No QEMU guest agent configured");
        if (!machine.Running)
            throw PveError.Failed($"VM {machine.Id} is not running");
        if (!Boots(machine))
            throw PveError.Failed("QEMU guest agent is not running");
        Live(machine);
        return machine;
    }

    /// <summary>What the guest says of its interfaces: what a test set, else what its settings give it.</summary>
    private static JsonArray InterfacesOf(Machine machine)
    {
        if (machine.Guest.Interfaces is { } told)
            return (JsonArray)told.DeepClone();
        var list = new JsonArray(Interface("lo", "00:00:00:00:00:00", [("127.0.0.1", 8), ("::1", 128)]));
        foreach (var (key, value) in machine.Config.Where(c => MachineKeys.IsNic(c.Key)))
        {
            var mac = PropertyText.Read(value, "model").Select(p => p.Value).FirstOrDefault(v => v.Length == 17 && v[2] == ':') ?? "BC:24:11:00:00:01";
            var addresses = new List<(string, int)>();
            if (machine.Config.TryGetValue("ipconfig" + key[3..], out var ip))
                foreach (var name in (string[])["ip", "ip6"])
                    if (PropertyText.Find(ip, name, "ip") is { } text && text.Contains('/', StringComparison.Ordinal))
                        addresses.Add((text.Split('/')[0], int.Parse(text.Split('/')[1], CultureInfo.InvariantCulture)));
            addresses.Add(("fe80::be24:11ff:fe00:" + mac[12..14].ToLowerInvariant() + mac[15..17].ToLowerInvariant(), 64));
            list.Add(Interface("ens" + (18 + int.Parse(key.AsSpan(3), CultureInfo.InvariantCulture)).ToString(CultureInfo.InvariantCulture), mac.ToLowerInvariant(), addresses));
        }

        return list;
    }

    private static JsonObject Interface(string name, string mac, IEnumerable<(string Address, int Prefix)> addresses) => new()
    {
        ["name"] = name,
        ["hardware-address"] = mac,
        ["ip-addresses"] = new JsonArray([.. addresses.Select(a => (JsonNode)new JsonObject
        {
            ["ip-address"] = a.Address,
            ["ip-address-type"] = a.Address.Contains(':', StringComparison.Ordinal) ? "ipv6" : "ipv4",
            ["prefix"] = a.Prefix,
        })]),
    };

    private JsonNode? RunCommand(PveRequest r)
    {
        var machine = Reach(r, "VM.GuestAgent.Unrestricted");
        if (r.All("command") is not { Count: > 0 } command)
            throw PveError.Parameter("command", "property is missing and it is not optional");
        var pid = ++machine.Guest.LastPid;
        machine.Guest.Commands[pid] = OnCommand?.Invoke(machine.Id, command, r.Find("input-data") ?? "") ?? new GuestAnswer(0);
        return new JsonObject { ["pid"] = pid };
    }

    private JsonNode? CommandStatus(PveRequest r)
    {
        var machine = Reach(r, "VM.GuestAgent.Unrestricted");
        var pid = r.Number("pid")!.Value;
        // The guest tells how a command ended once.
        if (!machine.Guest.Commands.Remove(pid, out var answer))
            throw PveError.Failed($"Agent error: PID {pid} does not exist");
        var shown = new JsonObject { ["exited"] = 1, ["exitcode"] = answer.ExitCode };
        if (answer.Output.Length > 0)
            shown["out-data"] = answer.Output;
        if (answer.Errors.Length > 0)
            shown["err-data"] = answer.Errors;
        return shown;
    }

    private JsonNode? WriteFile(PveRequest r)
    {
        var machine = Reach(r, "VM.GuestAgent.FileWrite");
        var content = r.Text("content");
        // With encode=0 the content is base64 already.
        machine.Guest.Files[r.Text("file")] = r.Flag("encode", otherwise: true) ? Encoding.UTF8.GetBytes(content) : Decode(content);
        return null;
    }

    private static byte[] Decode(string content)
    {
        try
        {
            return Convert.FromBase64String(content);
        }
        catch (FormatException)
        {
            throw PveError.Failed("Agent error: Invalid base64 data");
        }
    }

    private JsonNode? ReadFile(PveRequest r)
    {
        var machine = Reach(r, "VM.GuestAgent.FileRead");
        if (!machine.Guest.Files.TryGetValue(r.Text("file"), out var content))
            throw PveError.Failed($"Agent error: failed to open file '{r.Text("file")}' (mode: 'r'): No such file or directory");
        return new JsonObject { ["content"] = Encoding.Latin1.GetString(content) };
    }
}
