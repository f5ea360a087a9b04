using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Policies;

/// <summary>Letting go without deleting, and taking over, over the whole engine; the platform counts what it has.</summary>
internal sealed class AdoptionTests
{
    private static void Allow(EngineWorld world, string adopt) =>
        world.Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", c => c.Spec.Management = new ManagementDefaults { Adopt = adopt });

    /// <summary>A server that runs, as our wish has it, and that is nobody's.</summary>
    private static string LetGo(EngineWorld world)
    {
        world.Running(i => i.Metadata.Annotations = new() { [Annotations.Retain] = "true" });
        world.DeleteInstance();
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        return world.Server.Id;
    }

    private static void Ask(EngineWorld world, string id, string? adopt = null, string image = "web:1") => world.CreateInstance(i =>
    {
        i.Metadata.Annotations = new() { [Annotations.AdoptId] = id };
        if (adopt is not null)
            i.Metadata.Annotations[Annotations.Adopt] = adopt;
        i.Spec.Runtime.Sandbox!.Containers[0].Image = image;
    });

    [Test]
    public void A_retained_server_stays_as_it_is_without_our_mark_so_that_no_collector_takes_it_for_ours()
    {
        using var world = new EngineWorld();
        var id = LetGo(world);
        Assert.Multiple(() =>
        {
            Assert.That((world.Server.Id, world.Server.State), Is.EqualTo((id, "READY")));
            Assert.That(world.Server.Labels is null or { Count: 0 }, Is.True);
            Assert.That(world.Entries.Select(e => e.Spec.Kind), Is.EquivalentTo(["Network", "Subnet"]));
        });
    }

    [Test]
    public void L1_what_a_person_names_is_adopted_and_no_second_one_is_made()
    {
        using var world = new EngineWorld();
        var id = LetGo(world);
        Allow(world, AdoptPolicy.Always);
        Ask(world, id);
        world.Until("the instance runs", () => world.Runs() && world.AllReady);
        Assert.Multiple(() =>
        {
            Assert.That(world.Server.Id, Is.EqualTo(id));
            Assert.That(world.Server.Labels, Is.Not.Empty);
            Assert.That(world.Entry("Instance").Spec.Record.Adopted, Is.EqualTo(id));
            Assert.That(world.Entry("Instance").Spec.Record.Parts!.Select(p => p.Id), Does.Contain(id));
        });
        world.DeleteInstance();
        world.Until("what was adopted is ours, and goes", () => world.Cloud.In(Collections.Servers).IsEmpty);
    }

    [Test]
    public void L1_adoption_may_end_between_any_two_of_its_writes_and_calls()
    {
        var moments = 0;
        // Every third: moments before and after a write take turns, so both are hit.
        for (var kill = 0; kill <= moments; kill += 3)
        {
            using var world = new EngineWorld();
            var id = LetGo(world);
            Allow(world, AdoptPolicy.Always);
            world.Restart(kill);
            Ask(world, id);
            world.Until($"the instance runs, killed at {kill}", () => world.Runs() && world.AllReady);
            moments = kill == 0 ? world.Switch.Moments : moments;
            Assert.That(world.Server.Id, Is.EqualTo(id), $"killed at {kill}");
            Assert.That(world.Entry("Instance").Spec.Record.Adopted, Is.EqualTo(id), $"killed at {kill}");
        }
        Assert.That(moments, Is.GreaterThan(8));
    }

    [TestCase("nics", 429)]
    [TestCase("boot-disks", 503)]
    public void Adoption_that_marked_only_a_half_goes_on_with_the_rest(string collection, int status)
    {
        using var world = new EngineWorld();
        var id = LetGo(world);
        Allow(world, AdoptPolicy.Always);
        world.Cloud.Add(new FaultRule { Method = "PATCH", Path = $"/v1/{collection}/*", Kind = FaultKind.ErrorBefore, Status = status });
        Ask(world, id);
        world.Until("the instance runs", () => world.Runs() && world.AllReady);
        Assert.That(world.Server.Id, Is.EqualTo(id));
        Assert.That(world.Entry("Instance").Spec.Record.Adopted, Is.EqualTo(id));
        Assert.That(world.Cloud.Objects.Where(o => o.AttachedTo == id).Select(o => o.Labels), Has.All.Not.Empty);
    }

