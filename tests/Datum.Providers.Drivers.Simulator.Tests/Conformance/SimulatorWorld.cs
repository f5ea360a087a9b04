using System.Text;
using System.Text.Json;
using Datum.Providers.Conformance;
using Datum.Providers.Sdk;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Simulator.Tests.Conformance;

/// <summary>The Simulator's world: a cloud in memory under a clock that moves when the kit says so. The knobs decide what sort of platform it is.</summary>
internal sealed class SimulatorWorld : ConformanceWorld, ICensus, IVanish, IForeignObjects, IMarkTampering, IDriftMaker, IAccountSwap, IQuotaControl, ICapacityControl,
    IThrottleControl, ISlowOperations, IOperationFailure, IConsistencyControl, IPartitionControl, IPageControl, IDeletionBlocker, IApprovalControl,
    IObjectReader, IPathWishes, INeutralChanges, IResolutionChange, IGuestControl,
    ICredentialControl, ISignInCount, IPackedDriver
{
    private const string Zone = "z1";
    private string _credential = "canary-token-first-0c1f";
    private readonly SimulatorProfile _profile;
    private readonly SimulatedCloudHandler _handler;
    private readonly ManualScheduler _clock = new();

    public SimulatorWorld(SimulatorKnobs? knobs = null, SimulatorProfile? profile = null)
    {
        _profile = profile ?? new SimulatorProfile();
        Cloud = new SimulatedCloud(_clock, 7, knobs ?? new SimulatorKnobs());
        _handler = new SimulatedCloudHandler(Cloud, _clock);
        Cloud.Credential = _credential;
    }

    /// <summary>The platform.</summary>
    public SimulatedCloud Cloud { get; }

    /// <summary>What is put around the driver.</summary>
    public Func<IDriverFactory, IDriverFactory> Wrap { get; init; } = driver => driver;

    public override IDriverFactory Factory => Wrap(new SimulatorDriverFactory(_profile));

    public override Connection Connection => new()
    {
        Installation = "conf1",
        Endpoint = new Uri("http://cloud.test"),
        Settings = JsonSerializer.SerializeToElement(new { knobs = new { createClasses = Cloud.Knobs.CreateClasses.ToDictionary(p => p.Key.ToString(), p => p.Value.ToString()) } }),
    };

    public override ImmutableDictionary<string, ReadOnlyMemory<byte>> Credentials => Values(("token", _credential));

    // A sign-in changes nothing that anybody wished for.
    public override bool IsMutation(HttpRequestMessage request) => base.IsMutation(request) && request.RequestUri?.AbsolutePath != "/v1/session";

    // The tests' own folder holds the driver and what it brings along.
    public string? Folder { get; init; } = AppContext.BaseDirectory;

    public string Assembly { get; init; } = "Datum.Providers.Drivers.Simulator.dll";

    public string FactoryType { get; init; } = typeof(SimulatorDriverFactory).FullName!;

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
        new() { Name = "pull", Secret = true, Values = Values((".dockerconfigjson", """{"auths":{"r.test":{"auth":"canary-registry-5521"}}}""")) },
        new() { Name = "config", Secret = false, Values = Values(("app.ini", "greeting=hello")) },
    ];

    public override Sample? SampleOf(ResourceKind kind) => SimulatorSamples.Of(kind, _profile.RangeOrder);

    public ValueTask<ImmutableArray<CensusObject>> CountAsync() => new(
    [
        .. from item in Cloud.Objects
           let mark = PartAccess.ReadMark(item)
           where mark is not null && mark.Installation == "conf1"
           select new CensusObject
           {
               Id = item.Id,
               Kind = mark.Kind,
               IdentityName = mark.Name,
               Incarnation = mark.Incarnation,
               Labels = $"{item.Name} {string.Join(' ', item.Labels!.Select(l => $"{l.Key}={l.Value}"))}",
               Revision = item.Revision,
           },
    ]);

    public ValueTask VanishAsync(ResourceKind kind, Part part) => Did(Cloud.Vanish(part.Id), part);

    public async ValueTask<string> MakeForeignAsync(Identity identity, string part)
    {
        var markPart = identity.Kind == ResourceKind.Instance ? InstanceMapping.MarkPart(part) : null;
        var collection = identity.Kind == ResourceKind.Instance ? InstanceMapping.CollectionOf(part) : Collections.All.First(c => Collections.KindOf(c) == identity.Kind);
        using var client = new HttpClient(_handler, disposeHandler: false) { BaseAddress = new Uri("http://cloud.test") };
        client.DefaultRequestHeaders.Add("Authorization", "Bearer " + _credential);
        var wish = new CloudObject { Name = PartAccess.NameOf(identity, markPart), Zone = Zone, SizeGiB = 1, Range = "10.250.0.0/24", Mtu = 1400 };
        if (collection is Collections.Subnets or Collections.Firewalls or Collections.Nics)
            wish = wish with { NetworkId = Cloud.In(Collections.Networks).Select(n => n.Id).FirstOrDefault() };
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(wish, CloudJson.Default.CloudObject));
        using var answer = await client.PostAsync(new Uri($"v1/{collection}", UriKind.Relative), content);
        answer.EnsureSuccessStatusCode();
        var accepted = JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(), CloudJson.Default.CloudAccepted)!;
        return accepted.TargetId ?? accepted.Object!.Id;
    }

    public ValueTask<string> CopyAsync(ResourceKind kind, Part part) => new(Cloud.Clone(part.Id));

    public ValueTask StripMarkAsync(ResourceKind kind, Part part) =>
        Did(Cloud.Change(part.Id, o => o with { Labels = ImmutableSortedDictionary<string, string>.Empty }), part);

    public ValueTask ForgeMarkAsync(ResourceKind kind, Part part, string installation) =>
        Did(Cloud.Change(part.Id, o => o with { Labels = o.Labels!.SetItem(Marks.InstallKey, installation) }), part);

    public ValueTask<string?> MakeDriftAsync(ResourceKind kind, Part part)
    {
        (string? Path, Func<CloudObject, CloudObject> Change) drift = kind switch
        {
            ResourceKind.Network => ("mtu", o => o with { Mtu = 9000 }),
            ResourceKind.Firewall => ("ingress", o => o with { Rules = [] }),
            ResourceKind.Disk => ("sizeGiB", o => o with { SizeGiB = 1 }),
            ResourceKind.Secret => ("payload.hash", o => o with { ContentHash = "other" }),
            ResourceKind.Instance when part.Name == InstanceMapping.Server => ("suspended", o => o with { PowerOn = false, State = CloudStates.Stopped }),
            _ => (null, o => o),
        };
        if (drift.Path is not null)
            Cloud.Change(part.Id, drift.Change);
        return new(drift.Path);
    }

    public ValueTask SwapAccountAsync()
    {
        Cloud.AccountId = "another-account";
        return ValueTask.CompletedTask;
    }

    public ValueTask RotateAsync()
    {
        Cloud.Credential = _credential = "canary-token-second-77d3";
        return ValueTask.CompletedTask;
    }

    public ValueTask RevokeAsync()
    {
        Cloud.Credential = "known to nobody";
        return ValueTask.CompletedTask;
    }

    public ValueTask ExpireTokensAsync()
    {
        Cloud.ExpireSignIns();
        return ValueTask.CompletedTask;
    }

    public ValueTask<int> CountSignInsAsync() => new(Cloud.SignIns);

    public ValueTask SetQuotaAsync(ResourceKind kind, int? limit) =>
        Turn(k => k with { Quota = limit is { } most ? k.Quota.SetItem(kind, most) : k.Quota.Remove(kind) });

    public ValueTask SetFullAsync(bool full) =>
        Turn(k => k with { ZoneCapacity = full ? k.ZoneCapacity.SetItem(Zone, 0) : k.ZoneCapacity.Remove(Zone) });

    public ValueTask SetThrottledAsync(TimeSpan? retryAfter)
    {
        // One request a second, and that one is used up.
        var knobs = Cloud.Knobs;
        Cloud.Knobs = retryAfter is { } wait ? knobs with { FailureRate = 0, RetryAfter = wait, RequestsPerSecond = 1 } : knobs with { RequestsPerSecond = null };
        if (retryAfter is not null)
            while (Cloud.Handle(new CloudRequest { Method = HttpMethod.Get, Segments = ["account"], Query = ImmutableDictionary<string, string>.Empty }).Status != 429)
            {
            }

        return ValueTask.CompletedTask;
    }

    public ValueTask SetDurationAsync(TimeSpan duration) =>
        Turn(k => k with { OperationDurations = Enum.GetValues<ResourceKind>().ToImmutableDictionary(r => r, _ => duration) });

    public ValueTask FailNextCreateAsync(ResourceKind kind, bool lateStockout)
    {
        var collection = kind == ResourceKind.Instance ? Collections.Servers : Collections.All.First(c => Collections.KindOf(c) == kind);
        Cloud.Add(new OperationFault { Collection = collection, Code = lateStockout ? "STOCKOUT" : "INTERNAL", Message = "There was no end to it." });
        return ValueTask.CompletedTask;
    }

    public ValueTask ForgetOperationsAsync()
    {
        Cloud.ForgetOperations();
        return ValueTask.CompletedTask;
    }

    public ValueTask SetWindowAsync(TimeSpan window) => Turn(k => k with { ConsistencyWindow = window });

    public ValueTask SetUnreachableAsync(bool unreachable) => Turn(k => k with { UnreachableZones = unreachable ? [Zone] : [] });

    public ValueTask SetPageSizeAsync(int size) => Turn(k => k with { PageSize = size });

    public ValueTask<string?> BlockAsync(ResourceKind kind, Part part)
    {
        // A user's own nic holds networks, subnets and firewalls; a user's own server holds disks.
        var holder = kind switch
        {
            ResourceKind.Network => new CloudObject { Name = "users-nic", NetworkId = part.Id },
            ResourceKind.Subnet => new CloudObject { Name = "users-nic", SubnetIds = [part.Id], NetworkId = Cloud.Objects.First(o => o.Id == part.Id).NetworkId },
            ResourceKind.Firewall => new CloudObject { Name = "users-nic", FirewallIds = [part.Id], NetworkId = Cloud.Objects.First(o => o.Id == part.Id).NetworkId },
            _ => null,
        };
        if (holder is null)
            return new((string?)null);
        var answer = Cloud.Handle(new CloudRequest
        {
            Method = HttpMethod.Post,
            Segments = [Collections.Nics],
            Query = ImmutableDictionary<string, string>.Empty,
            Body = JsonSerializer.SerializeToUtf8Bytes(holder, CloudJson.Default.CloudObject),
        });
        var accepted = JsonSerializer.Deserialize(answer.Body.Span, CloudJson.Default.CloudAccepted)!;
        return new(accepted.TargetId ?? accepted.Object?.Id ?? throw new InvalidOperationException(Encoding.UTF8.GetString(answer.Body.Span)));
    }

    public ValueTask RequireApprovalAsync(ResourceKind kind) => Turn(k => k with { NeedsApproval = k.NeedsApproval.Add(kind) });

    public ValueTask DecideAsync(Part part, bool approve) => Did(approve ? Cloud.Approve(part.Id) : Cloud.Reject(part.Id, "no"), part);

    public ValueTask<CensusObject?> ReadAsync(ResourceKind kind, Part part)
    {
        if (Cloud.Objects.FirstOrDefault(o => o.Id == part.Id) is not { } item)
            return new((CensusObject?)null);
        var mark = PartAccess.ReadMark(item);
        return new(new CensusObject
        {
            Id = item.Id,
            Kind = mark?.Kind ?? ResourceKind.Unknown,
            IdentityName = mark?.Name ?? "",
            Incarnation = mark?.Incarnation ?? 0,
            Labels = $"{item.Name} {string.Join(' ', (item.Labels ?? ImmutableSortedDictionary<string, string>.Empty).Select(l => $"{l.Key}={l.Value}"))}",
            Revision = item.Revision,
        });
    }

    public ImmutableDictionary<string, Func<SampleContext, ResourceSpec>> WishesOf(ResourceKind kind) => SimulatorSamples.PathsOf(kind, _profile.RangeOrder);

    public ValueTask ChangeNeutrallyAsync(ResourceKind kind, Part part) => Did(Cloud.Change(part.Id, o => o with
    {
        Labels = o.Labels!.SetItem("users-note", "keep"),
        // Rules and families have no order; a gateway and a guest's message nobody wished for.
        Rules = o.Rules is { } rules ? [.. rules.Reverse()] : null,
        IpFamilies = o.IpFamilies is { } families ? [.. families.Reverse()] : null,
        Gateway = o.Gateway is null ? null : "10.0.0.254",
        GuestMessage = o.Guest is null ? null : "all is well",
    }), part);

    // The operator points the type to a newer one.
    public Connection NewerConnection => Connection with
    {
        DiskTypes = ImmutableDictionary<string, string>.Empty.Add("pd-standard", "sim-premium"),
        Images = ImmutableDictionary<string, string>.Empty.Add("datumcloud/debian-13", "image-newer"),
    };

    public ValueTask SetGuestReadyAsync(Part part, bool? ready) => Did(Cloud.SetGuestHealth(part.Id, ready), part);

    public override ValueTask DisposeAsync()
    {
        _handler.Dispose();
        return base.DisposeAsync();
    }

    private ValueTask Turn(Func<SimulatorKnobs, SimulatorKnobs> change)
    {
        Cloud.Knobs = change(Cloud.Knobs);
        return ValueTask.CompletedTask;
    }

    private static ValueTask Did(bool done, Part part) =>
        done ? ValueTask.CompletedTask : throw new InvalidOperationException($"The platform has no {part.Name} {part.Id} that this can be done to.");

    private static ImmutableDictionary<string, ReadOnlyMemory<byte>> Values(params ReadOnlySpan<(string Key, string Text)> values)
    {
        var all = ImmutableDictionary.CreateBuilder<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        foreach (var (key, text) in values)
            all[key] = Encoding.UTF8.GetBytes(text);
        return all.ToImmutable();
    }
}
