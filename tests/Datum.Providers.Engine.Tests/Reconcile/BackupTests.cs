using System.Text.Json;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Reconcile;

/// <summary>A ledger that was restored from a backup, of every age that a life has had, with every status gone: nothing is made twice and nothing lost (laws L1 and L2).</summary>
internal sealed class BackupTests
{
    [Test]
    public void L1_a_backup_of_any_age_converges_without_a_second_object([Values(CreateClass.Token, CreateClass.Named, CreateClass.Marked)] CreateClass of)
    {
        using var world = new EngineWorld(All(of));
        var backups = Record(world);
        world.Running(EngineWorld.WithDisk);
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Until("the new image runs", () => world.Runs("web:2") && world.AllReady);
        world.Plane.Fault = null;
        var ages = backups.DistinctBy(b => string.Join('\n', b)).ToList();
        // No entry, a first entry, intents, ids, what is retiring, the second life.
        Assert.That(ages, Has.Count.GreaterThan(25));
        Assert.That(ages.Count(a => a.Any(e => e.Contains("\"retiring\":true", StringComparison.Ordinal))), Is.Positive);
        Assert.That(ages.Count(a => a.Any(e => e.Contains("\"intent\":{", StringComparison.Ordinal))), Is.GreaterThan(3));
        var disk = world.Cloud.In(Collections.Disks).Single().Id;

        foreach (var (backup, age) in ages.Select((b, i) => (b, i)))
        {
            Restore(world, backup);
            world.Until($"backup {age} of {ages.Count} converges", () => world.Runs("web:2") && world.Entries.Count == 5 && world.AllReady, TimeSpan.FromHours(2));
            world.Advance(TimeSpan.FromMinutes(2));
            Assert.That(world.Cloud.Audit.Violations, Is.Empty, $"backup {age}");
            Assert.That(world.Cloud.Audit.Lives.Select(l => l.Created), Is.All.EqualTo(1), $"backup {age}");
            Assert.That(world.Cloud.In(Collections.Disks).Single().Id, Is.EqualTo(disk), "data survives a restored ledger");
        }
        TestContext.Out.WriteLine($"{ages.Count} ages");

        world.DeleteInstance();
        world.DeleteNetwork();
        world.Until("nothing is left", () => world.NothingIsLeft, TimeSpan.FromHours(1));
    }

    [Test]
    public void OwnerLost_a_backup_from_before_a_deletion_makes_nothing_again_for_an_owner_that_is_gone()
    {
        using var world = new EngineWorld();
        var backups = Record(world);
        world.Running();
        world.DeleteInstance();
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        world.Plane.Fault = null;
        var mutations = world.Cloud.Statistics.Mutations;
        var ages = backups.Where(b => b.Any(e => Entry(e).Spec is { Kind: "Instance", Wanted: true })).DistinctBy(b => string.Join('\n', b)).ToList();
        Assert.That(ages, Has.Count.GreaterThan(5));
        foreach (var backup in ages)
        {
            Restore(world, backup);
            world.Until("it is told", () => world.ReasonOf("Instance") == Reasons.OwnerLost, TimeSpan.FromHours(1));
            world.Advance(TimeSpan.FromMinutes(10));
            Assert.That(world.Cloud.In(Collections.Servers), Is.Empty);
        }
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    [Test]
    public void OwnerLost_what_runs_for_an_owner_that_vanished_is_kept_whatever_else_happens()
    {
        using var world = new EngineWorld().Running();
        var server = world.Server.Id;
        world.Plane.Vanish(ResourceTypes.Instances, EngineWorld.Namespace, "web-0");
        world.Until("it is told", () => world.ReasonOf("Instance") == Reasons.OwnerLost);
        world.Restart();
        // A person that deletes the entry sets a deletionTimestamp, and that starts nothing.
        world.Plane.Delete(ResourceTypes.ManagedResources, world.Entry("Instance").Key);
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That(world.Server.Id, Is.EqualTo(server));
        Assert.That(world.ReasonOf("Instance"), Is.EqualTo(Reasons.OwnerLost));
        Assert.That(world.Entry("Instance").Spec.Wanted);
    }

    [Test]
    public void OwnerLost_is_told_also_when_the_owner_couldnt_be_read_at_first()
    {
        using var world = new EngineWorld().Running();
        world.BeforeRead = (kind, _) => kind == "Instance" ? new HttpRequestException("Connection refused") : null;
        world.Plane.Vanish(ResourceTypes.Instances, EngineWorld.Namespace, "web-0");
        world.Restart();
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.ReasonOf("Firewall"), Is.Not.EqualTo(Reasons.OwnerLost));
        world.BeforeRead = null;
        world.Until("it is told of what is in order as well", () => world.ReasonOf("Instance") == Reasons.OwnerLost && world.ReasonOf("Firewall") == Reasons.OwnerLost, TimeSpan.FromMinutes(1));
    }

