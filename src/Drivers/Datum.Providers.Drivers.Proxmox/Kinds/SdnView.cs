using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Kinds;

/// <summary>A virtual network as it will be once pending changes are applied; <see cref="State"/> says that some are.</summary>
internal sealed record Vnet
{
    public required string Name { get; init; }
    public string? Zone { get; init; }
    public string? Alias { get; init; }
    public int? Tag { get; init; }

    /// <summary><c>new</c>, <c>changed</c>, <c>deleted</c>; null when nothing is pending.</summary>
    public string? State { get; init; }

    public string Id => NetworkKind.VnetIdOf(Name);

    public Mark? Mark => TextMarks.Read(Alias);

    public int? Mtu => NetworkWords.Number(Alias, "mtu");

    public static Vnet? Read(PveObject item) => Pending.Text(item, "vnet") is not { Length: > 0 } name ? null : new Vnet
    {
        Name = name,
        Zone = Pending.Text(item, "zone"),
        Alias = Pending.Text(item, "alias"),
        Tag = int.TryParse(Pending.Text(item, "tag"), NumberStyles.None, CultureInfo.InvariantCulture, out var tag) ? tag : null,
        State = Pending.State(item),
    };
}

/// <summary>A range of a virtual network.</summary>
internal sealed record VnetSubnet(string Id, string? Cidr, string? Gateway, string? State)
{
    public bool Deleted => State == "deleted";

    public static VnetSubnet? Read(PveObject item)
    {
        if (Pending.Text(item, "subnet") is not { Length: > 0 } id)
            return null;
        // zone-10.0.0.0-24
        var cidr = Pending.Text(item, "cidr");
        if (cidr is null && id.Split('-') is [.., var address, var length])
            cidr = $"{address}/{length}";
        return new VnetSubnet(id, Sdk.Cidr.TryParse(cidr, out var read) ? read.ToString() : cidr, Pending.Text(item, "gateway"), Pending.State(item));
    }
}

/// <summary>A zone.</summary>
internal sealed record Zone(string Name, string Type, int? Mtu, string? State)
{
    public bool NeedsTag => Type is "vlan" or "vxlan" or "evpn" or "qinq";

    /// <summary>Whether the platform's own router has the gateway of each range, and can hide guests behind the node's address.</summary>
    public bool Routes => Type is "simple" or "evpn";

    /// <summary>What fits through; tunnels take 50 bytes of what the nodes have.</summary>
    public int LargestMtu => Mtu ?? (Type is "vxlan" or "evpn" ? 1450 : 1500);
}

/// <summary>Reading objects that may have pending changes: those stand in a member of their own.</summary>
internal static class Pending
{
    public static string? State(PveObject item) => item.Text("state") is { Length: > 0 } state ? state : null;

    public static string? Text(PveObject item, string name)
    {
        var actual = item.Text(name);
        // What will be gone still is what it was.
        if (State(item) == "deleted" || item.Object("pending") is not { } pending || pending.Text(name) is not { } wish)
            return actual;
        return wish == "deleted" ? null : wish;
    }
}

/// <summary>Words beside the mark: <c>mtu=1460</c>.</summary>
internal static class NetworkWords
{
    public static string? Text(string? comment, string key)
    {
        foreach (var word in (comment ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
            if (word.StartsWith(key + "=", StringComparison.Ordinal))
                return word[(key.Length + 1)..];
        return null;
    }

    public static int? Number(string? comment, string key) => int.TryParse(Text(comment, key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    public static string Write(Identity id, NetworkSpec desired, string? more = null) =>
        ProxmoxContext.Comments.Write(Marks.For(id), string.Join(' ', new[] { more, desired.Mtu is { } mtu ? string.Create(CultureInfo.InvariantCulture, $"mtu={mtu}") : null }.OfType<string>()));
}

/// <summary>Reads of the software-defined network.</summary>
internal static class SdnReads
{
    public static async ValueTask<(ImmutableArray<Vnet> Items, DriverError? Error)> VnetsAsync(PveApi api, Call call)
    {
        var list = await api.ListAsync(call, "cluster/sdn/vnets?pending=1");
        return list.Value is { } items ? ([.. items.Items.Select(Vnet.Read).OfType<Vnet>()], null) : ([], list.Error);
    }

    public static async ValueTask<(ImmutableArray<VnetSubnet> Items, DriverError? Error)> SubnetsAsync(PveApi api, Call call, string vnet)
    {
        var list = await api.ListAsync(call, $"cluster/sdn/vnets/{vnet}/subnets?pending=1");
        return list.Value is { } items ? ([.. items.Items.Select(VnetSubnet.Read).OfType<VnetSubnet>()], null) : ([], list.Error);
    }

    public static async ValueTask<(ImmutableArray<Zone> Items, DriverError? Error)> ZonesAsync(PveApi api, Call call)
    {
        var list = await api.ListAsync(call, "cluster/sdn/zones?pending=1");
        return list.Value is not { } items ? ([], list.Error)
            : ([.. items.Items.Where(z => Pending.Text(z, "zone") is not null).Select(z => new Zone(Pending.Text(z, "zone")!, Pending.Text(z, "type") ?? "", int.TryParse(Pending.Text(z, "mtu"), NumberStyles.None, CultureInfo.InvariantCulture, out var mtu) ? mtu : null, Pending.State(z)))], null);
    }
}
