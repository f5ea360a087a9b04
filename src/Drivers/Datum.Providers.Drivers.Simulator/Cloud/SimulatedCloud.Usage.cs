namespace Datum.Providers.Drivers.Simulator;

public sealed partial class SimulatedCloud
{
    private const long BytesPerMiB = 1024 * 1024;

    private readonly Dictionary<string, (long CpuMillis, long? MemoryBytes)> _usage = new(StringComparer.Ordinal);

    /// <summary>Sets what a server uses from now on, in place of the knob <see cref="SimulatorKnobs.CpuLoad"/>; false when there is no such server. Not kept over a restart.</summary>
    public bool SetUsage(string serverId, long cpuMillis, long? memoryBytes = null) => Do(() =>
    {
        if (Find(Collections.Servers, serverId) is null)
            return false;
        _usage[serverId] = (cpuMillis, memoryBytes);
        return true;
    });

    /// <summary>Only what runs is measured, and what was made or started by the time of the measurement.</summary>
    private CloudResponse ListUsage(CloudRequest request)
    {
        if (!TryLabels(request, out var pairs))
            return BadLabels();
        if (request.Query.GetValueOrDefault("after", "") is { Length: > 0 } after && !after.StartsWith(IdPrefix(Collections.Servers), StringComparison.Ordinal))
            return CloudResponse.Error(400, "INVALID_CURSOR", $"after is no id of {Collections.Servers}.");
        var measured = Now - _knobs.UsageLag;
        // A platform of class D shows no labels in lists: nobody's use can be told.
        var manual = _knobs.CreateClassOf(ResourceKind.Instance) == CreateClass.Manual;
        var shown = _objects.Values.Where(o => o.Collection == Collections.Servers && o.State == CloudStates.Ready && o.CreatedAt <= measured && !manual && Labelled(o, pairs)
            && (o.Zone is null || !_knobs.UnreachableZones.Contains(o.Zone)));
        var (page, next) = Cut(shown, o => o.Id, request);
        return CloudResponse.Of(200, new CloudUsagePage
        {
            Items = [.. page.Select(o => UsageOf(o, measured))],
            Next = next,
            Unreachable = [.. _knobs.UnreachableZones.Order(StringComparer.Ordinal)],
        }, CloudJson.Default.CloudUsagePage);
    }

    private CloudUsage UsageOf(CloudObject server, DateTimeOffset measured)
    {
        var size = CloudCatalog.Sizes.FirstOrDefault(s => s.Name == server.Size);
        long? capacity = server.CpuMillis ?? size?.CpuMillis;
        var set = _usage.TryGetValue(server.Id, out var given);
        return new CloudUsage
        {
            ServerId = server.Id,
            Labels = server.Labels,
            CpuMillis = set ? given.CpuMillis : capacity is { } cpu ? (long)(cpu * _knobs.CpuLoad) : null,
            CpuCapacityMillis = capacity,
            MemoryBytes = given.MemoryBytes ?? (server.MemoryMiB ?? size?.MemoryMiB) * BytesPerMiB / 4,
            MeasuredAt = measured,
        };
    }
}
