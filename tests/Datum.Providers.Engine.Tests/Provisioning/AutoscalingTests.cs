using System.Globalization;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Engine.Usage;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.Engine.Tests.Provisioning;

/// <summary>From what the platform measures to the number of instances, by way of the core controllers.</summary>
public sealed class AutoscalingTests
{
    private const string UsagePath = "/v1/usage";

    private static readonly SimulatorKnobs s_calm = new() { CpuLoad = 0.5 };

    private static EngineWorld Create(SimulatorKnobs knobs, bool asked = true, int min = 1, int max = 4)
    {
        var world = new EngineWorld(knobs, withCore: true, furnish: w =>
        {
            w.CreateConfig();
            w.CreateLocation();
            w.CreateNetworkAlone();
            w.CreateWorkload(x =>
            {
                if (asked)
                    x.Metadata.Annotations = new() { [Annotations.Autoscale] = "true" };
                var scale = x.Spec.Placements[0].ScaleSettings;
                (scale.MinReplicas, scale.MaxReplicas) = (min, max);
                scale.Metrics = [new ScaleMetric { Resource = new ResourceMetric { Name = "cpu", Target = new ResourceMetricTarget { AverageUtilization = 50 } } }];
            });
        });
        world.Until("it runs", () => Running(world) == min && world.AllReady);
        return world;
    }

    private static int Running(EngineWorld world) => world.Cloud.In(Collections.Servers).Count(s => s.State == CloudStates.Ready);

    private static int Readings(EngineWorld world) => world.Requests.Count(r => r.Path.StartsWith(UsagePath, StringComparison.Ordinal));

    private static Condition? Scaling(EngineWorld world) =>
        Conditions.Find(world.Plane.Live(ResourceTypes.WorkloadDeployments).Single().Status?.Conditions, ConditionTypes.ScalingActive);

    private static string Seen(EngineWorld world) => Scaling(world) is { } c ? string.Create(CultureInfo.InvariantCulture, $"{c.Status} {c.Reason}: {c.Message}") : "";

    [Test]
    public void Load_at_the_platform_makes_more_servers_up_to_the_maximum_and_calm_takes_them_away()
    {
        using var world = Create(s_calm);
        world.Until("it follows", () => Seen(world) == "True ValidMetricFound: 1 of 1 to 4 instances by the metrics.");
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(Running(world), Is.EqualTo(1), "half of its processors is on target");

        world.Cloud.Knobs = s_calm with { CpuLoad = 1 };
        world.Until("there are as many as may be", () => Running(world) == 4 && world.AllReady);
        Assert.That(Seen(world), Does.StartWith("True ValidMetricFound: 4 of 1 to 4").Or.StartWith("False MetricsUnavailable: No measurement"), "what has just begun wasn't measured yet");

        world.Cloud.Knobs = s_calm with { CpuLoad = 0.05 };
        world.Advance(TimeSpan.FromMinutes(4));
        Assert.That(Running(world), Is.EqualTo(4), "a short calm takes nothing away");
        world.Until("one is left", () => world.Cloud.In(Collections.Servers).Length == 1 && world.AllReady);
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That((Running(world), Seen(world)), Is.EqualTo((1, "True ValidMetricFound: 1 of 1 to 4 instances by the metrics.")));
    }

    [Test]
    public void At_rest_nothing_is_written_and_the_account_is_read_once_a_period()
    {
        // L8.
        using var world = Create(s_calm, min: 3);
        world.Advance(TimeSpan.FromMinutes(10));
        var (writes, readings) = (world.Plane.Writes.Count, Readings(world));
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(world.Plane.Writes.Skip(writes).Select(w => w.ToString()), Is.Empty);
        Assert.That(Readings(world) - readings, Is.InRange(3600 / 17, 3600 / 13), "once in 15 s, give or take a tenth, for three instances");
    }

    [Test]
    public void Nobody_who_asks_is_no_reading()
    {
        using var world = Create(s_calm, asked: false);
        world.Advance(TimeSpan.FromHours(1));
        Assert.That((Readings(world), Scaling(world)?.Reason), Is.EqualTo((0, Reasons.ScalingDisabled)));

        world.Plane.Edit(ResourceTypes.Workloads, EngineWorld.Namespace, "web", w => w.Metadata.Annotations = new() { [Annotations.Autoscale] = "true" });
        world.Until("it is read", () => Readings(world) > 1);
        world.Plane.Edit(ResourceTypes.Workloads, EngineWorld.Namespace, "web", w => w.Metadata.Annotations = null);
        world.Advance(UsageReadings.Interest + UsageReadings.LongestPeriod);
        var readings = Readings(world);
        world.Advance(TimeSpan.FromHours(1));
        Assert.That(Readings(world), Is.EqualTo(readings));
    }

