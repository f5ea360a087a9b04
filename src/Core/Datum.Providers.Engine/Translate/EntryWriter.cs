using Datum.Providers.Engine.Collect;
using Datum.Providers.Engine.Ledger;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Translate;

/// <summary>One thing that a Datum object wants to have at a platform.</summary>
public sealed record EntryWish
{
    public required ResourceKind Kind { get; init; }
    public required ResourceOwner Owner { get; init; }

    /// <summary>Tells the owner's things of one kind apart.</summary>
    public required string Slot { get; init; }

    public required ResolvedLocation Place { get; init; }

    /// <summary>The contract's spec as canonical JSON.</summary>
    public required JsonElement Desired { get; init; }

    public ImmutableArray<(string Name, string As)> DependsOn { get => field.IsDefault ? [] : field; init; }
    public required ResourcePolicies Policies { get; init; }

    /// <summary>What it was translated from, as the caches had it.</summary>
    public required ImmutableArray<KubeObject> From { get; init; }
}

/// <summary>Brings wishes into the ledger. An entry is made with its finalizer and first incarnation in one write (law L4), for an owner that was read live, and changed only where it differs (L8).</summary>
public sealed class EntryWriter(HomePlane home, ProjectPlane plane, LedgerStore ledger, ChangeCauses causes)
{
    private readonly OwnerReader _owners = new(plane);

    /// <summary>An entry is at most 16 KiB; this leaves room for its record and status. Contents of config maps and secrets never count: they are references.</summary>
    public const int MaxDesiredBytes = 12 * 1024;

    public string NameOf(ResourceKind kind, string ownerUid, string slot) =>
        EntryIdentity.Name(home.Installation, plane.Id, ownerUid, kind, slot);

    public ManagedResource? Find(ResourceKind kind, string ownerUid, string slot) => ledger.Find(NameOf(kind, ownerUid, slot));

    public ResourceOwner OwnerOf<T>(ResourceType<T> type, T owner) where T : KubeObject => new()
    {
        Plane = plane.Id, ApiVersion = type.ApiVersion, Kind = type.Kind,
        Namespace = owner.Metadata.Namespace, Name = owner.Metadata.Name!, Uid = owner.Metadata.Uid!,
    };

    /// <summary>The entry for a wish. One that is on its way out is returned unchanged: its name is free again only when it is gone.</summary>
    public async Task<ManagedResource> EnsureAsync(EntryWish wish, CancellationToken cancellation)
    {
        var name = NameOf(wish.Kind, wish.Owner.Uid, wish.Slot);
        var known = ledger.Find(name);
        var cause = causes.Of(name, known?.Spec.Record.ConfigVersion, wish.Place.Config.Spec, wish.Place.Driver);
        if (known is null)
        {
            // The cache may be of before the owner went, with its entries: what an entry made anew would find by its mark would count as its own, and go with it.
            if (await _owners.ReadAsync(wish.Owner, cancellation).ConfigureAwait(false) is not OwnerState.Exists and var state)
                throw new KubernetesException(409, "Conflict", $"{wish.Owner.Kind} {wish.Owner.Namespace}/{wish.Owner.Name} is {(state is OwnerState.Unknown ? "not to be read" : "going or gone")} and gets no new entry");
            return await ledger.CreateAsync(New(wish, cause), cancellation).ConfigureAwait(false);
        }
        if (!known.Spec.Wanted || known.IsDeleting)
            return known;
        if (IsSame(known.Spec, wish))
        {
            causes.Stored(name, cause.Stamp);
            return known;
        }
        // Another wish may replace a machine, and another policy let one go that a person keeps: no old picture makes either, of the owner or of its ProviderConfig.
        await RequireCurrentAsync(wish, cancellation).ConfigureAwait(false);
        var stored = await ledger.UpdateAsync(known, e => Change(e, wish, cause), cancellation).ConfigureAwait(false);
        causes.Stored(name, cause.Stamp);
        return stored;
    }

    private async Task RequireCurrentAsync(EntryWish wish, CancellationToken cancellation)
    {
        foreach (var source in wish.From)
            if (!await _owners.IsCurrentAsync(wish.Owner.Plane, source, cancellation).ConfigureAwait(false))
                throw new KubernetesException(409, "Conflict", $"{source.GetType().Name} {source.Metadata.Namespace}/{source.Metadata.Name} has changed since it was seen here, or isn't to be read; its wish is translated again");
        if ((await home.Client.FindAsync(ResourceTypes.ProviderConfigs, wish.Place.Config.Key, cancellation).ConfigureAwait(false))?.Metadata.Generation != wish.Place.Config.Metadata.Generation)
            throw new KubernetesException(409, "Conflict", $"ProviderConfig {wish.Place.Config.Metadata.Name} has changed since it was seen here; what it means for {wish.Owner.Kind} {wish.Owner.Namespace}/{wish.Owner.Name} is translated again");
    }

