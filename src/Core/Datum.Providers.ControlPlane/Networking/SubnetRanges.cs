using System.Globalization;
using Datum.Providers.ControlPlane.Ipam;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>Which range a Subnet has.</summary>
public static class SubnetRanges
{
    public static IpFamily Family(string? text) => text switch
    {
        "IPv4" => IpFamily.IPv4,
        "IPv6" => IpFamily.IPv6,
        _ => IpFamily.Unknown,
    };

    /// <summary>The range that the status says is allocated; null when there is none.</summary>
    public static IpPrefix? Allocated(Subnet subnet)
    {
        ArgumentNullException.ThrowIfNull(subnet);
        return Conditions.IsTrue(subnet.Status?.Conditions, ConditionTypes.Allocated)
            ? Parse(subnet.Status?.StartAddress, subnet.Status?.PrefixLength ?? 0)
            : null;
    }

    /// <summary>The range that nobody else can have: the allocated one, or the one that the spec asks for unless that was refused.</summary>
    public static IpPrefix? Held(Subnet subnet)
    {
        ArgumentNullException.ThrowIfNull(subnet);
        return Allocated(subnet)
            ?? (Conditions.IsFalse(subnet.Status?.Conditions, ConditionTypes.Allocated) ? null : Parse(subnet.Spec.StartAddress, subnet.Spec.PrefixLength));
    }

    private static IpPrefix? Parse(string? address, int length) =>
        !string.IsNullOrEmpty(address) && length > 0 && IpPrefix.TryParse(address, length, out var prefix, out _) ? prefix : null;

    /// <summary>What was asked for: the spec as it was before the allocator wrote a range into it. Null and 0 leave it to the allocator.</summary>
    public static (string? StartAddress, int PrefixLength) Asked(Subnet subnet)
    {
        ArgumentNullException.ThrowIfNull(subnet);
        if (subnet.Metadata.Annotation(Annotations.AskedRange) is not { } text)
            return (subnet.Spec.StartAddress is { Length: > 0 } start ? start : null, subnet.Spec.PrefixLength);
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var address = slash < 0 ? text : text[..slash];
        return (address == Any ? null : address, slash >= 0 && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? length : 0);
    }

    /// <summary>Whether the allocator chose the range in the spec. It may then choose another one until it is allocated.</summary>
    public static bool IsChosen(Subnet subnet)
    {
        ArgumentNullException.ThrowIfNull(subnet);
        return subnet.Metadata.Annotation(Annotations.AskedRange) is not null;
    }

    /// <summary>Writes a range, or what was asked for when there is none, into a spec.</summary>
    internal static void Write(Subnet subnet, IpPrefix? prefix)
    {
        var (start, length) = Asked(subnet);
        if (prefix is not { } range || (range.StartAddress == start && range.Length == length))
        {
            subnet.Metadata.Annotations?.Remove(Annotations.AskedRange);
            (subnet.Spec.StartAddress, subnet.Spec.PrefixLength) = prefix is null ? (start ?? "", length) : (prefix.Value.StartAddress, prefix.Value.Length);
            return;
        }

        var asked = start ?? Any;
        (subnet.Metadata.Annotations ??= [])[Annotations.AskedRange] = length > 0 ? string.Create(CultureInfo.InvariantCulture, $"{asked}/{length}") : asked;
        (subnet.Spec.StartAddress, subnet.Spec.PrefixLength) = (range.StartAddress, range.Length);
    }

    private const string Any = "any";
}
