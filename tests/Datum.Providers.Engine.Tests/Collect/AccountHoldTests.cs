using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Collect;

/// <summary>Law L15 in a running engine: mass absence, another account, and one change that would replace many.</summary>
internal sealed class AccountHoldTests
{
    [Test]
    public void L15_when_too_many_vanish_all_are_unknown_and_nothing_is_remade_until_a_person_confirms()
    {
        using var world = Many(6);
        var mutations = world.Cloud.Statistics.Mutations;
        foreach (var disk in world.Cloud.In(Collections.Servers).Take(4))
            world.Cloud.Vanish(disk.Id);
        Held(world, Reasons.MassAbsence);
        world.Restart();
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Entries.Select(e => EngineWorld.Ready(e)!.Status), Is.All.EqualTo(ConditionStatus.Unknown), "after a restart as well");
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
        Assert.That(world.Plane.Live(Core.Events).Count(e => e.Reason == Reasons.MassAbsence && e.InvolvedObject!.Kind == "ProviderConfig"), Is.EqualTo(1));

        Confirm(world, "0123456789ab");
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations), "another token confirms nothing");
        Confirm(world, Config(world).Status!.Holds!.Single().Token);
        // A host that ends in the middle of the work has it confirmed all the same.
        world.Until("some are made again", () => world.Cloud.In(Collections.Servers).Length > 2, TimeSpan.FromMinutes(10));
        world.Restart();
        world.Until("all are made again", () => world.AllReady && world.Cloud.In(Collections.Servers).Length == 6, TimeSpan.FromMinutes(30));
        world.Until("the hold is over", () => Config(world).Status!.Holds is null && IsHeld(world, ConditionStatus.False));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [Test]
    public void L15_what_is_hidden_for_being_new_has_not_vanished([Values(CreateClass.Token, CreateClass.Named, CreateClass.Marked)] CreateClass how, [Values] bool idsInOperation)
    {
        var window = TimeSpan.FromSeconds(4);
        using var world = new EngineWorld(new SimulatorKnobs
        {
            ConsistencyWindow = window, ListLag = window, IdsOnlyInOperation = idsInOperation,
            CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Firewall, how),
            OperationDurations = ImmutableDictionary<ResourceKind, TimeSpan>.Empty.Add(ResourceKind.Firewall, TimeSpan.FromSeconds(1)),
        }).Running();
        for (var i = 1; i < 6; i++)
            world.CreateInstance(instance => instance.Metadata.Name = $"web-{i}");
        world.Until("all run", () => Config(world).Status!.Holds is not null || (world.AllReady && world.Cloud.In(Collections.Servers) is { Length: 6 } servers && servers.All(s => s.State == "READY")));
        Assert.That(Config(world).Status!.Holds, Is.Null);
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [Test]
    public void L15_three_that_vanish_are_made_again()
    {
        using var world = Many(6);
        foreach (var server in world.Cloud.In(Collections.Servers).Take(3))
            world.Cloud.Vanish(server.Id);
        world.Until("they are noticed", () => world.Entries.Any(e => !Conditions.IsTrue(e.Status?.Conditions, ConditionTypes.Ready)));
        world.Until("all are made again", () => world.AllReady && world.Cloud.In(Collections.Servers).Length == 6);
        Assert.That(Config(world).Status!.Holds, Is.Null);
    }

    [Test]
    public void L15_a_vanished_account_releases_nothing_either()
    {
        using var world = Many(6);
        // The owner is deleted in the same moment as all of the account is hidden.
        world.Cloud.Knobs = world.Cloud.Knobs with { ConsistencyWindow = TimeSpan.FromDays(1), ListLag = TimeSpan.FromDays(1) };
        world.Plane.Delete(ResourceTypes.Instances, new ObjectKey(EngineWorld.Namespace, "web-0"));
        Held(world, Reasons.MassAbsence);
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Plane.Live(ResourceTypes.Instances), Has.Count.EqualTo(6));
        // Everything is there again: there is nothing to confirm.
        world.Cloud.Knobs = world.Cloud.Knobs with { ConsistencyWindow = TimeSpan.Zero, ListLag = TimeSpan.Zero };
        world.Until("the deletion goes on", () => world.Plane.Live(ResourceTypes.Instances).Count == 5 && world.AllReady);
        Assert.That(world.Cloud.In(Collections.Servers), Has.Length.EqualTo(5));
    }

    [Test]
    public void L15_a_session_that_becomes_another_account_is_noticed_within_a_round_and_a_person_can_move_the_estate()
    {
        using var world = Many(4);
        var mutations = world.Cloud.Statistics.Mutations;
        world.Cloud.AccountId = "another-account";
        foreach (var item in world.Cloud.Objects)
            world.Cloud.Vanish(item.Id);
        var at = world.Time.Now;
        Held(world, Reasons.AccountChanged);
        Assert.That(world.Time.Now - at, Is.LessThan(TimeSpan.FromMinutes(1)));
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
        Confirm(world, Config(world).Status!.Holds!.Single(h => h.Reason == Reasons.AccountChanged).Token);
        world.Until("all is made in the new account", () => world.AllReady && world.Cloud.In(Collections.Servers).Length == 4, TimeSpan.FromHours(1));
        Assert.That(world.Entries.Select(e => e.Spec.Record.AccountId), Is.All.EqualTo("another-account"));
        world.Until("the hold is over", () => Config(world).Status!.Holds is null);
    }

    [Test]
    public void L15_what_is_new_isnt_made_in_another_account_either()
    {
        using var world = Many(2);
        var (mutations, account) = (world.Cloud.Statistics.Mutations, world.Cloud.AccountId);
        world.Cloud.AccountId = "another-account";
        // A host that begins with the wrong account: nothing of it has been told yet when the new instance comes.
        world.Restart();
        world.CreateInstance(instance => instance.Metadata.Name = "new-0");
        Held(world, Reasons.AccountChanged);
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
        world.Cloud.AccountId = account;
        world.Until("it is made in its own account", () => world.AllReady && world.Cloud.In(Collections.Servers).Length == 3, TimeSpan.FromMinutes(30));
        Assert.That(world.Entries.Select(e => e.Spec.Record.AccountId), Is.All.EqualTo(account));
    }

    [Test]
    public void L15_an_account_that_comes_back_needs_nobody()
    {
        using var world = Many(2);
        var mutations = world.Cloud.Statistics.Mutations;
        var account = world.Cloud.AccountId;
        world.Cloud.AccountId = "another-account";
        Held(world, Reasons.AccountChanged);
        world.Cloud.AccountId = account;
        world.Until("all is well", () => world.AllReady && Config(world).Status!.Holds is null, TimeSpan.FromMinutes(30));
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    [Test]
    public void L15_a_host_change_that_would_replace_too_many_pauses_before_the_first()
    {
        using var world = Many(6);
        var servers = world.Cloud.In(Collections.Servers).Select(s => s.Id).ToList();
        // The host before this one meant another image by the same wish.
        Translated(world, "web:0");
        world.HostVersion = "2";
        world.Restart();
        world.Until("it is told", () => Config(world).Status?.Holds is [{ Reason: Reasons.BlastRadius }]);
        Assert.That(IsHeld(world, ConditionStatus.True));
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Cloud.In(Collections.Servers).Select(s => s.Id), Is.EquivalentTo(servers));
        Assert.That(world.Entries.Where(e => e.Spec.Kind == "Instance").Select(e => Conditions.Find(e.Status!.Conditions, ConditionTypes.Synced)!.Reason), Is.All.EqualTo(Reasons.BlastRadius));
        Assert.That(world.Entries.Select(e => EngineWorld.Ready(e)!.Status), Is.All.EqualTo(ConditionStatus.True), "what runs runs on");
        Confirm(world, Config(world).Status!.Holds!.Single().Token);
        world.Until("all are replaced", () => world.AllReady && world.Cloud.In(Collections.Servers).All(s => !servers.Contains(s.Id)), TimeSpan.FromHours(1));
        world.Until("the hold is over", () => Config(world).Status!.Holds is null);
    }

    [Test]
    public void L15_what_owners_ask_for_is_never_paused()
    {
        using var world = Many(6);
        foreach (var instance in world.Plane.Live(ResourceTypes.Instances))
            world.Plane.Edit(ResourceTypes.Instances, EngineWorld.Namespace, instance.Metadata.Name!, i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("all run the new image", () => world.AllReady && world.Cloud.In(Collections.Servers) is { Length: 6 } s && s.All(o => o.Containers!.Value[0].Image == "web:2"));
        foreach (var instance in world.Plane.Live(ResourceTypes.Instances))
            world.Plane.Delete(ResourceTypes.Instances, instance.Key);
        world.Until("all are gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Assert.That(Config(world).Status!.Holds, Is.Null);
        Assert.That(world.Plane.Live(Core.Events).Select(e => e.Reason), Has.None.EqualTo(Reasons.BlastRadius));
    }

    [Test]
    public void L15_a_change_of_three_goes_on()
    {
        using var world = Many(6);
        Translated(world, "web:0", 3);
        world.HostVersion = "2";
        var servers = world.Cloud.In(Collections.Servers).Select(s => s.Id).ToList();
        world.Restart();
        world.Until("three are replaced", () => world.AllReady && world.Cloud.In(Collections.Servers).Count(s => servers.Contains(s.Id)) == 3, TimeSpan.FromMinutes(30));
        Assert.That(Config(world).Status!.Holds, Is.Null);
    }

    [Test]
    public void L15_a_change_that_is_taken_back_ends_the_pause()
    {
        using var world = Many(6);
        foreach (var server in world.Cloud.In(Collections.Servers))
            world.Cloud.Change(server.Id, s => s with { Containers = [.. s.Containers!.Value.Select(c => c with { Image = "changed:1" })] });
        world.Until("it is told", () => Config(world).Status?.Holds is [{ Reason: Reasons.BlastRadius }]);
        foreach (var server in world.Cloud.In(Collections.Servers))
            world.Cloud.Change(server.Id, s => s with { Containers = [.. s.Containers!.Value.Select(c => c with { Image = "web:1" })] });
        world.Until("the hold is over", () => world.AllReady && Config(world).Status!.Holds is null && IsHeld(world, ConditionStatus.False));
    }

    /// <summary>Instances that run, at rest.</summary>
    private static EngineWorld Many(int count)
    {
        var world = new EngineWorld().Running();
        for (var i = 1; i < count; i++)
            world.CreateInstance(instance => instance.Metadata.Name = $"web-{i}");
        world.Until("all run", () => world.AllReady && world.Cloud.In(Collections.Servers).Length == count && world.Cloud.In(Collections.Servers).All(s => s.State == "READY"));
        world.Advance(TimeSpan.FromMinutes(2));
        return world;
    }

    /// <summary>Servers differ in what only a replacement can change, as a driver or host that reads the same wish in another way would see it.</summary>
    private static void Translated(EngineWorld world, string image, int count = int.MaxValue)
    {
        world.Switch.Kill();
        foreach (var server in world.Cloud.In(Collections.Servers).Take(count))
            world.Cloud.Change(server.Id, s => s with { Containers = [.. s.Containers!.Value.Select(c => c with { Image = image })] });
    }

    private static void Held(EngineWorld world, string reason)
    {
        world.Until("all are unknown", () => world.Entries.All(e => EngineWorld.Ready(e) is { Status: ConditionStatus.Unknown } ready && ready.Reason == reason)
            && Config(world).Status?.Holds?.Exists(h => h.Reason == reason) == true && IsHeld(world, ConditionStatus.True));
    }

    private static void Confirm(EngineWorld world, string token) =>
        world.Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", c => (c.Metadata.Annotations ??= [])[Annotations.Confirm] = token);

    private static ProviderConfig Config(EngineWorld world) => world.Plane.Peek(ResourceTypes.ProviderConfigs, null, "sim")!;

    private static bool IsHeld(EngineWorld world, string status) => Conditions.Find(Config(world).Status?.Conditions, ConditionTypes.Held)?.Status == status;
}
