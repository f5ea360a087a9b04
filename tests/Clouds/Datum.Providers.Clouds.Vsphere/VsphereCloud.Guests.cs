namespace Datum.Providers.Clouds.Vsphere;

/// <summary>Power, and what guests do by it: tools that start some time after power-on and report addresses.</summary>
public sealed partial class VsphereCloud
{
    // The variable that a guest's beacon sets with vmware-rpctool, by its user data.
    private const string BeaconKey = "guestinfo.datum.beacon";

    private readonly Dictionary<MoRef, DateTimeOffset> _boots = [];
    private readonly Dictionary<MoRef, DateTimeOffset> _downs = [];
    private readonly Dictionary<MoRef, (string Id, Work Work)> _questions = [];

    private XElement PowerOn(SoapCall call)
    {
        var answer = Start(call, () =>
        {
            SwitchOn(call.This);
            return null;
        }, asks: Knobs.AsksAtPowerOn);
        if (Knobs.AsksAtPowerOn)
            _questions[call.This] = ($"question-{++_made}", _tasks[answer.Get("returnval")!.Value]);
        return answer;
    }

    private XElement AnswerMachine(SoapCall call)
    {
        if (!_questions.TryGetValue(call.This, out var asked) || asked.Id != call.Need("questionId").Value)
            throw Invalid("questionId");
        _questions.Remove(call.This);
        asked.Work.Due = Now + Knobs.DurationOf(asked.Work.Operation);
        Settle();
        return Response(call.Operation);
    }

    private void SwitchOn(MoRef machine)
    {
        if (Knobs.Full)
            throw Fault("InsufficientMemoryResourcesFault", Soap.Element("unreserved", "0"), Soap.Element("requested", "8589934592"));
        RefuseLocked(machine);
        ConnectDrives(machine);
        _vcsim.Run(Soap.Element("PowerOnVM_Task", machine.As("_this")));
        SetBootTime(machine);
        Boot(machine);
    }

    // By the test's clock, and in both places: vcsim sets the summary alone.
    private void SetBootTime(MoRef machine) => _vcsim.Run(Soap.Element("ReconfigVM_Task", machine.As("_this"), Soap.Element("spec", BootTime("runtime"), BootTime("summary.runtime"))));

    private XElement BootTime(string path) => Soap.Element("extraConfig", Soap.Element("key", $"SET.{path}.bootTime"), Soap.Element("value", Soap.Type("xsd:dateTime"), Time(Now)));

    // Two machines that run can't hold one file.
    private void RefuseLocked(MoRef machine)
    {
        var files = Files(_vcsim.Read(machine, "config.hardware.device"));
        if (files.Count == 0)
            return;
        foreach (var (other, values) in _vcsim.ReadMany("VirtualMachine", _vcsim.List("VirtualMachine").Remove(machine), "runtime.powerState", "config.hardware.device"))
            if (values["runtime.powerState"].Value == "poweredOn" && Files(values).FirstOrDefault(files.Contains) is { } file)
                throw new VimFault("FileLocked", $"Failed to lock the file: {file} is in use by {other}.", Soap.Element("file", file));
    }

    private static HashSet<string> Files(Dictionary<string, XElement> values) =>
        [.. (values.GetValueOrDefault("config.hardware.device")?.Elements() ?? []).Where(d => Soap.TypeOf(d) == "VirtualDisk").Select(d => d.Get("backing")?.Text("fileName")).OfType<string>()];

    private void Boot(MoRef machine)
    {
        _downs.Remove(machine);
        if (Knobs.GuestBoot is { } boot)
            _boots[machine] = Now + boot;
    }

    private XElement PowerAway(SoapCall call) => Start(call, () =>
    {
        _vcsim.Run(call.Body);
        GuestGone(call.This);
        return null;
    });

    private XElement Reset(SoapCall call) => Start(call, () =>
    {
        _vcsim.Run(call.Body);
        GuestGone(call.This);
        SetBootTime(call.This);
        Boot(call.This);
        return null;
    });

    private XElement ShutdownGuest(SoapCall call)
    {
        NeedTools(call.This);
        _downs[call.This] = Now + Knobs.GuestShutdown;
        Settle();
        return Response(call.Operation);
    }

    private XElement RebootGuest(SoapCall call)
    {
        NeedTools(call.This);
        GuestGone(call.This);
        Boot(call.This);
        return Response(call.Operation);
    }

    private void NeedTools(MoRef machine)
    {
        var now = _vcsim.Read(machine, "runtime.powerState", "guest.toolsRunningStatus");
        if (now["runtime.powerState"].Value != "poweredOn")
            throw Fault("InvalidPowerState", Soap.Element("requestedState", "poweredOn"), Soap.Element("existingState", now["runtime.powerState"].Value));
        if (now.GetValueOrDefault("guest.toolsRunningStatus")?.Value != "guestToolsRunning")
            throw Fault("ToolsUnavailable");
    }

