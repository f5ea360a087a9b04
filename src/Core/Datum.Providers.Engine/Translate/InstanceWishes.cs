using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Engine.Policies;
using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Engine.Translate;

/// <summary>What a Datum object comes to: the entries that it wants, dependencies first, or why it gets none.</summary>
public sealed record WishSet
{
    public ImmutableArray<EntryWish> Entries { get => field.IsDefault ? [] : field; init; }

    /// <summary>Null when there are entries, or when it isn't this host's turn yet.</summary>
    public string? Reason { get; init; }

    public string Message { get; init; } = "";

    /// <summary>True: its Location isn't served, which undoes nothing that exists.</summary>
    public bool Unserved { get; init; }

    internal static WishSet No(string reason, string message) => new() { Reason = reason, Message = message };
}

/// <summary>From an Instance to its entries: reads caches, writes nothing, so that the controller and the plan come to the same.</summary>
internal sealed class InstanceWishes(ProjectPlane plane, LocationResolver resolver, EntryWriter writer, NetworkPlaces places)
{
    public const string InstanceSlot = "instance";

    public WishSet Of(Instance instance)
    {
        // A rollout of upstream's core can strip location and controller from the instance; its deployment still has them.
        var deployment = instance.Metadata.ControllerOwner is { Kind: "WorkloadDeployment" } owner
            ? plane.WorkloadDeployments.Find(new ObjectKey(instance.Metadata.Namespace, owner.Name)) : null;
        if ((instance.Spec.Location ?? deployment?.Status?.Location) is not { } location || instance.Spec.Controller?.SchedulingGates is { Count: > 0 })
            return new WishSet();

        var answer = resolver.Resolve(location, instance.Metadata.Namespace);
        if (answer.Resolved is not { } place)
            return WishSet.No(answer.Reason, answer.Message) with { Unserved = true };
        foreach (var (wanted, i) in instance.Spec.NetworkInterfaces.Select((n, i) => (n.Network, i)))
            if (!string.IsNullOrEmpty(wanted.Namespace) && wanted.Namespace != instance.Metadata.Namespace && !resolver.SharesNetworks(place.Config))
                return WishSet.No(Reasons.NotAllowed,
                    $"spec.networkInterfaces[{i}].network.namespace: Network {wanted.Namespace}/{wanted.Name} belongs to another namespace; use one of {instance.Metadata.Namespace}. ProviderConfig {place.Config.Metadata.Name} allows single namespaces, not the whole project.");
        var interfaces = new List<InterfacePlace>();
        var known = writer.Find(ResourceKind.Instance, instance.Metadata.Uid!, InstanceSlot)?.Spec.Desired is { } desired ? ContractJson.Read<global::Datum.Providers.InstanceSpec>(desired) : null;
        foreach (var (wanted, i) in instance.Spec.NetworkInterfaces.Select((n, i) => (n, i)))
            if (PlaceOf(wanted, instance, place, location, known?.Interfaces.ElementAtOrDefault(i)) is { } found)
                interfaces.Add(found);
            else
                return WishSet.No(Reasons.PendingProgramming, $"Network {wanted.Network.Name} has no allocated range at Location {location.Key} yet.");

        var uid = instance.Metadata.Uid!;
        var wish = InstanceTranslation.Translate(instance, place.Driver.Capabilities, place.Config.Spec, interfaces, place.Block.Block, slot => writer.NameOf(ResourceKind.Disk, uid, slot));
        var read = PolicyReader.Read(instance.Metadata, place.Config, ResourceKind.Instance, place.Driver.Kinds.Any(k => k is { Kind: ResourceKind.Instance, Adoptable: true }));
        // To be suspended is to stay: a driver that could only replace the instance would lose what it has.
        if (wish.Spec is { Suspended: true } && !place.Driver.Kinds.Any(k => k.Kind is ResourceKind.Instance && k.UpdatablePaths.Contains("suspended")))
            return WishSet.No(Reasons.ConfigurationError,
                $"metadata.annotations[{Annotations.Suspended}]: the platform of this Location can't stop an instance and keep it; remove it, or use another Location.");
        if (wish.Spec is not { } spec || !read.Findings.IsEmpty)
            return WishSet.No(Reasons.ConfigurationError, string.Join(" ", wish.Findings.Concat(read.Findings).Select(f => $"{f.Path}: {f.Message}")));

        // The config's maps count for new resources only: what exists keeps the size that it was made with.
        if (known?.Size is { } size0 && size0.InstanceType == spec.Size.InstanceType)
            spec = spec with { Size = size0 };
        if (ContractJson.Write(spec).GetRawText().Length is > EntryWriter.MaxDesiredBytes and var size)
            return WishSet.No(Reasons.ConfigurationError, $"spec: {size} bytes; a ledger entry takes {EntryWriter.MaxDesiredBytes}. Move long values into a ConfigMap.");
        return new WishSet { Entries = Entries(instance, place, interfaces, wish, spec, read.Policies) };
    }

