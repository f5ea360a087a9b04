using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Host.Composition;

/// <summary>
/// How a plane serves what differs between Datum's eras: by discovery and OpenAPI, never by a setting. Read when a plane is engaged, and again after
/// an answer that a plane of this shape wouldn't give.
/// </summary>
internal sealed record PlaneShape
{
    /// <summary>Where the third era has Location.</summary>
    public const string LocationsGroup = "locations.miloapis.com";

    private static readonly string[] Groups = [ResourceTypes.Locations.Group, ResourceTypes.ComputeLocations.Group, LocationsGroup];

    /// <summary>What the third era's controllers ask of providers beyond what this host does.</summary>
    private static readonly (string Group, string Plural)[] Later =
    [
        (ResourceTypes.Locations.Group, "networkinterfaces"), (ResourceTypes.ComputeLocations.Group, "runtimeclasses"),
        (ResourceTypes.Locations.Group, "locationbindings"), (LocationsGroup, "locationbindings"),
    ];

    /// <summary>Location in the first of its groups that is served (networking, locations), in the plane's own version and scope.</summary>
    public ResourceType<Location> Locations { get; private init; } = ResourceTypes.Locations;

    /// <summary>Location in another of its groups: compute, or locations beside networking.</summary>
    public ResourceType<Location> OtherLocations { get; private init; } = ResourceTypes.ComputeLocations;

    /// <summary>Kinds that its controllers need and that this host doesn't carry out, as <c>plural.group</c>; empty on a plane that is supported.</summary>
    public IReadOnlyList<string> Beyond { get; private init; } = [];

    /// <summary>What this host writes there and the plane's definitions don't have, as <c>plural.group path</c>: it is dropped. Empty too where the plane doesn't describe itself.</summary>
    public IReadOnlyList<string> Drops { get; private init; } = [];

    /// <summary>The provider blocks that a Location keeps; null for any.</summary>
    public IReadOnlyList<string>? Blocks { get; private init; }

    /// <summary>Reads it. A client without discovery has a plane of our own definitions.</summary>
    /// <exception cref="HostStartException">Discovery is refused.</exception>
    public static async Task<PlaneShape> ReadAsync(IKubernetesClient client, CancellationToken cancellation)
    {
        ApiDiscovery? found;
        try
        {
            found = await ApiDiscovery.ReadAsync(client, Groups, cancellation);
        }
        catch (KubernetesException e) when (e.Code == 403)
        {
            // To guess could put a second provider beside the plane's own.
            throw new HostStartException($"The kubeconfig's user may not read the server's discovery (/apis), which tells what kind of plane it is. Bind the ClusterRole system:discovery ({e.Message}).", e);
        }
        if (found is null)
            return new PlaneShape();
        ResourceType<Location>? At(ResourceType<Location> type) =>
            found.Find(type.Group, type.Plural, type.Version) is { } served ? type.In(served.Group, served.Version, served.Namespaced) : null;
        var (networking, later, compute) = (At(ResourceTypes.Locations), At(ResourceTypes.Locations.In(LocationsGroup, "v1alpha1")), At(ResourceTypes.ComputeLocations));
        var locations = networking ?? later ?? ResourceTypes.Locations;
        var members = await PlaneMembers.ReadAsync(client, locations, cancellation);
        return new PlaneShape
        {
            Locations = locations,
            OtherLocations = compute ?? (networking is null ? null : later) ?? ResourceTypes.ComputeLocations,
            Drops = members.Drops,
            Blocks = members.Blocks,
            Beyond = [.. Later.Where(k => found.Find(k.Group, k.Plural, "") is not null).Select(k => $"{k.Plural}.{k.Group}")],
        };
    }

    /// <summary>Ends the start on a plane whose controllers need more of a provider than this host does. Nothing was written then.</summary>
    /// <exception cref="HostStartException">It is one.</exception>
    public async Task RequireSupportedAsync(IKubernetesClient client, CoreUse use, CancellationToken cancellation)
    {
        // Where the controllers are ours, nobody needs those kinds.
        if (Beyond.Count > 0 && !await PlaneChecks.RunsCoreAsync(client, use, cancellation))
            throw new HostStartException(
                $"{Reasons.UnsupportedPlane}: the API server serves {string.Join(", ", Beyond)}. Its controllers belong to Datum's third era and need these of a provider, which this host doesn't carry out; nothing was changed. Use a plane of an earlier era.");
    }

    /// <summary>Completes when the plane has another shape, with its text. It is asked for after an answer that doesn't fit, at most once in <see cref="DoubtPeriod"/>.</summary>
    /// <param name="notAsked">Called with why it couldn't be asked.</param>
    public async Task<string> ChangedAsync(PlaneClient client, IScheduler scheduler, Action<string> notAsked, CancellationToken cancellation)
    {
        while (true)
        {
            await client.DoubtedAsync(cancellation);
            try
            {
                var now = await ReadAsync(client.Direct, cancellation);
                if (!now.IsSameAs(this))
                    return now.Text;
            }
            catch (Exception e) when (e is KubernetesException or HttpRequestException or HostStartException)
            {
                notAsked(e.Message);
            }
            await scheduler.Delay(DoubtPeriod, cancellation);
        }
    }

    private static readonly TimeSpan DoubtPeriod = TimeSpan.FromSeconds(30);

    /// <summary>Whether another look found the same.</summary>
    public bool IsSameAs(PlaneShape other) => Text == other.Text;

    /// <summary>For people and for the comparison.</summary>
    public string Text =>
        $"{Of(Locations)}, {Of(OtherLocations)}{(Beyond.Count > 0 ? $", {string.Join(", ", Beyond)}" : "")}"
        + $"{(Blocks is null ? "" : $", provider blocks [{string.Join(", ", Blocks)}] alone")}{(Drops.Count > 0 ? $", without {string.Join(", ", Drops)}" : "")}";

    private static string Of(ResourceType<Location> type) => $"{type} {type.Version} {(type.Namespaced ? "namespaced" : "of cluster scope")}";
}
