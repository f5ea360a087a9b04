using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.ControlPlane.Networking;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Tests.Compute;

public sealed class DecisionTests
{
    /// <summary>e.g. <c>Programmed=False/Reason Running=True/Running</c>.</summary>
    private static List<Condition> Parse(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(part =>
    {
        var words = part.Split('=', '/');
        return new Condition { Type = words[0], Status = words[1], Reason = words.Length > 2 ? words[2] : "", Message = words.Length > 2 ? $"about {words[2]}" : "" };
    })];

    [TestCase("", "", "False", Reasons.PendingProgramming)]
    [TestCase("", "Programmed=Unknown/Pending Running=Unknown/Pending Ready=Unknown/Pending", "Unknown", "Pending")]
    [TestCase("", "Programmed=False/QuotaExceeded Ready=True/Running", "False", "QuotaExceeded")]
    [TestCase("", "Programmed=Unknown/DriverMissing Running=True/Running Ready=True/Running", "Unknown", "DriverMissing")]
    [TestCase("", "Programmed=False Running=True/Running", "False", Reasons.PendingProgramming)]
    [TestCase("", "Programmed=True/Programmed", "False", Reasons.Pending)]
    [TestCase("", "Programmed=True/Programmed Running=False/ImageUnavailable Ready=True/Running", "False", "ImageUnavailable")]
    [TestCase("", "Programmed=True/Programmed Running=Unknown/Unknown", "Unknown", "Unknown")]
    [TestCase("", "Programmed=True/Programmed Running=True/Running", "True", Reasons.Running)]
    [TestCase("", "Programmed=True/Programmed Available=True/Available", "True", Reasons.Running)]
    [TestCase("Network", "Programmed=True/Programmed Running=True/Running", "False", Reasons.SchedulingGatesPresent)]
    [TestCase("SomebodysGate", "", "False", Reasons.SchedulingGatesPresent)]
    public void Readiness_follows_gates_then_programmed_then_running(string gate, string conditions, string status, string reason)
    {
        var instance = new Instance { Status = new InstanceStatus { Conditions = Parse(conditions) } };
        if (gate.Length > 0)
            instance.Spec.Controller = new InstanceControllerSpec { SchedulingGates = [new SchedulingGate { Name = gate }] };
        var ready = InstanceReadiness.Decide(instance, null);
        Assert.That((ready.Status, ready.Reason), Is.EqualTo((status, reason)));
    }

    [Test]
    public void A_network_that_cannot_be_made_is_named_while_its_gate_is_closed()
    {
        var instance = new Instance { Spec = { Controller = new InstanceControllerSpec { SchedulingGates = [new SchedulingGate { Name = "Network" }] } } };
        Assert.That(InstanceReadiness.Decide(instance, "no quota"), Is.EqualTo(new InstanceReadiness("False", Reasons.NetworkFailedToCreate, "no quota")));
    }

    private static Location Place(string name, string state, string city = "DFW", string? ns = "ns")
    {
        var location = new Location { Spec = { Topology = { [Labels.CityCode] = city } }, Status = new LocationStatus { Conditions = Parse(state) } };
        location.Metadata.Name = name;
        location.Metadata.Namespace = ns;
        return location;
    }

    private const string Good = "Accepted=True/Accepted Ready=True/ProbeSucceeded";

    [Test]
    public void Of_the_good_locations_the_emptiest_is_chosen_and_the_losers_are_told_why()
    {
        var places = new[]
        {
            Place("a", Good), Place("b", Good), Place("c", Good), Place("d", "Accepted=True/Accepted Ready=False/ProbeFailed"), Place("e", "Accepted=False/DriverMissing"),
            Place("f", ""), Place("g", Good, "LHR"),
        };
        places[1].Metadata.Namespace = null;
        var choice = LocationChoice.Decide("dfw", places, l => l.Metadata.Name == "a" ? 1 : 0);
        Assert.That(choice.Chosen, Is.SameAs(places[1]));
        Assert.That(choice.Reason, Is.EqualTo(Reasons.LocationAssigned));
        Assert.That(choice.Message, Is.EqualTo(
            "Chosen: b (0 instances). Not chosen: ns/a: 1 instance; ns/c: 0 instances; ns/d: not Ready (ProbeFailed); ns/e: not Accepted (DriverMissing); ns/f: not Accepted yet."));
    }

    [Test]
    public void A_location_that_is_being_deleted_takes_nothing()
    {
        var place = Place("a", Good);
        place.Metadata.DeletionTimestamp = DateTimeOffset.UnixEpoch;
        Assert.That(LocationChoice.Decide("DFW", [place], _ => 0), Has.Property("Chosen").Null.And.Property("Reason").EqualTo(Reasons.NoCandidateLocations));
    }

