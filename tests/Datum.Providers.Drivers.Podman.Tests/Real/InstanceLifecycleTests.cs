using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

[TestFixture]
public sealed class InstanceLifecycleTests : PodmanFixture
{
    [Test]
    public async Task An_instance_is_made_answers_on_both_families_and_goes()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network);

        var ready = await instance.DriveToReadyAsync(spec);

        Assert.That(instance.Steps.Where(s => s != "Create image-web"), Is.EqualTo(new[] { "Create pod", "Create sandbox", "Create container-web", "Create start" }));
        Assert.That(ready.Drift, Is.Empty);
        Assert.That(ready.Facts.Power, Is.EqualTo(PowerState.Running));
        Assert.That(ready.Facts.Guest, Is.EqualTo(GuestHealth.Ready));
        Assert.That(ready.Facts.PolicyEnforced, Is.Null);
        Assert.That(ready.Facts.Containers.Single(), Is.EqualTo(new ContainerFacts { Name = "web", Running = true }));
        Assert.That(ready.Resolved["image.web"], Has.Length.EqualTo(64));
        Assert.That(await FetchEventuallyAsync(Address(ready.Facts), 8080), Does.Contain("variant latest"));
        Assert.That(await FetchEventuallyAsync(Address(ready.Facts, v6: true), 8080), Does.Contain("variant latest"));

        await instance.DriveToAbsentAsync();

        Assert.That(await PodsAsync(), Is.Zero);
    }

    [Test]
    public async Task An_address_that_the_host_chose_is_used()
    {
        var spec = DualStack();
        var network = await NetworkAsync(spec);
        var v4 = Cidr.Parse(spec.Ranges[0]).Nth(77).ToString();
        var v6 = Cidr.Parse(spec.Ranges[1]).Nth(77).ToString();
        var web = Web(network);

        var ready = await NewInstance().DriveToReadyAsync(web with { Interfaces = [web.Interfaces[0] with { Addresses = [v4, v6] }] });

        Assert.That(ready.Facts.Interfaces.Single().NetworkAddresses, Is.EqualTo(new[] { v4, v6 }));
    }

    [Test]
    public async Task Size_and_limits_reach_the_cgroups()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();

        await instance.DriveToReadyAsync(Web(network, c => c with { Limits = new ContainerLimits { CpuMillis = 500, MemoryMiB = 128 } }));

        var pod = await GetAsync($"pods/{instance.Id.PartId("pod")}/json");
        Assert.That(pod.GetProperty("memory_limit").GetInt64(), Is.EqualTo(512L << 20));
        Assert.That(pod.GetProperty("cpu_quota").GetInt64(), Is.EqualTo(200_000));
        var container = await GetAsync($"containers/{instance.Id.PartId("container-web")}/json");
        Assert.That(container.GetProperty("HostConfig").GetProperty("Memory").GetInt64(), Is.EqualTo(128L << 20));
        Assert.That(container.GetProperty("HostConfig").GetProperty("CpuQuota").GetInt64(), Is.EqualTo(50_000));
    }

    [Test]
    public async Task A_killed_container_is_seen_as_crashing_and_mended_by_the_next_step()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network);
        await instance.DriveToReadyAsync(spec);
        await PostAsync($"containers/{instance.Id.PartId("container-web")}/kill?signal=SIGKILL");

        var seen = await EventuallyAsync(instance, spec, p => p.State == Lifecycle.Degraded);

        Assert.That(seen.Next!.Part, Is.EqualTo("start"));
        Assert.That(seen.Facts.Guest, Is.EqualTo(GuestHealth.NotReady));
        Assert.That(seen.Facts.Containers.Single(), Is.EqualTo(new ContainerFacts
        {
            Name = "web", Running = false, ExitCode = 137, Reason = "InstanceCrashing", Message = "ended with exit code 137",
        }));
        instance.Steps.Clear();
        var mended = await instance.DriveToReadyAsync(spec);
        Assert.That(instance.Steps, Is.EqualTo(new[] { "Create start" }));
        Assert.That(await FetchEventuallyAsync(Address(mended.Facts), 8080), Does.Contain("variant"));
    }

    [Test]
    public async Task A_tag_that_moved_is_no_drift_and_a_removed_container_needs_a_new_life()
    {
        await TagAsync(PodmanHost.WebImage, "moving");
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network, c => c with { Image = $"localhost/{Installation}:moving" });
        await instance.DriveToReadyAsync(spec);
        await PullAsync(PodmanHost.OtherWebImage);
        await TagAsync(PodmanHost.OtherWebImage, "moving");

        Assert.That((await instance.PresentAsync(spec)).Drift, Is.Empty);
        using (await Podman.Client.DeleteAsync(new Uri($"containers/{instance.Id.PartId("container-web")}?force=true", UriKind.Relative)))
        {
        }

        var seen = await instance.PresentAsync(spec);
        var step = new Step { Part = "container-web", Verb = StepVerb.Create, Class = CreateClass.Named };
        var again = (Failed<InstanceFacts>)await instance.DoAsync(step, spec);

        Assert.That((seen.Next, seen.State), Is.EqualTo(((Step?)null, Lifecycle.Degraded)));
        Assert.That((seen.Drift.Single().Path, seen.Drift.Single().Remedy), Is.EqualTo(("sandbox.containers[web]", Remedy.Replace)));
        Assert.That((again.Error.Code, again.Error.Effect), Is.EqualTo((ErrorCode.PreconditionFailed, Effect.NotApplied)));
    }

    [Test]
    public async Task A_removed_pod_is_absent_and_made_again()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network);
        await instance.DriveToReadyAsync(spec);
        using (await Podman.Client.DeleteAsync(new Uri($"pods/{instance.Id.PartId("pod")}?force=true", UriKind.Relative)))
        {
        }

        var gone = await instance.ObserveAsync(spec);

        Assert.That(gone, Is.InstanceOf<Absent<InstanceFacts>>());
        instance.Id = instance.Id with { Incarnation = 2, Parts = [] };
        var again = await instance.DriveToReadyAsync(spec);
        Assert.That(again.Incarnation, Is.EqualTo(2));
    }

    [Test]
    public async Task A_killed_infra_container_is_mended_with_address_and_rules()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var web = Web(network);
        var spec = web with { Interfaces = [web.Interfaces[0] with { Ingress = [new IngressRule { Protocol = "TCP", Port = 8080, Source = "0.0.0.0/0" }] }] };
        await instance.DriveToReadyAsync(spec);
        var pod = await GetAsync($"pods/{instance.Id.PartId("pod")}/json");
        await PostAsync($"containers/{pod.GetProperty("InfraContainerID").GetString()}/kill?signal=SIGKILL");

        var seen = await EventuallyAsync(instance, spec, p => p.State == Lifecycle.Degraded);

        Assert.That(seen.Next!.Part, Is.EqualTo("sandbox"));
        instance.Steps.Clear();
        var mended = await instance.DriveToReadyAsync(spec);
        // The network namespace may outlive the infra container for a moment, and with it the rules: then they needn't be written again.
        Assert.That(instance.Steps, Is.EqualTo(new[] { "Create sandbox", "Create firewall", "Create start" }).Or.EqualTo(new[] { "Create sandbox", "Create start" }));
        Assert.That(mended.Facts.PolicyEnforced, Is.True);
        Assert.That(await FetchEventuallyAsync(Address(mended.Facts), 8080), Does.Contain("variant"));
    }

    [Test]
    public async Task A_crash_loop_is_visible_with_its_exit_code()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network, c => c with { Image = PodmanHost.BusyboxImage, Command = ["sh", "-c", "exit 3"] });

        var seen = (Present<InstanceFacts>)await instance.DriveAsync(spec,
            o => o is Present<InstanceFacts> p && p.Facts.Containers[0].ExitCode is not null);

        Assert.That(seen.State, Is.EqualTo(Lifecycle.Degraded));
        Assert.That(seen.Facts.Containers.Single().Reason, Is.EqualTo("InstanceCrashing"));
        Assert.That(seen.Facts.Containers.Single().ExitCode, Is.EqualTo(3));
    }

    [Test]
    public async Task A_command_that_isnt_in_the_image_is_a_configuration_error()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network, c => c with { Command = ["/no/such/program"] });

        var seen = (Present<InstanceFacts>)await instance.DriveAsync(spec,
            o => o is Present<InstanceFacts> p && p.Facts.Containers[0].Reason == "ConfigurationError",
            tolerated: o => o is Failed<InstanceFacts> { Error: { Code: ErrorCode.Invalid, Effect: Effect.NotApplied, Field: "sandbox.containers[web]" } });

        Assert.That(seen.State, Is.EqualTo(Lifecycle.Creating));
        Assert.That(seen.Facts.Containers.Single().Message, Does.Contain("/no/such/program"));
    }

    [Test]
    public async Task Another_image_reference_is_drift_that_needs_a_replacement()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network);
        await instance.DriveToReadyAsync(spec);

        var seen = await instance.PresentAsync(Web(network, c => c with
        {
            Image = PodmanHost.OtherWebImage,
            Environment = [new EnvironmentVariable { Name = "A", Value = "hush" }],
        }) with
        { Size = spec.Size with { MemoryMiB = 1024 } });

        Assert.That(seen.Drift, Is.EquivalentTo(new[]
        {
            new Drift { Path = "size", Remedy = Remedy.Replace, Desired = "2000m/1024Mi", Actual = "2000m/512Mi" },
            new Drift { Path = "sandbox.containers[web].image", Remedy = Remedy.Replace, Desired = PodmanHost.OtherWebImage, Actual = PodmanHost.WebImage },
            new Drift { Path = "sandbox.containers[web].env", Remedy = Remedy.Replace },
        }));
    }

    [Test]
    public async Task A_suspended_instance_is_stopped_and_kept_and_started_again()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        var spec = Web(network);
        var running = await instance.DriveToReadyAsync(spec);

        var drift = (await instance.PresentAsync(spec with { Suspended = true })).Drift.Single();
        var suspended = await instance.DriveToReadyAsync(spec with { Suspended = true });

        Assert.That((drift.Path, drift.Remedy), Is.EqualTo(("suspended", Remedy.InPlace)));
        Assert.That(suspended.Facts.Power, Is.EqualTo(PowerState.Stopped));
        Assert.That(await FetchAsync(Address(running.Facts), 8080), Is.Null);
        var again = await instance.DriveToReadyAsync(spec);
        Assert.That(again.Parts, Is.EqualTo(running.Parts));
    }

    [Test]
    public async Task An_instance_can_be_made_suspended_and_none_of_its_containers_ever_runs()
    {
        var instance = NewInstance();
        var spec = Web(await NetworkAsync());

        var made = await instance.DriveToReadyAsync(spec with { Suspended = true });
        var started = await instance.DriveToReadyAsync(spec);

        Assert.That((made.Facts.Power, made.Facts.Containers.Single().Running, made.Drift.Length), Is.EqualTo((PowerState.Stopped, false, 0)));
        Assert.That(started.Facts.Power, Is.EqualTo(PowerState.Running));
    }

    [Test]
    public async Task Deletion_asks_first_and_kills_when_the_grace_is_over()
    {
        var network = await NetworkAsync();
        var instance = NewInstance();
        await instance.DriveToReadyAsync(Web(network, c => c with { Image = PodmanHost.BusyboxImage, Command = ["sh", "-c", "trap '' TERM; while true; do sleep 1; done"] }));
        instance.Steps.Clear();

        await instance.DriveToAbsentAsync();

        Assert.That(instance.Steps, Is.EqualTo(new[] { "Delete stop", "Delete stop-now", "Delete container-web", "Delete pod" }));
        Assert.That(await instance.DoAsync(new Step { Part = "pod", Verb = StepVerb.Delete, Class = CreateClass.Repeatable }, null), Is.InstanceOf<Done<InstanceFacts>>(), "deleting what is gone is done");
    }

    private static async Task<Present<InstanceFacts>> EventuallyAsync(Driven<InstanceSpec, InstanceFacts> instance, InstanceSpec spec, Func<Present<InstanceFacts>, bool> until)
    {
        // conmon tells Podman of an end a moment after it.
        for (var i = 0; i < 50; i++)
        {
            var seen = await instance.PresentAsync(spec);
            if (until(seen))
                return seen;
            await Task.Delay(100);
        }

        throw new AssertionException("the change wasn't seen");
    }

    private async Task PullAsync(string image) => await PostAsync($"images/pull?reference={Uri.EscapeDataString(image)}&quiet=true&policy=missing");

    private async Task TagAsync(string image, string tag)
    {
        await PullAsync(image);
        await PostAsync($"images/{Uri.EscapeDataString(image)}/tag?repo={Uri.EscapeDataString($"localhost/{Installation}")}&tag={tag}");
    }
}
