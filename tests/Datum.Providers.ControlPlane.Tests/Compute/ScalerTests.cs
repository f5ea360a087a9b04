using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Tests.Compute;

/// <summary>What is decided from measurements that are old, missing or of no use.</summary>
public sealed class ScalerTests
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Dictionary<string, UsageAnswer> _known = [];

    [TestCase(0, true, TestName = "{m}: now")]
    [TestCase(119, true, TestName = "{m}: almost two minutes ago")]
    [TestCase(120, false, TestName = "{m}: two minutes ago")]
    public void A_measurement_counts_for_two_minutes(int age, bool counts)
    {
        var instances = Ready(2);
        Measure("u0", 2000, TimeSpan.FromSeconds(age));
        Measure("u1", 2000);
        var answer = Decide(Deployment(2), instances);
        Assert.That((answer.Replicas, answer.Reason), Is.EqualTo(counts ? (4, Reasons.ValidMetricFound) : (2, Reasons.MetricsUnavailable)));
    }

    [Test]
    public void Measurements_of_some_instances_scale_in_neither_direction([Values(10, 4000)] int used)
    {
        var deployment = Deployment(3);
        var scaler = new Scaler(new Known(_known));
        for (var minutes = 0; minutes <= 12; minutes++)
        {
            Measure("u0", used, TimeSpan.FromMinutes(-minutes));
            Measure("u1", used, TimeSpan.FromMinutes(-minutes));
            var answer = scaler.Decide(deployment, Ready(3), s_now.AddMinutes(minutes));
            Assert.That((answer.Replicas, answer.Status, answer.Reason), Is.EqualTo((3, ConditionStatus.False, Reasons.MetricsUnavailable)));
            Assert.That(answer.Message, Is.EqualTo("No measurement of the last 2 minutes of 1 of 3 ready instances, web-2 first; the number stays 3."));
        }
    }

    [Test]
    public void An_instance_that_isnt_ready_yet_counts_as_idle_and_forbids_to_take_any_away()
    {
        Measure("u0", 2000);
        Assert.That(Decide(Deployment(2), Ready(1)).Replicas, Is.EqualTo(2), "2000 of 2 × 2000 is on target");
        Measure("u0", 10);
        Assert.That(Decide(Deployment(2), Ready(1)).Replicas, Is.EqualTo(2));
        Assert.That(Decide(Deployment(2), []).Reason, Is.EqualTo(Reasons.MetricsUnavailable));
    }

    [Test]
    public void A_driver_that_measures_nothing_is_unsupported_and_keeps_what_there_is()
    {
        Measure("u0", 2000);
        _known["u1"] = new(null, "Driver acme measures nothing.", Unsupported: true);
        var answer = Decide(Deployment(2), Ready(2));
        Assert.That((answer.Replicas, answer.Status, answer.Reason, answer.Message), Is.EqualTo((2, ConditionStatus.False, Reasons.Unsupported, "The number stays 2. Driver acme measures nothing.")));
    }

    [Test]
    public void A_window_with_a_hole_takes_nothing_away()
    {
        var (scaler, deployment) = (new Scaler(new Known(_known)), Deployment(2));
        int At(int minutes, long used)
        {
            Measure("u0", used, TimeSpan.FromMinutes(-minutes));
            Measure("u1", used, TimeSpan.FromMinutes(-minutes));
            return scaler.Decide(deployment, Ready(2), s_now.AddMinutes(minutes)).Replicas;
        }

        Assert.That(At(0, 1000), Is.EqualTo(2));
        Assert.That(At(10, 10), Is.EqualTo(2), "what was wished meanwhile nobody knows");
        for (var minutes = 11; minutes < 15; minutes++)
            Assert.That(At(minutes, 10), Is.EqualTo(2));
        Assert.That(At(15, 10), Is.EqualTo(1), "five minutes without a hole");
    }

    [Test]
    public void The_highest_of_several_metrics_wins_and_the_limits_hold()
    {
        Measure("u0", 1500);
        Measure("u1", 1500);
        var deployment = Deployment(2);
        deployment.Spec.ScaleSettings.Metrics!.Add(new ScaleMetric { Resource = new ResourceMetric { Name = "cpu", Target = new ResourceMetricTarget { AverageValue = "500m" } } });
        Assert.That(Decide(deployment, Ready(2)).Replicas, Is.EqualTo(6), "3 by utilization, 6 by value");
        deployment.Spec.ScaleSettings.MaxReplicas = 4;
        Assert.That(Decide(deployment, Ready(2)).Replicas, Is.EqualTo(4));
        deployment.Spec.ScaleSettings.MinReplicas = 3;
        deployment.Spec.ScaleSettings.Metrics = [deployment.Spec.ScaleSettings.Metrics[0]];
        Measure("u0", 0);
        Measure("u1", 0);
        Assert.That(Decide(deployment, Ready(2)).Replicas, Is.EqualTo(3));
    }

    private ScaleAnswer Decide(WorkloadDeployment deployment, IReadOnlyList<Instance> owned) => new Scaler(new Known(_known)).Decide(deployment, owned, s_now);

    private void Measure(string uid, long used, TimeSpan age = default) => _known[uid] = new(new InstanceUsage { CpuMillis = used, CpuCapacityMillis = 2000, At = s_now - age });

    private static WorkloadDeployment Deployment(int current) => new()
    {
        Metadata = { Uid = "d", Annotations = new() { [Annotations.Autoscale] = "true" } },
        Spec =
        {
            ScaleSettings =
            {
                MinReplicas = 1, MaxReplicas = 10,
                Metrics = [new ScaleMetric { Resource = new ResourceMetric { Name = "cpu", Target = new ResourceMetricTarget { AverageUtilization = 50 } } }],
            },
        },
        Status = new() { DesiredReplicas = current },
    };

    private static List<Instance> Ready(int count) => [.. Enumerable.Range(0, count).Select(i =>
    {
        var instance = new Instance { Metadata = { Uid = $"u{i}", Name = $"web-{i}" }, Status = new() { Conditions = [] } };
        Conditions.Set(instance.Status.Conditions!, ConditionTypes.Ready, ConditionStatus.True, "Ready", "", 1, s_now);
        return instance;
    })];

    private sealed class Known(Dictionary<string, UsageAnswer> known) : IInstanceUsage
    {
        public UsageAnswer Find(string instanceUid) => known.GetValueOrDefault(instanceUid) ?? new(null);
    }
}
