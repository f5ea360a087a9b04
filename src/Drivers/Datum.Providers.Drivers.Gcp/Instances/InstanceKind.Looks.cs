using System.Globalization;
using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Kinds;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>Looking at an instance: reads, and what they mean.</summary>
internal sealed partial class InstanceKind
{
    /// <summary>What all reads of one look found.</summary>
    private sealed record Look
    {
        public GcpInstance? Server { get; init; }
        public string ServerPath { get; init; } = "";
        public MarkState ServerMark { get; init; }
        public ImmutableArray<string> Candidates { get; init; } = [];
        public FoundSecret Secret { get; init; } = new();
        public GcpDisk? Boot { get; init; }
        public MarkState BootMark { get; init; }
        public GuestReport? Report { get; init; }
        public Progress? Pending { get; init; }
    }

    private async ValueTask<(Look Look, DriverError? Error)> LookAsync(Call call, Identity id, InstanceSpec? desired, OperationLook? work)
    {
        var server = await FindServerAsync(call, id, desired);
        if (server.Error is not null)
            return (new Look(), server.Error);
        if (server.Candidates.Length > 0)
            return (new Look { Candidates = server.Candidates }, null);
        var secret = desired is null || _wish.UsesStore(desired) || id.PartId(InstanceView.Secret) is not null
            ? await _store.FindAsync(call, id, InstanceView.Secret, InstanceView.Secret) : new FoundSecret();
        if (secret.Error is not null)
            return (new Look(), secret.Error);
        GcpDisk? boot = null;
        DriverError? error = null;
        // The machine takes its disk along; what is left of one that is gone is found by name.
        if (server.Item is null && (desired is null || id.PartId(InstanceView.Server) is not null))
            (boot, error) = await FindBootAsync(call, id, desired);
        if (error is not null)
            return (new Look(), error);
        GuestReport? report = null;
        if (server.Item?.Status == "RUNNING" && desired is not null && context.Settings.GuestBeacon == true)
        {
            (report, error) = await ReadReportAsync(call, server.Path, server.Item.LastStartTimestamp);
            if (error is not null)
                return (new Look(), error);
        }

        Progress? pending = null;
        if (desired is null && server.Item is null && work?.Status is null or OperationStatus.Unknown)
        {
            (pending, error) = await PendingWork.FindAsync(Api, call, "instances", ResourceNames.For(id, GcpContext.Names));
            if (error is not null)
                return (new Look(), error);
        }

        return (new Look
        {
            Server = server.Item, ServerPath = server.Path, ServerMark = server.Mark, Secret = secret, Boot = boot, BootMark = boot is null ? MarkState.Unknown : BootMark(boot, id), Report = report, Pending = pending,
        }, null);
    }

    private Present<InstanceFacts> Seen(Look look, Identity id, InstanceSpec? desired, OperationLook? work, Handle? handle)
    {
        var parts = ImmutableArray.CreateBuilder<Part>();
        if (look.Server is not null)
            parts.Add(new Part { Name = InstanceView.Server, Id = look.ServerPath });
        if (look.Secret.Item is not null)
            parts.Add(new Part { Name = InstanceView.Secret, Id = look.Secret.Path });
        if (look.Boot is not null)
            parts.Add(new Part { Name = InstanceView.Boot, Id = Paths.Below(look.Boot.SelfLink, Api.Project) });
        var mark = Worst(look);
        var deleting = look.Server?.Status == "DEPROVISIONING" || (work is { Status: OperationStatus.Running, Answer: { } answer } && JsonText.Find(answer.Body, "operationType") == "delete");

        var diff = new SpecDiff();
        if (desired is not null && look.Server is not null)
            Compare(diff, desired, look.Server, id);
        // A recorded part that is gone isn't made again in this life.
        var unseen = work?.Status == OperationStatus.Running;
        var lost = desired is null || unseen ? [] : id.Parts.Where(p => p.Name is InstanceView.Server or InstanceView.Secret && parts.All(s => s.Name != p.Name)).ToList();
        foreach (var part in lost)
            diff.Add($"parts[{part.Name}]", Remedy.Replace, part.Id);
        var drift = diff.ToDrift();

        Step? next = null;
        if (mark == MarkState.Ours && !deleting)
            next = desired is null ? DeleteStep(look) : lost.Count > 0 ? null : BuildStep(look, id, desired) ?? (diff.CanUpdate ? UpdateStep(drift, look.Server!) : null);
        var guest = look.Server is null ? GuestHealth.Unknown : InstanceView.HealthOf(look.Server, look.Report);
        var waiting = WaitForGuest(look, desired, work, handle, guest);
        var state = deleting ? Lifecycle.Deleting : look.Server is null ? Lifecycle.Creating : waiting is not null ? Lifecycle.Creating : InstanceView.ToLifecycle(look.Server, guest);
        var busy = work?.Progress ?? waiting ?? (look.Server is not null && (InstanceView.IsBusy(look.Server) || deleting) ? new Progress { LookAgainAfter = GcpContext.LookAgain, WaitingFor = WaitingFor.Platform, Message = look.Server.Status } : look.Pending);
        return new Present<InstanceFacts>
        {
            Facts = look.Server is not null ? InstanceView.ToFacts(look.Server, desired, look.Report) : new InstanceFacts { Power = PowerState.Unknown },
            Parts = parts.ToImmutable(),
            State = state,
            Mark = mark,
            Incarnation = IncarnationOf(look),
            Drift = drift,
            Next = next,
            // What can be deleted now is, also while the platform still builds (DC-27).
            InProgress = desired is null && next is not null ? null : busy,
            Failure = work?.Status == OperationStatus.Failed ? work.Error : null,
        };
    }

