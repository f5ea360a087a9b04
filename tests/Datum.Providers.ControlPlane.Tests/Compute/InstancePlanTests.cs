using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Tests.Compute;

public sealed class InstancePlanTests
{
    private const string Hash = "new";

    private static WorkloadDeployment Deployment(int replicas)
    {
        var deployment = new WorkloadDeployment
        {
            Spec = { ScaleSettings = { MinReplicas = replicas }, WorkloadRef = { Name = "w", Uid = "w-uid" } },
            Status = new WorkloadDeploymentStatus { Location = new LocationReference { Name = "here", Namespace = "ns" } },
        };
        deployment.Metadata.Name = "d";
        deployment.Metadata.Namespace = "ns";
        deployment.Metadata.Uid = "d-uid";
        deployment.Spec.Template.Spec.NetworkInterfaces = [new InstanceNetworkInterface { Network = { Name = "default" } }];
        return deployment;
    }

    /// <summary>One letter an ordinal: R ready, U unready, D deleting; small: with the old template; - missing; S stale: ready of the old template.</summary>
    private static List<Instance> Instances(string states) => [.. states.Select((state, ordinal) => (state, ordinal)).Where(s => s.state != '-').Select(s =>
    {
        var hash = char.IsUpper(s.state) ? Hash : "old";
        var instance = new Instance { Spec = { Controller = new InstanceControllerSpec { TemplateHash = hash } } };
        instance.Metadata.Name = $"d-{s.ordinal}";
        instance.Metadata.DeletionTimestamp = s.state is 'D' or 'd' ? DateTimeOffset.UnixEpoch : null;
        var up = s.state is 'R' or 'r' or 'S' ? "True" : "False";
        instance.Status = new InstanceStatus
        {
            Controller = new InstanceControllerStatus { ObservedTemplateHash = s.state == 'S' ? "old" : hash },
            Conditions = [.. new[] { "Programmed", "Running", "Ready" }.Select(type => new Condition { Type = type, Status = up, Reason = "R" })],
        };
        return instance;
    })];

    [TestCase(0, "", "")]
    [TestCase(3, "", "Create 0")]
    [TestCase(3, "R", "Create 1")]
    [TestCase(3, "U", "Wait 0")]
    [TestCase(3, "RRR", "")]
    [TestCase(3, "R-R", "Create 1")]
    [TestCase(3, "RDR", "Wait 1")]
    [TestCase(3, "rrr", "Update 2")]
    [TestCase(3, "rrR", "Update 1")]
    [TestCase(3, "rrU", "Wait 2")]
    [TestCase(3, "rrS", "Wait 2")]
    [TestCase(3, "rru", "Update 2")]
    [TestCase(3, "rur", "Update 1")]
    [TestCase(3, "r-u", "Create 1")]
    [TestCase(1, "RRR", "Delete 2")]
    [TestCase(1, "RRU", "Delete 2")]
    [TestCase(1, "RUR", "Delete 2")]
    [TestCase(1, "RUD", "Wait 2")]
    [TestCase(1, "RRd", "Wait 2")]
    [TestCase(1, "rRR", "Update 0")]
    [TestCase(1, "URR", "Wait 0")]
    [TestCase(0, "RU", "Delete 1")]
    [TestCase(-5, "R", "Delete 0")]
    public void Only_the_first_action_is_carried_out(int replicas, string states, string expected)
    {
        var actions = InstancePlan.Decide(Deployment(replicas), Instances(states), Hash, _ => null);
        Assert.That(actions.Count == 0 ? "" : $"{actions[0].Kind} {actions[0].Ordinal}", Is.EqualTo(expected));
    }

    [Test]
    public void Creates_come_ascending_then_updates_and_deletes_descending() => Assert.That(
        InstancePlan.Decide(Deployment(4), Instances("rr--RR"), Hash, _ => null).Select(a => $"{a.Kind} {a.Ordinal}"),
        Is.EqualTo(new[] { "Create 2", "Create 3", "Update 1", "Update 0", "Delete 5", "Delete 4" }));

    [Test]
    public void A_name_that_is_taken_by_an_earlier_deployments_instance_is_waited_for()
    {
        var action = InstancePlan.Decide(Deployment(1), [], Hash, name => name == "d-0" ? new Instance() : null)[0];
        Assert.That(action.Kind, Is.EqualTo(InstanceActionKind.Wait));
        Assert.That(action.Why, Does.Contain("earlier deployment"));
    }

    [TestCase("d-0", 0)]
    [TestCase("d-12", 12)]
    [TestCase("d-012", null)]
    [TestCase("d-x", null)]
    [TestCase("d", null)]
    [TestCase("e-0", null)]
    [TestCase("d-99999999999", null)]
    [TestCase("d-1-0", null)]
    public void Only_names_that_the_deployment_gives_have_an_ordinal(string name, int? ordinal) => Assert.That(Names.Ordinal("d", name), Is.EqualTo(ordinal));

