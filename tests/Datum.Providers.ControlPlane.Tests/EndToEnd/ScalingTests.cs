using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>maxReplicas, where somebody measures.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ScalingTests : IDisposable, IInstanceUsage
{
    private readonly World _world;

    public ScalingTests()
    {
        _world = new World(usage: this);
    }

    /// <summary>What every instance uses, of 2000; null: nobody reports.</summary>
    private long? Load { get; set; } = 1000;

    private int _asked;

    UsageAnswer IInstanceUsage.Find(string instanceUid)
    {
        _asked++;
        return new(Load is { } load ? new InstanceUsage { CpuMillis = load, CpuCapacityMillis = 2000, At = _world.Time.Now } : null, Load is null ? "The platform doesn't answer." : null);
    }

    public void Dispose()
    {
        Assert.That(_world.Errors, Is.Empty);
        _world.Dispose();
    }

    private void Create(int min, int? max, params ResourceMetricTarget[] targets)
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.CreateWorkload(replicas: min, change: w =>
        {
            w.Metadata.Annotations = new() { [Annotations.Autoscale] = "true" };
            w.Spec.Placements[0].ScaleSettings.MaxReplicas = max;
            w.Spec.Placements[0].ScaleSettings.Metrics = [.. targets.Select(t => new ScaleMetric { Resource = new ResourceMetric { Name = "cpu", Target = t } })];
        });
        Pass(TimeSpan.FromMinutes(1));
    }

    /// <summary>Settles again and again, since time alone brings changes here.</summary>
    private void Pass(TimeSpan time)
    {
        var until = _world.Time.Now + time;
        do
        {
            _world.Time.Advance(TimeSpan.FromSeconds(5));
            while (_world.Provider.Step())
                _world.Time.Advance(TimeSpan.FromSeconds(1));
        }
        while (_world.Time.Now < until);
    }

    private int Count => _world.Instances.Count;

    [Test]
    public void Load_adds_instances_up_to_the_maximum_and_calm_takes_them_away_after_its_window()
    {
        Create(1, 4, new ResourceMetricTarget { AverageUtilization = 50 });
        Assert.That(Count, Is.EqualTo(1), "50 % is on target");
        Load = 2000;
        Pass(TimeSpan.FromMinutes(3));
        Assert.That(Count, Is.EqualTo(4));
        Assert.That(_world.OfDeployment(ConditionTypes.ScalingActive), Has.Property("Status").EqualTo("True").And.Property("Reason").EqualTo(Reasons.ValidMetricFound));
        Assert.That(_world.Workload().Status, Has.Property("DesiredReplicas").EqualTo(4).And.Property("ReadyReplicas").EqualTo(4));

        Load = 100;
        Pass(TimeSpan.FromMinutes(4));
        Assert.That(Count, Is.EqualTo(4), "a short calm takes nothing away");
        Pass(TimeSpan.FromMinutes(4));
        Assert.That(Count, Is.EqualTo(1));
        Assert.That(_world.Provider.MostUnready, Is.LessThanOrEqualTo(1));
    }

    [Test]
    public void Without_measurements_the_number_stays_and_a_restart_takes_nothing_away()
    {
        Create(1, 5, new ResourceMetricTarget { AverageValue = "500m" });
        Pass(TimeSpan.FromMinutes(3));
        Assert.That(Count, Is.EqualTo(5));
        Load = null;
        Pass(TimeSpan.FromMinutes(10));
        Assert.That(Count, Is.EqualTo(5));
        Assert.That(_world.OfDeployment(ConditionTypes.ScalingActive), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo(Reasons.MetricsUnavailable)
            .And.Property("Message").EqualTo("No measurement of the last 2 minutes of 5 of 5 ready instances, web-us-dfw-0 first; the number stays 5. The platform doesn't answer."));

        Load = 100;
        _world.Restart();
        Pass(TimeSpan.FromMinutes(4));
        Assert.That(Count, Is.EqualTo(5), "a process that has just begun knows nothing of before");
        Pass(TimeSpan.FromMinutes(4));
        Assert.That(Count, Is.EqualTo(1));
    }

    [Test]
    public void Without_its_annotation_nobody_is_asked_and_the_least_number_is_kept()
    {
        Create(1, 5, new ResourceMetricTarget { AverageValue = "500m" });
        Pass(TimeSpan.FromMinutes(3));
        Assert.That(Count, Is.EqualTo(5));
        _world.Annotate("web", Annotations.Autoscale, null);
        Pass(TimeSpan.FromMinutes(1));
        Assert.That(Count, Is.EqualTo(1), "as upstream");
        Assert.That(_world.OfDeployment(ConditionTypes.ScalingActive), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo(Reasons.ScalingDisabled));
        var asked = _asked;
        _world.Time.Advance(TimeSpan.FromHours(1));
        Assert.That(_asked, Is.EqualTo(asked));
    }

    [Test]
    public void A_lost_status_takes_nothing_away()
    {
        Create(1, 5, new ResourceMetricTarget { AverageValue = "500m" });
        Pass(TimeSpan.FromMinutes(3));
        Load = 500;
        Pass(TimeSpan.FromMinutes(1));
        _world.Plane.EditStatus(ResourceTypes.WorkloadDeployments, World.Namespace, "web-us-dfw", d => d.Status = null);
        Pass(TimeSpan.FromMinutes(1));
        Assert.That(Count, Is.EqualTo(5));
    }

    [Test]
    public void Steady_load_writes_nothing()
    {
        // L8.
        Create(2, 5, new ResourceMetricTarget { AverageUtilization = 50 });
        var writes = _world.Plane.Writes.Count;
        _world.Time.Advance(TimeSpan.FromHours(1));
        Assert.That(_world.Plane.Writes.Skip(writes).Select(w => w.ToString()), Is.Empty);
    }

    [Test]
    public void Settings_that_cant_be_carried_out_are_named_and_the_least_number_is_kept()
    {
        Create(2, 1, new ResourceMetricTarget { AverageUtilization = 50 });
        Assert.That(Count, Is.EqualTo(2));
        Assert.That(_world.OfDeployment(ConditionTypes.ScalingActive), Has.Property("Reason").EqualTo(Reasons.ConfigurationError).And.Property("Message").Contains("maxReplicas is 1"));
    }
}