    private Step? BuildStep(Look look, Identity id, InstanceSpec desired)
    {
        // A server keeps what it was made with: nothing is made for it afterwards.
        if (look.Server is not null)
            return null;
        if (!_wish.UsesStore(desired))
            return ServerStep;
        return look.Secret.Item is null ? SecretStep : look.Secret.Hash != HashOf(id, desired) ? ContentsStep : ServerStep;
    }

    private static Step? DeleteStep(Look look)
    {
        var part = look.Server is not null ? InstanceView.Server : look.Boot is not null ? InstanceView.Boot : look.Secret.Item is not null ? InstanceView.Secret : null;
        return part is null ? null : new Step { Part = part, Verb = StepVerb.Delete, Class = CreateClass.Repeatable, Description = $"delete {part}" };
    }

    private static Step? UpdateStep(ImmutableArray<Drift> drift, GcpInstance server)
    {
        var part = drift.Any(d => d.Path == "restartedAt") && InstanceView.IsOff(server) ? Restart
            : drift.Any(d => d.Path == "suspended") ? Power
            : drift.Any(d => d.Path == "restartedAt") ? Restart
            : drift.Any(d => d.Path.EndsWith(".firewalls", StringComparison.Ordinal)) ? TagsStep : null;
        return part is null ? null : new Step { Part = part, Verb = StepVerb.Update, Class = CreateClass.Repeatable, Description = part };
    }

    private void Compare(SpecDiff diff, InstanceSpec desired, GcpInstance server, Identity id)
    {
        GuestFingerprint.Compare(diff, GuestFingerprint.Of(desired, _wish.Options(id, desired)), GuestFingerprint.Read(InstanceView.MetadataOf(server, InstanceView.SpecKey)), desired);
        diff.Text("size.native", id.Resolved.GetValueOrDefault("machineType"), Paths.Last(server.MachineType ?? ""), Remedy.Replace);
        var nics = server.NetworkInterfaces ?? [];
        if (nics.Length != desired.Interfaces.Length)
            diff.Add("interfaces", Remedy.Replace, desired.Interfaces.Length.ToString(CultureInfo.InvariantCulture), nics.Length.ToString(CultureInfo.InvariantCulture));
        for (var i = 0; i < Math.Min(nics.Length, desired.Interfaces.Length); i++)
        {
            var wish = desired.Interfaces[i];
            diff.Text($"interfaces[{wish.Name}].network", wish.Network?.ProviderId, Paths.Below(nics[i].Network, Api.Project), Remedy.Replace)
                .Text($"interfaces[{wish.Name}].subnets", wish.Subnets.FirstOrDefault()?.ProviderId, Paths.Below(nics[i].Subnetwork, Api.Project), Remedy.Replace)
                .Text($"interfaces[{wish.Name}].addresses", wish.Addresses.FirstOrDefault(), nics[i].NetworkIP, Remedy.Replace);
        }

        foreach (var volume in desired.Volumes.Where(v => v.Disk?.Disk?.ProviderId is not null))
            diff.Text($"volumes[{volume.Name}].disk.disk", volume.Disk!.Disk!.ProviderId,
                Paths.Below((server.Disks ?? []).FirstOrDefault(d => d.DeviceName == volume.Disk.DeviceName)?.Source, Api.Project), Remedy.Replace);
        // Tags are the instance's, not an interface's: the first interface stands for all.
        diff.Set($"interfaces[{desired.Interfaces.FirstOrDefault()?.Name}].firewalls", InstanceView.Tags(desired), (server.Tags?.Items ?? []).Where(InstanceView.IsOurTag), Remedy.InPlace);
        diff.Text("restartedAt", desired.RestartedAt, InstanceView.MetadataOf(server, InstanceView.RestartKey), Remedy.InPlace);
        if (InstanceView.IsOff(server) != desired.Suspended && !InstanceView.IsBusy(server))
            diff.Flag("suspended", desired.Suspended, !desired.Suspended, Remedy.InPlace);
    }