    private InterfacePlace? PlaceOf(Resources.Compute.InstanceNetworkInterface wanted, Instance instance, ResolvedLocation place, LocationReference location, InterfaceSpec? made)
    {
        var network = plane.Networks.Find(new ObjectKey(string.IsNullOrEmpty(wanted.Network.Namespace) ? instance.Metadata.Namespace : wanted.Network.Namespace, wanted.Network.Name));
        if (network is null || places.ContextOf(network, location) is not { } context)
            return null;
        var (owner, slot, _) = places.KeyOf(place, network, context);
        if (writer.Find(ResourceKind.Network, owner.Uid, slot) is not { } entry)
            return null;
        var separate = place.Driver.Capabilities.Subnets is SubnetSupport.Separate;
        string EntryOf(Subnet subnet) => writer.NameOf(ResourceKind.Subnet, subnet.Metadata.Uid!, NetworkWishes.SubnetSlot);
        bool IsMade(Subnet subnet, string prefix) =>
            made?.Network?.Name == entry.Metadata.Name && (separate ? made!.Subnets.Any(s => s.Name == EntryOf(subnet)) : made!.Ranges.Contains(prefix));
        var has = SharedNetwork.FixedOf(place, entry);
        if (places.InterfaceOf(network, context, IsMade, prefix => has is not { } its || SharedNetwork.Holds(its, prefix)) is not { } found)
            return null;
        return new InterfacePlace(entry.Metadata.Name!, separate ? [.. found.Select(f => EntryOf(f.Subnet))] : [], [.. found.Select(f => f.Prefix)]);
    }

    private ImmutableArray<EntryWish> Entries(
        Instance instance, ResolvedLocation place, List<InterfacePlace> interfaces, InstanceWish wish, global::Datum.Providers.InstanceSpec spec, ResourcePolicies policies)
    {
        var entries = ImmutableArray.CreateBuilder<EntryWish>();
        var dependencies = interfaces.SelectMany(p => p.SubnetEntries.Select(s => (s, "subnet")).Prepend((p.NetworkEntry, "network"))).ToList();
        var uid = instance.Metadata.Uid!;
        var owner = writer.OwnerOf(ResourceTypes.Instances, instance);
        // Only the instance itself is adopted: its disks and firewalls are made.
        var others = policies.AdoptId is null ? policies : Policy.WithoutAdoption(policies);
        foreach (var (slot, disk) in wish.Disks)
        {
            entries.Add(new EntryWish
            {
                Kind = ResourceKind.Disk, Owner = owner, Slot = slot, Place = place, Policies = others, From = [instance],
                Desired = CanonicalJson.Of(ContractJson.Write(disk with { LocationJson = spec.LocationJson })),
            });
            dependencies.Add((writer.NameOf(ResourceKind.Disk, uid, slot), "disk"));
        }
        foreach (var (networkEntry, ingress, index) in interfaces.Select((p, i) => (p.NetworkEntry, instance.Spec.NetworkInterfaces[i].NetworkPolicy?.Ingress, i)))
            if (place.Driver.Capabilities.Firewall is FirewallScope.Separate)
            {
                var ports = spec.Sandbox?.Containers.SelectMany(c => c.Ports).ToList() ?? [.. spec.Machine?.Ports ?? []];
                entries.Add(new EntryWish
                {
                    Kind = ResourceKind.Firewall, Owner = owner, Slot = $"eth{index}", Place = place, Policies = others, From = [instance],
                    Desired = CanonicalJson.Of(ContractJson.Write(new FirewallSpec
                    {
                        Network = new Reference { Name = networkEntry }, LocationJson = spec.LocationJson,
                        // Findings of the rules were reported with the instance itself.
                        Ingress = IngressRules.Normalize(ingress ?? [], ports, "", []),
                    })),
                    DependsOn = [(networkEntry, "network")],
                });
                var name = writer.NameOf(ResourceKind.Firewall, uid, $"eth{index}");
                dependencies.Add((name, "firewall"));
                spec = spec with { Interfaces = spec.Interfaces.SetItem(index, spec.Interfaces[index] with { Firewalls = [new Reference { Name = name }] }) };
            }
        entries.Add(new EntryWish
        {
            Kind = ResourceKind.Instance, Owner = owner, Slot = InstanceSlot, Place = place, Policies = policies, From = [instance],
            Desired = CanonicalJson.Of(ContractJson.Write(spec)), DependsOn = [.. dependencies],
        });
        return entries.ToImmutable();
    }
}
