using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Cluster;
using Datum.Providers.Drivers.Proxmox.Kinds;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>
/// Looking at an instance: reads, and what they mean. The order is that of building, and each look reads as far as its next step needs it. What guards
/// against a second machine or a wrong deletion is read in every look that a step follows: the mark (configuration, always), other machines of the
/// identity (the cluster's list, until a number is recorded), other machines' addresses (the list, before the first start).
/// </summary>
internal sealed partial class InstanceKind
{
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

        var chosen = !found.Taken && !found.Undecided ? VmIds.Resolved(id) : null;
        Step? image = null;
        if (desired is not null && chosen is not null && work?.Status != OperationStatus.Running)
        {
            (image, var unread) = await ImageStepAsync(call, id);
            if (unread is not null)
                return unread;
        }

        return new Absent<InstanceFacts>
        {
            Next = desired is null ? null : image is not null ? image : VmIds.Resolved(id) is { } vmId && !found.Taken
                ? new Step { Part = ServerPart, Verb = StepVerb.Create, Class = CreateClass.Named, Description = "create " + VmIds.IdOf(vmId) }
                : Step(VmIdStep, StepVerb.Create, "choose a number and a node"),
            InProgress = work?.Progress is { } progress ? Handles.First(progress) : found.Undecided ? await UndecidedAsync(call, id, found) : null,
            Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    /// <summary>
    /// Somebody is making or removing what has the chosen number. A clone whose node went down in the middle keeps its lock and never gets a name: as
    /// nothing says whose it is, it is left alone, and a person is told.
    /// </summary>
    private async ValueTask<Progress> UndecidedAsync(Call call, Identity id, FoundMachine found)
    {
        var holder = found.Holder!;
        if (holder.Lock is not ("clone" or "create"))
            return ProxmoxContext.Working("the machine number is being made or removed");
        // A clone's task is at the template's node and has the template's number.
        foreach (var node in new[] { holder.Node, id.Resolved.GetValueOrDefault("home") ?? holder.Node }.Distinct(StringComparer.Ordinal))
        {
            var (tasks, error) = await ActiveTasks.ReadAsync(Api, call, node);
            if (error is not null || tasks.Any(t => t.Type is "qmclone" or "qmcreate" or "qmrestore"))
                return ProxmoxContext.Working("the machine number is being made");
        }

        return new Progress
        {
            LookAgainAfter = TimeSpan.FromSeconds(30),
            WaitingFor = WaitingFor.Platform,
            Message = $"{holder.Id} on {holder.Node} is locked ({holder.Lock}) and no task of ours is at work on it: if it broke off, remove it (qm unlock {Slices.Number(holder.VmId)}; qm destroy {Slices.Number(holder.VmId)}), and it is made anew",
        };
    }

    /// <summary>
    /// A step of the first boot is under way: its task's state is all that matters until it ends. Whoever takes the machine away meanwhile is seen then;
    /// nothing is done at the platform before that look.
    /// </summary>
    private static Observation<InstanceFacts> AtWork(Identity id, OperationLook work) => id.PartId(ServerPart) is not { } server
        ? new Absent<InstanceFacts> { InProgress = Handles.First(PveApi.TypeOf(work) == "download" ? work.Progress! with { Message = "the platform downloads the image" } : work.Progress!) }
        : new Present<InstanceFacts>
        {
            Facts = PveApi.TypeOf(work) == "imgdel" ? new InstanceFacts { Power = PowerState.Running, PlatformState = "running" } : new InstanceFacts { Power = PowerState.Stopped, PlatformState = "stopped" },
            Parts = [new Part { Name = ServerPart, Id = server }],
            State = Lifecycle.Creating,
            // As the step that began it read it.
            Mark = MarkState.Ours,
            Incarnation = id.Incarnation,
            InProgress = Handles.First(work.Progress!),
        };

    private async ValueTask<(InstanceLook? Look, DriverError? Error)> LookAsync(Call call, Identity id, InstanceSpec? desired, FoundMachine found, OperationLook? work, GuestRead? read)
    {
        var look = new InstanceLook { Machine = found, Notes = Notes.Read(found.Config.Text("description")) };
        if (desired is null)
            return await WithPowerAsync(call, look);
        if (look.IsBooted)
            return await BootedAsync(call, desired, look, read);
        if (look.Notes is null)
            // Never configured: it was never started by us.
            return (look with { Status = found.View is null ? "stopped" : found.Guest!.Status }, null);
        if (work?.Status == OperationStatus.Running || found.IsLocked)
            return await WithPowerAsync(call, look);
        // A report was read just now: the machine runs.
        if (read?.Content is not null)
            return await FirstBootAsync(call, desired, look with { Status = "running" }, read);
        // The medium is attached just before the first start; before that only a person can have started it, which the list says before the boot.
        if (desired.Suspended || PropertyText.Find(found.Config.Text("ide2"), "file", "file") == MediumOf(id))
        {
            var (powered, error) = await WithPowerAsync(call, look);
            if (powered is null)
                return (null, error);
            look = powered;
        }
        else
        {
            look = look with { Status = "stopped" };
        }

        return look.IsRunning ? await FirstBootAsync(call, desired, look, read) : await BeforeBootAsync(call, id, desired, look, work);
    }

    /// <summary>The cluster's list follows power with seconds of delay; the machine itself says it at once.</summary>
    private async ValueTask<(InstanceLook? Look, DriverError? Error)> WithPowerAsync(Call call, InstanceLook look)
    {
        var (current, error, _) = await Api.GetAsync(call, look.Machine.Path + "/status/current");
        return error is not null ? (null, error)
            : (look with { Status = current.Text("status"), Uptime = TimeSpan.FromSeconds(Math.Min(current.Number("uptime") ?? 0, int.MaxValue)) }, null);
    }

    /// <summary>Rules of the machine, where it has or had some of ours, or shall have.</summary>
    private async ValueTask<(InstanceLook? Look, DriverError? Error)> WithFirewallAsync(Call call, InstanceSpec desired, InstanceLook look)
    {
        if (look.Notes?.Ruled == false && MachineFirewall.Plan(desired).IsEmpty)
            return (look, null);
        var (on, error) = await context.Firewall.IsOnAsync(Api, call);
        if (error is not null)
            return (null, error);
        var (firewall, failed) = await MachineFirewall.ReadAsync(Api, call, look.Machine.Path, on);
        return failed is not null ? (null, failed) : (look with { Firewall = firewall }, null);
    }

    /// <summary>What is left to do before the first start, as far as the first of it.</summary>
    private async ValueTask<(InstanceLook? Look, DriverError? Error)> BeforeBootAsync(Call call, Identity id, InstanceSpec desired, InstanceLook look, OperationLook? work)
    {
        var found = look.Machine;
        var vm = found.Guest!.Id;
        if (NeedsAddresses(found, id, desired))
            return (look with { Build = Step(ConfigStep, StepVerb.Create, "configure " + vm) }, null);
        Step? step = null;
        if (Drives.Boot(found.Config) is { } boot && IsSmall(boot, desired))
            step = Step(BootDiskStep, StepVerb.Create, "grow the boot disk");
        if (step is null)
        {
            var (read, error) = await WithFirewallAsync(call, desired, look);
            if (read is null)
                return (null, error);
            look = read;
            if (look.Firewall is { } firewall && !MachineFirewall.Matches(firewall, desired))
                return (look with { Build = Step(FirewallStep, StepVerb.Create, "attach rule sets") }, null);
            if (desired.Suspended)
                return (look, null);
            var (uploaded, failed) = await IsUploadedAsync(call, id, found, work);
            if (failed is not null)
                return (null, failed);
            step = uploaded ? Step(BootStep, StepVerb.Create, "start " + vm) : Step(SeedStep, StepVerb.Create, "upload the seed medium");
        }

        if (step.Part == BootStep)
        {
            // Addresses were written before this list is read: of two machines that chose alike, at least one sees the other now.
            var list = found.View is { } seen ? seen : await ClusterView.ReadAsync(Api, call);
            if (list.Value is not { } view)
                return (null, list.Error);
            if (Addresses.Shared(view, found.Guest! with { Tags = VmMarks.Split(found.Config.Text("tags")) }).Length > 0)
                return (look with { Build = Step(ConfigStep, StepVerb.Create, "choose other addresses for " + vm) }, null);
        }

        if (work is not null)
            return (look with { Build = step }, null);
        // Whoever comes without a handle asks whether the step is under way (DC-81): sent twice, it would fail or wait for itself.
        var (tasks, unread) = await ActiveTasks.ReadAsync(Api, call, found.Guest!.Node);
        if (unread is not null)
            return (null, unread);
        // An upload's task doesn't say of what it is.
        return (look with
        {
            Build = step,
            Busy = tasks.Any(t => t.Id == Slices.Number(found.Guest.VmId) || (step.Part == SeedStep && t.Type == "imgcopy")) ? ProxmoxContext.Working("a task is at work on the machine") : null,
        }, null);
    }

    /// <summary>After the first boot: configuration and the guest's report, and what these leave open.</summary>
    private async ValueTask<(InstanceLook? Look, DriverError? Error)> BootedAsync(Call call, InstanceSpec desired, InstanceLook look, GuestRead? read)
    {
        look = look with { HasSecrets = true };
        if (_wish.UsesAgent)
        {
            read ??= await ReadFileAsync(call, look.Machine.Path, InstanceWish.BeaconFile);
            if (read.Error is not null)
                return (null, read.Error);
            look = look with { AgentUp = read.Up, Report = ReportOf(read) };
        }

        // An agent answers only in a machine that runs. Where none does, or the guest isn't well, the machine itself says more.
        if (look.Report is { Health: GuestHealth.Ready })
        {
            look = look with { Status = "running" };
        }
        else
        {
            var (powered, error) = await WithPowerAsync(call, look);
            if (powered is null)
                return (null, error);
            look = powered;
        }

        return await WithFirewallAsync(call, desired, look);
    }

    private Present<InstanceFacts> Seen(InstanceLook look, Identity id, InstanceSpec? desired, OperationLook? work)
    {
        var found = look.Machine;
        var working = work?.Status == OperationStatus.Running || look.Busy is not null;
        var going = work?.Status == OperationStatus.Running && PveApi.TypeOf(work) == "qmdestroy";
        var diff = new SpecDiff();
        if (desired is not null && look.Notes is not null && !found.IsLocked && !working)
            Compare(diff, desired, look, id);
        var drift = diff.ToDrift();
        Step? next = null;
        if (found.State == MarkState.Ours && !found.IsLocked && !working)
            next = desired is null ? DeleteStep(look) : drift.Any(d => d.Remedy == Remedy.Replace) ? null : BuildStep(look) ?? (diff.CanUpdate ? UpdateStep(drift, look) : null);
        var guest = InstanceView.HealthOf(look);
        var waiting = next is null && desired is not null && drift.Length == 0 ? WaitForGuest(look, desired, work, guest) : null;
        var building = desired is not null && !look.IsBooted && (look.Notes is null || look.Busy is not null || next is { Verb: StepVerb.Create } || waiting is not null);
        return new Present<InstanceFacts>
        {
            Facts = InstanceView.ToFacts(look, desired, building),
            Parts = [new Part { Name = ServerPart, Id = found.Guest!.Id }],
            State = going ? Lifecycle.Deleting : building || (found.IsLocked && look.Notes is null) ? Lifecycle.Creating : InstanceView.ToLifecycle(look, guest, waiting is not null),
            Mark = found.State,
            Incarnation = found.Mark?.Incarnation ?? 0,
            Drift = drift,
            Next = next,
            // What can be deleted now is, also while the platform still builds (DC-27).
            InProgress = desired is null && next is not null ? null : work?.Progress ?? look.Busy ?? (found.IsLocked ? ProxmoxContext.Working($"the machine is locked ({found.Guest.Lock ?? found.Config.Text("lock")})") : waiting),
            Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
            // It may have moved: the next look begins where it is.
            Resolved = found.Guest.Node == id.Resolved.GetValueOrDefault("node") ? ImmutableDictionary<string, string>.Empty : ImmutableDictionary<string, string>.Empty.Add("node", found.Guest.Node),
        };
    }

    private static Step? BuildStep(InstanceLook look)
    {
        if (look.IsBooted)
            return null;
        if (look.Notes is null)
            return Step(ConfigStep, StepVerb.Create, "configure " + look.Machine.Guest!.Id);
        if (!look.IsRunning)
            return look.Build;
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

    /// <summary>Whether marks or addresses are still to be written.</summary>
    private static bool NeedsAddresses(FoundMachine found, Identity id, InstanceSpec desired)
    {
        var tags = VmMarks.Split(found.Config.Text("tags"));
        return TagMarks.Read(tags) is not { } mark || Marks.Compare(id, mark) != MarkState.Ours || desired.Interfaces.Any(nic => Addresses.Of(tags, nic).Length < nic.Ranges.Length);
    }

    private static Step Step(string part, StepVerb verb, string words) => new() { Part = part, Verb = verb, Class = CreateClass.Repeatable, Description = words };
}
