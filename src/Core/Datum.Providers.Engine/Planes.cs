using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine;

/// <summary>The plane that the host belongs to: ledger, configs, credentials. A type of its own, so that nothing of it is sought at a project's plane.</summary>
public sealed class HomePlane
{
    public required IKubernetesClient Client { get; init; }

    /// <summary>1 to 16 of <c>[a-z0-9]</c>; part of every mark.</summary>
    public required string Installation { get; init; }

    /// <summary>The namespace that credentials are read from.</summary>
    public required string Namespace { get; init; }

    /// <summary>Indexes <see cref="ByOwner"/>, <see cref="ByDependency"/> and <see cref="ByConfig"/> are added by <see cref="Prepare"/>.</summary>
    public required IObjectCache<ManagedResource> Entries { get; init; }

    public required IObjectCache<ProviderConfig> Configs { get; init; }

    public const string ByOwner = "owner";
    public const string ByDependency = "dependency";
    public const string ByConfig = "config";

    /// <summary>Adds the indexes; once, before the caches are filled.</summary>
    public void Prepare()
    {
        Entries.AddIndex(ByOwner, static e => [e.Spec.Owner.Uid]);
        Entries.AddIndex(ByDependency, static e => e.Spec.DependsOn?.Select(d => d.Name) ?? []);
        Entries.AddIndex(ByConfig, static e => [e.Spec.ProviderConfig]);
    }
}

/// <summary>A plane that serves Datum kinds.</summary>
public sealed class ProjectPlane
{
    /// <summary>The UID of its kube-system namespace: part of every entry's name.</summary>
    public required string Id { get; init; }

    /// <summary>The project's name for <c>allowed.projects</c>; null in single mode.</summary>
    public string? Project { get; init; }

    public required IKubernetesClient Client { get; init; }

    /// <summary>For whoever works for all planes at once: gives up early when the plane is slow. Default <see cref="Client"/>.</summary>
    public IKubernetesClient SharedClient { get => field ?? Client; init; }

    public required IObjectCache<Location> Locations { get; init; }

    /// <summary>How this plane serves them: group, version and scope differ between Datum's eras.</summary>
    public ResourceType<Location> LocationType { get; init; } = ResourceTypes.Locations;

    /// <summary>Locations of another group: compute's, which a seed document has, or the third era's beside networking's; the first one of the same name wins.</summary>
    public required IObjectCache<Location> ComputeLocations { get; init; }

    /// <summary>As <see cref="LocationType"/>.</summary>
    public ResourceType<Location> OtherLocationType { get; init; } = ResourceTypes.ComputeLocations;

    public required IObjectCache<Network> Networks { get; init; }
    public required IObjectCache<NetworkContext> NetworkContexts { get; init; }
    public required IObjectCache<Subnet> Subnets { get; init; }
    public required IObjectCache<WorkloadDeployment> WorkloadDeployments { get; init; }
    public required IObjectCache<Instance> Instances { get; init; }

    /// <summary>Slows what another host undoes; set by the engine that writes.</summary>
    internal Contest? Contest { get; set; }
}
