namespace Datum.Providers.Drivers.Simulator.Tests.Abilities;

/// <summary>DC-107.</summary>
internal sealed class ChangeFeedTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Test]
    public async Task DC_107_what_changed_is_named_by_kind_and_name_and_others_arent()
    {
        using var world = new World();
        var id = World.Id(ResourceKind.Network);
        await using var feed = Open(world, CancellationToken.None);
        var first = feed.MoveNextAsync();
        await World.Build(world, world.Driver.Networks!, id, new NetworkSpec { Mtu = 1460 });
        Assert.That(await first.AsTask().WaitAsync(Patience), Is.True);
        Assert.That((feed.Current.Kind, feed.Current.Name), Is.EqualTo((ResourceKind.Network, id.Name)));
        var other = World.Id(ResourceKind.Network, 2) with { Installation = "other" };
        await world.Driver.Networks!.CreateAsync(world.Operation(other, new Step { Part = "net", Verb = StepVerb.Create, Class = CreateClass.Named }), other, new NetworkSpec());
        world.Cloud.Vanish(world.Cloud.In(Collections.Networks)[0].Id);
        // What was published before the end is still read.
        world.Cloud.EndEventStreams();
        var names = new List<string?>();
        while (await feed.MoveNextAsync().AsTask().WaitAsync(Patience))
            names.Add(feed.Current.Name);
        Assert.That(names, Is.Not.Empty.And.All.EqualTo(id.Name), "another installation's change is none of ours");
    }

    [Test]
    public async Task DC_107_it_ends_soon_after_its_cancellation_and_leaves_nothing_open()
    {
        using var world = new World();
        using var stop = new CancellationTokenSource();
        await using var feed = Open(world, stop.Token);
        var next = feed.MoveNextAsync().AsTask();
        Assert.That((next.IsCompleted, world.Cloud.Watchers), Is.EqualTo((false, 1)));
        await stop.CancelAsync();
        Assert.That(await next.WaitAsync(Patience), Is.False, "an end, not an exception");
        Assert.That(world.Cloud.Watchers, Is.Zero);
    }

    [Test]
    public async Task DC_107_it_may_end_at_any_time_and_begin_again()
    {
        using var world = new World();
        await using var feed = Open(world, CancellationToken.None);
        var next = feed.MoveNextAsync().AsTask();
        world.Cloud.EndEventStreams();
        Assert.That(await next.WaitAsync(Patience), Is.False);
        world.Cloud.Add(new FaultRule { Path = "/v1/events", Kind = FaultKind.ErrorBefore, Status = 503 });
        await using var refused = Open(world, CancellationToken.None);
        Assert.That(await refused.MoveNextAsync(), Is.False);
        await using var again = Open(world, CancellationToken.None);
        var hint = again.MoveNextAsync().AsTask();
        await World.Build(world, world.Driver.Networks!, World.Id(ResourceKind.Network), new NetworkSpec { Mtu = 1460 });
        Assert.That(await hint.WaitAsync(Patience), Is.True);
    }

    [Test]
    public async Task DC_107_the_listing_finds_the_same_without_it()
    {
        using var world = new World();
        var id = World.Id(ResourceKind.Network);
        await World.Build(world, world.Driver.Networks!, id, new NetworkSpec { Mtu = 1460 });
        var page = (await world.Driver.Networks!.ListAsync(world.Call(), new ListQuery { Installation = World.Installation }, null)).Value!;
        Assert.That((page.Items.Single().Name, world.Cloud.Watchers), Is.EqualTo((id.Name, 0)));
    }

    [Test]
    public async Task DC_7_a_session_that_ends_ends_its_streams()
    {
        using var world = new World();
        await using var feed = Open(world, CancellationToken.None);
        var next = feed.MoveNextAsync().AsTask();
        await world.Driver.DisposeAsync();
        Assert.That(await next.WaitAsync(Patience), Is.False);
        Assert.That(world.Cloud.Watchers, Is.Zero);
    }

    [Test]
    public async Task A_reader_that_is_too_slow_is_cut_off_and_holds_nobody_up()
    {
        using var world = new World();
        await using var feed = Open(world, CancellationToken.None);
        var first = feed.MoveNextAsync().AsTask();
        var (id, _) = await World.Build(world, world.Driver.Networks!, World.Id(ResourceKind.Network), new NetworkSpec { Mtu = 1460 });
        Assert.That(await first.WaitAsync(Patience), Is.True);
        for (var i = 0; i < 5000; i++)
            world.Cloud.Change(id.Parts[0].Id, o => o with { Mtu = 1300 + i });
        Assert.That(world.Cloud.Watchers, Is.Zero);
        while (await feed.MoveNextAsync().AsTask().WaitAsync(Patience))
            Assert.That(feed.Current.Name, Is.EqualTo(id.Name));
    }

    private static IAsyncEnumerator<Change> Open(World world, CancellationToken cancellation) =>
        ((IChangeFeed)world.Driver).WatchAsync(world.Call(cancellation)).GetAsyncEnumerator(CancellationToken.None);
}
