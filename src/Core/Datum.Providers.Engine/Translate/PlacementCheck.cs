using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Policies;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Validation;
using Compute = Datum.Providers.Resources.Compute;

namespace Datum.Providers.Engine.Translate;

/// <summary>What a place can't do for an instance that is still to be made (law L11): the same translation that refuses it later, asked early.</summary>
public static class PlacementCheck
{
    /// <summary>Capabilities that are missing, and annotations that the place's ProviderConfig doesn't take. Paths are those of an Instance.</summary>
    /// <param name="network">The Network of an interface; null while it isn't known.</param>
    public static IReadOnlyList<Violation> Check(Compute.Instance instance, ResolvedLocation place, Func<NetworkReference, Network?> network)
    {
        // What it will be connected to is made later; whether it can be is asked of the Networks below.
        var places = instance.Spec.NetworkInterfaces.Select(_ => new InterfacePlace("network", [], [])).ToList();
        var wish = InstanceTranslation.Translate(instance, place.Driver.Capabilities, place.Config.Spec, places, place.Block.Block, slot => slot);
        var common = InstanceTranslation.Violations(instance.Spec, instance.Metadata.Annotations, instance.Metadata.Namespace, TemplatePlace.Instance).Select(v => (v.Field, v.Message)).ToHashSet();
        var found = wish.Findings.Where(f => !common.Contains((f.Path, f.Message))).Select(f => Rules.Capability.At(f.Path, f.Message, f.Capability)).ToList();
        for (var i = 0; i < instance.Spec.NetworkInterfaces.Count; i++)
            if (network(instance.Spec.NetworkInterfaces[i].Network) is { } used && NetworkWishes.Unsupported(place.Driver.Capabilities.IpFamilies, Provisioning.NetworkPlaces.FamiliesOf(used)) is { } why)
                found.Add(Rules.Capability.At($"spec.networkInterfaces[{i}].network", $"Network {used.Metadata.Name}: {why}", "ipFamilies"));
        var adoptable = place.Driver.Kinds.Any(k => k is { Kind: ResourceKind.Instance, Adoptable: true });
        found.AddRange(PolicyReader.Read(instance.Metadata, place.Config, ResourceKind.Instance, adoptable).Findings.Select(f => Rules.PolicyAnnotation.At(f.Path, f.Message, f.Capability)));
        return found;
    }
}
