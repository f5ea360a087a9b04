using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Cluster;
using Datum.Providers.Drivers.Proxmox.Kinds;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>Looking at an instance: reads, and what they mean.</summary>
internal sealed partial class InstanceKind
{
    private const string GuestHandle = "pve-guest:";

    /// <summary>How long a new guest's report is waited for.</summary>
    private static readonly TimeSpan GuestWait = TimeSpan.FromMinutes(15);

    /// <summary>A guest reports every 15 seconds; one that was silent for so long isn't ready.</summary>
    private static readonly TimeSpan GuestSilence = TimeSpan.FromMinutes(5);

    /// <summary>The machine is gone, or was never there: what of it may be left is the seed medium's file.</summary>
    private async ValueTask<Answer<Observation<InstanceFacts>>> MissingAsync(Call call, Identity id, InstanceSpec? desired, FoundMachine found, OperationLook? work)
    {
        if (desired is null && work?.Status != OperationStatus.Running)
        {
            var (seeds, error) = await FindSeedsAsync(call, id, null);
            if (error is not null)
                return error;
            if (seeds.Length > 0)
                return new Present<InstanceFacts>
                {
                    Facts = new InstanceFacts { Power = PowerState.Unknown },
                    Parts = [new Part { Name = SeedStep, Id = seeds[0].Id }],
                    State = Lifecycle.Deleting,
                    Mark = MarkState.Ours,
                    Incarnation = seeds[0].Mark.Incarnation,
                    Next = Step(SeedStep, StepVerb.Delete, "delete the seed medium"),
                };
        }

        return new Absent<InstanceFacts>
        {
            Next = desired is null ? null : VmIds.Resolved(id) is { } vmId && !found.Taken
                ? new Step { Part = ServerPart, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "create " + VmIds.IdOf(vmId) }
                : Step(VmIdStep, StepVerb.Create, "choose a number and a node"),
            InProgress = work?.Progress ?? (found.Undecided ? ProxmoxContext.Working("the machine number is being made or removed") : null),
            Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    private async ValueTask<(InstanceLook? Look, DriverError? Error)> LookAsync(Call call, Identity id, InstanceSpec? desired, FoundMachine found, bool working)
    {
        // The cluster's list follows power with seconds of delay; the machine itself says it at once.
        var (current, error, answer) = await Api.GetAsync(call, found.Path + "/status/current");
        if (error is not null)
            return (null, error);
        var look = new InstanceLook
        {
            Machine = found,
            Status = current.Text("status"),
            Uptime = TimeSpan.FromSeconds(Math.Min(current.Number("uptime") ?? 0, int.MaxValue)),
            Notes = Notes.Read(found.Config.Text("description")),
        };
        if (desired is null)
            return (look, null);

        // What is being built is read as far as its next step needs it.
        if (!look.IsBooted && working)
            return (look, null);
        if (look.IsBooted || (!look.IsRunning && look.Notes is not null))
        {
            var (firewall, failed) = await MachineFirewall.ReadAsync(Api, call, found.Path);
            if (failed is not null)
                return (null, failed);
            look = look with { Firewall = firewall };
        }

        if (look.Notes is not null && !look.IsRunning && !look.IsBooted && !desired.Suspended && !found.IsLocked)
        {
            var (uploaded, failed) = await IsUploadedAsync(call, id, found);
            if (failed is not null)
                return (null, failed);
            look = look with { HasSeed = uploaded };
        }

        return look.IsRunning && _wish.UsesAgent ? await GuestAsync(call, id, desired, look, answer.Header("Date")) : (look, null);
    }

    private async ValueTask<(InstanceLook? Look, DriverError? Error)> GuestAsync(Call call, Identity id, InstanceSpec desired, InstanceLook look, string? date)
    {
        var (report, up, error) = await ReadFileAsync(call, look.Machine, InstanceWish.BeaconFile);
        if (error is not null)
            return (null, error);
        look = look with { AgentUp = up, Report = GuestReport.Parse(report)?.At(DateTimeOffset.TryParse(date, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var now) ? now : null) };
        if (look.Report is null && !look.IsBooted && look.Uptime >= GuestWait)
            look = look with { IsOverdue = true };
        if (!up)
            return (look, null);
        var (network, failed, answer) = await Api.GetAsync(call, look.Machine.Path + "/agent/network-get-interfaces");
        if (failed is not null && IsThePlatforms(answer))
            return (null, failed);
        if (failed is null)
            look = look with { Agent = [.. network.Objects("result")] };
        // Only until they are there: a guest keeps them over reboots.
        if (look.IsBooted || !_wish.UsesChannel(desired) || look.Report is { Ready: true })
            return (look with { HasSecrets = true }, null);
        (var revision, _, error) = await ReadFileAsync(call, look.Machine, InstanceWish.RevisionFile);
        return error is not null ? (null, error) : (look with { HasSecrets = revision?.Trim() == GuestBootstrap.HashOf(desired, _wish.Options(desired)) }, null);
    }

    /// <summary>A file of the guest; whether the agent answered at all.</summary>
    private async ValueTask<(string? Content, bool Up, DriverError? Error)> ReadFileAsync(Call call, FoundMachine found, string file)
    {
        var (item, error, answer) = await Api.GetAsync(call, $"{found.Path}/agent/file-read?file={Uri.EscapeDataString(file)}");
        if (error is null)
            return (item.Text("content") ?? "", true, null);
        if (IsThePlatforms(answer))
            return (null, false, error);
        return (null, error.Message.Contains("No such file", StringComparison.OrdinalIgnoreCase), null);
    }

    /// <summary>No answer, no right, too many requests: the platform's word and not the guest's.</summary>
    private static bool IsThePlatforms(RestResult answer) => answer.Status is 0 or (>= 200 and < 300) or 401 or 403 or 429 or (> 500);

    private Present<InstanceFacts> Seen(InstanceLook look, Identity id, InstanceSpec? desired, OperationLook? work)
    {
        var found = look.Machine;
        var working = work?.Status == OperationStatus.Running;
        var going = working && PveApi.TypeOf(work) == "qmdestroy";
        var diff = new SpecDiff();
        if (desired is not null && look.Notes is not null && !found.IsLocked && !working)
            Compare(diff, desired, look, id);
        var drift = diff.ToDrift();
        Step? next = null;
        if (found.State == MarkState.Ours && !found.IsLocked && !working)
            next = desired is null ? DeleteStep(look) : drift.Any(d => d.Remedy == Remedy.Replace) ? null : BuildStep(look, id, desired) ?? (diff.CanUpdate ? UpdateStep(drift, look) : null);
        var guest = InstanceView.HealthOf(look);
        var waiting = next is null && desired is not null && drift.Length == 0 ? WaitForGuest(look, desired, work, guest) : null;
        var building = desired is not null && !look.IsBooted && (look.Notes is null || next is { Verb: StepVerb.Create } || waiting is not null);
        return new Present<InstanceFacts>
        {
            Facts = InstanceView.ToFacts(look, id, desired),
            Parts = [new Part { Name = ServerPart, Id = found.Guest!.Id }],
            State = going ? Lifecycle.Deleting : building || (found.IsLocked && look.Notes is null) ? Lifecycle.Creating : InstanceView.ToLifecycle(look, guest, waiting is not null),
            Mark = found.State,
            Incarnation = found.Mark?.Incarnation ?? 0,
            Drift = drift,
            Next = next,
            // What can be deleted now is, also while the platform still builds (DC-27).
            InProgress = desired is null && next is not null ? null : work?.Progress ?? (found.IsLocked ? ProxmoxContext.Working($"the machine is locked ({found.Guest.Lock ?? found.Config.Text("lock")})") : waiting),
            Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    private Step? BuildStep(InstanceLook look, Identity id, InstanceSpec desired)
    {
        var found = look.Machine;
        if (look.IsBooted)
            return null;
        if (!look.IsRunning)
        {
            if (look.Notes is null || NeedsAddresses(look, id, desired))
                return Step(ConfigStep, StepVerb.Create, "configure " + found.Guest!.Id);
            if (Drives.Boot(found.Config) is { } boot && PropertyText.SizeGiB(boot.Text) < _wish.BootGiB(desired))
                return Step(BootDiskStep, StepVerb.Create, "grow the boot disk");
            if (look.Firewall is { } firewall && !MachineFirewall.Matches(firewall, desired))
                return Step(FirewallStep, StepVerb.Create, "attach rule sets");
            return desired.Suspended ? null : look.HasSeed ? Step(BootStep, StepVerb.Create, "start " + found.Guest!.Id) : Step(SeedStep, StepVerb.Create, "upload the seed medium");
        }

        // The first boot: secrets as soon as the agent answers, and the medium away once the guest has reported.
        return look.AgentUp && !look.HasSecrets ? Step(SecretsStep, StepVerb.Create, "write secrets into the guest")
            : look.HasSecrets && look.Report is not null ? Step(EjectStep, StepVerb.Create, "take the seed medium away") : null;
    }

    private static Step DeleteStep(InstanceLook look) => Step(ServerPart, StepVerb.Delete, $"{(look.IsRunning ? "stop" : "delete")} {look.Machine.Guest!.Id}");

    private static Step? UpdateStep(ImmutableArray<Drift> drift, InstanceLook look)
    {
        var part = drift.Any(d => d.Path == "restartedAt") && !look.IsRunning ? RestartStep
            : drift.Any(d => d.Path == "suspended") ? PowerStep
            : drift.Any(d => d.Path == "restartedAt") ? RestartStep
            : drift.Any(d => d.Path.EndsWith(".firewalls", StringComparison.Ordinal)) ? FirewallStep : null;
        return part is null ? null : Step(part, StepVerb.Update, part);
    }

    /// <summary>Whether addresses are still to be chosen, or were chosen by another machine at the same moment.</summary>
    private static bool NeedsAddresses(InstanceLook look, Identity id, InstanceSpec desired)
    {
        var tags = VmMarks.Split(look.Machine.Config.Text("tags"));
        var self = look.Machine.Guest! with { Tags = tags };
        return TagMarks.Read(tags) is not { } mark || Marks.Compare(id, mark) != MarkState.Ours
            || desired.Interfaces.Any(nic => Addresses.Of(tags, nic).Length < nic.Ranges.Length) || Addresses.Shared(look.Machine.View, self).Length > 0;
    }

    private void Compare(SpecDiff diff, InstanceSpec desired, InstanceLook look, Identity id)
    {
        var config = look.Machine.Config;
        GuestFingerprint.Compare(diff, GuestFingerprint.Of(desired, _wish.Options(desired)), look.Notes!.Spec ?? [], desired);
        if (int.TryParse(id.Resolved.GetValueOrDefault("cores"), NumberStyles.None, CultureInfo.InvariantCulture, out var cores))
            diff.Number("size.cpuMillis", cores * 1000L, (config.Number("cores") ?? 1) * (config.Number("sockets") ?? 1) * 1000, Remedy.Replace);
        if (long.TryParse(id.Resolved.GetValueOrDefault("memory"), NumberStyles.None, CultureInfo.InvariantCulture, out var memory))
            diff.Number("size.memoryMiB", memory, long.TryParse(PropertyText.Find(config.Text("memory"), "current", "current"), NumberStyles.None, CultureInfo.InvariantCulture, out var has) ? has : 512, Remedy.Replace);
        var tags = VmMarks.Split(config.Text("tags"));
        for (var i = 0; i < desired.Interfaces.Length; i++)
        {
            var wish = desired.Interfaces[i];
            var nic = PropertyText.Read(config.Text(string.Create(CultureInfo.InvariantCulture, $"net{i}")), "virtio");
            diff.Text($"interfaces[{wish.Name}].network", BridgeOf(desired, wish), Shown(nic.GetValueOrDefault("bridge"), nic.GetValueOrDefault("tag")), Remedy.Replace);
            if (wish.Addresses.Length > 0)
                diff.Set($"interfaces[{wish.Name}].addresses", wish.Addresses.Select(Normal), Addresses.Of(tags, wish).Select(a => a.Address.ToString()), Remedy.Replace);
        }

        if (config.Text(string.Create(CultureInfo.InvariantCulture, $"net{desired.Interfaces.Length}")) is { Length: > 0 } more)
            diff.Add("interfaces", Remedy.Replace, desired.Interfaces.Length.ToString(CultureInfo.InvariantCulture), more);
        var drives = Drives.All(config).ToList();
        foreach (var volume in desired.Volumes.Where(v => VmIds.Parse(v.Disk?.Disk?.ProviderId) is not null))
        {
            var holder = $"vm-{Slices.Number(VmIds.Parse(volume.Disk!.Disk!.ProviderId)!.Value)}-";
            if (!drives.Any(d => d.Volume.Contains(holder, StringComparison.Ordinal)))
                diff.Add($"volumes[{volume.Name}].disk.disk", Remedy.Replace, volume.Disk.Disk.ProviderId);
        }

        if (!look.IsBooted && !look.IsRunning)
            return;
        if (look.Firewall is { } firewall && !MachineFirewall.Matches(firewall, desired))
            diff.Add($"interfaces[{desired.Interfaces[0].Name}].firewalls", Remedy.InPlace, string.Join("; ", MachineFirewall.Plan(desired).Select(r => r.Key)), string.Join("; ", firewall.Rules));
        diff.Text("restartedAt", desired.RestartedAt, look.Notes.RestartedAt, Remedy.InPlace);
        if (look.IsRunning == desired.Suspended)
            diff.Flag("suspended", desired.Suspended, !desired.Suspended, Remedy.InPlace);
    }

    /// <summary>
    /// The first boot is waited for by the machine's own uptime. After it, and after later starts, the guest's report is, so that an instance isn't
    /// called ready before its containers are: the handle says since when; without one (a host that was started anew) nothing is waited for.
    /// </summary>
    private Progress? WaitForGuest(InstanceLook look, InstanceSpec desired, OperationLook? work, GuestHealth guest)
    {
        if (!look.IsRunning || desired.Suspended || !_wish.UsesAgent || guest == GuestHealth.Ready)
            return null;
        var age = look.Uptime;
        if (look.IsBooted)
        {
            // How long it may take is counted from the machine's start, whoever counts.
            if (!look.Awaited && !(work?.Status == OperationStatus.Succeeded && PveApi.TypeOf(work) is "qmstart" or "imgdel"))
                return null;
        }

        if (age >= GuestWait)
            return null;
        return new Progress
        {
            LookAgainAfter = age < TimeSpan.FromMinutes(1) ? TimeSpan.FromSeconds(3) : TimeSpan.FromSeconds(10),
            WaitingFor = WaitingFor.Platform,
            Message = guest == GuestHealth.NotReady ? "the guest isn't ready yet" : look.AgentUp ? "the guest hasn't reported yet" : "the guest agent doesn't answer yet",
            Handle = new Handle { Data = GuestHandle + "1" },
        };
    }

    /// <summary>The bridge of an interface, with the VLAN where there is one.</summary>
    private static string? BridgeOf(InstanceSpec desired, InterfaceSpec nic) =>
        NetworkKind.VnetOf(nic.Network?.ProviderId) is { } vnet ? vnet
        : BridgeClaims.IsClaim(nic.Network?.ProviderId) && ProxmoxLocation.Parse(desired.LocationJson) is { Bridge: { } bridge } location ? Shown(bridge, location.Vlan?.ToString(CultureInfo.InvariantCulture)) : null;

    private static string? Shown(string? bridge, string? vlan) => bridge is null || vlan is null ? bridge : $"{bridge},tag={vlan}";

    private static string Normal(string address) => System.Net.IPAddress.TryParse(address, out var parsed) ? parsed.ToString() : address;

    private static Step Step(string part, StepVerb verb, string words) => new() { Part = part, Verb = verb, Class = CreateClass.Repeatable, Description = words };
}

/// <summary>What all reads of one look found.</summary>
internal sealed record InstanceLook
{
    public required FoundMachine Machine { get; init; }
    public string? Status { get; init; }
    public TimeSpan Uptime { get; init; }
    public Notes? Notes { get; init; }
    public FirewallState? Firewall { get; init; }
    public bool HasSeed { get; init; }
    public bool AgentUp { get; init; }
    public bool HasSecrets { get; init; }

    /// <summary>Whether the handle says that the guest is being waited for.</summary>
    public bool Awaited { get; init; }

    /// <summary>Whether the guest should have reported long ago, and never has.</summary>
    public bool IsOverdue { get; init; }

    public GuestReport? Report { get; init; }
    public ImmutableArray<PveObject> Agent { get; init; } = [];

    public bool IsRunning => Status == "running";

    public bool IsBooted => Notes?.Booted == true;
}