    private void SettleGuests()
    {
        foreach (var (machine, _) in _downs.Where(d => d.Value <= Now).ToList())
        {
            _downs.Remove(machine);
            if (IsOn(machine))
            {
                _vcsim.Run(Soap.Element("PowerOffVM_Task", machine.As("_this")));
                GuestGone(machine);
            }
        }

        foreach (var (machine, _) in _boots.Where(b => b.Value <= Now).ToList())
        {
            _boots.Remove(machine);
            if (!IsOn(machine))
                continue;
            GuestRuns(machine);
            Tell?.Invoke(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"boot {machine.Value} {Knobs.GuestBoot?.TotalSeconds:0.0}"));
        }

        SettleMedia();
    }

    private bool IsOn(MoRef machine)
    {
        try
        {
            return _vcsim.Read(machine, "runtime.powerState").GetValueOrDefault("runtime.powerState")?.Value == "poweredOn";
        }
        catch (VimFault)
        {
            return false;
        }
    }

    private void GuestRuns(MoRef machine)
    {
        var config = _vcsim.Read(machine, "config")["config"];
        var options = Options(config);
        var nics = config.Get("hardware")!.All("device").Where(d => d.Get("macAddress") is not null).ToList();
        var addresses = GuestMetadata.Addresses(options, [.. nics.Select(n => n.Text("macAddress")!)]);
        var net = new List<XElement>();
        for (var i = 0; i < nics.Count; i++)
        {
            var own = addresses[i];
            // A lease by the hardware address' last octets: one interface always gets the same.
            if (own.IsEmpty && Knobs.Dhcp)
                own = [$"10.99.{Convert.ToInt32(nics[i].Text("macAddress")![^5..^3], 16)}.{Math.Clamp(Convert.ToInt32(nics[i].Text("macAddress")![^2..], 16), 1, 254)}/16"];
            net.Add(Soap.Element("GuestNicInfo", Soap.Element("network", nics[i].Get("deviceInfo")?.Text("summary")),
                own.Select(a => Soap.Element("ipAddress", a.Split('/')[0])), Soap.Element("macAddress", nics[i].Text("macAddress")), Soap.Element("connected", "true"),
                Soap.Element("deviceConfigId", nics[i].Text("key")),
                Soap.Element("ipConfig", own.Select(a => Soap.Element("ipAddress", Soap.Element("ipAddress", a.Split('/')[0]), Soap.Element("prefixLength", a.Split('/') is [_, var length] ? length : "24"), Soap.Element("state", "preferred"))))));
        }

        var first = addresses.SelectMany(a => a).Select(a => a.Split('/')[0]).FirstOrDefault() ?? net.Select(n => n.Text("ipAddress")).FirstOrDefault();
        SetGuest(machine, true, net, first ?? "", GuestMetadata.HostName(options) ?? "");
        Report(machine);
    }

    private void GuestGone(MoRef machine)
    {
        _boots.Remove(machine);
        _downs.Remove(machine);
        _thirsty.Remove(machine);
        var devices = _vcsim.Read(machine, "config.hardware.device")["config.hardware.device"].Elements().Where(d => d.Get("macAddress") is not null);
        SetGuest(machine, false, [.. devices.Select(d => Soap.Element("GuestNicInfo", Soap.Element("macAddress", d.Text("macAddress")), Soap.Element("connected", "false"), Soap.Element("deviceConfigId", d.Text("key"))))], "", "");
    }

    // vcsim sets any property of a machine that is written as an option SET.path; the last of two values of one path counts.
    private void SetGuest(MoRef machine, bool runs, List<XElement> net, string address, string host) => _vcsim.Run(Soap.Element("ReconfigVM_Task", machine.As("_this"), Soap.Element("spec",
        Soap.Option("SET.guest.toolsStatus", runs ? "toolsOk" : "toolsNotRunning"), Soap.Option("SET.guest.toolsRunningStatus", runs ? "guestToolsRunning" : "guestToolsNotRunning"),
        Soap.Option("SET.guest.guestState", runs ? "running" : "notRunning"), Soap.Option("SET.guest.ipAddress", address), Soap.Option("SET.guest.hostName", host),
        Soap.Option("SET.summary.guest.toolsRunningStatus", runs ? "guestToolsRunning" : "guestToolsNotRunning"),
        Soap.Element("extraConfig", Soap.Element("key", "SET.guest.net"), Soap.Element("value", Soap.Type("ArrayOfGuestNicInfo"), net)))));

    private void Forget(MoRef target)
    {
        _boots.Remove(target);
        _downs.Remove(target);
        _questions.Remove(target);
        _thirsty.Remove(target);
        _unpacked.Remove(target);
        _versions.Remove(target);
        _born.Remove(target);
    }
}
