using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>What the trace is made from: one listing a kind, at one moment.</summary>
internal sealed class PlaneSnapshot
{
    public required DateTimeOffset Now { get; init; }

    public List<Workload> Workloads { get; } = [];
    public List<WorkloadDeployment> Deployments { get; } = [];
    public List<Instance> Instances { get; } = [];
    public List<Network> Networks { get; } = [];
    public List<NetworkBinding> Bindings { get; } = [];
    public List<NetworkContext> Contexts { get; } = [];
    public List<SubnetClaim> Claims { get; } = [];
    public List<Subnet> Subnets { get; } = [];
    public List<Location> Locations { get; } = [];
    public List<ProviderConfig> Configs { get; } = [];
    public List<ProviderDriver> Drivers { get; } = [];
    public List<ManagedResource> Entries { get; } = [];
    public List<Lease> Leases { get; } = [];

    /// <summary>Namespaces whose networks were listed.</summary>
    public HashSet<string> NetworksListed { get; } = new(StringComparer.Ordinal);

    /// <summary>Kinds (by plural) that couldn't be listed, wholly or in part.</summary>
    public List<TraceGap> Gaps { get; } = [];

    /// <summary>Whether what isn't in a list really isn't there.</summary>
    public bool Knows(string plural) => !Gaps.Exists(g => g.Plural == plural);

    /// <summary>The names of all objects of a kind that were read.</summary>
    public IEnumerable<string> Names(string kind) => (kind switch
    {
        "Workload" => Workloads.Select(o => o.Metadata),
        "WorkloadDeployment" => Deployments.Select(o => o.Metadata),
        "Instance" => Instances.Select(o => o.Metadata),
        "Network" => Networks.Select(o => o.Metadata),
        "NetworkBinding" => Bindings.Select(o => o.Metadata),
        "NetworkContext" => Contexts.Select(o => o.Metadata),
        "SubnetClaim" => Claims.Select(o => o.Metadata),
        "Subnet" => Subnets.Select(o => o.Metadata),
        "Location" => Locations.Select(o => o.Metadata),
        "ProviderConfig" => Configs.Select(o => o.Metadata),
        "ProviderDriver" => Drivers.Select(o => o.Metadata),
        "ManagedResource" => Entries.Select(o => o.Metadata),
        _ => [],
    }).Select(m => m.Name ?? "");
}