    [Test]
    public void Without_locations_and_without_candidates_the_reasons_differ()
    {
        Assert.That(LocationChoice.Decide("DFW", [], _ => 0).Reason, Is.EqualTo(Reasons.NoLocations));
        Assert.That(LocationChoice.Decide("DFW", [Place("a", Good, "LHR")], _ => 0).Reason, Is.EqualTo(Reasons.NoCandidateLocations));
    }

    [TestCase("", "False", Reasons.NotProgrammed)]
    [TestCase("Programmed=Unknown/Pending", "False", Reasons.NotProgrammed)]
    [TestCase("Programmed=False/ProgrammingInProgress Ready=True/Ready", "False", Reasons.ProgrammingInProgress)]
    [TestCase("Programmed=Unknown/DriverMissing Ready=True/Ready", "Unknown", Reasons.DriverMissing)]
    [TestCase("Programmed=True/Programmed", "True", Reasons.Ready)]
    public void A_context_is_ready_exactly_while_it_is_programmed(string conditions, string status, string reason)
    {
        var ready = NetworkReadiness.OfContext(new NetworkContext { Status = new NetworkContextStatus { Conditions = Parse(conditions) } });
        Assert.That((ready.Status, ready.Reason), Is.EqualTo((status, reason)));
    }

    [TestCase("", "False", Reasons.Pending)]
    [TestCase("Allocated=False/RangeUnavailable Programmed=True/Programmed", "False", Reasons.RangeUnavailable)]
    [TestCase("Allocated=True/PrefixAllocated", "False", Reasons.NotProgrammed)]
    [TestCase("Allocated=True/PrefixAllocated Programmed=True/Programmed", "True", Reasons.Ready)]
    public void A_subnet_is_ready_while_it_is_allocated_and_programmed(string conditions, string status, string reason)
    {
        var ready = NetworkReadiness.OfSubnet(Parse(conditions));
        Assert.That((ready.Status, ready.Reason), Is.EqualTo((status, reason)));
    }

    [TestCase("", "False", Reasons.NetworkContextNotReady)]
    [TestCase("Programmed=False/NetworkFailedToCreate Ready=False/NetworkFailedToCreate", "False", Reasons.NetworkFailedToCreate)]
    [TestCase("Programmed=False/ProgrammingInProgress Ready=True/Ready", "False", Reasons.NetworkContextNotReady)]
    [TestCase("Programmed=True/Programmed Ready=False/NotProgrammed", "False", Reasons.NetworkContextNotReady)]
    [TestCase("Programmed=True/Programmed Ready=True/Ready", "True", Reasons.NetworkContextReady)]
    public void A_binding_follows_its_context(string conditions, string status, string reason)
    {
        var ready = NetworkReadiness.OfBinding(new NetworkContext { Status = new NetworkContextStatus { Conditions = Parse(conditions) } });
        Assert.That((ready.Status, ready.Reason), Is.EqualTo((status, reason)));
    }

    private static Workload Workload(params (string Placement, string Cities, int Replicas)[] placements)
    {
        var workload = new Workload();
        workload.Metadata.Name = "w";
        workload.Metadata.Uid = "w-uid";
        workload.Spec.Placements = [.. placements.Select(p => new Placement { Name = p.Placement, CityCodes = [.. p.Cities.Split(' ')], ScaleSettings = { MinReplicas = p.Replicas } })];
        return workload;
    }

    [Test]
    public void Each_placement_and_city_is_one_deployment_in_the_order_of_the_spec()
    {
        var desired = WorkloadPlan.Desired(Workload(("z", "LHR DFW", 1), ("a", "DFW dfw", 2), ("z", "DLS", 7)));
        Assert.That(desired.Error, Is.Null);
        Assert.That(desired.Items.Select(d => d.Name), Is.EqualTo(new[] { "w-z-lhr", "w-z-dfw", "w-a-dfw", "w-z-dls" }));
    }

    [Test]
    public void Of_two_placements_of_one_name_each_deployment_gets_its_own_scale()
    {
        var workload = Workload(("z", "LHR", 1), ("z", "DLS", 7));
        var shaped = WorkloadPlan.Desired(workload).Items.Select(d => WorkloadPlan.Shape(workload, d, new WorkloadDeployment(), new OwnerReference { Uid = "w-uid" }));
        Assert.That(shaped.Select(d => d.Spec.ScaleSettings.MinReplicas), Is.EqualTo(new[] { 1, 7 }));
    }

