using Datum.Providers.Kubernetes;
using Datum.Providers.Sdk;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>End states as lines that don't depend on ids, times and addresses.</summary>
internal static class Canonical
{
    public static List<string> Of(FaultWorld world) => [.. Cloud(world), .. Ledger(world), .. Datum(world)];

    /// <summary>Platform objects by identity.</summary>
    public static IEnumerable<string> Cloud(FaultWorld world)
    {
        // An entry's name follows from the UIDs of its owner, and those follow the order of writes: the owner's name doesn't.
        var names = world.Entries.ToDictionary(e => e.Metadata.Name!, e => $"{e.Spec.Owner.Kind} {e.Spec.Owner.Name} {e.Spec.Slot}");
        return world.Cloud.Objects.Select(o =>
        {
            var mark = Marks.Parse(o.Labels ?? ImmutableSortedDictionary<string, string>.Empty);
            var owner = mark is null ? o.Name : mark.Installation != FaultWorld.Installation ? $"{mark.Installation}/{mark.Name}" : names.GetValueOrDefault(mark.Name, $"without an entry: {mark.Name}");
            return $"{o.Collection} {owner} {mark?.Part} {o.State} power={o.PowerOn} size={o.Size} {o.SizeGiB} image={o.Image} range={o.Range} "
                + $"containers=[{string.Join(',', o.Containers?.Select(c => $"{c.Name}={c.Image} {c.Running}") ?? [])}] rules=[{string.Join(',', o.Rules?.Select(r => $"{r.Protocol}:{r.FirstPort}-{r.LastPort}<{r.Source}") ?? [])}] attached={o.AttachedTo is not null}";
        }).Order(StringComparer.Ordinal);
    }

    public static IEnumerable<string> Ledger(FaultWorld world) => world.Entries.Select(e =>
    {
        var ready = Conditions.Find(e.Status?.Conditions, ConditionTypes.Ready);
        return $"entry {e.Spec.Kind} {e.Spec.Owner.Kind} {e.Spec.Owner.Name} {e.Spec.Slot} wanted={e.Spec.Wanted} retiring={e.Spec.Record.Retiring} intent={e.Spec.Record.Intent?.Part} state={e.Status?.State} ready={ready?.Status} {ready?.Reason} "
            + $"parts=[{string.Join(",", (e.Spec.Record.Parts ?? []).Select(p => p.Name).Order(StringComparer.Ordinal))}]";
    }).Order(StringComparer.Ordinal);

    /// <summary>Datum objects with their conditions.</summary>
    public static IEnumerable<string> Datum(FaultWorld world) =>
    [
        .. Lines(world, ResourceTypes.Locations, o => o.Status?.Conditions),
        .. Lines(world, ResourceTypes.Networks, o => o.Status?.Conditions),
        .. Lines(world, ResourceTypes.NetworkBindings, o => o.Status?.Conditions),
        .. Lines(world, ResourceTypes.NetworkContexts, o => o.Status?.Conditions),
        .. Lines(world, ResourceTypes.SubnetClaims, o => o.Status?.Conditions),
        .. Lines(world, ResourceTypes.Subnets, o => o.Status?.Conditions),
        .. Lines(world, ResourceTypes.Workloads, o => o.Status?.Conditions),
        .. Lines(world, ResourceTypes.WorkloadDeployments, o => o.Status?.Conditions),
        .. Lines(world, ResourceTypes.Instances, o => o.Status?.Conditions),
    ];

    private static IEnumerable<string> Lines<T>(FaultWorld world, ResourceType<T> type, Func<T, List<Condition>?> conditions) where T : KubeObject =>
        world.Plane.Live(type).Select(o => $"{type.Kind} {o.Metadata.Name}{(o.IsDeleting ? " deleting" : "")}: "
            + string.Join("; ", (conditions(o) ?? []).OrderBy(c => c.Type, StringComparer.Ordinal).Select(c => $"{c.Type}={c.Status} {c.Reason}")));
}
