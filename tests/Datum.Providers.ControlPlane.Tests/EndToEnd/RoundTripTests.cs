using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>What others wrote stays, and what the schemas require is written.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class RoundTripTests : IDisposable
{
    private const string Member = "fromTheFuture";

    private readonly World _world = new();

    public void Dispose() => _world.Dispose();

    private static void Mark(KubeData data) => (data.Unknown ??= [])[Member] = JsonElement.Parse("""{"kept":true}""");

    private static bool HasMark(KubeData? data) => data?.Unknown?.TryGetValue(Member, out var value) == true && value.GetProperty("kept").GetBoolean();

    [Test]
    public void Members_that_nobody_knows_survive_every_write()
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.CreateWorkload(replicas: 2, change: w =>
        {
            Mark(w.Spec);
            Mark(w.Spec.Placements[0]);
            Mark(w.Spec.Placements[0].ScaleSettings);
            Mark(w.Spec.Template);
            Mark(w.Spec.Template.Spec);
            Mark(w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0]);
        });
        _world.Settle();
        _world.Plane.EditStatus(ResourceTypes.Workloads, World.Namespace, "web", w =>
        {
            Mark(w.Status!);
            Mark(w.Status!.Placements![0]);
            Mark(w.Status.Conditions![0]);
        });
        _world.Plane.Edit(ResourceTypes.WorkloadDeployments, World.Namespace, "web-us-dfw", d =>
        {
            Mark(d.Spec);
            Mark(d.Spec.WorkloadRef);
        });
        _world.Plane.EditStatus(ResourceTypes.WorkloadDeployments, World.Namespace, "web-us-dfw", d =>
        {
            Mark(d.Status!);
            Mark(d.Status!.Location!);
        });
        _world.Plane.Edit(ResourceTypes.Instances, World.Namespace, "web-us-dfw-0", i =>
        {
            Mark(i.Spec.Controller!);
            Mark(i.Spec.Location!);
        });
        _world.Plane.EditStatus(ResourceTypes.Instances, World.Namespace, "web-us-dfw-0", i => Mark(i.Status!));

        // Everything is written once more: spec, status, scale, and a stop that comes and goes.
        _world.Edit("web", w => w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        _world.Edit("web", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 3);
        _world.Settle();
        _world.Provider.Stopped.Add("web-us-dfw-0");
        _world.Settle();
        _world.Provider.Stopped.Clear();
        _world.Settle();

        var (workload, deployment, instance) = (_world.Workload(), _world.Deployment(), _world.Instances[0]);
        Assert.Multiple(() =>
        {
            Assert.That(HasMark(workload.Spec) && HasMark(workload.Spec.Placements[0]) && HasMark(workload.Spec.Placements[0].ScaleSettings) && HasMark(workload.Spec.Template), "Workload spec");
            Assert.That(HasMark(workload.Status) && HasMark(workload.Status!.Placements![0]) && HasMark(workload.Status.Conditions![0]), "Workload status");
            Assert.That(HasMark(deployment.Spec) && HasMark(deployment.Spec.WorkloadRef) && HasMark(deployment.Spec.ScaleSettings), "deployment spec");
            Assert.That(HasMark(deployment.Spec.Template) && HasMark(deployment.Spec.Template.Spec.Runtime.Sandbox!.Containers[0]), "deployment template");
            Assert.That(HasMark(deployment.Status) && HasMark(deployment.Status!.Location), "deployment status");
            Assert.That(_world.Instances.Select(i => HasMark(i.Spec) && HasMark(i.Spec.Runtime.Sandbox!.Containers[0])), Is.All.True, "of the template");
            Assert.That(instance.Spec.Runtime.Sandbox!.Containers[0].Image, Is.EqualTo("web:2"));
            Assert.That(HasMark(instance.Spec.Controller) && HasMark(instance.Spec.Location) && HasMark(instance.Status), "instance");
        });
    }

    [Test]
    public void Counters_are_written_when_they_are_zero_because_the_schemas_require_them()
    {
        var seen = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        _world.Plane.Changed = (type, _, value) =>
        {
            if (value["status"] is JsonObject status && status["conditions"] is JsonArray { Count: > 0 })
                seen.TryAdd(type, status.DeepClone().AsObject());
        };
        _world.CreateNetwork();
        _world.CreateWorkload();
        _world.Settle();
        string[] counters = ["replicas", "currentReplicas", "desiredReplicas", "readyReplicas"];
        var workload = seen[ResourceTypes.Workloads.ToString()];
        var deployment = seen[ResourceTypes.WorkloadDeployments.ToString()];
        Assert.Multiple(() =>
        {
            foreach (var counter in counters)
            {
                Assert.That(workload[counter], Is.Not.Null, $"workload {counter}");
                Assert.That(workload["placements"]![0]![counter], Is.Not.Null, $"placement {counter}");
                Assert.That(deployment[counter], Is.Not.Null, $"deployment {counter}");
            }

            Assert.That(workload["deployments"], Is.Not.Null);
            Assert.That(workload["readyReplicas"]!.GetValue<int>(), Is.Zero);
        });
    }
}