    [Test]
    public void L1_a_part_that_the_first_look_after_a_lost_ledger_leaves_out_is_not_made_again()
    {
        using var world = new EngineWorld(new SimulatorKnobs { OperationDurations = ImmutableDictionary<ResourceKind, TimeSpan>.Empty.Add(ResourceKind.Instance, TimeSpan.FromSeconds(2)) }).Running();
        var server = world.Server.Id;
        var before = world.Cloud.Knobs;
        // The server is the newest of the parts: for a while it alone is hidden.
        var hidden = world.Time.Now - world.Server.CreatedAt + TimeSpan.FromSeconds(1);
        world.Cloud.Knobs = before with { ConsistencyWindow = hidden, ListLag = hidden };
        using var shown = world.Time.CreateTimer(_ => world.Cloud.Knobs = before, null, TimeSpan.FromSeconds(4), Timeout.InfiniteTimeSpan);
        var requests = world.Requests.Count;
        world.Plane.Vanish(ResourceTypes.ManagedResources, null, world.Entry("Instance").Metadata.Name!);
        world.Until("the entry is there again", () => world.Entries.Any(e => e.Spec.Kind == "Instance") && world.Runs() && world.AllReady);
        Assert.That(world.Requests.Skip(requests).Where(r => r.Method == HttpMethod.Post), Is.Empty);
        Assert.That(world.Server.Id, Is.EqualTo(server));
    }

    [Test]
    public void An_entry_that_was_made_anew_by_hand_is_not_believed_about_an_object_that_it_does_not_name()
    {
        using var world = new EngineWorld().Running();
        var server = world.Server.Id;
        // The entry is deleted with its finalizer taken away, as some page on the web says.
        world.Plane.Vanish(ResourceTypes.ManagedResources, null, world.Entry("Instance").Metadata.Name!);
        world.Until("the entry is there again", () => world.Entries.Any(e => e.Spec.Kind == "Instance") && world.Runs() && world.AllReady);
        Assert.That(world.Server.Id, Is.EqualTo(server));
        Assert.That(world.Cloud.Audit.Lives.Select(l => l.Created), Is.All.EqualTo(1));
    }

    private static SimulatorKnobs All(CreateClass of) => new()
    {
        CreateClasses = new[] { ResourceKind.Network, ResourceKind.Subnet, ResourceKind.Firewall, ResourceKind.Disk, ResourceKind.Instance }.ToImmutableDictionary(k => k, _ => of),
    };

    /// <summary>The ledger before each of its writes, without status, as a backup tool keeps it.</summary>
    private static List<List<string>> Record(EngineWorld world)
    {
        var backups = new List<List<string>>();
        world.Plane.Fault = w =>
        {
            if (w is { Plural: "managedresources", Subresource: null })
                backups.Add([.. world.Entries.Select(Text)]);
            return null;
        };
        return backups;
    }

    private static string Text(ManagedResource entry)
    {
        entry.Status = null;
        (entry.Metadata.ResourceVersion, entry.Metadata.Uid, entry.Metadata.CreationTimestamp, entry.Metadata.Generation) = (null, null, null, null);
        return JsonSerializer.Serialize(entry, ResourceTypes.ManagedResources.Json);
    }

    private static ManagedResource Entry(string text) => JsonSerializer.Deserialize(text, ResourceTypes.ManagedResources.Json)!;

    private static void Restore(EngineWorld world, List<string> backup)
    {
        world.Switch.Kill();
        PoolIdle.Wait();
        foreach (var entry in world.Entries)
            world.Plane.Vanish(ResourceTypes.ManagedResources, null, entry.Metadata.Name!);
        foreach (var text in backup)
            world.Create(ResourceTypes.ManagedResources, Entry(text));
        world.Restart();
    }
}
