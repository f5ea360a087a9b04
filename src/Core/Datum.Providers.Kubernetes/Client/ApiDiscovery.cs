using System.Text.Json.Nodes;

namespace Datum.Providers.Kubernetes;

/// <summary>A kind as a server serves it.</summary>
public sealed record ServedKind(string Group, string Version, string Plural, string Kind, bool Namespaced);

/// <summary>What an API server serves of some groups: kinds, versions and scopes, from its discovery documents.</summary>
public sealed class ApiDiscovery
{
    private readonly IReadOnlyList<ServedKind> _kinds;

    private ApiDiscovery(IReadOnlyList<ServedKind> kinds) => _kinds = kinds;

    /// <summary>One request for the list of groups and one for each version of a group that is asked for and served; null for a client without discovery.</summary>
    public static async Task<ApiDiscovery?> ReadAsync(IKubernetesClient client, IReadOnlyCollection<string> groups, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(groups);
        if (await client.DiscoverAsync("/apis", cancellation) is not { } list)
            return null;
        var kinds = new List<ServedKind>();
        foreach (var group in Objects(list["groups"]))
        {
            if ((string?)group["name"] is not { } name || !groups.Contains(name))
                continue;
            // The server's preferred version first: of a kind in several versions it is the one that is found.
            var preferred = (string?)group["preferredVersion"]?["version"];
            foreach (var version in Objects(group["versions"]).Select(v => (string?)v["version"]).OfType<string>().OrderBy(v => v == preferred ? 0 : 1))
            {
                // A version that vanished since the list of groups was answered.
                if (await client.DiscoverAsync(ResourcePath.OfGroup(name, version), cancellation) is not { } resources)
                    continue;
                kinds.AddRange(Objects(resources["resources"])
                    .Where(r => (string?)r["name"] is { } plural && !plural.Contains('/', StringComparison.Ordinal))
                    .Select(r => new ServedKind(name, version, (string)r["name"]!, (string?)r["kind"] ?? "", (bool?)r["namespaced"] ?? false)));
            }
        }
        return new ApiDiscovery(kinds);
    }

    /// <summary>The kind in a version, else in the one that the server prefers; null when it isn't served.</summary>
    public ServedKind? Find(string group, string plural, string version) =>
        _kinds.FirstOrDefault(k => k.Group == group && k.Plural == plural && k.Version == version) ?? _kinds.FirstOrDefault(k => k.Group == group && k.Plural == plural);

    private static IEnumerable<JsonObject> Objects(JsonNode? list) => (list as JsonArray)?.OfType<JsonObject>() ?? [];
}
