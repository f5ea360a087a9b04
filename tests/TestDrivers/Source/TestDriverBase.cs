using Datum.Providers;

namespace TestDrivers;

/// <summary>What all test drivers have in common: a descriptor with nothing special in it.</summary>
public abstract class TestDriverBase : IDriverFactory
{
    public abstract DriverDescriptor Describe();

    public abstract ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation);

    protected static DriverDescriptor Descriptor(string id, string locationKey, string egress = "") => new()
    {
        Id = id,
        Version = "1.2.3",
        LocationKey = locationKey,
        LocationSchema = """{"type":"object"}""",
        SettingsSchema = """{"type":"object"}""",
        Egress = egress.Length == 0 ? [] : [egress],
        RangeOrder = RangeOrder.NetworkFirst,
        Kinds = [],
        Capabilities = new Capabilities
        {
            Subnets = SubnetSupport.None,
            Firewall = FirewallScope.None,
            IpFamilies = IpFamilySupport.Any,
            Marks = new MarkLimits { Style = MarkStyle.Tags, MaxLength = 63 },
        },
    };
}
