using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Policies;

/// <summary>Pause and observe-only at each level stop every mutation within a second and keep status alive; drift, protection, polling.</summary>
internal sealed class HoldTests
{
    private static void Config(EngineWorld world, Action<ManagementDefaults> change) => world.Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", c =>
    {
        c.Spec.Management ??= new ManagementDefaults();
        change(c.Spec.Management);
    });

    private static int Mutations(EngineWorld world) => world.Requests.Count(r => r.Method != HttpMethod.Get);

    private static readonly Dictionary<string, (Action<EngineWorld> On, Action<EngineWorld> Off, string Reason)> Levels = new()
    {
        ["the process"] = (w => w.ObserveOnly = true, w => w.ObserveOnly = false, Reasons.ObserveOnly),
        ["the ProviderConfig, paused"] = (w => Config(w, m => m.Paused = true), w => Config(w, m => m.Paused = false), Reasons.Paused),
        ["the ProviderConfig, observing"] = (w => Config(w, m => m.ObserveOnly = true), w => Config(w, m => m.ObserveOnly = false), Reasons.ObserveOnly),
        ["the object, paused"] = (w => w.EditInstance(i => (i.Metadata.Annotations ??= [])[Annotations.Paused] = "true"), w => w.EditInstance(i => i.Metadata.Annotations!.Remove(Annotations.Paused)), Reasons.Paused),
        ["the object, observing"] = (w => w.EditInstance(i => (i.Metadata.Annotations ??= [])[Annotations.ObserveOnly] = "true"), w => w.EditInstance(i => i.Metadata.Annotations!.Remove(Annotations.ObserveOnly)), Reasons.ObserveOnly),
        ["a brake that can't be read"] = (w => Config(w, m => m.Paused = true), w => Config(w, m => m.Paused = null), Reasons.Paused),
    };

    private static IEnumerable<string> LevelNames() => Levels.Keys;

    [TestCaseSource(nameof(LevelNames))]
    public void A_hold_stops_a_replacement_and_a_deletion_within_a_second_and_status_stays_alive(string level)
    {
        var (on, off, reason) = Levels[level];
        using var world = new EngineWorld().Running();
        on(world);
        world.Advance(TimeSpan.FromSeconds(1));
        var before = Mutations(world);
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("it is told what is held back", () => world.ReasonOf("Instance") == reason);
        world.Cloud.CrashContainer(world.Server.Id, "web");
        world.Until("the crash is seen", () => world.Is(ConditionTypes.Running, ConditionStatus.False));
        world.DeleteInstance();
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(Mutations(world), Is.EqualTo(before), "nothing was changed");
        if (!world.ObserveOnly)
            Assert.That(EngineWorld.Ready(world.Entry("Instance"))!.Message, Does.Contain("is held back"));
        off(world);
        // The process's own flag is no object that could wake anybody: the next look at the entry finds it gone.
        if (level == "the process")
            world.Restart();
        world.Until("it goes", () => world.Cloud.In(Collections.Servers).IsEmpty);
    }

    [Test]
    public void A_pause_between_two_steps_stops_the_next_one()
    {
        using var world = new EngineWorld();
        world.CreateNetwork();
        world.CreateInstance();
        world.Until("the first part of the instance is there", () => world.Cloud.In(Collections.Nics).Length > 0 || world.Cloud.In(Collections.Disks).Length > 0);
        Config(world, m => m.Paused = true);
        var before = Mutations(world);
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(Mutations(world) - before, Is.LessThanOrEqualTo(0));
        Config(world, m => m.Paused = false);
        world.Until("it runs", () => world.Runs() && world.AllReady);
    }

    [Test]
    public void An_annotation_that_cannot_be_read_is_told_by_field_and_nothing_changes()
    {
        using var world = new EngineWorld().Running();
        world.EditInstance(i =>
        {
            (i.Metadata.Annotations ??= [])[Annotations.DeletionProtection] = "yes";
            i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2";
        });
        world.Until("it is told", () => Conditions.Find(world.Instance.Status?.Conditions, ConditionTypes.Programmed) is { Reason: Reasons.ConfigurationError, Message: var m } && m.Contains($"metadata.annotations[{Annotations.DeletionProtection}]", StringComparison.Ordinal));
        world.DeleteInstance();
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Server.Containers!.Value[0].Image, Is.EqualTo("web:1"), "what can't be read counts as protected");
        Assert.That(world.ReasonOf("Instance"), Is.EqualTo(Reasons.DeletionProtected));
    }

    [Test]
    public void Drift_is_reported_field_by_field_and_left_and_a_new_wish_is_carried_out([Values] bool statusLost)
    {
        using var world = new EngineWorld().Running(i => i.Metadata.Annotations = new() { [Annotations.Drift] = DriftPolicy.Report });
        world.Until("the wish is remembered", () => world.Entry("Instance").Spec.Record.Realized is not null);
        var image = world.Server.Containers!.Value[0];
        world.Cloud.Change(world.Server.Id, o => o with { Containers = [image with { Image = "hand:1" }] });
        if (statusLost)
        {
            world.Plane.EditStatus(ResourceTypes.ManagedResources, null, world.Entry("Instance").Metadata.Name!, e => e.Status = null);
            world.Restart();
        }
        world.Until("the drift is told", () => world.ReasonOf("Instance") == Reasons.DriftReported);
        var id = world.Server.Id;
        var before = Mutations(world);
        world.Advance(TimeSpan.FromHours(1));
        Assert.Multiple(() =>
        {
            Assert.That(Mutations(world), Is.EqualTo(before));
            Assert.That(EngineWorld.Ready(world.Entry("Instance")), Has.Property("Status").EqualTo(ConditionStatus.True).And.Property("Message").Contain("hand:1"));
        });
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("the new wish is carried out", () => world.Runs("web:2"));
        Assert.That(world.Server.Id, Is.Not.EqualTo(id));
    }

    [Test]
    public void Drift_is_corrected_where_the_object_says_so_over_the_providerconfig()
    {
        using var world = new EngineWorld();
        Config(world, m => m.Drift = DriftPolicy.Report);
        world.Running(i => i.Metadata.Annotations = new() { [Annotations.Drift] = DriftPolicy.Correct });
        var image = world.Server.Containers!.Value[0];
        world.Cloud.Change(world.Server.Id, o => o with { Containers = [image with { Image = "hand:1" }] });
        world.Until("it is corrected", () => world.Runs() && world.AllReady && world.Server.Containers!.Value[0].Image == "web:1");
    }

    [Test]
    public void Protection_and_retain_of_the_providerconfig_hold_for_every_object()
    {
        using var world = new EngineWorld();
        Config(world, m => m.DeletionProtection = true);
        world.Running();
        world.DeleteInstance();
        world.Until("it is told", () => world.ReasonOf("Instance") == Reasons.DeletionProtected);
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
        Config(world, m => (m.DeletionProtection, m.Retain) = (false, true));
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(1));
    }

    [Test]
    public void An_object_that_asks_for_it_is_looked_at_more_often_than_the_account_is_listed_and_nothing_is_written()
    {
        using var world = new EngineWorld();
        Config(world, m => m.PollInterval = "1h");
        world.Running(i => i.Metadata.Annotations = new() { [Annotations.PollInterval] = "30s" });
        world.Advance(TimeSpan.FromMinutes(5));
        var server = $"/{world.Server.Id}";
        var (reads, version) = (world.Requests.Count(r => r.Path.EndsWith(server, StringComparison.Ordinal)), world.Entry("Instance").Metadata.ResourceVersion);
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Requests.Count(r => r.Path.EndsWith(server, StringComparison.Ordinal)) - reads, Is.InRange(18, 60), "20 looks in 10 minutes");
        Assert.That(world.Entry("Instance").Metadata.ResourceVersion, Is.EqualTo(version), "L8");
    }
}
