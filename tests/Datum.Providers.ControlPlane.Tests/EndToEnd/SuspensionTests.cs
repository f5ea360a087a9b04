using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>Suspending stops instances and keeps them; restarting by annotation goes one after the other.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class SuspensionTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose()
    {
        Assert.That(_world.Errors, Is.Empty);
        _world.Dispose();
    }

    private Dictionary<string, string?> Uids => _world.Instances.ToDictionary(i => i.Metadata.Name!, i => i.Metadata.Uid);

    private void Running(int replicas)
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.CreateWorkload(replicas: replicas);
        _world.Settle();
    }

    [Test]
    public void A_suspended_workload_stops_all_instances_at_once_and_keeps_them_until_it_runs_again()
    {
        Running(3);
        var before = Uids;
        var hash = _world.Instances[0].Spec.Controller!.TemplateHash;
        _world.Annotate("web", Annotations.Suspended, "true");
        _world.Settle();
        Assert.Multiple(() =>
        {
            Assert.That(_world.Instances.Select(i => i.Metadata.Annotation(Annotations.Suspended)), Is.All.EqualTo("true"));
            Assert.That(_world.Instances.Select(i => Conditions.Find(i.Status!.Conditions, ConditionTypes.Ready)!.Reason), Is.All.EqualTo(Reasons.Suspended));
            Assert.That(_world.OfDeployment(ConditionTypes.Available), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo(Reasons.Suspended));
            Assert.That(World.Available(_world.Workload())!.Message, Does.Contain(Reasons.Suspended));
            Assert.That(Uids, Is.EqualTo(before));
            Assert.That(_world.Provider.Removed, Is.Empty);
        });

        // L8.
        var writes = _world.Plane.Writes.Count;
        _world.Time.Advance(TimeSpan.FromHours(1));
        Assert.That(_world.Plane.Writes, Has.Count.EqualTo(writes));

        _world.Annotate("web", Annotations.Suspended, null);
        _world.Settle();
        Assert.Multiple(() =>
        {
            Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
            Assert.That(_world.Workload().Status!.ReadyReplicas, Is.EqualTo(3));
            Assert.That(Uids, Is.EqualTo(before));
            Assert.That(_world.Instances.Select(i => i.Spec.Controller!.TemplateHash), Is.All.EqualTo(hash), "that isn't a change of the template");
            Assert.That(_world.Instances.Select(i => i.Metadata.Annotation(Annotations.Suspended)), Is.All.Null);
            Assert.That(_world.Deployment().Metadata.Annotations ?? [], Does.Not.ContainKey(Annotations.Suspended));
        });
    }

    [Test]
    public void A_workload_that_begins_suspended_gets_all_its_instances_and_a_new_template_reaches_them()
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.CreateWorkload(replicas: 3, change: w => w.Metadata.Annotations = new() { [Annotations.Suspended] = "true" });
        _world.Settle();
        Assert.That(_world.Instances, Has.Count.EqualTo(3));
        _world.Edit("web", w => w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        _world.Settle();
        Assert.That(_world.Instances.Select(i => i.Spec.Runtime.Sandbox!.Containers[0].Image), Is.All.EqualTo("web:2"));
        Assert.That(_world.Instances.Select(i => i.Metadata.Annotation(Annotations.Suspended)), Is.All.EqualTo("true"));
        _world.Edit("web", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 1);
        _world.Settle();
        Assert.That(_world.Instances, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_restart_by_annotation_goes_from_the_last_to_the_first_and_replaces_nothing()
    {
        Running(3);
        var before = Uids;
        var from = _world.Plane.Writes.Count;
        _world.Edit("web", w => w.Spec.Template.Metadata = new TemplateMetadata { Annotations = new() { [Annotations.RestartedAt] = "2031-01-01T00:00:00Z" } });
        _world.Settle();
        Assert.Multiple(() =>
        {
            Assert.That(_world.Plane.Writes.Skip(from).Where(w => w is { Plural: "instances", Verb: "patch", Subresource: null }).Select(w => w.Key.Name),
                Is.EqualTo(new[] { "web-us-dfw-2", "web-us-dfw-1", "web-us-dfw-0" }));
            Assert.That(_world.Provider.MostUnready, Is.EqualTo(1));
            Assert.That(_world.Instances.Select(i => i.Metadata.Annotation(Annotations.RestartedAt)), Is.All.EqualTo("2031-01-01T00:00:00Z"));
            Assert.That(Uids, Is.EqualTo(before));
        });
    }
}
