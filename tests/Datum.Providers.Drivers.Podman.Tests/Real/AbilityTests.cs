using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

/// <summary>DC-101 to DC-104 at a real Podman.</summary>
[TestFixture]
public sealed class AbilityTests : PodmanFixture
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Test]
    public async Task DC_102_a_restart_asks_the_guest_keeps_its_network_and_is_done_once()
    {
        var (instance, spec) = await AskableAsync();
        var before = await instance.PresentAsync(spec);
        var infra = (await GetAsync($"pods/{instance.Id.PartId("pod")}/json")).GetProperty("InfraContainerID").GetString();

        var first = await PowerAsync(instance, PowerAction.Restart, 'a');
        var during = await instance.PresentAsync(spec);
        var outcome = await UntilDoneAsync(instance, PowerAction.Restart, 'a');
        var again = await PowerAsync(instance, PowerAction.Restart, 'a');
        var after = await instance.PresentAsync(spec);

        Assert.That(first, Is.InstanceOf<Running<InstanceFacts>>());
        Assert.That((during.InProgress is null, during.Next), Is.EqualTo((false, (Step?)null)), "a look sees it as progress");
        Assert.That((outcome, again), Is.EqualTo((new Done<InstanceFacts>(), new Done<InstanceFacts>())));
        Assert.That((after.State, after.Drift.Length, after.Parts), Is.EqualTo((Lifecycle.Ready, 0, before.Parts)));
        Assert.That(Address(after.Facts), Is.EqualTo(Address(before.Facts)));
        Assert.That((await GetAsync($"pods/{instance.Id.PartId("pod")}/json")).GetProperty("InfraContainerID").GetString(), Is.EqualTo(infra));
        var text = (await ConsoleAsync(instance, new ConsoleQuery())).Value!.Text;
        Assert.That((text.Split("bye").Length - 1, text.Split("hello").Length - 1), Is.EqualTo((1, 2)), "asked once, started twice: " + text);
    }

    [Test]
    public async Task DC_102_a_stop_asks_and_power_off_doesnt()
    {
        var (instance, spec) = await AskableAsync();

        Assert.That(await PowerAsync(instance, PowerAction.Stop, 'a'), Is.InstanceOf<Running<InstanceFacts>>());
        Assert.That(await UntilDoneAsync(instance, PowerAction.Stop, 'a'), Is.InstanceOf<Done<InstanceFacts>>());
        var stopped = await instance.PresentAsync(spec);
        Assert.That((stopped.Facts.Power, stopped.Drift.Length, stopped.Mark), Is.EqualTo((PowerState.Stopped, 0, MarkState.Ours)), "DC-78 and DC-101");
        Assert.That(await PowerAsync(instance, PowerAction.Stop, 'b'), Is.InstanceOf<Done<InstanceFacts>>(), "DC-101: it is so already");

        Assert.That(await PowerAsync(instance, PowerAction.Start, 'c'), Is.InstanceOf<Done<InstanceFacts>>());
        Assert.That(await PowerAsync(instance, PowerAction.Start, 'd'), Is.InstanceOf<Done<InstanceFacts>>());
        Assert.That((await instance.PresentAsync(spec)).State, Is.EqualTo(Lifecycle.Ready));
        await HelloAsync(instance, 2);
        Assert.That(await PowerAsync(instance, PowerAction.PowerOff, 'e'), Is.InstanceOf<Done<InstanceFacts>>());
        Assert.That((await instance.PresentAsync(spec)).Facts.Power, Is.EqualTo(PowerState.Stopped));
        var text = (await ConsoleAsync(instance, new ConsoleQuery())).Value!.Text;
        Assert.That(text.Split("bye").Length - 1, Is.EqualTo(1), "power off asks nobody: " + text);
    }

    [Test]
    public async Task DC_101_only_the_recorded_pod_with_our_mark_is_switched()
    {
        var (instance, _) = await AskableAsync();
        var foreign = new Driven<InstanceSpec, InstanceFacts>(Driver.Instances!, instance.Id with { Installation = "other" });
        var unrecorded = new Driven<InstanceSpec, InstanceFacts>(Driver.Instances!, instance.Id with { Parts = [] });

        var errors = new List<DriverError>();
        foreach (var action in (PowerAction[])[PowerAction.Start, PowerAction.Stop, PowerAction.PowerOff, PowerAction.Restart])
            errors.Add(((Failed<InstanceFacts>)await PowerAsync(foreign, action, 'a')).Error);
        var unknown = ((Failed<InstanceFacts>)await PowerAsync(unrecorded, PowerAction.PowerOff, 'a')).Error;
        var console = (await ConsoleAsync(foreign, new ConsoleQuery())).Error!;

        Assert.That(errors.Append(console).Select(e => (e.Code, e.Effect)), Is.All.EqualTo((ErrorCode.Conflict, Effect.NotApplied)));
        Assert.That((unknown.Code, unknown.Effect), Is.EqualTo((ErrorCode.PreconditionFailed, Effect.NotApplied)));
        Assert.That((await GetAsync($"containers/{instance.Id.PartId("container-loop")}/json")).GetProperty("State").GetProperty("Running").GetBoolean(), Is.True);
    }

    [Test]
    public async Task DC_103_the_console_is_cut_from_its_newest_end_and_goes_on_by_cursor()
    {
        var (instance, _) = await AskableAsync();
        await HelloAsync(instance, 1);

        var all = (await ConsoleAsync(instance, new ConsoleQuery())).Value!;
        var cut = (await ConsoleAsync(instance, new ConsoleQuery { MaxBytes = 4 })).Value!;
        var none = (await ConsoleAsync(instance, new ConsoleQuery { Cursor = all.Next, Container = "loop" })).Value!;
        await PowerAsync(instance, PowerAction.Restart, 'a');
        await UntilDoneAsync(instance, PowerAction.Restart, 'a');
        await HelloAsync(instance, 2);
        var more = (await ConsoleAsync(instance, new ConsoleQuery { Cursor = none.Next })).Value!;
        var wrong = (await ConsoleAsync(instance, new ConsoleQuery { Container = "nonesuch" })).Error!;
        var stale = (await ConsoleAsync(instance, new ConsoleQuery { Cursor = "podc1:other||0" })).Error!;
        var absent = (await ConsoleAsync(NewInstance(), new ConsoleQuery())).Error!;

        Assert.That((all.Text, all.Truncated), Is.EqualTo(("hello\n", false)));
        Assert.That((cut.Text, cut.Truncated), Is.EqualTo(("llo\n", true)));
        Assert.That((none.Text, none.Truncated), Is.EqualTo(("", false)));
        Assert.That(more.Text, Is.EqualTo("bye\nhello\n"));
        Assert.That((wrong.Code, stale.Code, absent.Code), Is.EqualTo((ErrorCode.Invalid, ErrorCode.PreconditionFailed, ErrorCode.NotReadyYet)));
    }

    [Test]
    public async Task DC_104_an_image_of_the_catalogue_is_what_a_container_runs_when_the_config_maps_to_it()
    {
        var network = await NetworkAsync();
        await NewInstance().DriveToReadyAsync(Web(network));
        var image = (await ((IImageCatalog)Driver).ListImagesAsync(Calls.New(), new CatalogQuery { Search = "library/nginx" }, null)).Value!.Items.First(i => i.Id == PodmanHost.WebImage);
        var driver = await ConnectAsync(c => c with { Images = ImmutableDictionary<string, string>.Empty.Add("datumcloud/web", image.Id) });
        var instance = NewInstance(driver: driver);

        var ready = await instance.DriveToReadyAsync(Web(network, c => c with { Image = "datumcloud/web" }));

        Assert.That(ready.Drift, Is.Empty);
        Assert.That((await GetAsync($"containers/{instance.Id.PartId("container-web")}/json")).GetProperty("ImageName").GetString(), Does.Contain("nginx"));
    }

    [Test]
    public async Task DC_31_storing_payloads_is_repeatable_and_names_no_part()
    {
        var network = await NetworkAsync();
        var payloads = new FixedPayloads(new() { ["s"] = new() { ["k"] = "canary" } });
        var instance = NewInstance(payloads);
        var spec = Web(network, c => c with { Environment = [new EnvironmentVariable { Name = "K", From = new PayloadKey { Key = "k", Payload = new PayloadReference { Name = "s", Secret = true, Hash = "h" } } }] });
        var seen = (Present<InstanceFacts>)await instance.DriveAsync(spec, o => o is Present<InstanceFacts> { Next.Part: "payload" });

        var first = await instance.DoAsync(seen.Next!, spec);
        var second = await instance.DoAsync(seen.Next!, spec);

        Assert.That(seen.Next!.Class, Is.EqualTo(CreateClass.Repeatable));
        Assert.That((first.Parts.Length, second), Is.EqualTo((0, new Done<InstanceFacts>())));
    }

    // A container that says hello, and bye when it is asked to stop.
    private async Task<(Driven<InstanceSpec, InstanceFacts> Instance, InstanceSpec Spec)> AskableAsync()
    {
        var spec = Web(await NetworkAsync(), c => c with
        {
            Name = "loop",
            Image = PodmanHost.BusyboxImage,
            Command = ["sh", "-c", "trap 'sleep 0.5; echo bye; exit 0' TERM; echo hello; while true; do sleep 0.1; done"],
        }) with
        { TerminationGraceSeconds = 20 };
        var instance = NewInstance();
        await instance.DriveToReadyAsync(spec);
        await HelloAsync(instance, 1);
        return (instance, spec);
    }

    private async Task HelloAsync(Driven<InstanceSpec, InstanceFacts> instance, int count)
    {
        using var patience = new CancellationTokenSource(Patience);
        while ((await ConsoleAsync(instance, new ConsoleQuery())).Value!.Text.Split("hello").Length - 1 < count)
        {
            Assert.That(patience.IsCancellationRequested, Is.False, "the container says nothing");
            await Task.Delay(50);
        }
    }

    private async Task<Outcome<InstanceFacts>> UntilDoneAsync(Driven<InstanceSpec, InstanceFacts> instance, PowerAction action, char token)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            var outcome = await PowerAsync(instance, action, token);
            if (outcome is not Running<InstanceFacts>)
                return outcome;
            Assert.That(patience.IsCancellationRequested, Is.False, "it is still at work");
            await Task.Delay(50);
        }
    }

    private async Task<Outcome<InstanceFacts>> PowerAsync(Driven<InstanceSpec, InstanceFacts> instance, PowerAction action, char token) =>
        await ((IPowerControl)Driver).PowerAsync(new Operation
        {
            Call = Calls.New(),
            Step = new Step { Part = "power", Verb = StepVerb.Update, Class = CreateClass.Repeatable },
            Token = new string(token, 32),
        }, instance.Id, action);

    private async Task<Answer<ConsoleText>> ConsoleAsync(Driven<InstanceSpec, InstanceFacts> instance, ConsoleQuery query) =>
        await ((IConsoleLog)Driver).ReadConsoleAsync(Calls.New(), instance.Id, query);
}
