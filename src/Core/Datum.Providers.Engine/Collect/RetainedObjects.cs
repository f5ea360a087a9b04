using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Collect;

/// <summary>
/// Names of objects that were kept when their owners went. They stand in an annotation and not in status: a backup that drops status must
/// not turn what a person kept into an orphan.
/// </summary>
public static class RetainedObjects
{
    public static IReadOnlySet<string> Of(ProviderConfig config) =>
        (config.Metadata.Annotation(Annotations.Retained) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToHashSet(StringComparer.Ordinal);

    public static void Add(ProviderConfig config, string name) =>
        (config.Metadata.Annotations ??= [])[Annotations.Retained] = string.Join(',', Of(config).Append(name).Order(StringComparer.Ordinal));
}
