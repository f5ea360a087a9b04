using System.Globalization;
using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Cluster;

/// <summary>A guest in the cluster's list.</summary>
internal sealed record Guest
{
    public required int VmId { get; init; }
    public required string Node { get; init; }
    public string? Name { get; init; }
    public string? Status { get; init; }
    public string? Lock { get; init; }
    public string? Pool { get; init; }
    public bool Template { get; init; }
    public bool IsMachine { get; init; }
    public ImmutableArray<string> Tags { get; init; } = [];
    public long MaxMemory { get; init; }
    public long Uptime { get; init; }

    public bool IsRunning => Status == "running";

    public string Id => VmIds.IdOf(VmId);

    public Mark? Mark => VmMarks.Read(Tags, Name);
}

/// <summary>A node in the cluster's list.</summary>
internal sealed record Node(string Name, bool Online, long MaxMemory);

/// <summary>A storage of a node in the cluster's list.</summary>
internal sealed record NodeStorage(string Node, string Storage, bool Shared, bool Available, string Content);

/// <summary>Everything that <c>/cluster/resources</c> shows in one call.</summary>
internal sealed record ClusterView
{
    public ImmutableArray<Guest> Guests { get; init; } = [];
    public ImmutableArray<Node> Nodes { get; init; } = [];
    public ImmutableArray<NodeStorage> Storages { get; init; } = [];

    public Guest? Find(int vmId) => Guests.FirstOrDefault(g => g.VmId == vmId);

    /// <summary>Machines that carry this identity's mark.</summary>
    public IEnumerable<Guest> Of(Identity id) => Guests.Where(g => g.IsMachine && Marks.Compare(id, g.Mark) == MarkState.Ours);

    public bool IsShared(string storage) => Storages.Any(s => s.Storage == storage && s.Shared);

    public bool HasNode(string node) => Nodes.Any(n => n.Name == node && n.Online);

    /// <summary>
    /// Machines with numbers of ours whose mark can't be read: the name of a clone that has no tags yet is known to its node alone, which is down.
    /// Needs the list with nodes.
    /// </summary>
    public ImmutableArray<Guest> Dark(NumberRange range) =>
        [.. Guests.Where(g => g.IsMachine && g.VmId >= range.First && g.VmId <= range.Last && g.Name is null && g.Tags.IsEmpty && Nodes.Any(n => n.Name == g.Node && !n.Online))];

    /// <summary>Guests alone, or with nodes and storages.</summary>
    public static async ValueTask<Answer<ClusterView>> ReadAsync(PveApi api, Call call, bool all = false)
    {
        var list = await api.ListAsync(call, all ? "cluster/resources" : "cluster/resources?type=vm");
        if (list.Value is not { } items)
            return list.Error!;
        var guests = ImmutableArray.CreateBuilder<Guest>();
        var nodes = ImmutableArray.CreateBuilder<Node>();
        var storages = ImmutableArray.CreateBuilder<NodeStorage>();
        foreach (var item in items.Items)
        {
            switch (item.Text("type"))
            {
                case "qemu" or "lxc" when item.Number("vmid") is { } vmId and >= 100 and <= 999_999_999 && item.Text("node") is { } node:
                    guests.Add(ToGuest(item, (int)vmId, node));
                    break;
                case "node" when item.Text("node") is { } name:
                    nodes.Add(new Node(name, item.Text("status") == "online", item.Number("maxmem") ?? 0));
                    break;
                case "storage" when item.Text("node") is { } at && item.Text("storage") is { } storage:
                    storages.Add(new NodeStorage(at, storage, item.Flag("shared"), item.Text("status") == "available", item.Text("content") ?? ""));
                    break;
                default:
                    break;
            }
        }

        guests.Sort((a, b) => a.VmId.CompareTo(b.VmId));
        return new ClusterView { Guests = guests.ToImmutable(), Nodes = nodes.ToImmutable(), Storages = storages.ToImmutable() };
    }

    private static Guest ToGuest(PveObject item, int vmId, string node) => new()
    {
        VmId = vmId,
        Node = node,
        Name = item.Text("name"),
        Status = item.Text("status"),
        Lock = item.Text("lock") is { Length: > 0 } held ? held : null,
        Pool = item.Text("pool"),
        Template = item.Flag("template"),
        IsMachine = item.Text("type") == "qemu",
        Tags = VmMarks.Split(item.Text("tags")),
        MaxMemory = item.Number("maxmem") ?? 0,
        Uptime = item.Number("uptime") ?? 0,
    };
}

