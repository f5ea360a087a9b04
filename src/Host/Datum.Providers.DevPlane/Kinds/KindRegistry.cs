using System.Collections.Immutable;

namespace Datum.Providers.DevPlane;

/// <summary>The kinds that are served now. Reads are lock-free on an immutable snapshot.</summary>
internal sealed class KindRegistry
{
    private readonly KindRegistry? source;
    private readonly Func<ResourceKind, bool> serves = _ => true;
    private ImmutableSortedDictionary<string, ResourceKind> own =
        BuiltInKinds.All.ToImmutableSortedDictionary(k => k.Resource, k => k, StringComparer.Ordinal);

    private Derived? derived;

    public KindRegistry()
    {
    }

    /// <summary>Those kinds of another plane, as it serves them at each moment, that the filter lets through.</summary>
    public KindRegistry(KindRegistry source, Func<ResourceKind, bool> serves) => (this.source, this.serves) = (source, serves);

    private ImmutableSortedDictionary<string, ResourceKind> Kinds
    {
        get
        {
            if (source is null) return own;
            var all = source.Kinds;
            if (derived is { } last && ReferenceEquals(last.From, all)) return last.Kinds;
            var fresh = new Derived(all, all.Where(k => serves(k.Value)).ToImmutableSortedDictionary(StringComparer.Ordinal));
            derived = fresh;
            return fresh.Kinds;
        }
    }

    public IEnumerable<ResourceKind> All => Kinds.Values;

    public ResourceKind? Find(string group, string plural) => Kinds.GetValueOrDefault(group + "/" + plural);

    public ResourceKind? ByResource(string resource) => Kinds.GetValueOrDefault(resource);

    public ResourceKind? ByKind(string apiVersion, string kind)
    {
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        var group = slash < 0 ? "" : apiVersion[..slash];
        return Kinds.Values.FirstOrDefault(k => k.Group == group && k.Kind == kind);
    }

    public void Set(ResourceKind kind) => Change(k => k.SetItem(kind.Resource, kind));

    public void Remove(string resource) => Change(k => k.Remove(resource));

    /// <summary>A name of the new kind that another kind of the group has taken already; null where there is none.</summary>
    public string? Conflict(ResourceKind added)
    {
        foreach (var other in Kinds.Values.Where(k => k.Group == added.Group && k.Plural != added.Plural))
        {
            if (other.Kind == added.Kind) return $"\"{added.Kind}\" is already in use";
            var taken = other.ShortNames.Append(other.Plural).Append(other.Singular).ToHashSet(StringComparer.Ordinal);
            var clash = added.ShortNames.Append(added.Plural).Append(added.Singular).FirstOrDefault(taken.Contains);
            if (clash is not null) return $"\"{clash}\" is already in use";
        }

        return null;
    }

    private void Change(Func<ImmutableSortedDictionary<string, ResourceKind>, ImmutableSortedDictionary<string, ResourceKind>> change)
    {
        if (source is not null) throw new InvalidOperationException("These kinds follow another plane's: they are changed there.");
        ImmutableInterlocked.Update(ref own, change);
    }

    private sealed record Derived(ImmutableSortedDictionary<string, ResourceKind> From, ImmutableSortedDictionary<string, ResourceKind> Kinds);
}