    [Test]
    public void What_was_adopted_is_not_replaced_for_what_it_is_but_for_another_wish()
    {
        using var world = new EngineWorld();
        var id = LetGo(world);
        Allow(world, AdoptPolicy.Always);
        Ask(world, id, image: "web:2");
        world.Until("the difference is told", () => world.ReasonOf("Instance") == Reasons.DriftReported);
        world.Advance(TimeSpan.FromHours(1));
        Assert.That((world.Server.Id, world.Server.Containers!.Value[0].Image), Is.EqualTo((id, "web:1")));
        Assert.That(EngineWorld.Ready(world.Entry("Instance"))!.Message, Does.Contain("web:2").And.Contain("web:1").And.Contain("image"));

        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:3");
        world.Until("another wish replaces it", () => world.Runs("web:3") && world.AllReady);
        Assert.That(world.Server.Id, Is.Not.EqualTo(id));
    }

    [TestCase(AdoptPolicy.IfTagged)]
    public void Without_a_mark_only_Always_adopts_and_nothing_is_made_in_its_place(string adopt)
    {
        using var world = new EngineWorld();
        var id = LetGo(world);
        Allow(world, AdoptPolicy.Always);
        Ask(world, id, adopt);
        world.Until("it is refused", () => world.ReasonOf("Instance") == Reasons.AdoptionRefused);
        world.Advance(TimeSpan.FromHours(1));
        Assert.That((world.Server.Id, world.Server.Labels is null or { Count: 0 }), Is.EqualTo((id, true)));
        Assert.That(EngineWorld.Ready(world.Entry("Instance"))!.Message, Does.Contain(Annotations.AdoptId).And.Contain("carries no mark"));
    }

    [Test]
    public void IfTagged_adopts_what_carries_this_entrys_own_mark()
    {
        using var world = new EngineWorld();
        var id = LetGo(world);
        Allow(world, AdoptPolicy.IfTagged);
        Ask(world, id);
        world.Until("it is refused", () => world.ReasonOf("Instance") == Reasons.AdoptionRefused);
        // A person at the platform puts the mark on, as the refusal asks for.
        var entry = world.Entry("Instance");
        void Mark(string id, string? part) => world.Cloud.Change(id, o => o with { Labels = Sdk.Marks.ToPairs(Sdk.Marks.For(Engine.Ledger.EntryIdentity.Of(entry), part)).ToImmutableSortedDictionary() });
        Mark(world.Cloud.In(Collections.BootDisks).Single().Id, "boot");
        Mark(world.Cloud.In(Collections.Nics).Single().Id, "nic-0");
        Mark(id, null);
        world.Until("it is adopted", () => world.Runs() && world.AllReady);
        Assert.That(world.Server.Id, Is.EqualTo(id));
    }

