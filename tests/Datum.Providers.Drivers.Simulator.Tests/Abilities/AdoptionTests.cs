namespace Datum.Providers.Drivers.Simulator.Tests.Abilities;

/// <summary>One call of the ability as the host makes it.</summary>
internal static class Taking
{
    public static Step AdoptStep => new() { Part = "adopt", Verb = StepVerb.Update, Class = CreateClass.Repeatable };

    public static Step ReleaseStep => new() { Part = "release", Verb = StepVerb.Update, Class = CreateClass.Repeatable };

    public static async Task<Outcome<TFacts>> Adopt<TSpec, TFacts>(World world, IResourceDriver<TSpec, TFacts> verbs, Identity id, string providerId)
        where TSpec : ResourceSpec where TFacts : ResourceFacts =>
        await ((IAdoption<TFacts>)verbs).AdoptAsync(world.Operation(id, AdoptStep), id, providerId);

    public static async Task<Outcome<TFacts>> Release<TSpec, TFacts>(World world, IResourceDriver<TSpec, TFacts> verbs, Identity id)
        where TSpec : ResourceSpec where TFacts : ResourceFacts =>
        await ((IAdoption<TFacts>)verbs).ReleaseAsync(world.Operation(id, ReleaseStep), id);

    public static async Task<Candidate<TFacts>> Inspect<TSpec, TFacts>(World world, IResourceDriver<TSpec, TFacts> verbs, Identity id, string providerId)
        where TSpec : ResourceSpec where TFacts : ResourceFacts
    {
        var answer = await ((IAdoption<TFacts>)verbs).InspectAsync(world.Call(), id, providerId);
        Assert.That(answer.Error?.Message, Is.Null);
        return answer.Value!;
    }
}

/// <summary>DC-108 to DC-112 for kinds of one object, with a network.</summary>
internal sealed class AdoptionTests
{
    private static readonly NetworkSpec Spec = new() { Mtu = 1460 };
    private static readonly Identity Id = World.Id(ResourceKind.Network, incarnation: 3);

    [Test]
    public async Task DC_108_a_look_changes_nothing_and_says_whose_it_is()
    {
        using var world = new World();
        var loose = await Loose(world);
        var (ours, _) = await World.Build(world, world.Driver.Networks!, World.Id(ResourceKind.Network, 2), Spec);
        var before = world.Cloud.Objects;
        var mutations = world.Cloud.Statistics.Mutations;
        var missing = await Taking.Inspect(world, world.Driver.Networks!, Id, loose);
        var byName = await Taking.Inspect(world, world.Driver.Networks!, Id, "by-hand");
        var foreign = await Taking.Inspect(world, world.Driver.Networks!, Id, ours.Parts[0].Id);
        var own = await Taking.Inspect(world, world.Driver.Networks!, ours, ours.Parts[0].Id);
        Assert.Multiple(() =>
        {
            Assert.That((missing.Mark, missing.Owner, missing.State, missing.Facts.Mtu), Is.EqualTo((MarkState.Missing, (string?)null, Lifecycle.Ready, (int?)1400)));
            Assert.That(byName.Parts, Is.EqualTo(missing.Parts).And.EqualTo(new[] { new Part { Name = "net", Id = loose } }));
            Assert.That((foreign.Mark, foreign.Owner), Is.EqualTo((MarkState.Foreign, $"{World.Installation}/net-{ours.Name}")), "nothing is hidden");
            Assert.That((own.Mark, own.Owner), Is.EqualTo((MarkState.Ours, (string?)null)));
            Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
            Assert.That(world.Cloud.Objects.Select(o => o.Revision), Is.EqualTo(before.Select(o => o.Revision)));
        });
    }

