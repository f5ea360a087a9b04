using Datum.Providers.Drivers.Podman.Usage;

namespace Datum.Providers.Drivers.Podman.Tests.Unit;

/// <summary>When two readings of counters are a measurement.</summary>
[TestFixture]
public sealed class CpuReadingsTests
{
    private const long Begin = 1_795_996_190_809_124_326;

    private readonly CpuReadings _readings = new();

    [SetUp]
    public void Forget() => _readings.Forget(long.MaxValue / 2);

    [Test]
    public void The_first_reading_measures_nothing_and_each_later_one_the_time_since_the_one_before()
    {
        Assert.That(Take(Web(seconds: 0, used: 100)), Is.Null);
        Assert.That(Take(Web(seconds: 10, used: 105)), Is.EqualTo(500));
        Assert.That(Take(Web(seconds: 20, used: 105)), Is.Zero, "not the average since the start");
        Assert.That(_readings.Take("other", [Web(30, 200)]), Is.Null, "each pod by itself");
    }

    [Test]
    public void Containers_of_a_pod_are_added_each_by_its_own_time()
    {
        Take(Web(0, 0), Side(0, 0));
        Assert.That(Take(Web(10, 5), Side(20, 2)), Is.EqualTo(500 + 100));
    }

    [Test]
    public void What_is_read_too_soon_is_measured_from_the_reading_before()
    {
        Take(Web(0, 0));
        Assert.That(Take(Web(0.9, 0.9)), Is.Null, "nothing before it");
        Assert.That(Take(Web(10, 1)), Is.EqualTo(100));
        Assert.That(Take(Web(10.5, 1.5)), Is.EqualTo(1.5 * 1000 / 10.5));
        Assert.That(Take(Web(20, 0.5)), Is.Null, "a counter that goes back");
    }

    [Test]
    public void After_a_pause_the_measurement_begins_anew()
    {
        Take(Web(0, 0));
        Assert.That(Take(Web(121, 121)), Is.Null);
        Assert.That(Take(Web(121.5, 121.5)), Is.Null, "the reading before the pause is no beginning either");
        Assert.That(Take(Web(131, 122)), Is.EqualTo(100));
    }

    [Test]
    public void Another_run_another_container_and_one_less_begin_anew()
    {
        Take(Web(0, 0));
        Assert.That(Take(Web(10, 5) with { Pid = 8 }), Is.Null, "started again");
        Assert.That(Take(Web(20, 6) with { Pid = 8 }), Is.EqualTo(100));
        Assert.That(Take(Web(30, 7) with { Pid = 8 }, Side(30, 1)), Is.Null, "one more");
        Assert.That(Take(Web(40, 8) with { Pid = 8 }, Side(40, 2)), Is.EqualTo(200));
        Assert.That(Take(Web(50, 9) with { Pid = 8 }), Is.Null, "one less: what it used is lost");
        Assert.That(Take(Web(60, 9) with { Pid = 8, StartedAt = 2 }), Is.Null, "a process number that came round");
    }

    [Test]
    public void A_clock_that_is_put_back_begins_anew()
    {
        Take(Web(100, 0));
        Assert.That(Take(Web(40, 1)), Is.Null);
        Assert.That(Take(Web(50, 2)), Is.EqualTo(100));
    }

    [Test]
    public void Pods_that_are_gone_are_forgotten_and_others_not()
    {
        Take(Web(0, 0));
        _readings.Take("other", [Web(100, 0)]);
        _readings.Forget(Begin + 130_000_000_000);
        Assert.That(Take(Web(110, 1)), Is.Null);
        Assert.That(_readings.Take("other", [Web(110, 1)]), Is.EqualTo(100));
    }

    private double? Take(params ReadOnlySpan<CpuCounter> counters) => _readings.Take("pod", [.. counters]);

    private static CpuCounter Web(double seconds, double used) => Counter("web", seconds, used);

    private static CpuCounter Side(double seconds, double used) => Counter("zide", seconds, used);

    private static CpuCounter Counter(string id, double seconds, double used) => new(id, 7, 1, (long)(used * 1e9), Begin + (long)(seconds * 1e9));
}
