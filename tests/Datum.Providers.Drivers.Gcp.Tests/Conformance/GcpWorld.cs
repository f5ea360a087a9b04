using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Conformance;
using Datum.Providers.Sdk;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Gcp.Tests.Conformance;

/// <summary>The kit's world: the double in memory under a clock that moves when the kit says so, entered with a service account's key.</summary>
internal sealed partial class GcpWorld : ConformanceWorld, ICensus, IVanish, IForeignObjects, IMarkTampering, IDriftMaker, IAccountSwap, IQuotaControl, ICapacityControl,
    IThrottleControl, ISlowOperations, IOperationFailure, IConsistencyControl, IPartitionControl, IPageControl, IDeletionBlocker, IClockSkew,
    IObjectReader, IPathWishes, INeutralChanges, IResolutionChange, IGuestControl, ICredentialControl, IPackedDriver
{
    private readonly CloudHandler _handler;
    private readonly ManualScheduler _clock = new();
    private int _key = 1;
    private int _made;

    public GcpWorld(GcpKnobs? knobs = null)
    {
        Cloud = new GcpCloud(_clock, (knobs ?? new GcpKnobs()) with { NeedsToken = true }) { Description = Descriptions.Checker };
        Keys.Admit(Cloud, 1);
        _handler = new CloudHandler(Cloud);
    }

    public GcpCloud Cloud { get; }

    public override IDriverFactory Factory => new GcpDriverFactory();

    public override Connection Connection => new()
    {
        Installation = "conf1",
        Endpoint = new Uri("http://cloud.test"),
        Location = JsonSerializer.SerializeToElement(new { projectId = "demo-project" }),
        Settings = JsonSerializer.SerializeToElement(new { instanceServiceAccount = "guests@demo-project.iam.gserviceaccount.com" }),
    };

    public override ImmutableDictionary<string, ReadOnlyMemory<byte>> Credentials =>
        ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty.Add("serviceAccountKey", Keys.File(_key));

    // A sign-in changes nothing that anybody wished for.
    public override bool IsMutation(HttpRequestMessage request) => base.IsMutation(request) && request.RequestUri?.AbsolutePath != "/token";

    public string? Folder => AppContext.BaseDirectory;

    public string Assembly => "Datum.Providers.Drivers.Gcp.dll";

    public string FactoryType => typeof(GcpDriverFactory).FullName!;

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

    public override Sample? SampleOf(ResourceKind kind) => GcpSamples.Of(kind);

    public ValueTask<ImmutableArray<CensusObject>> CountAsync() => new([.. Cloud.Objects.Select(ToCensus).OfType<CensusObject>()]);

    public ValueTask VanishAsync(ResourceKind kind, Part part) => Did(Cloud.Vanish(part.Id), part);

    public ValueTask<string> CopyAsync(ResourceKind kind, Part part) => new(Cloud.Copy(part.Id, $"copy-{++_made}"));

    // What isn't recorded is found by its name, and a copy has another one.
    public bool CopiesAnswer => false;

    public ValueTask StripMarkAsync(ResourceKind kind, Part part) => Did(Cloud.Edit(part.Id, body =>
    {
        body["labels"] = new JsonObject();
        body["description"] = "a person's own words";
        if (part.Id.StartsWith("secrets/", StringComparison.Ordinal))
            body.Remove("description");
    }), part);

    public ValueTask ForgeMarkAsync(ResourceKind kind, Part part, string installation) => Did(Cloud.Edit(part.Id, body =>
    {
        if (body["labels"] is JsonObject labels && labels.ContainsKey(Marks.InstallKey))
            labels[Marks.InstallKey] = installation;
        else
            body["description"] = body["description"]!.ToString().Replace(":conf1:", $":{installation}:", StringComparison.Ordinal);
    }), part);

    public ValueTask<string?> MakeDriftAsync(ResourceKind kind, Part part)
    {
        string? path = null;
        switch (kind)
        {
            case ResourceKind.Network:
                path = "mtu";
                Cloud.Edit(part.Id, b => b["mtu"] = 1600);
                break;
            case ResourceKind.Firewall:
                path = "ingress";
                Cloud.Edit(part.Id, b => b["allowed"] = new JsonArray(new JsonObject { ["IPProtocol"] = "tcp", ["ports"] = new JsonArray("1-65535") }));
                break;
            case ResourceKind.Disk:
                path = "sizeGiB";
                Cloud.Edit(part.Id, b => b["sizeGb"] = "15");
                break;
            case ResourceKind.Secret:
                path = "payload.hash";
                Cloud.Edit(part.Id, b => b["annotations"] = new JsonObject { ["datum-hash"] = "other" });
                break;
            case ResourceKind.Instance when part.Name == "server":
                path = "suspended";
                Cloud.SetStatus(part.Id, "TERMINATED");
                break;
            default:
                break;
        }

        return new(path);
    }

    public ValueTask SwapAccountAsync()
    {
        Cloud.ProjectNumber = 900_800_700_600;
        return ValueTask.CompletedTask;
    }

    public ValueTask RotateAsync()
    {
        Cloud.RemoveKeys();
        _key = 2;
        Keys.Admit(Cloud, 2);
        return ValueTask.CompletedTask;
    }

    public ValueTask RevokeAsync()
    {
        Cloud.RemoveKeys();
        return ValueTask.CompletedTask;
    }

    public ValueTask ExpireTokensAsync()
    {
        Cloud.ExpireTokens();
        return ValueTask.CompletedTask;
    }

    public ValueTask SetQuotaAsync(ResourceKind kind, int? limit) =>
        Turn(k => AtOnce(k with { Quotas = limit is { } most ? k.Quotas.SetItem(CollectionOf(kind), most) : k.Quotas.Remove(CollectionOf(kind)) }, kind, limit is not null));

    public ValueTask SetFullAsync(bool full) => Turn(k => AtOnce(k with { FullZones = full ? [GcpSamples.Zone] : [] }, ResourceKind.Instance, full));

    public ValueTask SetThrottledAsync(TimeSpan? retryAfter) => Turn(k => k with { Throttled = retryAfter });

    public ValueTask SetDurationAsync(TimeSpan duration) => Turn(k => k with { DefaultDuration = duration });

    public ValueTask FailNextCreateAsync(ResourceKind kind, bool lateStockout)
    {
        Cloud.FailNext(CollectionOf(kind), lateStockout ? "ZONE_RESOURCE_POOL_EXHAUSTED" : "CANNOT_SAY_WHY", "There was no end to it.");
        return ValueTask.CompletedTask;
    }

    public ValueTask ForgetOperationsAsync()
    {
        Cloud.ForgetOperations();
        return ValueTask.CompletedTask;
    }

    public ValueTask SetWindowAsync(TimeSpan window) => Turn(k => k with { ListLag = window });

    public ValueTask SetUnreachableAsync(bool unreachable) => Turn(k => k with { Unreachable = unreachable ? [GcpSamples.Zone, "us-central1", "global"] : [] });

    public ValueTask SetPageSizeAsync(int size) => Turn(k => k with { PageSize = size });

    public ValueTask SetSkewAsync(TimeSpan ahead) => Turn(k => k with { Skew = ahead });

    public ValueTask<CensusObject?> ReadAsync(ResourceKind kind, Part part)
    {
        if (Cloud.Objects.FirstOrDefault(o => o.Path == part.Id) is not { } item)
            return new((CensusObject?)null);
        return new(ToCensus(item) ?? new CensusObject { Id = item.Path, Kind = ResourceKind.Unknown, IdentityName = "", Labels = item.Body.ToJsonString(), Revision = Revision(item) });
    }

    public ImmutableDictionary<string, Func<SampleContext, ResourceSpec>> WishesOf(ResourceKind kind) => GcpSamples.PathsOf(kind);

    public ValueTask ChangeNeutrallyAsync(ResourceKind kind, Part part) => Did(Cloud.Edit(part.Id, body =>
    {
        if (body["labels"] is JsonObject labels)
            labels["users-note"] = "keep";
        // Rules have no order; a person's own tag and words stand beside ours.
        if (body["allowed"] is JsonArray allowed)
            body["allowed"] = new JsonArray([.. allowed.Reverse().Select(a => a!.DeepClone())]);
        if (body["tags"]?["items"] is JsonArray tags)
            tags.Add("http-server");
        if (body["description"] is { } words)
            body["description"] = words + " a note";
    }), part);

    // The operator points types and images to newer ones.
    public Connection NewerConnection => Connection with
    {
        DiskTypes = ImmutableDictionary<string, string>.Empty.Add("pd-standard", "pd-balanced"),
        Images = ImmutableDictionary<string, string>.Empty.Add("datumcloud/sandbox", "projects/debian-cloud/global/images/family/debian-12"),
    };

    public ValueTask SetGuestReadyAsync(Part part, bool? ready)
    {
        // From now on the guest speaks only when it is asked to.
        Cloud.Knobs = Cloud.Knobs with { GuestBoot = null };
        var report = ready is { } well ? $$"""DATUM-BEACON {"version":1,"hostname":"web-0","ready":{{(well ? "true" : "false")}},"containers":[{"name":"web","state":"{{(well ? "active" : "activating")}}","restarts":0,"ports":[]}],"disks":[]}""" : "nothing to report";
        return Did(Cloud.SetSerial(part.Id, $"kernel: booting\r\n{report}\r\n"), part);
    }

    public override ValueTask DisposeAsync()
    {
        _handler.Dispose();
        return base.DisposeAsync();
    }

    private CensusObject? ToCensus(GcpObject item)
    {
        if (MarkOf(item) is not { } mark || mark.Installation != Connection.Installation)
            return null;
        // A boot disk that its machine holds is made and removed with it, by the same request: it counts once it is left alone.
        if (mark.Part == "boot" && item.Body["users"] is JsonArray { Count: > 0 })
            return null;
        return new CensusObject
        {
            Id = item.Path,
            Kind = mark.Kind,
            IdentityName = mark.Name,
            Incarnation = mark.Incarnation,
            Labels = Text(item),
            // Further firewalls of a set, and a boot disk that its machine holds: nobody records them.
            Revision = Revision(item),
        };
    }

    private static string Revision(GcpObject item) => item.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture);

    // Everything that stands in the open: metadata too.
    private static string Text(GcpObject item) => $"{item.Path} {item.Body["name"]} {item.Body["description"]} {item.Body["labels"]?.ToJsonString()} {item.Body["annotations"]?.ToJsonString()} {item.Body["metadata"]?.ToJsonString()}";

    public static Mark? MarkOf(GcpObject item) => item.Body["labels"] is JsonObject labels && labels.ContainsKey(Marks.InstallKey)
        ? Marks.Parse(labels.Select(l => new KeyValuePair<string, string>(l.Key, l.Value!.ToString()))) : TextMarks.Read(item.Body["description"]?.ToString());

    private static string CollectionOf(ResourceKind kind) => kind switch
    {
        ResourceKind.Network => "networks",
        ResourceKind.Subnet => "subnetworks",
        ResourceKind.Firewall => "firewalls",
        ResourceKind.Address => "addresses",
        ResourceKind.Disk => "disks",
        ResourceKind.Secret => "secrets",
        _ => "instances",
    };

    // Refusals stand in operations; what a step is told of them at once is one that ended at once. Late ones have cases of their own.
    private static GcpKnobs AtOnce(GcpKnobs knobs, ResourceKind kind, bool on) =>
        knobs with { Durations = on ? knobs.Durations.SetItem(CollectionOf(kind), TimeSpan.Zero) : knobs.Durations.Remove(CollectionOf(kind)) };

    private ValueTask Turn(Func<GcpKnobs, GcpKnobs> change)
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