    [Test]
    public void Measurements_that_are_old_or_of_a_part_scale_nothing([Values] bool old)
    {
        using var world = Create(s_calm, min: 2, max: 6);
        world.Until("it follows", () => Seen(world).StartsWith("True", StringComparison.Ordinal));
        world.Cloud.Knobs = s_calm with { CpuLoad = 4, UsageLag = old ? TimeSpan.FromMinutes(3) : TimeSpan.Zero, UnreachableZones = old ? [] : ["z1"] };
        world.Advance(TimeSpan.FromMinutes(20));
        Assert.That(Running(world), Is.EqualTo(2));
        Assert.That(Seen(world), Is.EqualTo("False MetricsUnavailable: No measurement of the last 2 minutes of 2 of 2 ready instances, web-us-dfw-0 first; the number stays 2."
            + (old ? " The platform hasn't measured it yet." : " The platform left some instances out.")));
        world.Cloud.Knobs = s_calm;
        world.Until("it follows again", () => Seen(world).StartsWith("True", StringComparison.Ordinal));
        Assert.That(Running(world), Is.EqualTo(2));
    }

    [Test]
    public void A_reading_that_fails_is_told_once_and_what_was_read_before_grows_old()
    {
        using var world = Create(s_calm);
        world.Until("it follows", () => Seen(world).StartsWith("True", StringComparison.Ordinal));
        world.Cloud.Add(new FaultRule { Path = UsagePath, Kind = FaultKind.ErrorBefore, Status = 403, Code = "FORBIDDEN", Times = 100_000 });
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That(Seen(world), Is.EqualTo("False MetricsUnavailable: No measurement of the last 2 minutes of 1 of 1 ready instances, web-us-dfw-0 first; the number stays 1. Usage can't be read now (Forbidden)."));
        Assert.That(world.Log.Lines.Count(l => l.Text.Contains("can't be read, nothing is scaled by it (Forbidden)", StringComparison.Ordinal)), Is.EqualTo(1));
        var writes = world.Plane.Writes.Count;
        world.Advance(TimeSpan.FromMinutes(30));
        Assert.That(world.Plane.Writes.Skip(writes).Select(w => w.ToString()), Is.Empty, "L8");
        world.Cloud.ClearFaults();
        world.Until("it follows again", () => Seen(world).StartsWith("True", StringComparison.Ordinal));
    }

    [Test]
    public void A_driver_without_the_ability_isnt_asked_and_says_so()
    {
        using var world = Create(s_calm, asked: false);
        world.Descriptor = world.Descriptor! with { Abilities = [.. world.Descriptor.Abilities.Where(a => a != Ability.Usage)] };
        world.Plane.Edit(ResourceTypes.Workloads, EngineWorld.Namespace, "web", w => w.Metadata.Annotations = new() { [Annotations.Autoscale] = "true" });
        world.Advance(TimeSpan.FromMinutes(5));
        Assert.That(Seen(world), Is.EqualTo("False Unsupported: The number stays 1. Driver simulator measures nothing: it doesn't announce the ability Usage."));
        Assert.That(Readings(world), Is.Zero);
    }

    [Test]
    public void A_host_that_begins_anew_takes_nothing_away_before_it_has_seen_five_calm_minutes()
    {
        using var world = Create(s_calm, max: 3);
        world.Cloud.Knobs = s_calm with { CpuLoad = 2 };
        world.Until("there are as many as may be", () => Running(world) == 3 && world.AllReady);
        world.Cloud.Knobs = s_calm with { CpuLoad = 0.05 };
        world.Restart();
        world.Advance(TimeSpan.FromMinutes(4));
        Assert.That(Running(world), Is.EqualTo(3));
        world.Until("one is left", () => world.Cloud.In(Collections.Servers).Length == 1);
    }

    [Test]
    public void Use_belongs_to_the_plane_that_the_instance_is_of()
    {
        using var world = Create(s_calm);
        var uid = world.Plane.Live(ResourceTypes.Instances).Single().Metadata.Uid!;
        world.Until("it is measured", () => world.Engine.Usage.Find(EngineWorld.PlaneId, uid).Newest is { CpuMillis: 1000, CpuCapacityMillis: 2000 });
        Assert.That(world.Engine.Usage.Find("00000000-0000-4000-8000-0000000000bb", uid).Newest, Is.Null);
    }
}
