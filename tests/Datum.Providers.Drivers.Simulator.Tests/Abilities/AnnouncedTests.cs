namespace Datum.Providers.Drivers.Simulator.Tests.Abilities;

/// <summary>DC-100: what is announced is what there is.</summary>
internal sealed class AnnouncedTests
{
    private static readonly (Ability Ability, Type Interface)[] All =
    [
        (Ability.Power, typeof(IPowerControl)), (Ability.ConsoleLog, typeof(IConsoleLog)), (Ability.ImageCatalog, typeof(IImageCatalog)),
        (Ability.Offerings, typeof(IOfferings)), (Ability.Quotas, typeof(IQuotas)), (Ability.ChangeFeed, typeof(IChangeFeed)), (Ability.Usage, typeof(IUsageReader)),
    ];

    [Test]
    public void DC_100_the_session_implements_exactly_the_interfaces_that_the_descriptor_announces()
    {
        using var world = new World();
        var descriptor = new SimulatorDriverFactory().Describe();
        Assert.That(All.Select(a => a.Ability), Is.EquivalentTo(Enum.GetValues<Ability>().Except([Ability.Unknown])), "an ability that came later has a row here");
        foreach (var (ability, type) in All)
            Assert.That(descriptor.Abilities.Contains(ability), Is.EqualTo(type.IsInstanceOfType(world.Driver)), ability.ToString());
    }

    [Test]
    public void DC_100_a_kind_adopts_exactly_when_it_says_so()
    {
        using var world = new World();
        var verbs = new Dictionary<ResourceKind, bool>
        {
            [ResourceKind.Network] = world.Driver.Networks is IAdoption<NetworkFacts>,
            [ResourceKind.Subnet] = world.Driver.Subnets is IAdoption<SubnetFacts>,
            [ResourceKind.Firewall] = world.Driver.Firewalls is IAdoption<FirewallFacts>,
            [ResourceKind.Disk] = world.Driver.Disks is IAdoption<DiskFacts>,
            [ResourceKind.Secret] = world.Driver.Secrets is IAdoption<SecretFacts>,
            [ResourceKind.Instance] = world.Driver.Instances is IAdoption<InstanceFacts>,
        };
        Assert.That(new SimulatorDriverFactory().Describe().Kinds.ToDictionary(k => k.Kind, k => k.Adoptable), Is.EquivalentTo(verbs));
    }

    // The rules of verbs hold for abilities: an error is a value with its effect, a cancellation stays one.
    [Test]
    public async Task DC_100_errors_of_an_ability_are_values_with_the_effect_that_they_had([Values(FaultKind.Refuse, FaultKind.ResetBefore, FaultKind.ResetAfter, FaultKind.ErrorAfter)] FaultKind fault)
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        var (id, _) = await World.Build(world, world.Driver.Instances!, World.Id(ResourceKind.Instance), spec);
        foreach (var path in (string[])["/v1/images", "/v1/sizes", "/v1/quotas", "/v1/usage", "/v1/servers/*/console", "/v1/servers/*/stop", "/v1/*/*"])
            world.Cloud.Add(new FaultRule { Path = path, Method = path.EndsWith('*') ? "PATCH" : null, Kind = fault });
        var reads = new[]
        {
            (await ((IImageCatalog)world.Driver).ListImagesAsync(world.Call(), new CatalogQuery(), null)).Error,
            (await ((IOfferings)world.Driver).ListOfferingsAsync(world.Call(), new CatalogQuery(), null)).Error,
            (await ((IQuotas)world.Driver).ReadQuotasAsync(world.Call())).Error,
            (await ((IUsageReader)world.Driver).ListUsageAsync(world.Call(), new ListQuery { Installation = "test" }, null)).Error,
            (await ((IConsoleLog)world.Driver).ReadConsoleAsync(world.Call(), id, new ConsoleQuery())).Error,
        };
        var mutation = (Failed<InstanceFacts>)await Power.Do(world, id, PowerAction.Stop);
        var release = (Failed<InstanceFacts>)await Taking.Release(world, world.Driver.Instances!, id);
        Assert.Multiple(() =>
        {
            Assert.That(reads.Select(e => (e!.Code, e.Effect)), Is.All.EqualTo((ErrorCode.Unavailable, Effect.NotApplied)));
            Assert.That(new[] { mutation, release }.Select(m => (m.Error.Code, m.Error.Effect)),
                Is.All.EqualTo((ErrorCode.Unavailable, fault == FaultKind.Refuse ? Effect.NotApplied : Effect.Unknown)));
        });
    }

    [Test]
    public async Task DC_100_a_cancelled_ability_ends_with_its_cancellation()
    {
        using var world = new World(new SimulatorKnobs { Latency = TimeSpan.FromSeconds(5) });
        using var stop = new CancellationTokenSource();
        var reading = ((IQuotas)world.Driver).ReadQuotasAsync(world.Call(stop.Token)).AsTask();
        Assert.That(reading.IsCompleted, Is.False);
        await stop.CancelAsync();
        Assert.That(async () => await reading, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(world.Clock.PendingTimers, Is.Zero);
    }
}
