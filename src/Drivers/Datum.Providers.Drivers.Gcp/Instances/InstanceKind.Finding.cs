using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Kinds;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>Finding an instance's objects: by recorded path, else by name in the wish's zone, else in all zones.</summary>
internal sealed partial class InstanceKind
{
    private static Mark? ReadMark(GcpDisk disk) => PairMarks.Read(disk.Labels ?? ImmutableSortedDictionary<string, string>.Empty);

    private static MarkState BootMark(GcpDisk disk, Identity id) => Marks.Compare(id, ReadMark(disk), InstanceView.Boot);

    private async ValueTask<Found<GcpInstance>> FindServerAsync(Call call, Identity id, InstanceSpec? desired, bool elsewhere = true)
    {
        if (id.PartId(InstanceView.Server) is { } recorded)
            return await ReadServerAsync(call, id, recorded);
        var name = ResourceNames.For(id, GcpContext.Names);
        var zone = GcpLocation.Parse(desired?.LocationJson)?.Zone is { Length: > 0 } wished ? wished : null;
        if (zone is not null)
        {
            var found = await ReadServerAsync(call, id, $"zones/{zone}/instances/{name}");
            if (found.Error is not null || (found.Item is not null && found.Mark != MarkState.Missing))
                return found;
            // Once a part is recorded, this life's search has been made.
            if (!elsewhere || !id.Parts.IsEmpty)
                return new Found<GcpInstance>();
        }

        // As for other kinds: with a wish, zones that don't answer hold nothing up.
        var (all, error) = await Search.AllAsync(Api, call, "instances", Search.ByNameOrMark(name, id), GcpJson.Default.GcpInstance, partial: zone is not null);
        if (error is not null)
            return new Found<GcpInstance> { Error = error };
        var best = Search.Pick(all, id, name, InstanceView.ReadMark, static i => Adoption.Is(i.Id, i.Labels), wished: zone is not null);
        return best.Length switch
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
        var path = id.PartId(InstanceView.Boot) ?? id.PartId(InstanceView.Server)?.Replace("/instances/", "/disks/", StringComparison.Ordinal)
            ?? (GcpLocation.Parse(desired?.LocationJson)?.Zone is { } z ? $"zones/{z}/disks/{name}" : null);
        if (path is null)
        {
            var (all, failed) = await Search.AllAsync(Api, call, "disks", Search.ByNameOrMark(name, id), GcpJson.Default.GcpDisk);
            if (failed is not null || all.FirstOrDefault(d => d.Name == name && ReadMark(d) is not null) is not { } listed)
                return (null, failed);
            // A list may be late: what counts is the read.
            path = Paths.Below(listed.SelfLink, Api.Project);
        }

        if (!Paths.IsPath(path))
            return (null, null);
        var (disk, error) = await GcpApi.GetAsync(Api.Compute, call, path, GcpJson.Default.GcpDisk);
        return (disk is not null && ReadMark(disk) is not null && disk.Status != "DELETING" ? disk : null, error);
    }
}
