using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Conformance;
using Datum.Providers.Sdk;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Vsphere.Tests.Conformance;

/// <summary>The kit's world: the shared vcsim behind a proxy of the case's own, under a clock that moves when the kit says so.</summary>
internal sealed class VsphereWorld : ConformanceWorld, ICensus, IVanish, IForeignObjects, IMarkTampering, IDriftMaker, IAccountSwap, IQuotaControl, ICapacityControl,
    ISlowOperations, IOperationFailure, IConsistencyControl, IPageControl, IDeletionBlocker, IClockSkew, IObjectReader, IPathWishes, INeutralChanges, IResolutionChange,
    IGuestControl, ICredentialControl, ISignInCount, IPackedDriver
{
    public static readonly object Settings = new { vlans = new { first = 100, last = 199 }, nameServers = new[] { "10.0.0.53" } };

    private readonly CloudHandler _handler;
    private readonly ManualScheduler _clock = new();
    private string _password = Vcsim.Password;
    private int _made;

    public VsphereWorld(VsphereKnobs? knobs = null)
    {
        // Guests speak for themselves: of their secrets a test knows nothing.
        Cloud = new VsphereCloud(SharedVcsim.Process, _clock, (knobs ?? new VsphereKnobs { GuestBoot = TimeSpan.FromSeconds(15) }) with { GuestReports = true }) { Description = SharedVcsim.Description };
        _handler = new CloudHandler(Cloud);
    }

    public VsphereCloud Cloud { get; }

    public override IDriverFactory Factory => new VsphereDriverFactory();

    public override Connection Connection => new()
    {
        Installation = "conf1",
        Endpoint = new Uri("https://vcenter.test/"),
        Settings = JsonSerializer.SerializeToElement(Settings),
        Images = Images,
    };

    public static ImmutableDictionary<string, string> Images { get; } = ImmutableDictionary<string, string>.Empty
        .Add("datumcloud/sandbox", $"{Inventory.TemplateFolder}/{Inventory.Templates[0]}")
        .Add("datumcloud/ubuntu-2204-lts", $"/{Inventory.Datacenter}/vm/{Inventory.TemplateFolder}/{Inventory.Templates[0]}");

    public override ImmutableDictionary<string, ReadOnlyMemory<byte>> Credentials => ImmutableDictionary<string, ReadOnlyMemory<byte>>.Empty
        .Add("username", Encoding.UTF8.GetBytes(Vcsim.User)).Add("password", Encoding.UTF8.GetBytes(_password));

    public string? Folder => AppContext.BaseDirectory;

    public string Assembly => "Datum.Providers.Drivers.Vsphere.dll";

    public string FactoryType => typeof(VsphereDriverFactory).FullName!;

    public override HttpMessageHandler Transport => _handler;

    public override TimeProvider Time => _clock;

    // Everything is a POST; the method says what it does.
    public override bool IsMutation(HttpRequestMessage request)
    {
        if (request.RequestUri?.AbsolutePath.StartsWith("/folder/", StringComparison.Ordinal) == true)
            return request.Method == HttpMethod.Put;
        if (request.Content is null || request.RequestUri?.AbsolutePath != "/sdk")
            return false;
        using var stream = request.Content.ReadAsStream();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return Soap.Read(copy.ToArray()).Name.LocalName is not ("RetrieveServiceContent" or "Login" or "Logout" or "RetrievePropertiesEx" or "ContinueRetrievePropertiesEx" or "FindByUuid" or "FindByInventoryPath"
            or "FindChild" or "CreateContainerView" or "ListVStorageObject" or "RetrieveVStorageObject");
    }

    public override ValueTask PassAsync(TimeSpan time)
    {
        _clock.Advance(time);
        return ValueTask.CompletedTask;
    }

    // Time is virtual: a call that hangs costs nothing.
    public override TimeSpan HangingCallTimeout => CallTimeout;

    // Each place is a life of its own against a real process.
    public override int MostBreakPoints => 1;

    public override ImmutableArray<PayloadContent> Payloads =>
    [
        new() { Name = "database", Secret = true, Values = Values(("password", "canary-4f7b1c+9/&=pässword"), ("user", "canary-user-81d2")) },
        new() { Name = "database-new", Secret = true, Values = Values(("password", "canary-second-77aa01")) },
        new() { Name = "pull", Secret = true, Values = Values((".dockerconfigjson", """{"auths":{"r.test":{"auth":"Y2FuYXJ5OnJlZ2lzdHJ5LTU1MjE="}}}""")) },
        new() { Name = "config", Secret = false, Values = Values(("app.ini", "greeting=hello")) },
    ];

    public override Sample? SampleOf(ResourceKind kind) => VsphereSamples.Of(kind);

    public ValueTask<ImmutableArray<CensusObject>> CountAsync() => new([.. All().Where(o => o.Kind != ResourceKind.Unknown)]);

    public ValueTask<CensusObject?> ReadAsync(ResourceKind kind, Part part)
    {
        var id = part.Id ?? Machine(part).Config.Text("instanceUuid");
        return new(All().FirstOrDefault(o => o.Id == id));
    }

    public ValueTask VanishAsync(ResourceKind kind, Part part) => Did(kind switch
    {
        ResourceKind.Network => Cloud.Vanish(Portgroup(part)),
        ResourceKind.Disk => VanishDisk(Disk(part)),
        _ => Cloud.Vanish(Machine(part).Reference),
    }, part);

    public ValueTask<string> MakeForeignAsync(Identity identity, string part)
    {
        var name = ResourceNames.For(identity, new NameRules { MaxLength = 80 });
        return new(identity.Kind switch
        {
            ResourceKind.Network => Cloud.MakePortgroup(name, "somebody else's", 4000).Value,
            ResourceKind.Disk => DiskId(Store(), Cloud.MakeDisk(Store(), name, 1024)),
            _ => Uuid(Cloud.MakeMachine(name)),
        });
    }

    public ValueTask<string> CopyAsync(ResourceKind kind, Part part) => new(kind switch
    {
        ResourceKind.Network => Cloud.MakePortgroup($"copy-{++_made}", PortgroupOf(part).Description, 4000 + _made).Value,
        ResourceKind.Disk => DiskId(Disk(part).Datastore, Cloud.MakeDisk(Disk(part).Datastore, Disk(part).Name, Disk(part).Megabytes)),
        _ => Uuid(Cloud.Copy(Machine(part).Reference, $"copy-{++_made}")),
    });

    // A machine is found by its identifier, and a copy has another one. Networks and disks have tests of their own.
    public bool CopiesAnswer => false;

    public ValueTask StripMarkAsync(ResourceKind kind, Part part) => Remark(kind, part, _ => "a person's own words");

    public ValueTask ForgeMarkAsync(ResourceKind kind, Part part, string installation) => Remark(kind, part, words => words.Replace(":conf1:", $":{installation}:", StringComparison.Ordinal));

    public ValueTask<string?> MakeDriftAsync(ResourceKind kind, Part part)
    {
        switch (kind)
        {
            case ResourceKind.Network:
                Cloud.EditPortgroup(Portgroup(part), Soap.Element("description", PortgroupOf(part).Description.Replace("mtu=1460", "mtu=9000", StringComparison.Ordinal)));
                return new("mtu");
            case ResourceKind.Disk:
                Cloud.ResizeDisk(Disk(part).Id, 15 * 1024);
                return new("sizeGiB");
            case ResourceKind.Instance:
                Cloud.SetPower(Machine(part).Reference, on: false);
                return new("suspended");
            default:
                return new((string?)null);
        }
    }

    public ValueTask SwapAccountAsync() => Turn(k => k with { InstanceUuid = "11111111-2222-3333-4444-555555555555" });

    public ValueTask RotateAsync()
    {
        _password = "another-Pa55+word";
        Cloud.SetPassword(Vcsim.User, _password);
        Cloud.ExpireSessions();
        return ValueTask.CompletedTask;
    }

    public ValueTask RevokeAsync()
    {
        Cloud.SetPassword(Vcsim.User, null);
        Cloud.ExpireSessions();
        return ValueTask.CompletedTask;
    }

    public ValueTask ExpireTokensAsync()
    {
        Cloud.ExpireSessions();
        return ValueTask.CompletedTask;
    }

    public ValueTask<int> CountSignInsAsync() => new(Cloud.Sessions);

    public ValueTask SetQuotaAsync(ResourceKind kind, int? limit) => Turn(k => AtOnce(kind switch
    {
        ResourceKind.Network => k with { MostPortgroups = limit },
        ResourceKind.Disk => k with { MostDisks = limit },
        _ => k with { MostMachines = limit },
    }, CreateOf(kind)));

    public ValueTask SetFullAsync(bool full) => Turn(k => AtOnce(k with { Full = full }, CreateOf(ResourceKind.Instance)));

    public ValueTask SetDurationAsync(TimeSpan duration) => Turn(k => k with { DefaultDuration = duration, Durations = ImmutableDictionary<string, TimeSpan>.Empty });

    public ValueTask FailNextCreateAsync(ResourceKind kind, bool lateStockout)
    {
        Cloud.Break(new FaultRule
        {
            Operation = kind switch { ResourceKind.Network => "CreateDVPortgroup_Task", ResourceKind.Disk => "CreateDisk_Task", _ => "ReconfigVM_Task" },
            Moment = FaultMoment.InTask,
            Fault = lateStockout ? "InsufficientMemoryResourcesFault" : "GenericVmConfigFault",
        });
        return ValueTask.CompletedTask;
    }

    public ValueTask ForgetOperationsAsync()
    {
        Cloud.ForgetTasks();
        return ValueTask.CompletedTask;
    }

    public ValueTask SetWindowAsync(TimeSpan window) => Turn(k => k with { ListLag = window });

    public ValueTask SetPageSizeAsync(int size) => Turn(k => k with { PageSize = size });

    public ValueTask SetSkewAsync(TimeSpan ahead) => Turn(k => k with { Skew = ahead });

    public ValueTask<string?> BlockAsync(ResourceKind kind, Part part)
    {
        var held = Block(kind, part);
        // It was there for a while.
        _clock.Advance(Cloud.Knobs.ListLag);
        return held;
    }

    private ValueTask<string?> Block(ResourceKind kind, Part part)
    {
        switch (kind)
        {
            case ResourceKind.Network:
                Cloud.MakeMachine("somebody-s", portgroup: Portgroup(part));
                return new("somebody-s");
            case ResourceKind.Disk:
                var machine = Cloud.MakeMachine("somebody-s");
                Cloud.Edit(machine, Soap.Element("deviceChange", Soap.Element("operation", "add"), Soap.Element("device", Soap.Type("VirtualDisk"), Soap.Element("key", "-1"),
                    Soap.Element("backing", Soap.Type("VirtualDiskFlatVer2BackingInfo"), Soap.Element("fileName", Disk(part).File), Soap.Element("diskMode", "persistent")),
                    Soap.Element("controllerKey", "1000"), Soap.Element("unitNumber", "5"), Soap.Element("capacityInKB", "1024"))));
                return new("somebody-s");
            default:
                return new((string?)null);
        }
    }

    public ImmutableDictionary<string, Func<SampleContext, ResourceSpec>> WishesOf(ResourceKind kind) => VsphereSamples.PathsOf(kind);

    // A person's words beside ours, and a setting that nobody wished for.
    public ValueTask ChangeNeutrallyAsync(ResourceKind kind, Part part) => kind switch
    {
        ResourceKind.Network => Did(Cloud.EditPortgroup(Portgroup(part), Soap.Element("description", PortgroupOf(part).Description + " a note")), part),
        ResourceKind.Disk => Did(Cloud.RenameDisk(Disk(part).Id, Disk(part).Name + " a note"), part),
        _ => Did(Cloud.Edit(Machine(part).Reference, Soap.Element("annotation", "a note " + Machine(part).Config.Text("annotation")), Soap.Option("svga.present", "TRUE")), part),
    };

    // The operator points names to newer templates and layouts.
    public Connection NewerConnection => Connection with
    {
        DiskTypes = ImmutableDictionary<string, string>.Empty.Add("pd-standard", "eagerZeroedThick"),
        Images = ImmutableDictionary<string, string>.Empty.Add("datumcloud/sandbox", $"{Inventory.TemplateFolder}/{Inventory.Templates[1]}"),
    };

    public ValueTask SetGuestReadyAsync(Part part, bool? ready)
    {
        var report = ready is { } well ? $$"""{"version":1,"hostname":"web-0","ready":{{(well ? "true" : "false")}},"secrets":"{{Cloud.SecretsOf(Machine(part).Reference)}}","containers":[{"name":"web","state":"{{(well ? "active" : "activating")}}","restarts":0,"ports":[]}],"disks":[]}""" : "";
        return Did(Cloud.SetOption(Machine(part).Reference, "guestinfo.datum.beacon", report), part);
    }

    public override ValueTask DisposeAsync()
    {
        _handler.Dispose();
        Cloud.Dispose();
        return base.DisposeAsync();
    }

    private IEnumerable<CensusObject> All()
    {
        foreach (var machine in Cloud.Machines)
            yield return ToCensus(machine.Config.Text("instanceUuid")!, machine.Config.Text("annotation"), $"{machine.Name} {machine.Config.Text("annotation")} {UserDataOf(machine)} {string.Join(' ', machine.Options)}", machine.Revision);
        // A medium is brought and taken away by its machine's own steps: it counts once it is left alone.
        foreach (var file in Cloud.Uploads.Where(f => Cloud.Machines.All(m => !m.Options.GetValueOrDefault("datum.secrets", "").EndsWith(f, StringComparison.Ordinal))))
            if (file[(file.LastIndexOf('/') + 1)..].Split('-', '.') is ["datum", var install, _, var name, var incarnation, "iso"])
                yield return ToCensus(file, $"datum:{install}:ins:{name}:{incarnation}", file, file) with { Attached = true };
        foreach (var portgroup in Cloud.Portgroups)
            yield return ToCensus(portgroup.Reference.Value, portgroup.Description, $"{portgroup.Name} {portgroup.Description}", portgroup.Revision);
        foreach (var disk in Cloud.Disks)
            yield return ToCensus(DiskId(disk.Datastore, disk.Id), disk.Name, $"{disk.Name} {disk.File}", $"{disk.Name} {disk.Megabytes}");
    }

    private static string UserDataOf(VsphereMachine machine)
    {
        if (machine.Options.GetValueOrDefault("guestinfo.userdata") is not { Length: > 0 } packed)
            return "";
        using var reader = new StreamReader(new System.IO.Compression.GZipStream(new MemoryStream(Convert.FromBase64String(packed)), System.IO.Compression.CompressionMode.Decompress), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private CensusObject ToCensus(string id, string? words, string labels, string revision)
    {
        var mark = TextMarks.Read(words);
        var ours = mark?.Installation == Connection.Installation;
        return new CensusObject { Id = id, Kind = ours ? mark!.Kind : ResourceKind.Unknown, IdentityName = ours ? mark!.Name : "", Incarnation = ours ? mark!.Incarnation : 0, Labels = labels, Revision = revision };
    }

    private ValueTask Remark(ResourceKind kind, Part part, Func<string, string> change) => Did(kind switch
    {
        ResourceKind.Network => Cloud.EditPortgroup(Portgroup(part), Soap.Element("description", change(PortgroupOf(part).Description))),
        ResourceKind.Disk => Cloud.RenameDisk(Disk(part).Id, change(Disk(part).Name)),
        _ => Cloud.Edit(Machine(part).Reference, Soap.Element("annotation", change(Machine(part).Config.Text("annotation")!))),
    }, part);

    // Steps of a machine's end that are no parts of their own: the newest machine stands for them.
    private VsphereMachine Machine(Part part) => (part.Id is null
        ? Cloud.Machines.Where(m => m.Name.StartsWith("ins-", StringComparison.Ordinal)).MaxBy(m => int.Parse(m.Reference.Value[3..], System.Globalization.CultureInfo.InvariantCulture))
        : Cloud.Machines.FirstOrDefault(m => m.Config.Text("instanceUuid") == part.Id)) ?? throw new InvalidOperationException($"The platform has no machine {part.Id}.");

    private VsphereDisk Disk(Part part) => Cloud.Disks.FirstOrDefault(d => DiskId(d.Datastore, d.Id) == part.Id) ?? throw new InvalidOperationException($"The platform has no disk {part.Id}.");

    private VspherePortgroup PortgroupOf(Part part) => Cloud.Portgroups.FirstOrDefault(p => p.Reference.Value == part.Id) ?? throw new InvalidOperationException($"The platform has no portgroup {part.Id}.");

    private static MoRef Portgroup(Part part) => new("DistributedVirtualPortgroup", part.Id);

    private bool VanishDisk(VsphereDisk disk)
    {
        // A person takes it off first.
        foreach (var machine in Cloud.Machines)
            foreach (var device in machine.Config.Descendants(Soap.Vim + "device").Where(d => d.Get("backing")?.Text("fileName") == disk.File).ToList())
                Cloud.Edit(machine.Reference, Soap.Element("deviceChange", Soap.Element("operation", "remove"), new XElement(device)));
        return Cloud.VanishDisk(disk.Datastore, disk.Id);
    }

    private static string DiskId(MoRef datastore, string id) => $"{datastore.Value}/{id}";

    private string Uuid(MoRef machine) => Cloud.Machines.First(m => m.Reference == machine).Config.Text("instanceUuid")!;

    private MoRef Store() => Cloud.FindDatastore(Inventory.Datastore);

    private static string CreateOf(ResourceKind kind) => kind switch { ResourceKind.Network => "CreateDVPortgroup_Task", ResourceKind.Disk => "CreateDisk_Task", _ => "CloneVM_Task" };

    // Refusals stand in tasks; what a step is told of them is one that ended at once. Late ones have cases of their own.
    private static VsphereKnobs AtOnce(VsphereKnobs knobs, string operation) => knobs with { Durations = knobs.Durations.SetItem(operation, TimeSpan.Zero) };

    private ValueTask Turn(Func<VsphereKnobs, VsphereKnobs> change)
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
