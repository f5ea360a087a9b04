using System.Text;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

[TestFixture]
public sealed class FaultTests : PodmanFixture
{
    // Laws L1 and L5: class B looks by name and compares the mark.
    [TestCase("pods/create")]
    [TestCase("containers/create")]
    public async Task An_answer_that_got_lost_leaves_one_object_which_the_next_look_finds(string path)
    {
        var network = await NetworkAsync();
        var wire = new LosesAnswer("POST", path);
        var driver = await ConnectAsync(wire: wire);
        var instance = NewInstance(driver: driver);
        var effects = new List<Effect>();

        await instance.DriveAsync(Web(network), o => o is Present<InstanceFacts> { State: Lifecycle.Ready },
            tolerated: o =>
            {
                effects.Add(((Failed<InstanceFacts>)o).Error.Effect);
                return true;
            });

        Assert.That(wire.Lost, Is.EqualTo(1));
        Assert.That(effects, Is.EqualTo(new[] { Effect.Unknown }));
        Assert.That(await Podman.ObjectsAsync($"{Marks.InstallKey}={Installation}"), Has.Count.EqualTo(3), "one pod, one container, one network");
    }

    [Test]
    public async Task A_step_that_is_repeated_after_a_lost_answer_finds_its_own_object()
    {
        var network = await NetworkAsync();
        var driver = await ConnectAsync(wire: new LosesAnswer("POST", "pods/create"));
        var instance = NewInstance(driver: driver);
        var step = ((Absent<InstanceFacts>)await instance.ObserveAsync(Web(network))).Next!;

        var first = await instance.DoAsync(step, Web(network));
        var second = await instance.DoAsync(step, Web(network));

        Assert.That(((Failed<InstanceFacts>)first).Error.Effect, Is.EqualTo(Effect.Unknown));
        Assert.That(((Done<InstanceFacts>)second).Parts.Single().Name, Is.EqualTo("pod"));
        Assert.That(await PodsAsync(), Is.EqualTo(1));
    }

