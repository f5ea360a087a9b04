using System.Text.Json;

namespace Datum.Providers.Drivers.Simulator.Tests.Abilities;

/// <summary>DC-104 to DC-106: images, sizes, quotas.</summary>
internal sealed class CatalogTests
{
    private const string Zone = """{"zone":"z1"}""";

    [Test]
    public async Task DC_104_every_image_boots_a_machine_when_the_config_names_it()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        var images = await All<PlatformImage>((q, c) => ((IImageCatalog)world.Driver).ListImagesAsync(world.Call(), q, c), 2);
        Assert.That(images.Select(i => i.Id), Is.Unique.And.Not.Empty);
        Assert.That((images.Count(i => i.Deprecated), images.Count(i => i is { Architecture: null, MinDiskGiB: null, CreatedAt: null })), Is.EqualTo((1, 1)), "what isn't told is null");
        await using var session = await new SimulatorDriverFactory().ConnectAsync(world, new Connection
        {
            Endpoint = new Uri("http://cloud.test"), Installation = World.Installation,
            Settings = JsonSerializer.SerializeToElement(new { }), Images = images.ToImmutableDictionary(i => "datum/" + i.Id, i => i.Id),
        }, default);
        for (var n = 0; n < images.Count; n++)
        {
            var machine = spec with
            {
                Sandbox = null,
                Machine = new MachineSpec { BootVolume = "boot" },
                Volumes = [new VolumeSpec { Name = "boot", Disk = new DiskVolume { Image = "datum/" + images[n].Id, SizeGiB = 20, DeviceName = "boot" } }],
            };
            Assert.That(await session.Instances!.ValidateAsync(world.Call(), machine), Is.Empty);
            await World.Build(world, session.Instances!, World.Id(ResourceKind.Instance, n), machine);
        }

