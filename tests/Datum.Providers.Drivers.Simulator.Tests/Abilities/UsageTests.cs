namespace Datum.Providers.Drivers.Simulator.Tests.Abilities;

/// <summary>DC-113 to DC-115: what servers use.</summary>
internal sealed class UsageTests
{
    private static readonly ListQuery s_query = new() { Installation = World.Installation, PageSize = 2 };

    [Test]
    public async Task DC_113_each_server_is_measured_once_over_all_pages_by_its_own_name()
    {
        using var world = new World(new SimulatorKnobs { CpuLoad = 0.5 });
        var spec = await Servers(world, 3);
        world.Cloud.SetUsage(world.Cloud.In(Collections.Servers)[1].Id, 7, 9);
        List<UsageSample> all = [];
        string? cursor = null;
        var pages = 0;
        do
        {
            var page = await Read(world, cursor);
            all.AddRange(page.Items);
            cursor = page.Next;
            pages++;
        }
        while (cursor is not null);
        Assert.That(pages, Is.EqualTo(2));
        Assert.That(all.Select(s => (s.Name, s.Incarnation, s.CpuMillis)), Is.EqualTo(new (string, long, long?)[]
        {
            (World.Id(ResourceKind.Instance, 1).Name, 1, spec.Size.CpuMillis / 2), (World.Id(ResourceKind.Instance, 2).Name, 1, 7), (World.Id(ResourceKind.Instance, 3).Name, 1, spec.Size.CpuMillis / 2),
        }));
        Assert.That(all.Select(s => s.CpuCapacityMillis), Is.All.EqualTo(spec.Size.CpuMillis));
        Assert.That(all[1].MemoryBytes, Is.EqualTo(9));
        Assert.That((await ((IUsageReader)world.Driver).ListUsageAsync(world.Call(), s_query with { Installation = "other" }, null)).Value!.Items, Is.Empty);
    }

    [Test]
    public async Task DC_113_what_is_off_or_gone_isnt_measured()
    {
        using var world = new World();
        await Servers(world, 2);
        var servers = world.Cloud.In(Collections.Servers);
        world.Cloud.SetPower(servers[0].Id, on: false);
        world.Cloud.Vanish(servers[1].Id);
        Assert.That((await Read(world)).Items, Is.Empty);
    }

    [Test]
    public async Task DC_114_a_measurement_has_the_time_at_which_it_was_made()
    {
        using var world = new World(new SimulatorKnobs { UsageLag = TimeSpan.FromMinutes(1) });
        await Servers(world, 1);
        Assert.That((await Read(world)).Items, Is.Empty, "nothing was measured yet");
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.That((await Read(world)).Items.Single().ObservedAt, Is.EqualTo(world.Clock.Now - TimeSpan.FromMinutes(1)));
    }

    [Test]
    public async Task DC_115_a_zone_that_doesnt_answer_makes_the_page_incomplete_and_a_strange_cursor_is_refused()
    {
        using var world = new World();
        await Servers(world, 1);
        world.Cloud.Knobs = world.Cloud.Knobs with { UnreachableZones = [world.Cloud.In(Collections.Servers)[0].Zone!] };
        var page = await Read(world);
        Assert.That((page.Complete, page.Items.Length), Is.EqualTo((false, 0)));
        foreach (var cursor in (string[])["servers:srv-1", "usage:nic-1"])
            Assert.That((await ((IUsageReader)world.Driver).ListUsageAsync(world.Call(), s_query, cursor)).Error?.Effect, Is.EqualTo(Effect.NotApplied), cursor);
    }

    private static async Task<InstanceSpec> Servers(World world, int count)
    {
        var (_, _, spec) = await world.Landscape();
        for (var n = 1; n <= count; n++)
            await World.Build(world, world.Driver.Instances!, World.Id(ResourceKind.Instance, n), spec);
        return spec;
    }

    private static async Task<UsagePage> Read(World world, string? cursor = null) =>
        (await ((IUsageReader)world.Driver).ListUsageAsync(world.Call(), s_query, cursor)).Value!;
}
