using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>What is changed in place: power, a restart, the tags of firewalls.</summary>
internal sealed partial class InstanceKind
{
    private static RestRequest? ToPower(string path, GcpInstance server, bool off) =>
        off ? InstanceView.IsOff(server) ? null : RestRequest.Post(path + "/stop")
        : InstanceView.IsOff(server) ? RestRequest.Post(path + (server.Status == "SUSPENDED" ? "/resume" : "/start")) : null;

    /// <summary>Stop, then write down that it was; starting is the power's step. Whoever dies in between goes on at the same place.</summary>
    private static RestRequest? ToRestart(string path, GcpInstance server, InstanceSpec desired)
    {
        if (desired.RestartedAt is not { } at || InstanceView.MetadataOf(server, InstanceView.RestartKey) == at)
            return null;
        if (!InstanceView.IsOff(server))
            return RestRequest.Post(path + "/stop");
        var items = (server.Metadata?.Items ?? []).Where(i => i.Key != InstanceView.RestartKey).Append(new MetadataItem { Key = InstanceView.RestartKey, Value = at });
        return RestRequest.Post(path + "/setMetadata", new Metadata { Fingerprint = server.Metadata?.Fingerprint, Items = [.. items] }, GcpJson.Default.Metadata);
    }

    private static RestRequest? ToTags(string path, GcpInstance server, InstanceSpec desired)
    {
        var actual = server.Tags?.Items ?? [];
        var wanted = InstanceView.Tags(desired).ToList();
        if (actual.Where(InstanceView.IsOurTag).Order(StringComparer.Ordinal).SequenceEqual(wanted, StringComparer.Ordinal))
            return null;
        return RestRequest.Post(path + "/setTags", new Tags { Fingerprint = server.Tags?.Fingerprint, Items = [.. actual.Where(t => !InstanceView.IsOurTag(t)), .. wanted] }, GcpJson.Default.Tags);
    }
}
