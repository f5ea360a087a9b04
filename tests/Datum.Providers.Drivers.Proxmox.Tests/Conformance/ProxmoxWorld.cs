using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Conformance;
using Datum.Providers.Sdk;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Proxmox.Tests.Conformance;

/// <summary>The kit's world: the double in memory under a clock that moves when the kit says so, entered with an API token or with a user's password.</summary>
internal sealed partial class ProxmoxWorld : ConformanceWorld, ICensus, IVanish, IForeignObjects, IMarkTampering, IDriftMaker, IAccountSwap, ICapacityControl, IThrottleControl,
    ISlowOperations, IOperationFailure, IConsistencyControl, IDeletionBlocker, IClockSkew, IObjectReader, IPathWishes, INeutralChanges, IResolutionChange, IGuestControl, ICredentialControl,
    IPackedDriver
{
    private const string Token = "datum@pve!driver";

    /// <summary>Too short to be watched for: the platform itself puts a user's name into each task's, and so into addresses.</summary>
    private const string User = "dat@pve";

    private readonly CloudHandler _handler;
    private readonly ManualScheduler _clock = new();
    private readonly bool _byTicket;
    private int _secret = 1;
    private int _made;

    public ProxmoxWorld(ProxmoxKnobs? knobs = null, bool byTicket = false, string release = "9.1", int mostBreakPoints = int.MaxValue)
    {
        MostBreakPoints = mostBreakPoints;
        _byTicket = byTicket;
        Cloud = new ProxmoxCloud(_clock, (knobs ?? new ProxmoxKnobs()) with { NeedsSignIn = true }) { Description = Double.Schemas.For(release), Release = release };
        Admit();
        _handler = new CloudHandler(Cloud);
    }

    public ProxmoxCloud Cloud { get; }

    public override IDriverFactory Factory => new ProxmoxDriverFactory();

    public override Connection Connection => new()
    {
        Installation = "conf1",
        Endpoint = new Uri("https://cluster.test:8006"),
        Settings = JsonSerializer.SerializeToElement(new { storage = "ceph", isoStorage = "local", sandboxImage = "tag:datum-sandbox", sandboxPackages = Array.Empty<string>(), memoryPercent = 1000, vmIdRange = new { first = 200_000, last = 299_999 } }),
    };

    public override ImmutableDictionary<string, ReadOnlyMemory<byte>> Credentials => _byTicket
        ? ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty.Add("username", Bytes(User)).Add("password", Bytes(Secret))
        : ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty.Add("apiToken", Bytes($"{Token}={Secret}"));

    // A sign-in changes nothing that anybody wished for.
    public override bool IsMutation(HttpRequestMessage request) => base.IsMutation(request) && request.RequestUri?.AbsolutePath.EndsWith("/access/ticket", StringComparison.Ordinal) != true;

    public string? Folder => AppContext.BaseDirectory;

    public string Assembly => "Datum.Providers.Drivers.Proxmox.dll";

    public string FactoryType => typeof(ProxmoxDriverFactory).FullName!;

    public override int MostBreakPoints { get; }

    public override HttpMessageHandler Transport => _handler;

    public override TimeProvider Time => _clock;

    public override ValueTask PassAsync(TimeSpan time)
    {
        _clock.Advance(time);
        return ValueTask.CompletedTask;
    }

    // Time is virtual: a call that hangs costs nothing.
    public override TimeSpan HangingCallTimeout => CallTimeout;

    public override ImmutableArray<PayloadContent> Payloads =>
    [
        new() { Name = "database", Secret = true, Values = Values(("password", "canary-4f7b1c+9/&=pässword"), ("user", "canary-user-81d2")) },
        new() { Name = "database-new", Secret = true, Values = Values(("password", "canary-second-77aa01")) },
        new() { Name = "pull", Secret = true, Values = Values((".dockerconfigjson", """{"auths":{"r.test":{"auth":"Y2FuYXJ5OnJlZ2lzdHJ5LTU1MjE="}}}""")) },
        new() { Name = "config", Secret = false, Values = Values(("app.ini", "greeting=hello")) },
    ];

    public override Sample? SampleOf(ResourceKind kind) => ProxmoxSamples.Of(kind);

    public ValueTask<ImmutableArray<CensusObject>> CountAsync() => new([.. Cloud.Objects.Select(ToCensus).OfType<CensusObject>()]);

    public ValueTask VanishAsync(ResourceKind kind, Part part) => Did(Cloud.Vanish(PathOf(part.Id)), part);

    public ValueTask<string> CopyAsync(ResourceKind kind, Part part)
    {
        var path = PathOf(part.Id);
        var name = path.StartsWith("qemu/", StringComparison.Ordinal) ? (900 + ++_made).ToString(CultureInfo.InvariantCulture) : $"copy{++_made}";
        return new(IdOf(Cloud.Copy(path, name)));
    }

    public ValueTask StripMarkAsync(ResourceKind kind, Part part) => Did(Cloud.Edit(PathOf(part.Id), body =>
    {
        if (body["config"] is not JsonObject config)
        {
            body[part.Id.StartsWith("vnet/", StringComparison.Ordinal) ? "alias" : "comment"] = "a persons own words";
            return;
        }

        config["name"] = "mine";
        config["description"] = "a person's own words";
        config.Remove("tags");
    }), part);

    public ValueTask ForgeMarkAsync(ResourceKind kind, Part part, string installation) => Did(Cloud.Edit(PathOf(part.Id), body =>
    {
        if (body["config"] is JsonObject config)
        {
            config["tags"] = config["tags"]!.ToString().Replace("datum-install-conf1", $"datum-install-{installation}", StringComparison.Ordinal);
            return;
        }

        var words = part.Id.StartsWith("vnet/", StringComparison.Ordinal) ? "alias" : "comment";
        body[words] = body[words]!.ToString().Replace(":conf1:", $":{installation}:", StringComparison.Ordinal);
    }), part);

    public ValueTask<string?> MakeDriftAsync(ResourceKind kind, Part part)
    {
        string? path = null;
        switch (kind)
        {
            case ResourceKind.Network:
                path = "mtu";
                Cloud.Edit(PathOf(part.Id), b => b["alias"] = b["alias"]!.ToString().Replace("mtu=1450", "mtu=1600", StringComparison.Ordinal));
                break;
            case ResourceKind.Firewall when part.Name == "group":
                path = "ingress";
                Cloud.Do("POST", $"/cluster/firewall/groups/{part.Id[6..]}", ("type", "in"), ("action", "ACCEPT"), ("enable", "1"), ("proto", "tcp"), ("dport", "1:65535"), ("source", "0.0.0.0/0"));
                break;
            case ResourceKind.Disk:
                path = VolumeOf(part.Id) is { } volume && Cloud.Edit("volumes/" + volume, b => b["size"] = 15L << 30) ? "sizeGiB" : null;
                break;
            case ResourceKind.Instance when part.Name == "server":
                path = "suspended";
                Cloud.SetPower(Number(part.Id), false);
                break;
            default:
                break;
        }

        return new(path);
    }

    public ValueTask SwapAccountAsync()
    {
        Cloud.ClusterName = "other";
        return ValueTask.CompletedTask;
    }

    public ValueTask RotateAsync()
    {
        Cloud.ExpireTickets();
        _secret++;
        Admit();
        return ValueTask.CompletedTask;
    }

    public ValueTask RevokeAsync()
    {
        Cloud.RemoveUser(Token);
        Cloud.RemoveUser(User);
        return ValueTask.CompletedTask;
    }

    public ValueTask ExpireTokensAsync()
    {
        Cloud.ExpireTickets();
        return ValueTask.CompletedTask;
    }

    /// <summary>Somebody's own machines have all of the nodes' memory.</summary>
    public ValueTask SetFullAsync(bool full)
    {
        for (var i = 1; i <= 3; i++)
        {
            var id = (990 + i).ToString(CultureInfo.InvariantCulture);
            if (full)
                Cloud.Do("POST", $"/nodes/pve{i}/qemu", ("vmid", id), ("memory", "660000"));
            else
                Cloud.Vanish("qemu/" + id);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask SetThrottledAsync(TimeSpan? retryAfter) => Turn(k => k with { Throttled = retryAfter });

    public ValueTask SetDurationAsync(TimeSpan duration) => Turn(k => k with { DefaultDuration = duration });

    public ValueTask FailNextCreateAsync(ResourceKind kind, bool lateStockout)
    {
        if (kind == ResourceKind.Firewall)
            throw new NotApplicableException("Security groups are changed by the request itself; no task of theirs can fail.");
        Cloud.FailNext("*", lateStockout ? "lvcreate 'pve/vm-1-disk-0' error: insufficient free space" : "something that nobody has a word for");
        return ValueTask.CompletedTask;
    }

    public ValueTask ForgetOperationsAsync()
    {
        Cloud.ForgetTasks();
        return ValueTask.CompletedTask;
    }

    public ValueTask SetWindowAsync(TimeSpan window) => Turn(k => k with { ListLag = window, NameLag = window });

    public ValueTask SetSkewAsync(TimeSpan ahead) => Turn(k => k with { Skew = ahead });

    public ValueTask<CensusObject?> ReadAsync(ResourceKind kind, Part part)
    {
        if (Cloud.Objects.FirstOrDefault(o => o.Path == PathOf(part.Id)) is not { } item)
            return new((CensusObject?)null);
        return new(ToCensus(item) ?? new CensusObject { Id = part.Id, Kind = ResourceKind.Unknown, IdentityName = "", Labels = item.Body.ToJsonString(), Revision = Revision(item) });
    }

    public ImmutableDictionary<string, Func<SampleContext, ResourceSpec>> WishesOf(ResourceKind kind) => ProxmoxSamples.PathsOf(kind);

    public ValueTask ChangeNeutrallyAsync(ResourceKind kind, Part part) => Did(Cloud.Edit(PathOf(part.Id), body =>
    {
        // Rules have no order; a person's own tags and words stand beside ours.
        if (body["rules"] is JsonArray rules)
            body["rules"] = new JsonArray([.. rules.Reverse().Select(r => r!.DeepClone())]);
        if (body["comment"] is { } comment)
            body["comment"] = comment + " a note";
        if (body["alias"] is { } alias)
            body["alias"] = alias + " a note";
        if (body["config"] is not JsonObject config)
            return;
        config["tags"] = "mine;" + config["tags"];
        config["description"] = "A note.\n" + config["description"];
        config["startup"] = "order=3";
    }), part);

    // The operator points types and images to newer ones.
    public Connection NewerConnection => Connection with
    {
        DiskTypes = ImmutableDictionary<string, string>.Empty.Add("pd-standard", "local-lvm"),
        Images = ImmutableDictionary<string, string>.Empty.Add("datumcloud/sandbox", "tag:ubuntu-2204-lts"),
    };

    public ValueTask SetGuestReadyAsync(Part part, bool? ready)
    {
        Cloud.SetGuestReady(Number(part.Id), ready);
        return ValueTask.CompletedTask;
    }

    public override ValueTask DisposeAsync()
    {
        _handler.Dispose();
        return Cloud.Violations.Count == 0 ? base.DisposeAsync() : throw new InvalidOperationException("Not as the platform's description says: " + string.Join("; ", Cloud.Violations.Distinct()));
    }

    public static Mark? MarkOf(ProxmoxObject item) => item.Collection switch
    {
        "qemu" => TagMarks.Proxmox.ReadText(item.Body["config"]?["tags"]?.ToString()) ?? Cluster.VmMarks.Read([], item.Body["config"]?["name"]?.ToString()),
        "vnets" => TextMarks.Read(item.Body["alias"]?.ToString()),
        "groups" or "ipsets" => TextMarks.Read(item.Body["comment"]?.ToString()),
        "volumes" => Seed.SeedMedium.ReadMark(item.Path),
        _ => null,
    };

    private CensusObject? ToCensus(ProxmoxObject item)
    {
        if (MarkOf(item) is not { } mark || mark.Installation != Connection.Installation)
            return null;
        // A seed medium that its machine holds is put there and taken away by the machine's own steps: it counts once it is left alone.
        if (item.Collection == "volumes" && Cloud.Objects.Any(o => o.Collection == "qemu" && MarkOf(o) is { } holder && holder.Name == mark.Name))
            return null;
        return new CensusObject
        {
            Id = IdOf(item.Path),
            Kind = mark.Kind,
            IdentityName = mark.Name,
            Incarnation = mark.Incarnation,
            Labels = $"{item.Path} {item.Body.ToJsonString()}",
            // A seed medium is marked by its name and goes with its machine.
            Attached = item.Collection == "volumes",
            Revision = Revision(item),
        };
    }

    private string Secret => string.Create(CultureInfo.InvariantCulture, $"5ec4e7{_secret:00}-4b1d-4c2e-9f3a-77aa5521c0de");

    private void Admit()
    {
        Cloud.AddUser(User, Secret);
        Cloud.AddToken(Token, Secret);
    }

    private string? VolumeOf(string holder) => Cloud.Objects.First(o => o.Path == PathOf(holder)).Body["config"]!["scsi0"]?.ToString().Split(',')[0];

    // A vnet's ranges are objects of their own that nobody records.
    private string Revision(ProxmoxObject item) => string.Join('-', Cloud.Objects.Where(o => o.Collection == "subnets" && item.Collection == "vnets" && o.Body["vnet"]?.ToString() == item.Path[6..])
        .Append(item).Select(o => o.Revision.ToString(CultureInfo.InvariantCulture)));

    private static int Number(string id) => int.Parse(id.AsSpan(3), CultureInfo.InvariantCulture);

    /// <summary>From the driver's ids to the double's paths.</summary>
    private static string PathOf(string id) => id.Split('/') switch
    {
        ["vm", var number] => "qemu/" + number,
        ["vnet", var name] => "vnets/" + name,
        ["group", var name] => "groups/" + name,
        ["ipset", var name] => "ipsets/" + name,
        [_, ..] => "volumes/" + id[(id.IndexOf('/', StringComparison.Ordinal) + 1)..],
        _ => id,
    };

    private static string IdOf(string path) => path.Split('/') switch
    {
        ["qemu", var number] => "vm/" + number,
        ["vnets", var name] => "vnet/" + name,
        ["groups", var name] => "group/" + name,
        ["ipsets", var name] => "ipset/" + name,
        _ => path,
    };

    private ValueTask Turn(Func<ProxmoxKnobs, ProxmoxKnobs> change)
    {
        Cloud.Knobs = change(Cloud.Knobs);
        return ValueTask.CompletedTask;
    }

    private static ValueTask Did(bool done, Part part) =>
        done ? ValueTask.CompletedTask : throw new InvalidOperationException($"The platform has no {part.Name} {part.Id} that this can be done to.");

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static ImmutableDictionary<string, ReadOnlyMemory<byte>> Values(params ReadOnlySpan<(string Key, string Text)> values)
    {
        var all = ImmutableDictionary.CreateBuilder<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        foreach (var (key, text) in values)
            all[key] = Encoding.UTF8.GetBytes(text);
        return all.ToImmutable();
    }
}
