using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>
/// Gives addresses of a network's ranges to machines: the platform knows none. What is taken stands in the notes of the machines that are
/// connected to the portgroup, whether they run or not, and in what guests report. Two machines that choose at once may choose alike: each
/// looks again after it has written its choice and before it is started, and gives way to whom it sees.
/// </summary>
internal sealed class AddressChoice(VsphereContext context)
{
    private static readonly string[] Paths = ["name", "config.annotation", "config.instanceUuid", "guest.net"];

    /// <summary>Addresses that others have in the networks of an instance, by portgroup.</summary>
    public async ValueTask<(ImmutableDictionary<string, ImmutableHashSet<string>> Taken, DriverError? Error)> TakenAsync(Call call, Machine self, InstanceSpec desired)
    {
        var taken = ImmutableDictionary.CreateBuilder<string, ImmutableHashSet<string>>(StringComparer.Ordinal);
        foreach (var network in desired.Interfaces.Where(i => i.Ranges.Length > 0).Select(i => i.Network?.ProviderId).OfType<string>().Where(MoRef.IsValue).Distinct(StringComparer.Ordinal))
        {
            var (others, error) = await context.Properties.ReadThroughAsync(call, new MoRef("DistributedVirtualPortgroup", network), "vm", "VirtualMachine", Paths);
            if (error is not null)
                return (taken.ToImmutable(), error);
            taken[network] = [.. others.Where(o => o.Ref != self.Ref).SelectMany(AddressesOf).Select(Normal)];
        }

        return (taken.ToImmutable(), null);
    }

    /// <summary>Whether somebody else has one of the machine's addresses.</summary>
    public static bool Collides(Machine self, InstanceSpec desired, ImmutableDictionary<string, ImmutableHashSet<string>> taken) =>
        self.Addresses.Any(a => desired.Interfaces.FirstOrDefault(i => i.Name == a.Interface)?.Network?.ProviderId is { } network && taken.GetValueOrDefault(network)?.Contains(a.Address) == true);

    /// <summary>
    /// Addresses for every interface: those that were wished for, those that the machine has and that are still nobody else's, else free ones.
    /// </summary>
    public (ImmutableArray<(string Interface, string Address)> Chosen, DriverError? Error) Choose(Identity id, Machine self, InstanceSpec desired, ImmutableDictionary<string, ImmutableHashSet<string>> taken)
    {
        var chosen = ImmutableArray.CreateBuilder<(string, string)>();
        foreach (var nic in desired.Interfaces)
        {
            var others = nic.Network?.ProviderId is { } network ? taken.GetValueOrDefault(network) ?? [] : [];
            foreach (var text in nic.Ranges)
            {
                if (!Cidr.TryParse(text, out var range))
                    return ([], VimErrors.Refused(ErrorCode.Invalid, $"'{text}' is no prefix.") with { Field = $"interfaces[{nic.Name}].ranges" });
                bool Fits(string a) => IPAddress.TryParse(a, out var address) && range.Contains(address);
                var wished = nic.Addresses.FirstOrDefault(Fits);
                if (wished is not null && others.Contains(Normal(wished)))
                    return ([], VimErrors.Refused(ErrorCode.Conflict, $"Another machine in the network has the address {wished}.") with { Field = $"interfaces[{nic.Name}].addresses", BlockedBy = [wished] });
                var had = self.Addresses.Where(a => a.Interface == nic.Name).Select(a => a.Address).FirstOrDefault(a => Fits(a) && !others.Contains(a));
                if ((wished ?? had ?? Free(id, nic.Name, range, others)) is not { } address)
                    return ([], VimErrors.Refused(ErrorCode.CapacityUnavailable, $"Every address of {range} is taken.") with { Field = $"interfaces[{nic.Name}].ranges" });
                chosen.Add((nic.Name, Normal(address)));
            }
        }

        return (chosen.ToImmutable(), null);
    }

    /// <summary>The router's address in a range; null where there is none.</summary>
    public static IPAddress? Gateway(Cidr range, VsphereSettings settings) => settings.Gateway switch
    {
        "First" => range.FirstHost,
        "Last" => range.LastHost,
        _ => null,
    };

    /// <summary>
    /// The first free address in an order of the identity's own. In a large range only so many are tried: what hashes alike there is chance, and
    /// a range that is nearly full is searched from end to end.
    /// </summary>
    private string? Free(Identity id, string nic, Cidr range, ImmutableHashSet<string> others)
    {
        var reserved = (UInt128)context.Settings.ReservedAddresses!.Value;
        var (first, last) = (range.IndexOf(range.FirstHost) + reserved, range.IndexOf(range.LastHost) - UInt128.Min(reserved, range.IndexOf(range.LastHost)));
        if (last < first)
            return null;
        var gateway = Gateway(range, context.Settings);
        var count = (int)UInt128.Min(last - first + 1, 1 << 20);
        // Each interface in an order of its own: two of one machine in one range take two.
        var order = id with { Name = id.Name + nic };
        foreach (var number in ResourceNames.NumberCandidates(order, 0, count - 1))
        {
            var address = range.Nth(first + (UInt128)number);
            if (!address.Equals(gateway) && !others.Contains(address.ToString()))
                return address.ToString();
        }

        return null;
    }

    private static IEnumerable<string> AddressesOf(VimObject machine) =>
        Machine.AddressesOf(machine.String("config.annotation")).Select(a => a.Address)
            .Concat((machine.Find("guest.net")?.All("GuestNicInfo") ?? []).SelectMany(n => n.All("ipAddress")).Select(a => a.Text));

    private static string Normal(string address) => IPAddress.TryParse(address, out var parsed) ? parsed.ToString() : address;
}