    [Test]
    public void A_new_instance_is_gated_placed_and_labelled()
    {
        var deployment = Deployment(1);
        deployment.Spec.Template.Metadata = new TemplateMetadata { Labels = new() { ["tier"] = "app" }, Annotations = new() { ["note"] = "x" } };
        var instance = InstancePlan.New(deployment, 3, Hash, new OwnerReference { Uid = "d-uid" });
        Assert.Multiple(() =>
        {
            Assert.That(instance.Key, Is.EqualTo(new ObjectKey("ns", "d-3")));
            Assert.That(instance.Metadata.Labels, Is.EqualTo(new Dictionary<string, string>
            {
                ["tier"] = "app",
                [Labels.InstanceIndex] = "3",
                [Labels.WorkloadUid] = "w-uid",
                [Labels.WorkloadDeploymentUid] = "d-uid",
            }));
            Assert.That(instance.Metadata.Annotations, Is.EqualTo(new Dictionary<string, string> { ["note"] = "x" }));
            Assert.That(instance.Spec.Controller!.SchedulingGates!.Select(g => g.Name), Is.EqualTo(new[] { "Network" }));
            Assert.That(instance.Spec.Location!.Key, Is.EqualTo(new ObjectKey("ns", "here")));
            Assert.That(deployment.Spec.Template.Metadata.Labels, Has.Count.EqualTo(1), "the template's own map is not shared");
        });
    }

    [Test]
    public void An_update_keeps_location_gates_and_notes_and_takes_everything_else_from_the_template()
    {
        var deployment = Deployment(1);
        deployment.Spec.Template.Metadata = new TemplateMetadata { Labels = new() { ["tier"] = "2" } };
        var current = InstancePlan.New(deployment, 0, "old", new OwnerReference());
        current.Spec.Controller!.SchedulingGates = [new SchedulingGate { Name = "Quota" }];
        current.Spec.Location!.Name = "there";
        current.Metadata.Labels!["gone"] = "x";
        current.Metadata.Annotations = new() { [Annotations.ProviderId] = "id", ["gone"] = "x" };
        deployment.Spec.Template.Spec.Runtime.Resources.InstanceType = "big";

        var after = InstancePlan.Updated(deployment, current, 0, Hash);
        Assert.Multiple(() =>
        {
            Assert.That(after.Spec.Runtime.Resources.InstanceType, Is.EqualTo("big"));
            Assert.That(after.Spec.Location!.Name, Is.EqualTo("there"));
            Assert.That(after.Spec.Controller!.TemplateHash, Is.EqualTo(Hash));
            Assert.That(after.Spec.Controller.SchedulingGates!.Select(g => g.Name), Is.EqualTo(new[] { "Quota" }));
            Assert.That(after.Metadata.Labels!.Keys, Does.Contain("tier").And.Not.Contain("gone"));
            Assert.That(after.Metadata.Annotations, Is.EqualTo(new Dictionary<string, string> { [Annotations.ProviderId] = "id" }));
        });
    }

    [Test]
    public void An_update_to_another_network_is_gated_again()
    {
        var deployment = Deployment(1);
        var current = InstancePlan.New(deployment, 0, "old", new OwnerReference());
        current.Spec.Controller!.SchedulingGates = null;
        deployment.Spec.Template.Spec.NetworkInterfaces[0].Network.Name = "other";
        Assert.That(InstancePlan.Updated(deployment, current, 0, Hash).Spec.Controller!.SchedulingGates!.Select(g => g.Name), Is.EqualTo(new[] { "Network" }));
    }

    [Test]
    public void The_template_hash_depends_on_what_an_instance_takes_and_on_nothing_else()
    {
        InstanceTemplate Template(Action<InstanceTemplate>? change = null)
        {
            var template = new InstanceTemplate { Metadata = new TemplateMetadata { Labels = new() { ["a"] = "1", ["b"] = "2" } } };
            template.Spec.Runtime.Resources.InstanceType = "t";
            change?.Invoke(template);
            return template;
        }

        var hash = TemplateHash.Of(Template());
        Assert.Multiple(() =>
        {
            Assert.That(hash, Is.EqualTo("358a3af58670975f"), "the hash of a template must not change between versions of the host: everything would roll");
            Assert.That(TemplateHash.Of(Template(t => t.Metadata!.Labels = new() { ["b"] = "2", ["a"] = "1" })), Is.EqualTo(hash));
            Assert.That(TemplateHash.Of(Template(t => t.Metadata!.Name = "x")), Is.EqualTo(hash));
            Assert.That(TemplateHash.Of(Template(t => t.Spec.Location = new LocationReference { Name = "x" })), Is.EqualTo(hash));
            Assert.That(TemplateHash.Of(Template(t => t.Metadata!.Annotations = [])), Is.EqualTo(hash));
            Assert.That(TemplateHash.Of(Template(t => t.Metadata!.Labels!["a"] = "2")), Is.Not.EqualTo(hash));
            Assert.That(TemplateHash.Of(Template(t => t.Spec.Runtime.Resources.InstanceType = "u")), Is.Not.EqualTo(hash));
        });
    }
}