        Assert.That(world.Cloud.In(Collections.BootDisks).Select(d => d.Image), Is.EqualTo(images.Select(i => i.Id)));
    }

    [Test]
    public async Task DC_104_a_search_finds_by_part_of_the_name_or_family()
    {
        using var world = new World();
        var found = await All<PlatformImage>((q, c) => ((IImageCatalog)world.Driver).ListImagesAsync(world.Call(), q with { Search = "DEBIAN-11" }, c), 1);
        Assert.That((found.Single().Id, found.Single().Deprecated), Is.EqualTo(("sim-debian-11", true)));
        Assert.That(await All<PlatformImage>((q, c) => ((IImageCatalog)world.Driver).ListImagesAsync(world.Call(), q with { Search = "nonesuch" }, c), 1), Is.Empty);
    }

    [Test]
    public async Task DC_105_every_size_makes_a_server_that_has_it_and_no_drift()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        var sizes = await Sizes(world, Zone);
        for (var n = 0; n < sizes.Count; n++)
        {
            var sized = spec with { Size = new InstanceSize { InstanceType = "datum/x", CpuMillis = sizes[n].CpuMillis, MemoryMiB = sizes[n].MemoryMiB, Native = sizes[n].Native } };
            var (_, seen) = await World.Build(world, world.Driver.Instances!, World.Id(ResourceKind.Instance, n), sized);
            Assert.That(seen.Drift, Is.Empty);
        }

        Assert.That(world.Cloud.In(Collections.Servers).Select(s => s.Size), Is.EqualTo(sizes.Select(s => s.Native)));
    }

    [Test]
    public async Task DC_105_what_the_platform_doesnt_tell_is_null_and_what_it_tells_is_exact()
    {
        using var world = new World(new SimulatorKnobs { ZoneCapacity = ImmutableDictionary<string, int>.Empty.Add("z1", 1).Add("z9", 5) });
        var (_, _, spec) = await world.Landscape();
        var room = await Sizes(world, Zone);
        await World.Build(world, world.Driver.Instances!, World.Id(ResourceKind.Instance), spec);
        world.Cloud.Knobs = world.Cloud.Knobs with { UnreachableZones = ["z9"] };
        var full = await Sizes(world, Zone);
        var unlimited = await Sizes(world, """{"zone":"z2"}""");
        var silent = await Sizes(world, """{"zone":"z9"}""");
        var account = await Sizes(world, null);
        Assert.Multiple(() =>
        {
            Assert.That(room.Select(s => (s.Zone, s.Available, s.Remaining)), Is.All.EqualTo(("z1", (bool?)true, (int?)1)));
            Assert.That(full.Select(s => (s.Available, s.Remaining)), Is.All.EqualTo(((bool?)false, (int?)0)));
            Assert.That(unlimited.Select(s => (s.Available, s.Remaining)), Is.All.EqualTo(((bool?)true, (int?)null)), "no limit is no number");
            Assert.That(silent.Select(s => (s.Available, s.Remaining)), Is.All.EqualTo(((bool?)null, (int?)null)));
            Assert.That(account.Select(s => (s.Zone, s.Available, s.Remaining)), Is.All.EqualTo(((string?)null, (bool?)null, (int?)null)));
            Assert.That(account.Single(s => s.Native == "sim-metal").Price, Is.Null);
            Assert.That(account.Single(s => s.Native == "sim-1").Price, Is.EqualTo(new Price { Amount = 0.0125m, Currency = "USD", Period = PricePeriod.Hour }));
        });
        var wrong = (await ((IOfferings)world.Driver).ListOfferingsAsync(world.Call(), new CatalogQuery { LocationJson = "{}" }, null)).Error!;
        Assert.That((wrong.Code, wrong.Field), Is.EqualTo((ErrorCode.Invalid, "location.zone")));
    }

    [Test]
    public async Task DC_106_used_and_limit_count_the_same_objects()
    {
        using var world = new World(new SimulatorKnobs { Quota = ImmutableDictionary<ResourceKind, int>.Empty.Add(ResourceKind.Instance, 2).Add(ResourceKind.Disk, 0) });
        var (_, _, spec) = await world.Landscape();
        for (var n = 1; ; n++)
        {
            var report = (await ((IQuotas)world.Driver).ReadQuotasAsync(world.Call())).Value!;
            var servers = report.Quotas.Single(q => q.Kind == ResourceKind.Instance);
            Assert.That((servers.Name, servers.Limit, servers.Used, servers.Scope), Is.EqualTo(("SERVERS", (long?)2, (long?)(n - 1), (string?)null)));
            Assert.That(report.Complete);
            if (servers.Used == servers.Limit)
                break;
            await World.Build(world, world.Driver.Instances!, World.Id(ResourceKind.Instance, n), spec);
        }

        var all = (await ((IQuotas)world.Driver).ReadQuotasAsync(world.Call())).Value!.Quotas;
        Assert.That(all.Select(q => (q.Name, q.Limit, q.Used)), Is.EquivalentTo(new (string, long?, long?)[]
            { ("NETWORKS", null, 1), ("SUBNETS", null, 1), ("FIREWALLS", null, 0), ("DISKS", 0, 0), ("SECRETS", null, 0), ("SERVERS", 2, 2) }));
        var third = World.Id(ResourceKind.Instance, 3);
        Identity id = third;
        Failed<InstanceFacts>? refused = null;
        for (var i = 0; i < 4 && refused is null; i++)
        {
            var next = await World.Observe(world, world.Driver.Instances!, id, spec) switch { Absent<InstanceFacts> a => a.Next!, Present<InstanceFacts> p => p.Next!, _ => throw new AssertionException("?") };
            var outcome = await world.Driver.Instances!.CreateAsync(world.Operation(id, next), id, spec);
            refused = outcome as Failed<InstanceFacts>;
            id = World.Record(id, outcome);
        }

        Assert.That(refused!.Error.Code, Is.EqualTo(ErrorCode.QuotaExceeded), "the limit that is told is the one that holds");
    }

    [Test]
    public async Task DC_106_a_zone_that_doesnt_answer_makes_the_report_incomplete()
    {
        using var world = new World(new SimulatorKnobs { UnreachableZones = ["z9"] });
        Assert.That((await ((IQuotas)world.Driver).ReadQuotasAsync(world.Call())).Value!.Complete, Is.False);
    }

    private static async Task<List<Offering>> Sizes(World world, string? location) =>
        await All<Offering>((q, c) => ((IOfferings)world.Driver).ListOfferingsAsync(world.Call(), q with { LocationJson = location }, c), 2);

    // DC-59: any page can be asked for with the cursor alone.
    private static async Task<List<T>> All<T>(Func<CatalogQuery, string?, ValueTask<Answer<CatalogPage<T>>>> list, int pageSize)
    {
        var items = new List<T>();
        string? cursor = null;
        do
        {
            var page = (await list(new CatalogQuery { PageSize = pageSize }, cursor)).Value!;
            Assert.That(page.Items, Has.Length.AtMost(pageSize));
            items.AddRange(page.Items);
            cursor = page.Next;
        }
        while (cursor is not null);
        return items;
    }
}
