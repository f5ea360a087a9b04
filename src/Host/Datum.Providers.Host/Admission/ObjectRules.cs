using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.ControlPlane.Ipam;
using Datum.Providers.ControlPlane.Networking;
using Datum.Providers.Engine.Translate;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Validation;

namespace Datum.Providers.Host.Admission;

/// <summary>What is wrong with one object, whatever else there is: pure. What needs a plane is in <see cref="PlaneRules"/>.</summary>
internal static class ObjectRules
{
    /// <summary>The kinds that have rules: those of the webhook.</summary>
    public static IReadOnlyList<KnownKind> Kinds { get; } =
    [
        Of(ResourceTypes.Workloads), Of(ResourceTypes.WorkloadDeployments), Of(ResourceTypes.Instances), Of(ResourceTypes.ComputeLocations),
        Of(ResourceTypes.Locations), Of(ResourceTypes.Networks), Of(ResourceTypes.SubnetClaims), Of(ResourceTypes.Subnets),
        Of(ResourceTypes.ProviderConfigs), Of(ResourceTypes.ExportPolicies), Of(ResourceTypes.OlderExportPolicies),
    ];

    /// <summary>Empty for a kind without rules.</summary>
    /// <exception cref="JsonException">The object can't be read as its kind; no server with our definitions takes such a one.</exception>
    public static IReadOnlyList<Violation> Check(JsonObject value)
    {
        // Without a spec nothing is wished for; whether there must be one is the definition's.
        if (value["spec"] is null)
            return [];
        bool Is<T>(ResourceType<T> type) where T : KubeObject => (string?)value["apiVersion"] == type.ApiVersion && (string?)value["kind"] == type.Kind;
        T As<T>(ResourceType<T> type) where T : KubeObject => value.Deserialize(type.Json)!;

        if (Is(ResourceTypes.Workloads))
            return Check(As(ResourceTypes.Workloads));
        if (Is(ResourceTypes.WorkloadDeployments) && As(ResourceTypes.WorkloadDeployments) is var deployment)
            return InstanceTranslation.Violations(deployment.Spec.Template.Spec, deployment.Spec.Template.Metadata?.Annotations, deployment.Metadata.Namespace, TemplatePlace.Template);
        if (Is(ResourceTypes.Instances) && As(ResourceTypes.Instances) is var instance)
            return InstanceTranslation.Violations(instance.Spec, instance.Metadata.Annotations, instance.Metadata.Namespace, TemplatePlace.Instance);
        if (Is(ResourceTypes.Locations) || Is(ResourceTypes.ComputeLocations))
            return LocationBlock.TryRead(As(ResourceTypes.Locations), out _, out var error) ? [] : [Rules.LocationBlock.At("spec.provider", error)];
        if (Is(ResourceTypes.Networks))
            return [.. Ranges(As(ResourceTypes.Networks).Spec.Ipam)];
        if (Is(ResourceTypes.SubnetClaims) && As(ResourceTypes.SubnetClaims).Spec is var claim)
            return [.. Range(claim.IpFamily, claim.StartAddress, claim.PrefixLength ?? 0)];
        if (Is(ResourceTypes.Subnets) && As(ResourceTypes.Subnets).Spec is var subnet)
            return [.. Range(subnet.IpFamily, subnet.StartAddress, subnet.PrefixLength)];
        return Is(ResourceTypes.ExportPolicies) || Is(ResourceTypes.OlderExportPolicies) ? ExportPolicyRules.Check(As(ResourceTypes.ExportPolicies).Spec) : [];
    }

    private static IReadOnlyList<Violation> Check(Workload workload)
    {
        var template = workload.Spec.Template;
        var found = InstanceTranslation.Violations(template.Spec, template.Metadata?.Annotations, workload.Metadata.Namespace, TemplatePlace.Template).Concat(WorkloadRules.Check(workload.Spec)).ToList();
        // The controller's own words, where nothing simpler is wrong with the placements.
        if (found.TrueForAll(v => !v.Field.StartsWith("spec.placements", StringComparison.Ordinal)) && WorkloadPlan.Desired(workload).Error is { } error)
            found.Add(Rules.DeploymentNames.At(error.Split(' ')[0], error));
        return found;
    }

    private static IEnumerable<Violation> Ranges(NetworkIpam ipam)
    {
        IEnumerable<(string Field, string? Text, IpFamily Family)> all =
        [
            ("ipv4Range", ipam.IPv4Range, IpFamily.IPv4), .. (ipam.IPv4Ranges ?? []).Select((r, i) => (At("ipv4Ranges", i), (string?)r, IpFamily.IPv4)),
            ("ipv6Range", ipam.IPv6Range, IpFamily.IPv6), .. (ipam.IPv6Ranges ?? []).Select((r, i) => (At("ipv6Ranges", i), (string?)r, IpFamily.IPv6)),
        ];
        foreach (var (field, text, family) in all)
            if (string.IsNullOrEmpty(text))
                continue;
            else if (!IpPrefix.TryParse(text, out var prefix, out var error))
                yield return Rules.NetworkRange.At($"spec.ipam.{field}", $"{error}.");
            else if (prefix.Family != family)
                yield return Rules.NetworkRange.At($"spec.ipam.{field}", $"'{text}' is no {family} prefix; write it into {(family == IpFamily.IPv4 ? "ipv6Range" : "ipv4Range")}.");
    }

    /// <summary>Empty and 0 leave it to the allocator.</summary>
    private static IEnumerable<Violation> Range(string family, string? address, int length)
    {
        var wanted = SubnetRanges.Family(family);
        if (wanted is IpFamily.Unknown)
            yield break;
        if (length < 0 || length > IpPrefix.Bits(wanted))
            yield return Rules.SubnetRange.At("spec.prefixLength", $"{length.ToString(CultureInfo.InvariantCulture)} must be 1 to {IpPrefix.Bits(wanted)}, or left out.");
        else if (!string.IsNullOrEmpty(address) && !IpPrefix.TryParse(address, length == 0 ? IpPrefix.Bits(wanted) : length, out var prefix, out var error))
            yield return Rules.SubnetRange.At("spec.startAddress", $"{error}.");
        else if (!string.IsNullOrEmpty(address) && IpPrefix.TryParse(address, IpPrefix.Bits(wanted), out prefix, out _) is var read && (!read || prefix.Family != wanted))
            yield return Rules.SubnetRange.At("spec.startAddress", $"'{address}' is no {family} address, and spec.ipFamily is {family}.");
    }

    private static string At(string path, int index) => string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]");

    private static KnownKind Of<T>(ResourceType<T> type) where T : KubeObject => new(type.ApiVersion, type.Kind, type.Plural, type.Namespaced);
}