    // Law L3.
    [Test]
    public async Task Somebody_elses_pod_of_the_same_name_is_foreign_and_stays_untouched()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var name = $"ins-{instance.Id.Name}";
        using var body = new StringContent($$$"""{"name":"{{{name}}}","no_infra":true,"labels":{"who":"somebody"}}""", Encoding.UTF8, "application/json");
        using var made = await Podman.Client.PostAsync(new Uri("pods/create", UriKind.Relative), body);
        Assert.That(made.IsSuccessStatusCode, Is.True);
        try
        {
            var seen = await instance.PresentAsync(Web(network));
            var create = await instance.DoAsync(new Step { Part = "pod", Verb = StepVerb.Create, Class = CreateClass.Named }, Web(network));
            var delete = await instance.DoAsync(new Step { Part = "pod", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }, null);
            var forRemoval = await instance.PresentAsync(null);

            Assert.That((seen.Mark, seen.Next, forRemoval.Next), Is.EqualTo((MarkState.Missing, (Step?)null, (Step?)null)));
            Assert.That(((Failed<InstanceFacts>)create).Error.Code, Is.EqualTo(ErrorCode.Conflict));
            Assert.That(((Failed<InstanceFacts>)delete).Error.Code, Is.EqualTo(ErrorCode.Conflict));
            Assert.That((await GetAsync($"pods/{name}/json")).GetProperty("Labels").GetProperty("who").GetString(), Is.EqualTo("somebody"));
        }
        finally
        {
            using (await Podman.Client.DeleteAsync(new Uri($"pods/{name}?force=true", UriKind.Relative)))
            {
            }
        }
    }

    [Test]
    public async Task A_pod_of_another_installation_with_our_name_is_foreign()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        await instance.DriveToReadyAsync(Web(network));

        var other = new Driven<InstanceSpec, InstanceFacts>(Driver.Instances!, instance.Id with { Installation = "other" });

        Assert.That((await other.PresentAsync(null)).Mark, Is.EqualTo(MarkState.Foreign));
    }

    [Test]
    public async Task A_container_that_somebody_put_into_our_pod_blocks_its_removal()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        await instance.DriveToReadyAsync(Web(network));
        using var body = new StringContent($$"""{"name":"stranger-{{Installation}}","pod":"{{instance.Id.PartId("pod")}}","image":"{{PodmanHost.WebImage}}"}""", Encoding.UTF8, "application/json");
        using var made = await Podman.Client.PostAsync(new Uri("containers/create", UriKind.Relative), body);
        Assert.That(made.IsSuccessStatusCode, Is.True);

        var outcome = await instance.DoAsync(new Step { Part = "pod", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }, null);

        var error = ((Failed<InstanceFacts>)outcome).Error;
        Assert.That((error.Code, error.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, $"stranger-{Installation}")));
        Assert.That(await PodsAsync(), Is.EqualTo(1));
    }

    [Test]
    public async Task L3_a_copy_beside_our_container_is_told_from_it_and_keeps_the_pod_alive()
    {
        var instance = NewInstance();
        var spec = Web(await NetworkAsync());
        await instance.DriveToReadyAsync(spec);
        await CopyAsync(instance, $"copy-{Installation}", instance.Id.PartId("pod"));

        var seen = await instance.PresentAsync(spec);
        var blind = new Driven<InstanceSpec, InstanceFacts>(Driver.Instances!, instance.Id with { Parts = [] });
        var removal = (await instance.PresentAsync(null)).Next!;
        var outcome = await instance.DoAsync(removal, null);

        Assert.That((await blind.PresentAsync(spec)).Parts, Is.EqualTo(seen.Parts));
        Assert.That(seen.Parts.Single(p => p.Name == "container-web").Id, Is.EqualTo(instance.Id.PartId("container-web")));
        Assert.That(((Failed<InstanceFacts>)outcome).Error.BlockedBy.Single(), Is.EqualTo($"copy-{Installation}"));
        Assert.That((await instance.PresentAsync(null)).Facts.Power, Is.EqualTo(PowerState.Running));
    }

    [Test]
    public async Task A_recorded_container_outside_of_any_pod_is_listed_and_removed()
    {
        var instance = NewInstance();
        await instance.DriveToReadyAsync(Web(await NetworkAsync()));
        var copy = await CopyAsync(instance, $"copy-{Installation}", pod: null);
        await new Driven<InstanceSpec, InstanceFacts>(Driver.Instances!, instance.Id).DriveToAbsentAsync();

        var listed = (await Driver.Instances!.ListAsync(instance.NewCall(), new ListQuery { Installation = Installation }, null)).Value!.Items.Single();
        instance.Id = instance.Id with { Parts = listed.Parts };
        instance.Steps.Clear();
        await instance.DriveToAbsentAsync();

        Assert.That((listed.Name, listed.Parts.Single()), Is.EqualTo((instance.Id.Name, new Part { Name = "container-web", Id = copy })));
        Assert.That(instance.Steps, Is.EqualTo(new[] { "Delete container-web" }));
        Assert.That((await Driver.Instances!.ListAsync(instance.NewCall(), new ListQuery { Installation = Installation }, null)).Value!.Items, Is.Empty);
    }

    private async Task<string> CopyAsync(Driven<InstanceSpec, InstanceFacts> instance, string name, string? pod)
    {
        var labels = (await GetAsync($"containers/{instance.Id.PartId("container-web")}/json")).GetProperty("Config").GetProperty("Labels").GetRawText();
        using var body = new StringContent($$"""{"name":"{{name}}","pod":"{{pod}}","image":"{{PodmanHost.WebImage}}","labels":{{labels}}}""", Encoding.UTF8, "application/json");
        using var made = await Podman.Client.PostAsync(new Uri("containers/create", UriKind.Relative), body);
        Assert.That(made.IsSuccessStatusCode, Is.True, await made.Content.ReadAsStringAsync());
        using var document = System.Text.Json.JsonDocument.Parse(await made.Content.ReadAsStringAsync());
        return document.RootElement.GetProperty("Id").GetString()!;
    }

    [Test]
    public async Task A_pod_that_was_cut_off_while_it_was_made_is_made_again()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var labels = string.Join(',', Marks.ToPairs(Marks.For(instance.Id)).Select(p => $"\"{p.Key}\":\"{p.Value}\""));
        using var body = new StringContent($$$"""{"name":"ins-{{{instance.Id.Name}}}","no_infra":true,"labels":{ {{{labels}}} }}""", Encoding.UTF8, "application/json");
        using var made = await Podman.Client.PostAsync(new Uri("pods/create", UriKind.Relative), body);
        Assert.That(made.IsSuccessStatusCode, Is.True);

        var seen = await instance.PresentAsync(Web(network));
        await instance.DriveToReadyAsync(Web(network));

        Assert.That((seen.State, seen.Next!.Part), Is.EqualTo((Lifecycle.Creating, "pod")));
        Assert.That(await PodsAsync(), Is.EqualTo(1));
    }

    [Test]
    public async Task An_image_that_isnt_there_is_unavailable_with_the_registrys_words()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network, c => c with { Image = $"{PodmanHost.LocalRegistry}/library/nonesuch:1" });
        DriverError? error = null;

        var seen = (Present<InstanceFacts>)await instance.DriveAsync(spec,
            o => o is Present<InstanceFacts> p && p.Facts.Containers[0].Reason == "ImageUnavailable",
            tolerated: o => (error = ((Failed<InstanceFacts>)o).Error) is not null);

        Assert.That((error!.Code, error.Effect, error.Field), Is.EqualTo((ErrorCode.Failed, Effect.NotApplied, "sandbox.containers[web].image")));
        Assert.That(error.Message, Does.Contain("manifest unknown"));
        Assert.That((seen.State, seen.Next!.Part), Is.EqualTo((Lifecycle.Creating, "image-web")));
        Assert.That(seen.Facts.Containers.Single().Message, Does.Contain("manifest unknown"));
    }

    [Test]
    public async Task A_pull_that_takes_longer_than_a_call_goes_on_without_a_second_one()
    {
        var network = await NetworkAsync();
        using (await Podman.Client.DeleteAsync(new Uri($"images/{Uri.EscapeDataString(PodmanHost.BusyboxImage)}?force=true", UriKind.Relative)))
        {
        }

        var wire = new HoldsPulls();
        var driver = await ConnectAsync(wire: wire);
        var instance = NewInstance(driver: driver);
        var spec = Web(network, c => c with { Image = PodmanHost.BusyboxImage, Command = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"] });
        await instance.DriveAsync(spec, o => o is Present<InstanceFacts> { Next.Part: "image-web" });
        var step = new Step { Part = "image-web", Verb = StepVerb.Create, Class = CreateClass.Repeatable };

        var first = await instance.DoAsync(step, spec, TimeSpan.FromSeconds(1.5));
        var waiting = await instance.PresentAsync(spec);
        var second = await instance.DoAsync(step, spec, TimeSpan.FromSeconds(1.5));
        wire.Release();
        await instance.DriveToReadyAsync(spec);

        Assert.That(new[] { first, second }, Is.All.InstanceOf<Running<InstanceFacts>>());
        Assert.That((waiting.InProgress?.WaitingFor, waiting.Next), Is.EqualTo((WaitingFor.Platform, (Step?)null)));
        Assert.That(wire.Pulls, Is.EqualTo(1));
    }

    [Test]
    public async Task A_session_that_ends_ends_its_pulls()
    {
        var network = await NetworkAsync();
        var wire = new HoldsPulls();
        var driver = await ConnectAsync(wire: wire);
        var instance = NewInstance(driver: driver);
        var spec = Web(network, c => c with { Image = $"{PodmanHost.LocalRegistry}/library/held:1" });
        await instance.DriveAsync(spec, o => o is Present<InstanceFacts> { Next.Part: "image-web" });
        var running = await instance.DoAsync(new Step { Part = "image-web", Verb = StepVerb.Create, Class = CreateClass.Repeatable }, spec, TimeSpan.FromSeconds(1.5));
        Assert.That(running, Is.InstanceOf<Running<InstanceFacts>>());

        Assert.That(driver.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(10)), Is.True);
    }
}
