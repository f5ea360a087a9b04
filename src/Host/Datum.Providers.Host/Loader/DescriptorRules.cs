using System.Text.Json;
using Datum.Providers.Engine.Limits;

namespace Datum.Providers.Host.Loader;

/// <summary>What a description must hold before the host relies on it.</summary>
internal static class DescriptorRules
{
    /// <summary>The first rule that is broken; null when none is.</summary>
    public static string? Fault(DriverDescriptor? descriptor, DriverManifest manifest)
    {
        if (descriptor is null)
            return "Describe() returned null";
        if (Different("Id", descriptor.Id, manifest.Id) is { } id)
            return id;
        if (Different("LocationKey", descriptor.LocationKey, manifest.LocationKey) is { } key)
            return key;
        // Build metadata ("1.2.3+commit") says nothing about what the driver does.
        if (Different("Version", descriptor.Version?.Split('+')[0], manifest.Version.Split('+')[0]) is { } version)
            return version;
        if (!IsJsonObject(descriptor.LocationSchema))
            return "LocationSchema isn't a JSON object";
        if (!IsJsonObject(descriptor.SettingsSchema))
            return "SettingsSchema isn't a JSON object";
        if (descriptor.RangeOrder is not (RangeOrder.RangeFirst or RangeOrder.NetworkFirst))
            return $"RangeOrder is {descriptor.RangeOrder}";
        if (descriptor.Kinds.IsDefault)
            return "Kinds isn't set";
        HashSet<ResourceKind> seen = [];
        foreach (var kind in descriptor.Kinds)
            if (KindFault(kind, seen) is { } fault)
                return fault;
        foreach (var credential in descriptor.CredentialKeys)
            if (string.IsNullOrEmpty(credential?.Key))
                return "CredentialKeys holds an empty key";
        if (descriptor.Abilities.Any(a => a == Ability.Unknown || !Enum.IsDefined(a)) || descriptor.Abilities.Distinct().Count() < descriptor.Abilities.Length)
            return "Abilities holds one that the contract doesn't have, or one twice";
        return CapabilityFault(descriptor.Capabilities);
    }

    private static string? KindFault(KindDescriptor? kind, HashSet<ResourceKind> seen)
    {
        if (kind is null || kind.Kind == ResourceKind.Unknown || !Enum.IsDefined(kind.Kind))
            return "Kinds holds an entry without a kind";
        if (!seen.Add(kind.Kind))
            return $"Kinds holds {kind.Kind} twice";
        if (kind.CreateClass == CreateClass.Unknown || !Enum.IsDefined(kind.CreateClass))
            return $"Kinds[{kind.Kind}].CreateClass is {kind.CreateClass}";
        if (kind.CreateClass == CreateClass.Token && kind.TokenLife <= TimeSpan.Zero)
            return $"Kinds[{kind.Kind}].TokenLife isn't set, though its create class is Token";
        if (kind.ConsistencyWindow < TimeSpan.Zero)
            return $"Kinds[{kind.Kind}].ConsistencyWindow is negative";
        if (kind.CallTimeout > CallDeadlines.Longest)
            return $"Kinds[{kind.Kind}].CallTimeout is {kind.CallTimeout.TotalSeconds:0} s; one call may take {CallDeadlines.Longest.TotalSeconds:0} s at most, since a new leader waits for no longer one (L10)";
        return kind.CallTimeout <= TimeSpan.Zero || kind.CreateDeadline <= TimeSpan.Zero ? $"Kinds[{kind.Kind}] has a duration of zero" : null;
    }

    private static string? CapabilityFault(Capabilities? capabilities)
    {
        if (capabilities is null)
            return "Capabilities isn't set";
        if (capabilities.Subnets == SubnetSupport.Unknown)
            return "Capabilities.Subnets is Unknown";
        if (capabilities.Firewall == FirewallScope.Unknown)
            return "Capabilities.Firewall is Unknown";
        if (capabilities.IpFamilies == IpFamilySupport.Unknown)
            return "Capabilities.IpFamilies is Unknown";
        return capabilities.Marks is null || capabilities.Marks.Style == MarkStyle.Unknown ? "Capabilities.Marks.Style is Unknown" : null;
    }

    private static string? Different(string member, string? described, string listed) =>
        described == listed ? null : $"{member} is '{described}', but {DriverFinder.ManifestName} says '{listed}'";

    private static bool IsJsonObject(string? json)
    {
        if (json is null)
            return false;
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