    [Test]
    public void What_cannot_be_carried_out_is_refused_with_the_field()
    {
        // L11.
        Assert.That(WorkloadPlan.Desired(Workload(("a", "DFW", 1), ("a", "DFW", 1))).Error, Does.Contain("spec.placements[1]").And.Contain("w-a-dfw"));
        Assert.That(WorkloadPlan.Desired(Workload(("a", "b-c", 1), ("a-b", "c", 1))).Error, Does.Contain("w-a-b-c"));
        Assert.That(WorkloadPlan.Desired(Workload(("a", "DFW", 1001))).Error, Does.Contain("minReplicas"));
        Assert.That(WorkloadPlan.Desired(Workload((new string('a', 300), "DFW", 1))).Error, Does.Contain("longer than 253"));
        var parallel = new WorkloadDeployment { Spec = { ScaleSettings = { InstanceManagementPolicy = "Parallel" } } };
        Assert.That(DeploymentStatusPlan.Refusal(parallel), Does.Contain("instanceManagementPolicy is Parallel"));
    }

    [Test]
    public void A_workload_that_loses_its_last_placement_is_unavailable_again_and_an_unchanged_one_has_no_new_status()
    {
        var workload = Workload(("a", "DFW", 2), ("b", "DFW", 3));
        var desired = WorkloadPlan.Desired(workload);
        var time = DateTimeOffset.UnixEpoch;
        WorkloadStatus Status(string a, string b, DateTimeOffset now)
        {
            WorkloadDeployment Deployment(string state, int ready) => new()
            {
                Spec = { ScaleSettings = { MinReplicas = 3 } },
                Status = new WorkloadDeploymentStatus { Conditions = Parse(state), ReadyReplicas = ready, Replicas = 3, CurrentReplicas = 1 },
            };
            return workload.Status = WorkloadPlan.Status(workload, desired, new Dictionary<string, WorkloadDeployment> { ["w-a-dfw"] = Deployment(a, 1), ["w-b-dfw"] = Deployment(b, 0) }, null, now);
        }

        var up = Status("Available=True/StableInstanceFound", "Available=False/ProvisioningInstances", time);
        Assert.That((up.Deployments, up.Replicas, up.ReadyReplicas, up.DesiredReplicas, up.CurrentReplicas), Is.EqualTo((2, 6, 1, 6, 2)));
        Assert.That(Conditions.IsTrue(up.Conditions, "Available"));
        Assert.That(up.Placements!.Select(p => (p.Name, p.Conditions![0].Status)), Is.EqualTo(new[] { ("a", "True"), ("b", "False") }));
        Assert.That(up.Conditions![0].Message, Does.Contain("w-b-dfw: ProvisioningInstances"));

        var before = ResourceTypes.Workloads.Clone(workload);
        before.Metadata.ResourceVersion = "1";
        Status("Available=True/StableInstanceFound", "Available=False/ProvisioningInstances", time.AddHours(1));
        Assert.That(Patches.Status(ResourceTypes.Workloads, before, workload), Is.Null, "L8");

        var down = Status("Available=False/ProvisioningInstances", "Available=False/ProvisioningInstances", time.AddHours(2));
        Assert.That((down.Conditions![0].Status, down.Conditions[0].Reason, down.Conditions[0].LastTransitionTime), Is.EqualTo(("False", Reasons.NoAvailablePlacements, time.AddHours(2))));
    }

    [Test]
    public void Wishes_for_autoscaling_are_answered_and_not_dropped()
    {
        // L11.
        var deployment = new WorkloadDeployment { Spec = { ScaleSettings = { MinReplicas = 1, MaxReplicas = 5 } } };
        var off = new Scaler(null).Decide(deployment, [], DateTimeOffset.UnixEpoch);
        Assert.That((off.Replicas, off.Reason), Is.EqualTo((1, Reasons.ScalingDisabled)));
        Assert.That(off.Message, Does.Contain("metadata.annotations[providers.datumapis.com/autoscale]"));
        deployment.Metadata.Annotations = new() { [Annotations.Autoscale] = "true" };
        var status = DeploymentStatusPlan.Compute(deployment, [], "h", null, null, new Scaler(null).Decide(deployment, [], DateTimeOffset.UnixEpoch), DateTimeOffset.UnixEpoch);
        Assert.That(Conditions.Find(status.Conditions, "ScalingActive"), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo(Reasons.Unsupported));
        deployment.Status = status;
        deployment.Spec.ScaleSettings.MaxReplicas = null;
        Assert.That(Conditions.Find(DeploymentStatusPlan.Compute(deployment, [], "h", null, null, new Scaler(null).Decide(deployment, [], DateTimeOffset.UnixEpoch), DateTimeOffset.UnixEpoch).Conditions, "ScalingActive"), Is.Null);
    }
}