    [Test]
    public async Task DC_108_what_isnt_there_or_isnt_one_is_invalid()
    {
        using var world = new World(new SimulatorKnobs { CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Network, CreateClass.Marked) });
        var first = await Loose(world);
        var second = await Loose(world);
        foreach (var wrong in (string[])["nonesuch", "by-hand"])
        {
            var error = (await ((IAdoption<NetworkFacts>)world.Driver.Networks!).InspectAsync(world.Call(), Id, wrong)).Error!;
            var adopt = ((Failed<NetworkFacts>)await Taking.Adopt(world, world.Driver.Networks!, Id, wrong)).Error;
            Assert.That(new[] { error, adopt }.Select(e => (e.Code, e.Effect)), Is.All.EqualTo((ErrorCode.Invalid, Effect.NotApplied)));
            if (wrong == "by-hand")
                Assert.That(error.Message, Does.Contain(first).And.Contain(second), "several have the name");
        }
    }

    [Test]
    public async Task DC_109_anothers_mark_is_refused_by_its_owners_name_and_stays([Values("installation", "identity", "part")] string what)
    {
        using var world = new World();
        var loose = await Loose(world);
        var owner = what switch { "installation" => Id with { Installation = "inst2" }, "identity" => World.Id(ResourceKind.Network, 9), _ => Id };
        world.Cloud.Change(loose, o => o with { Labels = Sdk.Marks.ToPairs(Sdk.Marks.For(owner, what == "part" ? "nic-0" : null)).ToImmutableSortedDictionary() });
        var before = world.Cloud.Objects.Single();
        var error = ((Failed<NetworkFacts>)await Taking.Adopt(world, world.Driver.Networks!, Id, loose)).Error;
        Assert.Multiple(() =>
        {
            Assert.That((error.Code, error.Effect, error.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied, $"{owner.Installation}/net-{owner.Name}")));
            Assert.That(error.Message, Does.Contain(owner.Installation).And.Contain(owner.Name));
            Assert.That((world.Cloud.Objects.Single().Revision, world.Cloud.Statistics.Mutations), Is.EqualTo((before.Revision, 1L)), "the object is as it was");
        });
    }

    // The look and the marking are one: whoever marks it in between wins.
    [Test]
    public async Task DC_109_a_mark_that_somebody_sets_in_between_isnt_overwritten()
    {
        var wire = new Between("PATCH");
        using var world = new World(wire: wire);
        var loose = await Loose(world);
        var other = World.Id(ResourceKind.Network, 9);
        wire.Do = () => world.Cloud.Change(loose, o => o with { Labels = Sdk.Marks.ToPairs(Sdk.Marks.For(other)).ToImmutableSortedDictionary() });
        var error = ((Failed<NetworkFacts>)await Taking.Adopt(world, world.Driver.Networks!, Id, loose)).Error;
        Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.PreconditionFailed, Effect.NotApplied)));
        Assert.That(world.Cloud.Objects.Single().Labels!["datum-name"], Is.EqualTo(other.Name));
        Assert.That(((Failed<NetworkFacts>)await Taking.Adopt(world, world.Driver.Networks!, Id, loose)).Error.Code, Is.EqualTo(ErrorCode.Conflict));
    }

    [Test]
    public async Task DC_109_an_identity_that_has_an_object_gets_no_second_one([Values] bool recorded)
    {
        using var world = new World();
        var (id, _) = await World.Build(world, world.Driver.Networks!, Id, Spec);
        var loose = await Loose(world);
        var error = ((Failed<NetworkFacts>)await Taking.Adopt(world, world.Driver.Networks!, recorded ? id : Id, loose)).Error;
        Assert.That((error.Code, error.Effect, error.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied, id.Parts[0].Id)));
        Assert.That(world.Cloud.Audit.MaxAlive, Is.EqualTo(1), "law L1");
    }

    [Test]
    public async Task DC_110_what_was_adopted_is_seen_and_listed_like_what_was_made([Values(CreateClass.Named, CreateClass.Token, CreateClass.Marked)] CreateClass createClass)
    {
        using var world = new World(new SimulatorKnobs { CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Network, createClass) });
        var loose = await Loose(world);
        var adopted = (Done<NetworkFacts>)await Taking.Adopt(world, world.Driver.Networks!, Id, loose);
        Assert.That(adopted.Parts, Is.EqualTo(new[] { new Part { Name = "net", Id = loose } }));
        var id = World.Record(Id, adopted);
        foreach (var known in (Identity[])[id, Id])
        {
            var seen = (Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, known, Spec);
            Assert.That((seen.Mark, seen.Incarnation, seen.State, seen.Parts.Single().Id), Is.EqualTo((MarkState.Ours, 3L, Lifecycle.Ready, loose)));
            Assert.That((seen.Drift.Single().Path, seen.Drift.Single().Remedy, seen.Next!.Verb), Is.EqualTo(("mtu", Remedy.InPlace, StepVerb.Update)), "ordinary drift");
        }

        var item = (await world.Driver.Networks!.ListAsync(world.Call(), new ListQuery { Installation = World.Installation }, null)).Value!.Items.Single();
        Assert.That((item.Name, item.Incarnation, item.Parts.Single().Id), Is.EqualTo((Id.Name, 3L, loose)));
        Assert.That((world.Cloud.Objects.Single().Labels!["team"], world.Cloud.Objects.Single().Name), Is.EqualTo(("blue", "by-hand")), "the rest is the owner's");
        Assert.That(await World.TakeDown(world, world.Driver.Networks!, Id), Is.EqualTo(new[] { "net" }), "DC-65: also from the identity alone");
    }

    [Test]
    public async Task An_adoption_is_no_create_and_the_audit_follows_the_mark()
    {
        using var world = new World();
        var loose = await Loose(world);
        await Taking.Adopt(world, world.Driver.Networks!, Id, loose);
        var life = world.Cloud.Audit.Lives.Single();
        Assert.That((life.Alive, life.Created, world.Cloud.Statistics.Creates[Collections.Networks]), Is.EqualTo((1, 0, 1L)), "the one that somebody made by hand");
        await Taking.Release(world, world.Driver.Networks!, Id with { Parts = [new Part { Name = "net", Id = loose }] });
        Assert.That(world.Cloud.Audit.AliveOf(Id.Name), Is.Zero);
        Assert.That(world.Cloud.Audit.Log.Select(e => (e.Event, e.Mark is null)), Is.EqualTo(new[] { (AuditEvent.Created, true), (AuditEvent.Marked, false), (AuditEvent.Marked, true) }));
    }

    [Test]
    public async Task DC_111_a_release_takes_the_mark_away_and_nothing_else([Values] bool adopted, [Values(CreateClass.Named, CreateClass.Marked)] CreateClass createClass)
    {
        using var world = new World(new SimulatorKnobs { CreateClasses = ImmutableDictionary<ResourceKind, CreateClass>.Empty.Add(ResourceKind.Network, createClass) });
        var spec = new NetworkSpec { Mtu = 1400, Labels = ImmutableDictionary<string, string>.Empty.Add("team", "blue") };
        var id = adopted ? World.Record(Id, await Taking.Adopt(world, world.Driver.Networks!, Id, await Loose(world))) : (await World.Build(world, world.Driver.Networks!, Id, spec)).Id;
        var before = world.Cloud.Objects.Single();
        Assert.That(await Taking.Release(world, world.Driver.Networks!, id), Is.InstanceOf<Done<NetworkFacts>>());
        var after = world.Cloud.Objects.Single();
        Assert.Multiple(() =>
        {
            Assert.That(after.Labels, Is.EquivalentTo(new Dictionary<string, string> { ["team"] = "blue" }));
            Assert.That((after with { Labels = before.Labels, Generation = before.Generation, Revision = before.Revision }).ToString(), Is.EqualTo(before.ToString()));
        });
        Assert.That(await World.Observe(world, world.Driver.Networks!, Id, spec), Is.InstanceOf<Absent<NetworkFacts>>());
        Assert.That(((Present<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, id, spec)).Mark, Is.EqualTo(MarkState.Missing), "law L3: by the id that is still recorded");
        Assert.That((await world.Driver.Networks!.ListAsync(world.Call(), new ListQuery { Installation = World.Installation }, null)).Value!.Items, Is.Empty);
    }

    [Test]
    public async Task DC_111_a_name_of_ours_that_a_released_object_keeps_is_a_conflict_and_never_taken()
    {
        using var world = new World();
        var (id, _) = await World.Build(world, world.Driver.Networks!, Id, Spec);
        await Taking.Release(world, world.Driver.Networks!, id);
        var step = ((Absent<NetworkFacts>)await World.Observe(world, world.Driver.Networks!, Id, Spec)).Next!;
        var error = ((Failed<NetworkFacts>)await world.Driver.Networks!.CreateAsync(world.Operation(Id, step), Id, Spec)).Error;
        Assert.That((error.Code, error.Effect, error.BlockedBy.Single()), Is.EqualTo((ErrorCode.Conflict, Effect.NotApplied, id.Parts[0].Id)));
    }

    [Test]
    public async Task DC_111_what_is_gone_or_anothers_is_done_and_untouched([Values("gone", "foreign", "unrecorded")] string what)
    {
        using var world = new World();
        var (id, _) = await World.Build(world, world.Driver.Networks!, Id, Spec);
        if (what == "gone")
            world.Cloud.Vanish(id.Parts[0].Id);
        if (what == "foreign")
            world.Cloud.Change(id.Parts[0].Id, o => o with { Labels = o.Labels!.SetItem("datum-install", "other") });
        var mutations = world.Cloud.Statistics.Mutations;
        Assert.That(await Taking.Release(world, world.Driver.Networks!, what == "unrecorded" ? Id : id), Is.InstanceOf<Done<NetworkFacts>>());
        Assert.That(world.Cloud.Statistics.Mutations, Is.EqualTo(mutations));
    }

    [Test]
    public async Task DC_112_after_a_lost_answer_the_same_call_comes_to_the_same_end()
    {
        using var world = new World();
        var loose = await Loose(world);
        world.Cloud.Add(new FaultRule { Method = "PATCH", Kind = FaultKind.ResetAfter, Times = 1 });
        Assert.That(((Failed<NetworkFacts>)await Taking.Adopt(world, world.Driver.Networks!, Id, loose)).Error.Effect, Is.EqualTo(Effect.Unknown));
        var revision = world.Cloud.Objects.Single().Revision;
        var again = (Done<NetworkFacts>)await Taking.Adopt(world, world.Driver.Networks!, Id, loose);
        Assert.That((again.Parts.Single().Id, world.Cloud.Objects.Single().Revision), Is.EqualTo((loose, revision)), "nothing is written twice");
        world.Cloud.Add(new FaultRule { Method = "PATCH", Kind = FaultKind.ResetAfter, Times = 1 });
        var id = World.Record(Id, again);
        Assert.That(((Failed<NetworkFacts>)await Taking.Release(world, world.Driver.Networks!, id)).Error.Effect, Is.EqualTo(Effect.Unknown));
        Assert.That(await Taking.Release(world, world.Driver.Networks!, id), Is.InstanceOf<Done<NetworkFacts>>());
    }

    [Test]
    public async Task DC_15_another_step_is_refused()
    {
        using var world = new World();
        var loose = await Loose(world);
        var adopt = (Failed<NetworkFacts>)await ((IAdoption<NetworkFacts>)world.Driver.Networks!).AdoptAsync(world.Operation(Id, Taking.ReleaseStep), Id, loose);
        var release = (Failed<NetworkFacts>)await ((IAdoption<NetworkFacts>)world.Driver.Networks!).ReleaseAsync(world.Operation(Id, Taking.AdoptStep), Id);
        Assert.That(new[] { adopt, release }.Select(f => (f.Error.Code, f.Error.Effect)), Is.All.EqualTo((ErrorCode.PreconditionFailed, Effect.NotApplied)));
    }

    /// <summary>A network that somebody made by hand.</summary>
    private static async Task<string> Loose(World world)
    {
        using var client = new HttpClient(new SimulatedCloudHandler(world.Cloud, world.Clock)) { BaseAddress = new Uri("http://cloud.test") };
        using var body = new StringContent("""{"name":"by-hand","mtu":1400,"labels":{"team":"blue"}}""");
        using var answer = await client.PostAsync(new Uri("/v1/networks", UriKind.Relative), body);
        Assert.That(answer.IsSuccessStatusCode, Is.True);
        return world.Cloud.In(Collections.Networks)[^1].Id;
    }
}

/// <summary>Does something once, right before a request of a method arrives.</summary>
internal sealed class Between(string method) : DelegatingHandler
{
    public Action? Do { get; set; }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Method.Method == method && Do is { } once)
        {
            Do = null;
            once();
        }

        return base.SendAsync(request, cancellationToken);
    }
}
