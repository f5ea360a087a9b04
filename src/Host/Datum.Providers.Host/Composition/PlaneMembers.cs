using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Composition;

/// <summary>Which members of Datum's kinds a plane keeps, by its own OpenAPI: what the host writes there, and the provider blocks that it reads.</summary>
internal sealed partial class PlaneMembers(IReadOnlyList<string> drops, IReadOnlyList<string>? blocks)
{
    private const string Provider = "spec.provider";

    /// <summary>As <see cref="PlaneShape.Drops"/>.</summary>
    public IReadOnlyList<string> Drops => drops;

    /// <summary>As <see cref="PlaneShape.Blocks"/>.</summary>
    public IReadOnlyList<string>? Blocks => blocks;

    private static readonly string[] s_conditions = [.. new[] { "type", "status", "reason", "message", "lastTransitionTime", "observedGeneration" }.Select(m => $"status.conditions[].{m}")];

    /// <summary>What is written to a plane whose controllers are somebody else's; Locations beside it. A test holds it to what the engine writes.</summary>
    public static readonly IReadOnlyList<(string Group, string Version, string Plural, string Kind, string[] Paths)> Written =
    [
        Of(ResourceTypes.Instances, "status.networkInterfaces[].assignments.networkIP", "status.networkInterfaces[].assignments.externalIP"),
        Of(ResourceTypes.Networks), Of(ResourceTypes.NetworkContexts), Of(ResourceTypes.Subnets),
    ];

    /// <summary>Two requests where Locations are of the networking group, three otherwise, and one for the index.</summary>
    public static async Task<PlaneMembers> ReadAsync(IKubernetesClient client, ResourceType<Location> locations, CancellationToken cancellation)
    {
        var written = Written.Prepend(Of(locations)).ToList();
        var schemas = await ApiSchemas.ReadAsync(client, written.Select(w => (w.Group, w.Version)), cancellation);
        var drops = new List<string>();
        foreach (var (group, version, plural, kind, paths) in written)
        {
            var lost = paths.Where(p => schemas.Keeps(group, version, kind, p) == false).ToList();
            // Of a list that isn't there its members needn't be told.
            if (lost.Intersect(s_conditions).Count() == s_conditions.Length && schemas.Keeps(group, version, kind, "status.conditions") == false)
                lost = [.. lost.Except(s_conditions).Prepend("status.conditions")];
            drops.AddRange(lost.Select(p => $"{plural}.{group} {p}"));
        }
        return new(drops, schemas.Members(locations.Group, locations.Version, locations.Kind, Provider));
    }

    /// <summary>Tells a person what gets lost there, and how a block that isn't kept is given.</summary>
    public static void Tell(ILogger logger, PlaneShape shape, string plane)
    {
        if (shape.Drops.Count > 0)
            LogDrops(logger, plane, string.Join(", ", shape.Drops));
        if (shape.Blocks is { } blocks)
            LogBlocks(logger, plane, blocks.Count == 0 ? "none" : string.Join(", ", blocks), Annotations.Provider);
    }

    private static (string Group, string Version, string Plural, string Kind, string[] Paths) Of<T>(ResourceType<T> type, params string[] paths) where T : KubeObject =>
        (type.Group, type.Version, type.Plural, type.Kind, [.. s_conditions, .. paths]);

    [LoggerMessage(EventId = 1012, Level = LogLevel.Warning, Message = "{Plane} has definitions without members that this host writes; they are dropped there: {Members}. Update the definitions")]
    private static partial void LogDrops(ILogger logger, string plane, string members);

    [LoggerMessage(EventId = 1013, Level = LogLevel.Information, Message = "{Plane} keeps these provider blocks of Locations: {Blocks}. Another one is given by the annotation {Annotation}")]
    private static partial void LogBlocks(ILogger logger, string plane, string blocks, string annotation);
}
