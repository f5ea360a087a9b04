using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Cluster;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>What the guest says by its agent, and how long it is waited for.</summary>
internal sealed partial class InstanceKind
{
    /// <summary>How long a new guest's report is waited for.</summary>
    private static readonly TimeSpan GuestWait = TimeSpan.FromMinutes(15);

    /// <summary>
    /// A glance at a guest whose first report is waited for: one read at the machine's node. As long as there is nothing to read and nothing that the
    /// guest waits for itself, that is all; anything else is looked at as a whole. Nothing is done at the platform by what a glance found.
    /// </summary>
    private async ValueTask<(Present<InstanceFacts>? Waiting, GuestRead? Read, DriverError? Error)> GlanceAsync(Call call, Identity id, InstanceSpec desired, DateTimeOffset start)
    {
        var age = context.Time.GetUtcNow() - start;
        if (id.PartId(ServerPart) is not { } server || VmIds.Parse(server) is not { } vmId || id.Resolved.GetValueOrDefault("node") is not { Length: > 0 } node || age < TimeSpan.Zero || age >= GuestWait)
            return default;
        var read = await ReadFileAsync(call, Machines.PathOf(node, vmId), InstanceWish.BeaconFile);
        if (read.Error is not null)
            return (null, null, read.Error);
        if (!read.IsStarting && (!read.Up || read.Content is not null || _wish.UsesChannel(desired)))
            return (null, read, null);
        return (new Present<InstanceFacts>
        {
            Facts = new InstanceFacts { Power = PowerState.Running, PlatformState = "running" },
            Parts = [new Part { Name = ServerPart, Id = server }],
            State = Lifecycle.Creating,
            // As the step that started it read it; nobody acts on this but by waiting.
            Mark = MarkState.Ours,
            Incarnation = id.Incarnation,
            InProgress = Waiting(age, read.Up, start),
        }, read, null);
    }

    /// <summary>The first boot, while the machine runs.</summary>
    private async ValueTask<(InstanceLook? Look, DriverError? Error)> FirstBootAsync(Call call, InstanceSpec desired, InstanceLook look, GuestRead? read)
    {
        if (!_wish.UsesAgent)
            return await WithFirewallAsync(call, desired, look);
        read ??= await ReadFileAsync(call, look.Machine.Path, InstanceWish.BeaconFile);
        if (read.Error is not null)
            return (null, read.Error);
        look = look with { AgentUp = read.Up, Report = ReportOf(read) };
        if (look.Report is null && look.Uptime >= GuestWait)
            // It is taken as it is from now on.
            return await WithFirewallAsync(call, desired, look with { IsOverdue = true });
        if (!read.Up)
            return (look, null);
        // Only until they are there: a guest keeps them over reboots.
        if (!_wish.UsesChannel(desired) || look.Report is { Ready: true })
            return (look with { HasSecrets = true }, null);
        var revision = await ReadFileAsync(call, look.Machine.Path, InstanceWish.RevisionFile);
        return revision.Error is not null ? (null, revision.Error) : (look with { HasSecrets = revision.Content?.Trim() == GuestBootstrap.HashOf(desired, _wish.Options(desired)) }, null);
    }

    private async ValueTask<GuestRead> ReadFileAsync(Call call, string machine, string file)
    {
        var (item, error, answer) = await Api.GetAsync(call, $"{machine}/agent/file-read?file={Uri.EscapeDataString(file)}");
        var date = answer.Header("Date");
        if (error is null)
            return new GuestRead { Content = item.Text("content") ?? "", Up = true, Date = date };
        // No answer, no right, too many requests: the platform's word and not the guest's.
        if (answer.Status is 0 or (>= 200 and < 300) or 401 or 403 or 429 or (> 500))
            return new GuestRead { Error = error };
        return new GuestRead
        {
            Up = error.Message.Contains("No such file", StringComparison.OrdinalIgnoreCase),
            // The platform looks first whether the machine runs, then for the agent.
            IsStarting = error.Message.Contains("guest agent is not running", StringComparison.OrdinalIgnoreCase),
            Date = date,
        };
    }

    /// <summary>
    /// The first boot is waited for by the machine's own uptime. After it, and after later starts, the guest's report is, so that an instance isn't
    /// called ready before its containers are: the handle says so; without one (a host that was started anew) nothing is waited for.
    /// </summary>
    private Progress? WaitForGuest(InstanceLook look, InstanceSpec desired, OperationLook? work, GuestHealth guest)
    {
        if (!look.IsRunning || desired.Suspended || !_wish.UsesAgent || guest == GuestHealth.Ready || look.Uptime >= GuestWait)
            return null;
        if (!look.IsBooted)
            return Waiting(look.Uptime, look.AgentUp, context.Time.GetUtcNow() - look.Uptime);
        // How long it may take is counted from the machine's start, whoever counts.
        return look.Awaited || (work?.Status == OperationStatus.Succeeded && PveApi.TypeOf(work) is "qmstart" or "imgdel")
            ? Waiting(look.Uptime, look.AgentUp, null) with { Message = guest == GuestHealth.NotReady ? "the guest isn't ready yet" : "the guest hasn't reported yet" } : null;
    }

    private static Progress Waiting(TimeSpan age, bool agentUp, DateTimeOffset? start) => new()
    {
        LookAgainAfter = TimeSpan.FromSeconds(Math.Clamp(age.TotalSeconds / 5, 3, 10)),
        WaitingFor = WaitingFor.Platform,
        Message = agentUp ? "the guest hasn't reported yet" : "the guest agent doesn't answer yet",
        Handle = start is { } since ? Handles.GuestSince(since) : Handles.Guest,
    };

    // By the node's clock, which a guest's follows; the host's may be anything.
    private static GuestReport? ReportOf(GuestRead read) =>
        GuestReport.Parse(read.Content)?.At(DateTimeOffset.TryParse(read.Date, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var now) ? now : null);
}
