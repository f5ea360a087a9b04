using Datum.Providers.Resources;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>A kind that can be traced, with the names that it answers to.</summary>
internal sealed record TraceKind(string Kind, string Plural, string Group, string ShortName, bool Namespaced)
{
    public static IReadOnlyList<TraceKind> All { get; } =
    [
        Of(ResourceTypes.Workloads, "wl"), Of(ResourceTypes.WorkloadDeployments, "wld"), Of(ResourceTypes.Instances, "inst"),
        Of(ResourceTypes.Networks, "dnet"), Of(ResourceTypes.NetworkContexts, "nctx"), Of(ResourceTypes.NetworkBindings, "nbind"),
        Of(ResourceTypes.SubnetClaims, "snetc"), Of(ResourceTypes.Subnets, "snet"), Of(ResourceTypes.Locations, "loc"),
        Of(ResourceTypes.ProviderConfigs, "dpc"), Of(ResourceTypes.ProviderDrivers, "dpd"), Of(ResourceTypes.ManagedResources, "dmr"),
    ];

    /// <summary>By kind, plural, short name, or plural with group, in any case; null when there is none.</summary>
    public static TraceKind? Find(string word) => All.FirstOrDefault(k =>
        new[] { k.Kind, k.Plural, k.ShortName, $"{k.Plural}.{k.Group}", $"{k.Kind}.{k.Group}" }.Contains(word, StringComparer.OrdinalIgnoreCase));

    private static TraceKind Of<T>(Kubernetes.ResourceType<T> type, string shortName) where T : Kubernetes.KubeObject =>
        new(type.Kind, type.Plural, type.Group, shortName, type.Namespaced);
}

/// <summary>What is traced.</summary>
internal sealed record TraceTarget(TraceKind Kind, string? Namespace, string Name)
{
    /// <summary>Reads KIND/NAME. The namespace is dropped for kinds that have none.</summary>
    public static TraceTarget Parse(string text, string ns)
    {
        var parts = text.Split('/');
        if (parts.Length != 2 || parts[0].Length == 0 || parts[1].Length == 0)
            throw new CliException($"'{TraceNode.Clean(text)}': write KIND/NAME, for example workload/nginx. Kinds: {Kinds}.", ExitCodes.Usage);
        var kind = TraceKind.Find(parts[0])
            ?? throw new CliException($"'{TraceNode.Clean(parts[0])}' is no kind that can be traced. Kinds: {Kinds}.", ExitCodes.Usage);
        if (!parts[1].All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.'))
            throw new CliException($"'{TraceNode.Clean(parts[1])}' can't be the name of an object.", ExitCodes.Usage);
        return new TraceTarget(kind, kind.Namespaced ? ns : null, parts[1]);
    }

    private static string Kinds => string.Join(", ", TraceKind.All.Select(k => $"{k.Kind.ToLowerInvariant()} ({k.ShortName})"));
}