    /// <summary>
    /// After a create or a start the guest's first report is waited for, so that an instance isn't called ready before its containers are. The
    /// handle says since when; without one (a host that was started anew) nothing is waited for.
    /// </summary>
    private Progress? WaitForGuest(Look look, InstanceSpec? desired, OperationLook? work, Handle? handle, GuestHealth guest)
    {
        if (desired is null || look.Server?.Status != "RUNNING" || guest == GuestHealth.Ready || context.Settings.GuestBeacon != true || handle is null)
            return null;
        var now = context.Time.GetUtcNow();
        var since = IsGuestHandle(handle) && long.TryParse(handle.Data[GuestHandle.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var unix) && unix < 253_402_300_799 ? DateTimeOffset.FromUnixTimeSeconds(unix)
            : work?.Status == OperationStatus.Succeeded && JsonText.Find(work.Answer!.Body, "operationType") is "insert" or "start" ? now : (DateTimeOffset?)null;
        if (since is not { } begun || now >= begun + GuestWait || begun > now + TimeSpan.FromMinutes(1))
            return null;
        return new Progress
        {
            LookAgainAfter = now - begun < TimeSpan.FromMinutes(1) ? TimeSpan.FromSeconds(3) : TimeSpan.FromSeconds(10),
            WaitingFor = WaitingFor.Platform,
            Message = guest == GuestHealth.NotReady ? "the guest isn't ready yet" : "the guest hasn't reported yet",
            Handle = new Handle { Data = string.Create(CultureInfo.InvariantCulture, $"{GuestHandle}{begun.ToUnixTimeSeconds()}"), ExpiresAt = begun + GuestWait },
        };
    }

    private static MarkState Worst(Look look)
    {
        var marks = new List<MarkState>();
        if (look.Server is not null)
            marks.Add(look.ServerMark);
        if (look.Secret.Item is not null)
            marks.Add(look.Secret.Mark);
        if (look.Boot is not null)
            marks.Add(look.BootMark);
        return marks.Contains(MarkState.Foreign) ? MarkState.Foreign : marks.Contains(MarkState.Missing) ? MarkState.Missing : marks.Contains(MarkState.Unknown) ? MarkState.Unknown : MarkState.Ours;
    }

    private static long IncarnationOf(Look look) =>
        (look.Server is not null ? InstanceView.ReadMark(look.Server) : look.Secret.Item is not null ? SecretStore.ReadMark(look.Secret.Item) : ReadMark(look.Boot!))?.Incarnation ?? 0;

    private static Mark? ReadMark(GcpDisk disk) => PairMarks.Read(disk.Labels ?? ImmutableSortedDictionary<string, string>.Empty);

    private static MarkState BootMark(GcpDisk disk, Identity id) => Marks.Compare(id, ReadMark(disk), InstanceView.Boot);

    private async ValueTask<Found<GcpInstance>> FindServerAsync(Call call, Identity id, InstanceSpec? desired)
    {
        if (id.PartId(InstanceView.Server) is { } recorded)
            return await ReadServerAsync(call, id, recorded);
        var name = ResourceNames.For(id, GcpContext.Names);
        if (desired is not null && GcpLocation.Parse(desired.LocationJson)?.Zone is { Length: > 0 } zone)
        {
            var found = await ReadServerAsync(call, id, $"zones/{zone}/instances/{name}");
            return found.Mark == MarkState.Missing ? new Found<GcpInstance>() : found;
        }

        var (all, error) = await SearchAsync(call, "instances", name, GcpJson.Default.GcpInstance);
        if (error is not null)
            return new Found<GcpInstance> { Error = error };
        var marked = all.Where(i => InstanceView.ReadMark(i) is not null).ToList();
        var ours = marked.Where(i => Marks.Compare(id, InstanceView.ReadMark(i)) == MarkState.Ours).ToList();
        var best = ours.Count > 0 ? ours : marked;
        return best.Count switch
        {
            0 => new Found<GcpInstance>(),
            1 => await ReadServerAsync(call, id, Paths.Below(best[0].SelfLink, Api.Project)),
            _ => new Found<GcpInstance> { Candidates = [.. best.Select(b => Paths.Below(b.SelfLink, Api.Project))] },
        };
    }

    private async ValueTask<Found<GcpInstance>> ReadServerAsync(Call call, Identity id, string path)
    {
        if (!Paths.IsPath(path))
            return new Found<GcpInstance>();
        var (item, error) = await GcpApi.GetAsync(Api.Compute, call, path, GcpJson.Default.GcpInstance);
        if (item is not null && (item.Name is null || item.Status is null))
            error = GcpErrors.Refused(ErrorCode.Failed, $"The platform's answer for {path} has no name or status.");
        return new Found<GcpInstance> { Item = error is null ? item : null, Path = path, Error = error, Mark = item is null || error is not null ? MarkState.Unknown : Marks.Compare(id, InstanceView.ReadMark(item)) };
    }

    /// <summary>A boot disk that no machine holds.</summary>
    private async ValueTask<(GcpDisk? Disk, DriverError? Error)> FindBootAsync(Call call, Identity id, InstanceSpec? desired)
    {
        var name = ResourceNames.For(id, GcpContext.Names);
        var zone = id.PartId(InstanceView.Boot) ?? id.PartId(InstanceView.Server)?.Replace("/instances/", "/disks/", StringComparison.Ordinal)
            ?? (GcpLocation.Parse(desired?.LocationJson)?.Zone is { } z ? $"zones/{z}/disks/{name}" : null);
        if (zone is null)
        {
            var (all, failed) = await SearchAsync(call, "disks", name, GcpJson.Default.GcpDisk);
            if (failed is not null || all.FirstOrDefault(d => ReadMark(d) is not null) is not { } listed)
                return (null, failed);
            // A list may be late: what counts is the read.
            zone = Paths.Below(listed.SelfLink, Api.Project);
        }

        if (!Paths.IsPath(zone))
            return (null, null);
        var (disk, error) = await GcpApi.GetAsync(Api.Compute, call, zone, GcpJson.Default.GcpDisk);
        return (disk is not null && ReadMark(disk) is not null && disk.Status != "DELETING" ? disk : null, error);
    }

    private async ValueTask<(List<T> All, DriverError? Error)> SearchAsync<T>(Call call, string collection, string name, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class
    {
        var first = RestRequest.Get(RestRequest.WithQuery($"aggregated/{collection}", new KeyValuePair<string, string?>("filter", $"name eq {name}")));
        var pages = await new Pager(PageStyle.Token("pageToken", "nextPageToken"), Api.Project, collection, name).AllAsync(Api.Compute, call, first);
        if (pages.Error is { } error)
            return ([], error);
        var all = new List<T>();
        foreach (var answer in pages.Value!.Pages)
        {
            var page = GcpApi.ReadPage(answer, collection, type);
            if (page.Value is not { } read)
                return ([], page.Error);
            if (!read.Complete)
                return ([], GcpErrors.Refused(ErrorCode.Unavailable, $"A part of the platform didn't answer the search for {name}; nothing is concluded from it."));
            all.AddRange(read.Items);
        }

        return (all, null);
    }

    private async ValueTask<(GuestReport? Report, DriverError? Error)> ReadReportAsync(Call call, string path, string? started)
    {
        var answer = await Api.Compute.SendAsync(call, RestRequest.Get(path + "/serialPort?port=1&start=-16384"));
        // A port that isn't there yet, or was switched off, says nothing of the guest.
        if (answer.Error is { Code: ErrorCode.NotReadyYet or ErrorCode.Invalid } && answer.Status is 400 or 404)
            return (null, null);
        var read = answer.Read(GcpJson.Default.SerialPort);
        return read.Value is { } port ? (GuestReport.ParseLines(port.Contents)?.At(Times.Parse(answer.Header("Date")), Times.Parse(started)), null) : (null, read.Error);
    }
}
