using System.Globalization;

namespace Company_Cloud;

/// <summary>A network with its address ranges inside.</summary>
internal sealed class Networks(Collection<CloudNetwork> items) : Verbs<NetworkSpec, NetworkFacts, CloudNetwork>(ResourceKind.Network, items)
{
    protected override void Validate(NetworkSpec desired, ImmutableArray<Finding>.Builder findings)
    {
        if (desired.Ranges.Length == 0)
            findings.Add(new Finding { Path = "ranges", Capability = "rangeOrder", Message = "A network of this platform needs at least one range." });
        for (var i = 0; i < desired.Ranges.Length; i++)
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"ranges[{i}]");
            if (!Cidr.TryParse(desired.Ranges[i], out var range))
                findings.Add(new Finding { Path = path, Message = $"'{desired.Ranges[i]}' is no prefix such as 10.0.0.0/20 with zero host bits." });
            else if (range.IsIPv6)
                findings.Add(new Finding { Path = path, Capability = "ipFamilies", Message = "This platform has IPv4 only." });
        }

        foreach (var family in desired.IpFamilies.Where(f => f != "IPv4"))
            findings.Add(new Finding { Path = "ipFamilies", Capability = "ipFamilies", Message = $"This platform has IPv4 only, not {family}." });
        if (desired.Mtu is < 1300 or > 8856)
            findings.Add(new Finding { Path = "mtu", Message = "The MTU is 1300 to 8856." });
    }

    protected override CloudNetwork ToWish(NetworkSpec desired, Identity id, string name, ImmutableDictionary<string, string> labels) =>
        ToChange(desired) with { Name = name, Labels = labels, Description = id.Hint };

    protected override CloudNetwork ToChange(NetworkSpec desired) => new() { Ranges = desired.Ranges, Mtu = desired.Mtu };

    protected override NetworkFacts ToFacts(CloudNetwork item) => new() { PlatformState = item.State, Ranges = item.Ranges ?? [], Mtu = item.Mtu };

    // The platform keeps ranges in an order of its own: that is no drift (DC-75).
    protected override SpecDiff Compare(NetworkSpec desired, CloudNetwork item) => new SpecDiff()
        .Set("ranges", desired.Ranges, item.Ranges ?? [], Remedy.InPlace)
        .Number("mtu", desired.Mtu, item.Mtu, Remedy.InPlace);
}
