using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

[TestFixture]
public sealed class SessionTests : PodmanFixture
{
    [Test]
    public async Task A_probe_says_the_same_account_every_time()
    {
        var other = await ConnectAsync();

        var first = (await Driver.ProbeAsync(Calls.New())).Value!;
        var second = (await other.ProbeAsync(Calls.New())).Value!;

        Assert.That(first.AccountId, Does.Match("^podman-[0-9a-f]{24}$").And.EqualTo(second.AccountId));
        Assert.That(Version.Parse(first.PlatformVersion!), Is.GreaterThanOrEqualTo(new Version(4, 3)));
        Assert.That(first.Limitations, Is.Empty);
    }

    [Test]
    public async Task A_listing_takes_three_requests_and_its_revision_changes_with_a_restart()
    {
        var network = await NetworkAsync();
        var wire = new Records();
        var driver = await ConnectAsync(wire: wire);
        var (one, two) = (NewInstance(driver: driver), NewInstance(driver: driver));
        await one.DriveToReadyAsync(Web(network));
        await two.DriveToReadyAsync(Web(network));
        wire.Requests.Clear();

        var before = await ListAsync(driver);
        var requests = wire.Requests.Count;
        var still = await ListAsync(driver);
        await PostAsync($"pods/{one.Id.PartId("pod")}/restart");
        var after = await ListAsync(driver);

        Assert.That(requests, Is.EqualTo(3), "whatever the number of instances (law L8)");
        Assert.That(before.Keys, Is.EquivalentTo(new[] { one.Id.Name, two.Id.Name }));
        Assert.That(before[one.Id.Name].State, Is.EqualTo(Lifecycle.Ready));
        Assert.That(before[one.Id.Name].Parts, Is.EqualTo(one.Id.Parts));
        Assert.That(still[one.Id.Name].Revision, Is.EqualTo(before[one.Id.Name].Revision));
        Assert.That(after[one.Id.Name].Revision, Is.Not.EqualTo(before[one.Id.Name].Revision));
        Assert.That(after[two.Id.Name].Revision, Is.EqualTo(before[two.Id.Name].Revision));
    }

    [Test]
    public async Task The_change_feed_names_an_instance_whose_container_dies_and_ends_when_cancelled()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        await instance.DriveToReadyAsync(Web(network));
        using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var call = new Call { Cancellation = cancel.Token, Deadline = DateTimeOffset.MaxValue, Id = "feed" };
        var names = new List<string?>();

        var watching = Task.Run(async () =>
        {
            await foreach (var change in ((IChangeFeed)Driver).WatchAsync(call))
            {
                names.Add(change.Name);
                await cancel.CancelAsync();
            }
        });
        // The subscription has no answer of its own: kill until it is heard.
        while (!watching.IsCompleted)
        {
            using (await Podman.Client.PostAsync(new Uri($"containers/{instance.Id.PartId("container-web")}/restart?t=0", UriKind.Relative), null))
            {
            }

            await Task.WhenAny(watching, Task.Delay(200));
        }

        await watching;
        Assert.That(names.Distinct(), Is.EqualTo(new[] { instance.Id.Name }));
    }

    [Test]
    public async Task A_wish_that_cant_be_fulfilled_is_refused_by_the_step_too()
    {
        var spec = Web(await NetworkAsync()) with { Machine = new MachineSpec { BootVolume = "boot" } };

        var outcome = await NewInstance().DoAsync(new Step { Part = "pod", Verb = StepVerb.Create, Class = CreateClass.Named }, spec);

        var error = ((Failed<InstanceFacts>)outcome).Error;
        Assert.That((error.Code, error.Effect, error.Field), Is.EqualTo((ErrorCode.Unsupported, Effect.NotApplied, "machine")));
        Assert.That(await PodsAsync(), Is.Zero);
    }

    [Test]
    public async Task A_network_that_isnt_there_is_said_before_a_pod_is_made()
    {
        var spec = Web(new Reference { Name = "nonesuch" });

        var outcome = await NewInstance().DoAsync(new Step { Part = "pod", Verb = StepVerb.Create, Class = CreateClass.Named }, spec);

        Assert.That(((Failed<InstanceFacts>)outcome).Error.Code, Is.EqualTo(ErrorCode.NotReadyYet));
        Assert.That(await PodsAsync(), Is.Zero);
    }

    private async Task<Dictionary<string, Listed<InstanceFacts>>> ListAsync(IInfrastructureDriver driver)
    {
        var page = (await driver.Instances!.ListAsync(Calls.New(), new ListQuery { Installation = Installation }, null)).Value!;
        Assert.That(page.Complete, Is.True);
        return page.Items.ToDictionary(i => i.Name);
    }
}

[TestFixture]
[Category("Slow")]
public sealed class ServiceRestartTests : PodmanFixture
{
    private PodmanHost? _own;

    [OneTimeTearDown]
    public async Task StopOwnAsync()
    {
        if (_own is not null)
            await _own.DisposeAsync();
    }

    [Test]
    public async Task Containers_outlive_the_service_and_the_session_outlives_its_restart()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network);
        var ready = await instance.DriveToReadyAsync(spec);

        Podman.KillService();
        var down = await Driver.Instances!.ObserveAsync(Calls.New(), instance.Id, spec, null);
        var page = await FetchAsync(Address(ready.Facts), 8080);
        await Podman.StartServiceAsync();
        var again = await instance.PresentAsync(spec);

        Assert.That((down.Error!.Code, down.Error.Effect), Is.EqualTo((ErrorCode.Unavailable, Effect.NotApplied)));
        Assert.That(page, Does.Contain("variant latest"), "containers go on");
        Assert.That((again.State, again.Next, again.Drift.Length), Is.EqualTo((Lifecycle.Ready, (Step?)null, 0)));
        Assert.That(again.Parts, Is.EqualTo(ready.Parts));
    }

    internal override async Task<PodmanHost> UsePodmanAsync() => _own ??= await PodmanHost.StartAsync();
}
