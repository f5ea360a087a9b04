using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>
/// Defects of the upstream compute operator (compute@b6c210a) that a provider or user meets, one test each, with the words that
/// describe it. docs/reference/datum-conformance.md names these tests.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class UpstreamDefectTests : IDisposable
{
    private readonly World _world = new();

    public void Dispose()
    {
        Assert.That(_world.Errors, Is.Empty);
        _world.Dispose();
    }

    private void Running(int replicas = 1, Action<Workload>? change = null)
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.CreateWorkload(replicas: replicas, change: change);
        _world.Settle();
    }

    private static Condition Ready(Instance instance) => Conditions.Find(instance.Status!.Conditions, ConditionTypes.Ready)!;

    /// <summary>"the update action writes the template spec as is, which has no location and no controller, so after a rollout the instance has lost its location, hash and gates" (stateful_control.go).</summary>
    [Test]
    public void An_updated_instance_keeps_its_location_and_its_controller()
    {
        Running(2);
        _world.Edit("web", w => w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        _world.Settle();
        Assert.That(_world.Instances.Select(i => (i.Spec.Location?.Name, i.Spec.Controller?.TemplateHash)),
            Is.All.EqualTo(((string?)"here", (string?)TemplateHash.Of(_world.Deployment().Spec.Template))));
    }

    /// <summary>"the status of an existing Ready condition is not reset to False in the failure branches, so an instance that was Ready stays True with a failing reason" (instance_controller.go).</summary>
    [TestCase(ConditionTypes.Programmed, ConditionStatus.False, Reasons.QuotaExceeded)]
    [TestCase(ConditionTypes.Running, ConditionStatus.False, Reasons.InstanceCrashing)]
    [TestCase(ConditionTypes.Running, ConditionStatus.Unknown, Reasons.DriverMissing)]
    public void Ready_follows_the_truth_back(string type, string status, string reason)
    {
        Running();
        var since = Ready(_world.Instances.Single()).LastTransitionTime;
        _world.Time.Advance(TimeSpan.FromMinutes(1));
        _world.Plane.EditStatus(ResourceTypes.Instances, World.Namespace, "web-us-dfw-0", i => Conditions.Set(i.Status!.Conditions!, type, status, reason, "m", i.Metadata.Generation, _world.Time.Now));
        _world.Settle(withProvider: false);
        var ready = Ready(_world.Instances.Single());
        Assert.That((ready.Status, ready.Reason, ready.Message), Is.EqualTo((status, reason, "m")));
        Assert.That(ready.LastTransitionTime, Is.GreaterThan(since!.Value));
        Assert.That(World.Available(_world.Workload()), Has.Property("Status").EqualTo("False").And.Property("Message").Contains(reason));
    }

    /// <summary>"Zero Locations is an error (retry with backoff), no condition written" (workload_controller.go).</summary>
    [Test]
    public void Zero_locations_are_a_condition_and_no_error_loop()
    {
        _world.CreateNetwork();
        _world.CreateWorkload();
        _world.Settle();
        Assert.That(World.Available(_world.Workload()), Has.Property("Status").EqualTo("False").And.Property("Message").Contains(Reasons.NoLocations));
        var (reads, writes) = (_world.Plane.Reads, _world.Plane.Writes.Count);
        _world.Time.Advance(TimeSpan.FromHours(2));
        Assert.That((_world.Plane.Reads, _world.Plane.Writes.Count), Is.EqualTo((reads, writes)));
    }

    /// <summary>"if any Location has that city code, desire one deployment; else skip silently" (workload_controller.go).</summary>
    [Test]
    public void A_city_without_a_location_is_told_and_not_skipped()
    {
        Running(change: w => w.Spec.Placements[0].CityCodes = ["DFW", "LHR"]);
        Assert.That(_world.Workload().Status!.Deployments, Is.EqualTo(2));
        Assert.That(Conditions.Find(_world.Workload().Status!.Placements!.Single().Conditions, ConditionTypes.Available)!.Message, Does.Contain("web-us-lhr: NoCandidateLocations"));
    }

    /// <summary>"Picks the FIRST Location in list order"; a user: "first-match-by-city is surprising with several cloud regions per city" (workloaddeployment_scheduler.go, datum issue 49).</summary>
    [Test]
    public void Of_several_locations_of_a_city_the_emptiest_good_one_is_taken_and_the_others_are_told_why()
    {
        _world.CreateLocation("a");
        _world.CreateNetwork();
        _world.CreateWorkload("first");
        _world.Settle();
        _world.CreateLocation("b");
        _world.CreateLocation("0-bad");
        _world.Plane.EditStatus(ResourceTypes.Locations, World.Namespace, "0-bad", l => l.Status = new LocationStatus());
        foreach (var type in new[] { ConditionTypes.Accepted, ConditionTypes.Ready })
            _world.Plane.EditStatus(ResourceTypes.Locations, World.Namespace, "b", l => Conditions.Set((l.Status ??= new()).Conditions ??= [], type, ConditionStatus.True, "R", "", 1, _world.Time.Now));
        _world.CreateWorkload("second");
        _world.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.That(_world.Deployment("second-us-dfw").Status!.Location!.Name, Is.EqualTo("b"));
        Assert.That(_world.OfDeployment(ConditionTypes.Scheduled, "second-us-dfw")!.Message, Is.EqualTo("Chosen: default/b (0 instances). Not chosen: default/0-bad: not Accepted yet; default/a: 1 instance."));
    }

    /// <summary>"None matching → NoCandidateLocations, no requeue and no watch on Locations, so it stays stuck until something else touches the object" (workloaddeployment_scheduler.go).</summary>
    [Test]
    public void A_location_that_comes_later_wakes_the_deployment_that_waits_for_it()
    {
        _world.CreateNetwork();
        _world.CreateLocation("elsewhere", "LHR");
        _world.CreateWorkload();
        _world.Settle();
        Assert.That(_world.OfDeployment(ConditionTypes.Available)!.Reason, Is.EqualTo(Reasons.NoCandidateLocations));
        _world.CreateLocation();
        _world.Settle();
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
    }

    /// <summary>"names without a numeric suffix yield ordinal -1 → slice index panic" (stateful_control.go).</summary>
    [Test]
    public void An_instance_with_a_name_without_ordinal_stops_nothing_and_goes_with_its_deployment()
    {
        Running();
        var odd = new Instance();
        (odd.Metadata.Name, odd.Metadata.Namespace) = ("web-us-dfw-odd", World.Namespace);
        odd.Metadata.Labels = new() { [Labels.WorkloadDeploymentUid] = _world.Deployment().Metadata.Uid! };
        odd.Spec.Controller = new InstanceControllerSpec { TemplateHash = "x" };
        _world.Create(ResourceTypes.Instances, odd);
        _world.Edit("web", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 2);
        _world.Settle();
        Assert.That(_world.Instances.Select(i => i.Metadata.Name), Is.EqualTo(new[] { "web-us-dfw-0", "web-us-dfw-1", "web-us-dfw-odd" }));
        _world.Delete(ResourceTypes.Workloads, "web");
        _world.Settle();
        Assert.That(_world.Instances, Is.Empty);
    }

    /// <summary>"template label map is shared between the deployment and new instances, so labels added to the instance leak into the hash computed later in the same pass" (stateful_control.go).</summary>
    [Test]
    public void Labels_of_an_instance_dont_reach_the_template_or_its_hash()
    {
        Running(3, w => w.Spec.Template.Metadata = new TemplateMetadata { Labels = new() { ["tier"] = "app" } });
        Assert.That(_world.Deployment().Spec.Template.Metadata!.Labels!.Keys, Is.EqualTo(new[] { "tier" }));
        Assert.That(_world.Instances.Select(i => i.Spec.Controller!.TemplateHash), Is.All.EqualTo(TemplateHash.Of(_world.Workload().Spec.Template)));
    }

    /// <summary>"status.controller nil when Programmed=True panics"; "the next reconcile dereferences spec.controller (nil)" (workloaddeployment_controller.go).</summary>
    [Test]
    public void A_provider_that_writes_no_hash_and_an_instance_without_controller_stop_nothing()
    {
        Running();
        _world.Plane.EditStatus(ResourceTypes.Instances, World.Namespace, "web-us-dfw-0", i => i.Status!.Controller = null);
        _world.Settle(withProvider: false);
        Assert.That(_world.Workload().Status, Has.Property("CurrentReplicas").EqualTo(0).And.Property("ReadyReplicas").EqualTo(1));
        _world.Plane.Edit(ResourceTypes.Instances, World.Namespace, "web-us-dfw-0", i => (i.Spec.Controller, i.Spec.Location) = (null, null));
        _world.Settle();
        var instance = _world.Instances.Single();
        Assert.That((instance.Spec.Location?.Name, instance.Spec.Controller?.TemplateHash), Is.EqualTo(("here", TemplateHash.Of(_world.Workload().Spec.Template))));
        Assert.That(_world.Workload().Status!.CurrentReplicas, Is.EqualTo(1));
    }

    /// <summary>"interface network policy or network changes after creation are not propagated to bindings" (workloaddeployment_controller.go).</summary>
    [Test]
    public void Another_network_of_an_interface_reaches_its_binding_and_the_instance_waits_for_it()
    {
        Running();
        _world.CreateNetwork("second");
        _world.Edit("web", w => w.Spec.Template.Spec.NetworkInterfaces[0].Network.Name = "second");
        _world.Settle();
        Assert.That(_world.Plane.Live(ResourceTypes.NetworkBindings).Select(b => b.Spec.Network.Name), Is.EqualTo(new[] { "second" }));
        Assert.That(_world.Instances.Single().Spec.NetworkInterfaces[0].Network.Name, Is.EqualTo("second"));
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
    }

    /// <summary>"any other value makes the stateful strategy return NO actions at all" (scaleSettings.instanceManagementPolicy).</summary>
    [Test]
    public void A_management_policy_that_isnt_there_is_refused_by_name()
    {
        Running(change: w => w.Spec.Placements[0].ScaleSettings.InstanceManagementPolicy = "Parallel");
        Assert.That(_world.OfDeployment(ConditionTypes.Available), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo(Reasons.Unsupported).And.Property("Message").Contains("Parallel"));
    }

    /// <summary>"the equality check compares a struct with a pointer, so status is written on every reconcile. status.placements order comes from a Go map, i.e. random" (workload_controller.go).</summary>
    [Test]
    public void The_status_is_written_on_change_only_and_placements_stand_in_the_order_of_the_spec()
    {
        Running(change: w => w.Spec.Placements.InsertRange(0, [.. "zyx".Select(c => new Placement { Name = c.ToString(), CityCodes = ["DFW"], ScaleSettings = { MinReplicas = 1 } })]));
        Assert.That(_world.Workload().Status!.Placements!.Select(p => p.Name), Is.EqualTo(new[] { "z", "y", "x", "us" }));
        var writes = _world.Plane.Writes.Count;
        _world.Plane.Edit(ResourceTypes.Workloads, World.Namespace, "web", w => (w.Metadata.Labels ??= [])["touched"] = "1");
        _world.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.That(_world.Plane.Writes.Skip(writes).Where(w => w.Subresource == "status"), Is.Empty);
    }

    /// <summary>"Resolve every networkInterfaces[].network.name in the Workload's namespace (the ref's own namespace is ignored here)" (workload_controller.go).</summary>
    [Test]
    public void A_network_of_another_namespace_is_looked_up_there()
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.CreateWorkload(change: w => w.Spec.Template.Spec.NetworkInterfaces[0].Network.Namespace = "other");
        _world.Settle();
        Assert.That(World.Available(_world.Workload()), Has.Property("Reason").EqualTo(Reasons.NetworkNotFound).And.Property("Message").Contains("other/default"));
    }

    /// <summary>Parity: what upstream puts on a WorkloadDeployment, and what its clean-up finds it by.</summary>
    [Test]
    public void A_deployment_has_the_label_the_owner_and_the_finalizer_that_upstream_gives()
    {
        Running();
        var (workload, deployment) = (_world.Workload(), _world.Deployment());
        var owner = deployment.Metadata.ControllerOwner!;
        Assert.Multiple(() =>
        {
            Assert.That(deployment.Metadata.Labels, Is.EqualTo(new Dictionary<string, string> { ["compute.datumapis.com/workload-uid"] = workload.Metadata.Uid! }));
            Assert.That((owner.Kind, owner.Name, owner.Uid, owner.BlockOwnerDeletion), Is.EqualTo(("Workload", "web", workload.Metadata.Uid, (bool?)true)));
            Assert.That(deployment.Metadata.Finalizers, Is.EqualTo(new[] { "compute.datumapis.com/workload-controller" }));
            Assert.That(workload.Metadata.Finalizers, Does.Contain("compute.datumapis.com/workload-controller"));
            Assert.That((deployment.Spec.WorkloadRef.Name, deployment.Spec.WorkloadRef.Uid, deployment.Spec.PlacementName, deployment.Spec.CityCode), Is.EqualTo(("web", workload.Metadata.Uid, "us", "DFW")));
        });
    }

    /// <summary>The transition time tells since when: a new message or generation isn't a transition. Each condition says which generation it judges.</summary>
    [Test]
    public void A_transition_time_changes_with_its_status_only_and_each_condition_says_its_generation()
    {
        Running(2);
        var since = World.Available(_world.Workload())!.LastTransitionTime;
        _world.Time.Advance(TimeSpan.FromMinutes(5));
        _world.Edit("web", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 3);
        _world.Settle();
        var workload = _world.Workload();
        Assert.Multiple(() =>
        {
            Assert.That(World.Available(workload)!.LastTransitionTime, Is.EqualTo(since));
            Assert.That(World.Available(workload)!.ObservedGeneration, Is.EqualTo(workload.Metadata.Generation));
            Assert.That(_world.Deployment().Status!.Conditions!.Where(c => c.Type != ConditionTypes.Scheduled).Select(c => c.ObservedGeneration), Is.All.EqualTo(_world.Deployment().Metadata.Generation));
            Assert.That(_world.Instances.Select(i => Ready(i).ObservedGeneration == i.Metadata.Generation), Is.All.True);
        });
    }
}