    [TestCase("other")]
    [TestCase(EngineWorld.Installation)]
    public void L3_what_carries_another_installations_or_another_entrys_mark_is_refused_by_its_owners_name(string installation)
    {
        using var world = new EngineWorld();
        var id = LetGo(world);
        Allow(world, AdoptPolicy.Always);
        var other = new Identity { Installation = installation, Kind = ResourceKind.Instance, Name = new string('a', 32), Incarnation = 1 };
        world.Cloud.Change(id, o => o with { Labels = Sdk.Marks.ToPairs(Sdk.Marks.For(other, null)).ToImmutableSortedDictionary() });
        var before = world.Server;
        Ask(world, id);
        world.Until("it is refused", () => world.ReasonOf("Instance") == Reasons.AdoptionRefused);
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Server.Revision, Is.EqualTo(before.Revision));
        Assert.That(EngineWorld.Ready(world.Entry("Instance"))!.Message, Does.Contain(installation).And.Contain(new string('a', 32)));
    }

    [Test]
    public void What_is_not_there_is_told_by_field_and_nothing_is_made()
    {
        using var world = new EngineWorld();
        world.CreateNetwork();
        Allow(world, AdoptPolicy.Always);
        Ask(world, "nonesuch");
        world.Until("it is told", () => world.ReasonOf("Instance") == Reasons.Invalid);
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Cloud.In(Collections.Servers), Is.Empty);
        Assert.That(EngineWorld.Ready(world.Entry("Instance"))!.Message, Does.Contain(Annotations.AdoptId).And.Contain("nonesuch"));
        // Taking the annotation back is a change of the wish: then it is built.
        world.EditInstance(i => i.Metadata.Annotations!.Remove(Annotations.AdoptId));
        world.Until("it is built", () => world.Runs() && world.AllReady);
    }

    [Test]
    public void L8_what_is_looked_for_in_another_account_is_adopted_once_its_own_is_back_and_nothing_is_written_meanwhile()
    {
        using var world = new EngineWorld();
        var id = LetGo(world);
        Allow(world, AdoptPolicy.Always);
        world.Cloud.Add(new FaultRule { Method = "GET", Path = $"/v1/servers/{id}", Kind = FaultKind.ErrorBefore, Status = 404, Times = 1000 });
        Ask(world, id);
        world.Until("it isn't found", () => world.ReasonOf("Instance") == Reasons.Invalid);
        world.Advance(TimeSpan.FromMinutes(6));
        var writes = world.Plane.Writes.Count;
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Plane.Writes.Skip(writes), Is.Empty, "L8");
        world.Cloud.ClearFaults();
        world.Until("it is adopted", () => world.Runs() && world.AllReady, TimeSpan.FromMinutes(6));
        Assert.That(world.Server.Id, Is.EqualTo(id));
    }

    [Test]
    public void L6_a_part_that_was_hidden_when_our_marks_were_taken_off_loses_its_mark_too()
    {
        using var world = new EngineWorld(new SimulatorKnobs { OperationDurations = ImmutableDictionary<ResourceKind, TimeSpan>.Empty.Add(ResourceKind.Instance, TimeSpan.FromSeconds(2)) });
        world.Running(i => i.Metadata.Annotations = new() { [Annotations.Retain] = "true" });
        var before = world.Cloud.Knobs;
        // The server is the newest of them: for a while it alone is hidden.
        var hidden = world.Time.Now - world.Server.CreatedAt + TimeSpan.FromSeconds(1);
        world.Cloud.Knobs = before with { ConsistencyWindow = hidden, ListLag = hidden };
        using var shown = world.Time.CreateTimer(_ => world.Cloud.Knobs = before, null, TimeSpan.FromSeconds(4), Timeout.InfiniteTimeSpan);
        world.DeleteInstance();
        world.Until("the instance is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        Assert.That(world.Cloud.Objects.Where(o => o.Collection is Collections.Servers or Collections.Nics or Collections.BootDisks).Select(o => o.Labels?.Count ?? 0), Has.All.Zero);
        Assert.That(world.Server.State, Is.EqualTo("READY"));
    }

    [Test]
    public void L14_a_tenant_cannot_adopt_where_the_providerconfig_does_not_allow_it()
    {
        using var world = new EngineWorld();
        var id = LetGo(world);
        Ask(world, id, AdoptPolicy.Always);
        world.Until("it is refused", () => Conditions.Find(world.Instance.Status?.Conditions, ConditionTypes.Programmed)?.Reason == Reasons.ConfigurationError);
        Assert.That(Conditions.Find(world.Instance.Status?.Conditions, ConditionTypes.Programmed)!.Message, Does.Contain("spec.management.adopt").And.Contain(Annotations.Adopt));
        Assert.That(world.Server.Labels is null or { Count: 0 }, Is.True);
        Assert.That(world.Entries.Any(e => e.Spec.Kind == "Instance"), Is.False);
    }
}