    /// <summary>The entry as <see cref="EnsureAsync"/> would store it; nothing is stored.</summary>
    public ManagedResource Compose(EntryWish wish, ManagedResource? known)
    {
        var cause = causes.Of(NameOf(wish.Kind, wish.Owner.Uid, wish.Slot), known?.Spec.Record.ConfigVersion, wish.Place.Config.Spec, wish.Place.Driver);
        if (known is null)
            return New(wish, cause);
        var entry = ResourceTypes.ManagedResources.Clone(known);
        Change(entry, wish, cause);
        return entry;
    }

    private static void Change(ManagedResource entry, EntryWish wish, (string Stamp, bool Owner) cause)
    {
        if (!CanonicalJson.Same(entry.Spec.Desired, wish.Desired))
        {
            entry.Spec.Desired = wish.Desired;
            (entry.Spec.Record.ConfigVersion, entry.Spec.Record.ProviderChange) = (cause.Stamp, !cause.Owner);
        }
        entry.Spec.DependsOn = DependenciesOf(wish);
        entry.Spec.Policies = wish.Policies;
    }

    // The steady state, in which nothing is cloned and compared.
    internal static bool IsSame(ManagedResourceSpec spec, EntryWish wish)
    {
        if (spec.Policies is not { Unknown: null or { Count: 0 } } known || !CanonicalJson.Same(spec.Desired, wish.Desired))
            return false;
        var (policies, dependencies) = (wish.Policies, DependenciesOf(wish));
        return (known.Paused, known.ObserveOnly, known.Retain, known.DeletionProtection, known.OnFailure, known.Adopt, known.AdoptId)
                == (policies.Paused, policies.ObserveOnly, policies.Retain, policies.DeletionProtection, policies.OnFailure, policies.Adopt, policies.AdoptId)
            && (known.Drift, known.PollIntervalSeconds, known.TerminationGraceSeconds) == (policies.Drift, policies.PollIntervalSeconds, policies.TerminationGraceSeconds)
            && (spec.DependsOn?.Count ?? 0) == (dependencies?.Count ?? 0)
            && (dependencies is null || dependencies.Zip(spec.DependsOn!).All(p => p.First.Name == p.Second.Name && p.First.As == p.Second.As));
    }

    private Dictionary<string, string> LabelsOf(EntryWish wish)
    {
        var labels = new Dictionary<string, string>
        {
            [Labels.OwnerUid] = wish.Owner.Uid,
            [Labels.Kind] = wish.Kind.ToString(),
            [Labels.Driver] = wish.Place.Driver.Id,
            [Labels.ProviderConfig] = wish.Place.Config.Metadata.Name!,
        };
        if (plane.Project is { } project)
            labels[Labels.Project] = project;
        return labels;
    }

    private static List<ResourceDependency>? DependenciesOf(EntryWish wish)
    {
        var dependencies = wish.DependsOn.Distinct().OrderBy(d => d.Name, StringComparer.Ordinal).Select(d => new ResourceDependency { Name = d.Name, As = d.As }).ToList();
        return dependencies.Count == 0 ? null : dependencies;
    }

    private ManagedResource New(EntryWish wish, (string Stamp, bool Owner) cause) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = NameOf(wish.Kind, wish.Owner.Uid, wish.Slot),
            Finalizers = [Finalizers.Platform],
            Labels = LabelsOf(wish),
        },
        Spec = new ManagedResourceSpec
        {
            Installation = home.Installation,
            Kind = wish.Kind.ToString(),
            Slot = wish.Slot,
            Owner = wish.Owner,
            Driver = wish.Place.Driver.Id,
            ProviderConfig = wish.Place.Config.Metadata.Name!,
            Location = new ResourceLocation
            {
                Name = wish.Place.Location.Metadata.Name!, Namespace = wish.Place.Location.Metadata.Namespace, Uid = wish.Place.Location.Metadata.Uid ?? "",
            },
            Scope = ScopeOf(wish.Place, wish.Kind) is { Count: > 0 } scope ? scope : null,
            LocationBlock = wish.Place.Block.Block,
            Wanted = true,
            DependsOn = DependenciesOf(wish),
            Desired = wish.Desired,
            Policies = wish.Policies,
            Record = new ResourceRecord { Incarnation = 1, ConfigVersion = cause.Stamp },
        },
    };

    /// <summary>The values of the location fields that all sharers of one object have in common.</summary>
    public static Dictionary<string, string> ScopeOf(ResolvedLocation place, ResourceKind kind)
    {
        var scope = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var field in place.Driver.Kinds.FirstOrDefault(k => k.Kind == kind)?.SharingScope ?? [])
            if (place.Block.Block.TryGetProperty(field, out var value))
                scope[field] = value.ToString();
        return scope;
    }
}
