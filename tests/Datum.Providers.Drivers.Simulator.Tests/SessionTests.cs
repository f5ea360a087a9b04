using System.Text.Json;

namespace Datum.Providers.Drivers.Simulator.Tests;

/// <summary>Opening sessions: the platform in a folder, and what is refused.</summary>
internal sealed class SessionTests
{
    [Test]
    public void The_descriptor_is_pure_and_agrees_with_the_driver()
    {
        var factory = new SimulatorDriverFactory();
        var descriptor = factory.Describe();
        using var world = new World();
        Assert.Multiple(() =>
        {
            Assert.That(descriptor.Id, Is.EqualTo("simulator"));
            Assert.That(descriptor.Kinds.Select(k => k.Kind), Is.Unique.And.Exactly(6).Items);
            Assert.That(world.Driver.Addresses, Is.Null);
            Assert.That(() => JsonDocument.Parse(descriptor.LocationSchema), Throws.Nothing);
            Assert.That(JsonDocument.Parse(descriptor.SettingsSchema).RootElement.GetProperty("properties").GetProperty("knobs").GetProperty("properties").EnumerateObject().Select(p => p.Name),
                Is.EquivalentTo(typeof(SimulatorKnobs).GetProperties().Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name))), "the schema names every knob");
            Assert.That(new SimulatorDriverFactory(new SimulatorProfile { RangeOrder = RangeOrder.RangeFirst }).Describe().RangeOrder, Is.EqualTo(RangeOrder.RangeFirst));
        });
    }

    [TestCase("{}", 100, 600, true)]
    [TestCase("""{"quota":{"Instance":5}}""", 100, 600, true)]
    [TestCase("""{"pageSize":3,"guestReports":false,"tokenLife":"00:00:00"}""", 3, 0, false)]
    public void A_knob_that_isnt_set_keeps_its_default(string json, int pageSize, int tokenSeconds, bool guestReports)
    {
        var knobs = SimulatorKnobs.Parse(JsonDocument.Parse(json).RootElement);
        Assert.That((knobs.PageSize, knobs.TokenLife, knobs.GuestReports, knobs.OperationLife, knobs.RetryAfter),
            Is.EqualTo((pageSize, TimeSpan.FromSeconds(tokenSeconds), guestReports, TimeSpan.FromHours(1), TimeSpan.FromSeconds(1))));
    }

    [Test]
    public async Task Objects_of_a_platform_with_one_knob_are_listed()
    {
        var folder = Path.Combine(TestContext.CurrentContext.WorkDirectory, "sim-" + Guid.NewGuid().ToString("n"));
        try
        {
            using var world = new World();
            await using var session = await Open(world, folder, """{"quota":{"Instance":5}}""");
            await World.Build(world, session.Networks!, World.Id(ResourceKind.Network), new NetworkSpec { Mtu = 1460 });
            var page = await session.Networks!.ListAsync(world.Call(), new ListQuery { Installation = World.Installation }, null);
            Assert.That((page.Error, page.Value?.Items.Length), Is.EqualTo(((DriverError?)null, (int?)1)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public async Task Objects_outlive_the_session_that_made_them()
    {
        var folder = Path.Combine(TestContext.CurrentContext.WorkDirectory, "sim-" + Guid.NewGuid().ToString("n"));
        try
        {
            using var world = new World();
            var id = World.Id(ResourceKind.Network);
            string account;
            await using (var first = await Open(world, folder))
            {
                (id, _) = await World.Build(world, first.Networks!, id, new NetworkSpec { Mtu = 1460 });
                account = (await first.ProbeAsync(world.Call())).Value!.AccountId;
                await using var beside = await Open(world, folder);
                Assert.That(await World.Observe(world, beside.Networks!, World.Id(ResourceKind.Network), new NetworkSpec()), Is.InstanceOf<Present<NetworkFacts>>(), "a second session sees the same platform");
                await World.TakeDown(world, beside.Networks!, id);
                Assert.That(await World.Observe(world, first.Networks!, id, null), Is.InstanceOf<Absent<NetworkFacts>>());
                (id, _) = await World.Build(world, first.Networks!, World.Id(ResourceKind.Network, 2), new NetworkSpec { Mtu = 1460 });
            }

            await using var later = await Open(world, folder);
            var seen = (Present<NetworkFacts>)await World.Observe(world, later.Networks!, World.Id(ResourceKind.Network, 2), new NetworkSpec());
            Assert.That(seen.Parts[0].Id, Is.EqualTo(id.Parts[0].Id));
            Assert.That((await later.ProbeAsync(world.Call())).Value!.AccountId, Is.EqualTo(account));

            using (new FileStream(Path.Combine(folder, "state.lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            {
                var busy = (await later.ProbeAsync(world.Call())).Error!;
                Assert.That((busy.Code, busy.RetryAfter), Is.EqualTo((ErrorCode.Throttled, (TimeSpan?)TimeSpan.FromSeconds(1))));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestCase("{}", null, "statePath")]
    [TestCase("""{"statePath":"relative"}""", null, "statePath")]
    [TestCase("""{"statPath":"/x"}""", null, "statPath")]
    [TestCase("""{"knobs":{"latencyy":"00:00:01"}}""", "http://x", "latencyy")]
    [TestCase("""{"knobs":{"createClasses":{"Network":"Manual"}}}""", "http://x", "createClasses.Network")]
    [TestCase("{}", "ftp://x", "ftp")]
    public void A_session_with_bad_settings_is_refused_and_told_why(string settings, string? endpoint, string word)
    {
        using var world = new World();
        var connection = new Connection
        {
            Installation = World.Installation,
            Endpoint = endpoint is null ? null : new Uri(endpoint),
            Settings = JsonDocument.Parse(settings).RootElement,
        };
        var refused = Assert.Throws<DriverException>(() => new SimulatorDriverFactory().ConnectAsync(world, connection, default).AsTask().GetAwaiter().GetResult());
        Assert.That((refused.Error.Code, refused.Error.Effect), Is.EqualTo((ErrorCode.Invalid, Effect.NotApplied)));
        Assert.That(refused.Error.Message, Does.Contain(word));
    }

    private static async Task<IInfrastructureDriver> Open(World world, string folder, string? knobs = null) =>
        await new SimulatorDriverFactory().ConnectAsync(world, new Connection
        {
            Installation = World.Installation,
            Settings = JsonSerializer.SerializeToElement(new { statePath = folder, knobs = knobs is null ? (JsonElement?)null : JsonDocument.Parse(knobs).RootElement }),
        }, default);
}
