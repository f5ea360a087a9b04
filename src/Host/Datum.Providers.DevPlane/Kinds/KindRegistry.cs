using System.Collections.Immutable;

namespace Datum.Providers.DevPlane;

/// <summary>The kinds that are served now. Reads are lock-free on an immutable snapshot.</summary>
internal sealed class KindRegistry
{
    private ImmutableSortedDictionary<string, ResourceKind> kinds =
        BuiltInKinds.All.ToImmutableSortedDictionary(k => k.Resource, k => k, StringComparer.Ordinal);

    public IEnumerable<ResourceKind> All => kinds.Values;

    public ResourceKind? Find(string group, string plural) => kinds.GetValueOrDefault(group + "/" + plural);

    public ResourceKind? ByResource(string resource) => kinds.GetValueOrDefault(resource);

    public ResourceKind? ByKind(string apiVersion, string kind)
    {
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        var group = slash < 0 ? "" : apiVersion[..slash];
        return kinds.Values.FirstOrDefault(k => k.Group == group && k.Kind == kind);
    }

    public void Set(ResourceKind kind) => ImmutableInterlocked.Update(ref kinds, k => k.SetItem(kind.Resource, kind));

    public void Remove(string resource) => ImmutableInterlocked.Update(ref kinds, k => k.Remove(resource));

    /// <summary>A name of the new kind that another kind of the group has taken already; null where there is none.</summary>
    public string? Conflict(ResourceKind added)
    {
        foreach (var other in kinds.Values.Where(k => k.Group == added.Group && k.Plural != added.Plural))
        {
            if (other.Kind == added.Kind) return $"\"{added.Kind}\" is already in use";
            var taken = other.ShortNames.Append(other.Plural).Append(other.Singular).ToHashSet(StringComparer.Ordinal);
            var clash = added.ShortNames.Append(added.Plural).Append(added.Singular).FirstOrDefault(taken.Contains);
            if (clash is not null) return $"\"{clash}\" is already in use";
        }

        return null;
    }
}
