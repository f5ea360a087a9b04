using System.Net;

namespace Datum.Providers.Drivers.Podman.Tests.Unit;

/// <summary>What is announced, and rules of the contract that need no Podman.</summary>
[TestFixture]
public sealed class AbilityTests
{
    [Test]
    public async Task DC_100_the_session_implements_exactly_the_interfaces_that_the_descriptor_announces()
    {
        using var host = new Answers(_ => new HttpResponseMessage(HttpStatusCode.NotFound));
        await using var driver = await host.ConnectAsync();
        var announced = new PodmanDriverFactory().Describe().Abilities;
        foreach (var (ability, type) in ((Ability, Type)[])
        [
            (Ability.Power, typeof(IPowerControl)), (Ability.ConsoleLog, typeof(IConsoleLog)), (Ability.ImageCatalog, typeof(IImageCatalog)),
            (Ability.Offerings, typeof(IOfferings)), (Ability.Quotas, typeof(IQuotas)), (Ability.ChangeFeed, typeof(IChangeFeed)), (Ability.Usage, typeof(IUsageReader)),
        ])
            Assert.That(type.IsInstanceOfType(driver), Is.EqualTo(announced.Contains(ability)), ability.ToString());
        Assert.That(new PodmanDriverFactory().Describe().Kinds.Select(k => k.Adoptable), Is.All.False);
        Assert.That((driver.Networks is IAdoption<NetworkFacts>, driver.Disks is IAdoption<DiskFacts>, driver.Instances is IAdoption<InstanceFacts>), Is.EqualTo((false, false, false)));
    }

    [Test]
    public async Task DC_104_images_come_by_name_in_pages_that_a_cursor_alone_continues()
    {
        using var host = new Answers(_ => Json("""
            [{"Id":"1","Names":["r.test/b:1","r.test/a:1"],"Created":1700000000},{"Id":"2","RepoTags":["r.test/c:1"],"Arch":"arm64"},{"Id":"3","Names":null,"RepoTags":null}]
            """));
        await using var driver = await host.ConnectAsync();
        var catalog = (IImageCatalog)driver;
        var first = (await catalog.ListImagesAsync(Call(), new CatalogQuery { PageSize = 2 }, null)).Value!;
        var second = (await catalog.ListImagesAsync(Call(), new CatalogQuery { PageSize = 2 }, first.Next)).Value!;
        var found = (await catalog.ListImagesAsync(Call(), new CatalogQuery { Search = "A:" }, null)).Value!;
        Assert.That(first.Items.Concat(second.Items).Select(i => (i.Id, i.Architecture, i.CreatedAt)), Is.EqualTo(new (string, string?, DateTimeOffset?)[]
        {
            ("r.test/a:1", null, DateTimeOffset.FromUnixTimeSeconds(1700000000)), ("r.test/b:1", null, DateTimeOffset.FromUnixTimeSeconds(1700000000)), ("r.test/c:1", "arm64", null),
        }));
        Assert.That((second.Next, found.Items.Single().Id, found.Next), Is.EqualTo(((string?)null, "r.test/a:1", (string?)null)));
    }

    [Test]
    public async Task DC_59_a_cursor_of_another_driver_is_refused()
    {
        using var host = new Answers(_ => Json("[]"));
        await using var driver = await host.ConnectAsync();
        var query = new ListQuery { Installation = "t1" };
        var errors = new[]
        {
            (await driver.Networks!.ListAsync(Call(), query, "x")).Error, (await driver.Disks!.ListAsync(Call(), query, "x")).Error, (await driver.Instances!.ListAsync(Call(), query, "x")).Error,
        };
        Assert.That(errors.Select(e => (e!.Code, e.Effect)), Is.All.EqualTo((ErrorCode.PreconditionFailed, Effect.NotApplied)));
        Assert.That(host.Requests, Is.Empty);
    }

    [Test]
    public async Task DC_59_listings_come_in_pages_of_the_asked_size_that_a_cursor_alone_continues()
    {
        var volumes = string.Join(',', Enumerable.Range(1, 5).Select(i =>
            $$$"""{"Name":"dsk-{{{i}}}","Driver":"local","Labels":{"datum-install":"t1","datum-kind":"dsk","datum-name":"{{{new string((char)('0' + i), 32)}}}","datum-incarnation":"1"}}"""));
        using var host = new Answers(_ => Json($"[{volumes}]"));
        var pages = new List<ListPage<DiskFacts>>();
        do
        {
            // Each page by another session.
            await using var driver = await host.ConnectAsync();
            pages.Add((await driver.Disks!.ListAsync(Call(), new ListQuery { Installation = "t1", PageSize = 2 }, pages.LastOrDefault()?.Next)).Value!);
        }
        while (pages[^1].Next is not null);
        Assert.That(pages.Select(p => string.Join(' ', p.Items.Select(i => i.Parts[0].Id))), Is.EqualTo(new[] { "dsk-1 dsk-2", "dsk-3 dsk-4", "dsk-5" }));
        Assert.That(pages.Select(p => p.Complete), Is.All.True);
    }

    [Test]
    public async Task DC_7_a_session_that_ends_ends_its_event_stream()
    {
        using var host = new Answers(_ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new Silent()) });
        var driver = await host.ConnectAsync();
        await using var feed = ((IChangeFeed)driver).WatchAsync(Call()).GetAsyncEnumerator();
        var next = feed.MoveNextAsync().AsTask();
        Assert.That(next.IsCompleted, Is.False);
        await driver.DisposeAsync();
        Assert.That(await next.WaitAsync(TimeSpan.FromSeconds(20)), Is.False);
    }

    private static Call Call() => Real.Calls.New();

    private static HttpResponseMessage Json(string text) => new(HttpStatusCode.OK) { Content = new StringContent(text) };

    /// <summary>A stream that says nothing until its reader gives up.</summary>
    private sealed class Silent : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await new TaskCompletionSource().Task.WaitAsync(cancellationToken);
            return 0;
        }
    }
}
