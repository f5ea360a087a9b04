using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>Spread over the Locations of a city, and the next Location when one refuses.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class PlacementTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose()
    {
        Assert.That(_world.Errors, Is.Empty);
        _world.Dispose();
    }

    private IEnumerable<string> Places => _world.Instances.Select(i => i.Spec.Location!.Name);

    private Workload Create(int replicas, params string[] options)
    {
        _world.CreateNetwork();
        _world.CreateLocation("a");
        _world.CreateLocation("b");
        _world.CreateLocation("elsewhere", "LHR");
        _world.Settle();
        var workload = _world.CreateWorkload(replicas: replicas, change: w => w.Metadata.Annotations = options.ToDictionary(o => o, _ => "true"));
        _world.Settle();
        return workload;
    }

    [Test]
    public void Without_options_all_instances_of_a_deployment_are_in_one_location_and_stay_where_they_are_refused()
    {
        _world.Provider.Refusing["a"] = Reasons.CapacityUnavailable;
        Create(2);
        Assert.That(Places, Is.EqualTo(new[] { "a" }));
        Assert.That(_world.OfDeployment(ConditionTypes.Available)!.Message, Does.Contain(Reasons.CapacityUnavailable));
        Assert.That(_world.Provider.Removed, Is.Empty);
        Assert.That(_world.Deployment().Metadata.Annotations ?? [], Is.Empty);
    }

    [Test]
    public void Instances_are_spread_over_the_locations_of_the_city_and_each_has_the_networks_of_its_own()
    {
        Create(4, Annotations.LocationSpread);
        Assert.Multiple(() =>
        {
            Assert.That(Places, Is.EqualTo(new[] { "a", "b", "a", "b" }));
            Assert.That(_world.Plane.Live(ResourceTypes.NetworkBindings).Select(b => b.Metadata.Name), Is.EqualTo(new[] { "web-us-dfw-net-0", "web-us-dfw-net-0-b" }));
            Assert.That(_world.Plane.Live(ResourceTypes.NetworkContexts).Select(b => b.Metadata.Name), Is.EqualTo(new[] { "default-default-a", "default-default-b" }));
            Assert.That(_world.Instances.SelectMany(i => i.Spec.Controller!.SchedulingGates ?? []), Is.Empty);
            Assert.That(_world.OfDeployment(ConditionTypes.Scheduled)!.Message, Does.Contain("2 in default/a, 2 in default/b"));
            Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
        });

        // A rollout keeps each where it is; what no instance uses any more goes.
        _world.Edit("web", w => w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        _world.Settle();
        Assert.That(Places, Is.EqualTo(new[] { "a", "b", "a", "b" }));
        _world.Edit("web", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 1);
        _world.Settle();
        Assert.That(_world.Plane.Live(ResourceTypes.NetworkBindings).Select(b => b.Metadata.Name), Is.EqualTo(new[] { "web-us-dfw-net-0" }));
    }

    [TestCase(Reasons.CapacityUnavailable)]
    [TestCase(Reasons.QuotaExceeded)]
    public void A_refused_instance_is_tried_at_the_next_location_after_nothing_of_it_is_left(string reason)
    {
        _world.Provider.Refusing["a"] = reason;
        _world.Provider.Stuck = true;
        Create(1, Annotations.LocationFallback);
        var first = _world.Instances.Single();
        Assert.That((first.Spec.Location!.Name, first.IsDeleting), Is.EqualTo(("a", true)), "the old one has to be proved absent before another is made");

        _world.Provider.Stuck = false;
        _world.Settle();
        var second = _world.Instances.Single();
        Assert.Multiple(() =>
        {
            Assert.That(second.Metadata.Name, Is.EqualTo(first.Metadata.Name));
            Assert.That(second.Metadata.Uid, Is.Not.EqualTo(first.Metadata.Uid));
            Assert.That(second.Spec.Location!.Name, Is.EqualTo("b"));
            Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
            Assert.That(_world.Deployment().Status!.Location!.Name, Is.EqualTo("a"), "the deployment's own Location is never changed");
            Assert.That(_world.OfDeployment(ConditionTypes.Scheduled)!.Message, Does.Contain($"Refused: default/a: {reason}"));
            Assert.That(_world.Provider.Machines.Values, Is.EqualTo(new[] { "web-us-dfw-0 at b" }));
        });
    }

    [Test]
    public void Where_every_location_refuses_it_stays_at_the_last_and_tries_again_when_a_refusal_is_over()
    {
        _world.Provider.Refusing["a"] = Reasons.QuotaExceeded;
        _world.Provider.Refusing["b"] = Reasons.CapacityUnavailable;
        Create(1, Annotations.LocationFallback);
        Assert.That(Places, Is.EqualTo(new[] { "b" }));

        // L8: nothing is written until then, also after a restart.
        var writes = _world.Plane.Writes.Count;
        _world.Time.Advance(TimeSpan.FromMinutes(30));
        _world.Restart();
        _world.Time.Advance(TimeSpan.FromMinutes(10));
        Assert.That(_world.Plane.Writes.Skip(writes).Select(w => w.ToString()), Is.Empty);

        _world.Provider.Refusing.Clear();
        _world.Provider.Refusing["b"] = Reasons.CapacityUnavailable;
        _world.Time.Advance(RefusedLocations.Life);
        _world.Settle();
        Assert.That(Places, Is.EqualTo(new[] { "a" }));
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
    }

    [Test]
    public void A_new_location_of_the_city_takes_what_all_others_refused()
    {
        _world.Provider.Refusing["a"] = Reasons.QuotaExceeded;
        _world.Provider.Refusing["b"] = Reasons.QuotaExceeded;
        Create(1, Annotations.LocationFallback);
        _world.CreateLocation("c");
        _world.Settle();
        Assert.That(Places, Is.EqualTo(new[] { "c" }));
    }

    [Test]
    public void Later_instances_are_made_at_a_location_that_didnt_refuse()
    {
        Create(1, Annotations.LocationFallback);
        Assert.That(Places, Is.EqualTo(new[] { "a" }));
        _world.Provider.Refusing["a"] = Reasons.CapacityUnavailable;
        _world.Edit("web", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 3);
        _world.Settle();
        Assert.That(Places, Is.EqualTo(new[] { "a", "b", "b" }));
        Assert.That(_world.Provider.Removed, Is.EqualTo(new[] { "instances/web-us-dfw-1" }), "only the first one had to learn it");
    }

    [Test]
    public void An_instance_that_was_there_once_isnt_moved()
    {
        Create(1, Annotations.LocationFallback);
        var uid = _world.Instances.Single().Metadata.Uid;
        _world.Plane.EditStatus(ResourceTypes.Instances, World.Namespace, "web-us-dfw-0", i =>
            Conditions.Set(i.Status!.Conditions!, ConditionTypes.Programmed, ConditionStatus.False, Reasons.CapacityUnavailable, "", i.Metadata.Generation, _world.Time.Now));
        _world.Settle(withProvider: false);
        Assert.That(_world.Instances.Single(), Has.Property("IsDeleting").False);
        Assert.That(_world.Instances.Single().Metadata.Uid, Is.EqualTo(uid), "its disks may hold something");
    }

    [TestCase(Annotations.DeletionProtection)]
    [TestCase(Annotations.Retain)]
    [TestCase(Annotations.Paused)]
    public void A_persons_brake_keeps_a_refused_instance_where_it_is(string brake)
    {
        _world.CreateNetwork();
        _world.CreateLocation("a");
        _world.CreateLocation("b");
        _world.Provider.Refusing["a"] = Reasons.CapacityUnavailable;
        _world.Settle();
        _world.CreateWorkload(change: w =>
        {
            w.Metadata.Annotations = new() { [Annotations.LocationFallback] = "true" };
            w.Spec.Template.Metadata = new TemplateMetadata { Annotations = new() { [brake] = "true" } };
        });
        _world.Settle();
        Assert.That(Places, Is.EqualTo(new[] { "a" }));
    }

    [Test]
    public void What_isnt_about_room_moves_nothing()
    {
        _world.Provider.Refusing["a"] = Reasons.Forbidden;
        Create(1, Annotations.LocationFallback);
        Assert.That(Places, Is.EqualTo(new[] { "a" }));
    }

    [Test]
    public void No_two_locations_share_the_name_of_a_binding()
    {
        static string Name(string? ns, string name) => Names.Binding("web", 1, new LocationReference { Namespace = ns, Name = name });
        Assert.That(new[] { Names.Binding("web", 1), Names.Binding("web", 11), Name("ns", "a"), Name(null, "a"), Name("ns", "1-a"), Name(null, "1.a") }, Is.Unique);
    }

    [Test]
    public void An_option_that_cant_be_read_or_stands_at_the_wrong_place_is_refused_with_its_path()
    {
        Create(1);
        _world.Annotate("web", Annotations.LocationSpread, "yes");
        _world.Settle();
        Assert.That(World.Available(_world.Workload()), Has.Property("Reason").EqualTo(Reasons.ConfigurationError).And.Property("Message").Contains(Annotations.LocationSpread));
        _world.Annotate("web", Annotations.LocationSpread, null);
        _world.Edit("web", w => w.Spec.Template.Metadata = new TemplateMetadata { Annotations = new() { [Annotations.LocationFallback] = "true" } });
        _world.Settle();
        Assert.That(World.Available(_world.Workload()), Has.Property("Reason").EqualTo(Reasons.ConfigurationError).And.Property("Message").Contains("spec.template.metadata"));
        Assert.That(_world.Instances, Has.Count.EqualTo(1), "what runs stays");
    }
}
