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

    private static async Task<IInfrastructureDriver> Open(World world, string folder) =>
        await new SimulatorDriverFactory().ConnectAsync(world, new Connection
        {
            Installation = World.Installation,
            Settings = JsonSerializer.SerializeToElement(new Dictionary<string, string> { ["statePath"] = folder }),
        }, default);
}