/// <summary>Machine numbers: the identity of a machine at the platform, which moves from node to node.</summary>
internal static class VmIds
{
    public static string IdOf(int vmId) => "vm/" + vmId.ToString(CultureInfo.InvariantCulture);

    public static int? Parse(string? id) =>
        id?.StartsWith("vm/", StringComparison.Ordinal) == true && int.TryParse(id.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 100 and <= 999_999_999 ? number : null;

    public static int? Resolved(Identity id) => Parse("vm/" + id.Resolved.GetValueOrDefault("vmid"));

    /// <summary>
    /// A number of the identity's own that nobody has, also nobody that the session may not see (DC-37). Two sessions that come to the same one
    /// find out at the create, which the platform gives to one of them.
    /// </summary>
    public static async ValueTask<(int VmId, DriverError? Error)> ChooseAsync(ProxmoxContext context, Call call, Identity id, ClusterView view)
    {
        // What is recorded stays as long as nobody else has it (DC-41).
        if (Resolved(id) is { } chosen && (view.Find(chosen) is not { } holder || Marks.Compare(id, holder.Mark) == MarkState.Ours))
            return (chosen, null);
        var range = context.Settings.VmIdRange;
        var asked = 0;
        foreach (var candidate in ResourceNames.NumberCandidates(id, range.First, range.Last))
        {
            if (view.Find(candidate) is not null)
                continue;
            var answer = await context.Api.SendAsync(call, RestRequest.Get($"cluster/nextid?vmid={candidate.ToString(CultureInfo.InvariantCulture)}"));
            if (answer.Error is null)
                return (candidate, null);
            if (answer.Error is not { Code: ErrorCode.Conflict or ErrorCode.Invalid } || answer.Status == 0)
                return (0, answer.Error);
            // Taken by one that the session may not see.
            if (++asked == 8)
                return (0, PveErrors.Refused(ErrorCode.Conflict, $"The numbers {range.First} to {range.Last} are taken by guests that the credentials may not see; name another vmIdRange.") with { RetryAfter = TimeSpan.FromSeconds(30) });
        }

        return (0, PveErrors.Refused(ErrorCode.QuotaExceeded, $"All numbers from {range.First} to {range.Last} are taken; widen vmIdRange in the ProviderConfig's settings.") with { Field = "settings.vmIdRange" });
    }
}

/// <summary>
/// Marks of machines. Tags hold them, and are seen in the cluster's list; a clone can't be made with tags, so until they are set the name holds
/// the mark too: <c>web-0.1.NAME.ins.INSTALL.datum</c>.
/// </summary>
internal static class VmMarks
{
    private const string Suffix = "datum";

    public static string NameOf(Mark mark, string label) =>
        string.Create(CultureInfo.InvariantCulture, $"{Label(label, mark.Kind)}.{mark.Incarnation}.{mark.Name}.{ResourceNames.Prefix(mark.Kind)}.{mark.Installation}.{Suffix}");

    public static ImmutableArray<string> TagsOf(Identity id) => TagMarks.Proxmox.Write(Marks.For(id));

    public static ImmutableArray<string> Split(string? tags) => [.. (tags ?? "").Split([';', ',', ' '], StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>The mark in the tags, else in the name.</summary>
    public static Mark? Read(ImmutableArray<string> tags, string? name)
    {
        if (tags.Any(t => t.StartsWith(Marks.InstallKey + "-", StringComparison.Ordinal)))
            return TagMarks.Read(tags);
        return (name ?? "").Split('.') is [_, var incarnation, { Length: 32 } own, var prefix, { Length: > 0 and <= 16 } install, Suffix]
            && ResourceNames.KindOf(prefix) is { } kind && long.TryParse(incarnation, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new Mark { Installation = install, Kind = kind, Name = own, Incarnation = number } : null;
    }

    private static string Label(string text, ResourceKind kind)
    {
        var label = new string([.. text.ToLowerInvariant().Where(c => char.IsAsciiLetterOrDigit(c) || c == '-').Take(63)]).Trim('-');
        return label.Length > 0 ? label : ResourceNames.Prefix(kind);
    }
}
