using System.Globalization;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane;

/// <summary>The names of what the core controllers make, as upstream has them, and who refers to whom.</summary>
public static class Names
{
    public const string SubnetClass = "private";

    private const string DefaultFamily = "IPv4";

    public static string Deployment(string workload, string placement, string cityCode) => $"{workload}-{placement}-{cityCode.ToLowerInvariant()}";

    public static string Instance(string deployment, int ordinal) => string.Create(CultureInfo.InvariantCulture, $"{deployment}-{ordinal}");

    /// <summary>The ordinal in an Instance's name; null when the name isn't one that this deployment gives.</summary>
    public static int? Ordinal(string deployment, string instance) =>
        instance.StartsWith(deployment + "-", StringComparison.Ordinal)
        && int.TryParse(instance.AsSpan(deployment.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal)
        && Instance(deployment, ordinal) == instance
            ? ordinal
            : null;

    public static string Binding(string deployment, int networkInterface) => string.Create(CultureInfo.InvariantCulture, $"{deployment}-net-{networkInterface}");

    /// <summary>
    /// The binding of an interface at a Location other than the deployment's own. A hyphen leads to a Location of the deployment's
    /// namespace, a dot to one of cluster scope: the two can have one name.
    /// </summary>
    public static string Binding(string deployment, int networkInterface, LocationReference location) =>
        $"{Binding(deployment, networkInterface)}{(location.Namespace is null ? '.' : '-')}{location.Name}";

    public static string Context(string network, LocationReference location) =>
        location.Namespace is null ? $"{network}-{location.Name}" : $"{network}-{location.Namespace}-{location.Name}";

    /// <summary>The claim of a family in a context, and its Subnet.</summary>
    public static string Claim(string context, string family) => family == DefaultFamily ? $"{context}-0" : $"{context}-{family.ToLowerInvariant()}";

    /// <summary>The families of a Network; IPv4 where it names none.</summary>
    public static IReadOnlyList<string> Families(Network network) =>
        network.Spec.IpFamilies is { Count: > 0 } families ? [.. families.Distinct(StringComparer.Ordinal)] : [DefaultFamily];

    public static ObjectKey NetworkOf(NetworkBinding binding) => Resolve(binding.Spec.Network, binding.Metadata.Namespace);

    /// <summary>The context that a binding leads to; it is in the Network's namespace.</summary>
    public static ObjectKey ContextOf(NetworkBinding binding) =>
        new(NetworkOf(binding).Namespace, Context(binding.Spec.Network.Name, binding.Spec.Location));

    public static ObjectKey Resolve(NetworkReference network, string? ns) => new(string.IsNullOrEmpty(network.Namespace) ? ns : network.Namespace, network.Name);

    /// <summary>The Networks of all interfaces, each once.</summary>
    public static IReadOnlyList<ObjectKey> NetworkKeys(InstanceSpec spec, string? ns) =>
        [.. spec.NetworkInterfaces.Select(i => Resolve(i.Network, ns)).Distinct()];
}
