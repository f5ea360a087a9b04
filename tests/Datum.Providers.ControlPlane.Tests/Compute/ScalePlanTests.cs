using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Tests.Compute;

public sealed class ScalePlanTests
{
    private static ScaleSettings Settings(int? max, params ResourceMetric[] metrics) =>
        new() { MinReplicas = 1, MaxReplicas = max, Metrics = [.. metrics.Select(m => new ScaleMetric { Resource = m })] };

    private static ResourceMetric Cpu(string? value = null, string? average = null, int? percent = null, string name = "cpu") =>
        new() { Name = name, Target = new ResourceMetricTarget { Value = Text(value), AverageValue = Text(average), AverageUtilization = percent } };

    private static IntOrString? Text(string? text) => text is null ? default(IntOrString?) : text;

    private static List<InstanceUsage> Samples(int count, long used, long? capacity = 2000) =>
        [.. Enumerable.Repeat(new InstanceUsage { CpuMillis = used, CpuCapacityMillis = capacity, At = default }, count)];

    [TestCase(2, 2, 1000, 2, TestName = "On_target_nothing_changes")]
    [TestCase(2, 2, 1050, 2, TestName = "Within_a_tenth_nothing_changes")]
    [TestCase(2, 2, 1500, 3, TestName = "Above_the_target_more_are_wanted")]
    [TestCase(4, 4, 250, 1, TestName = "Below_the_target_fewer_are_wanted")]
    [TestCase(4, 3, 250, 4, TestName = "Who_hasnt_reported_forbids_to_take_any_away")]
    [TestCase(4, 2, 2000, 4, TestName = "Who_hasnt_reported_counts_as_idle")]
    public void The_measurements_say_how_many(int current, int reporting, long used, int wanted) =>
        Assert.That(ScalePlan.Recommend(Settings(10, Cpu(percent: 50)), current, Samples(reporting, used)), Is.EqualTo(wanted));

    [Test]
    public void Each_kind_of_target_is_understood_and_the_highest_wins() => Assert.Multiple(() =>
    {
        Assert.That(ScalePlan.Recommend(Settings(10, Cpu(average: "500m")), 2, Samples(2, 1000)), Is.EqualTo(4));
        Assert.That(ScalePlan.Recommend(Settings(10, Cpu(value: "1")), 2, Samples(2, 1000)), Is.EqualTo(4), "2 CPUs in all of 1");
        Assert.That(ScalePlan.Recommend(Settings(10, Cpu(average: "2"), Cpu(average: "250m")), 2, Samples(2, 1000)), Is.EqualTo(8));
        Assert.That(ScalePlan.Recommend(Settings(10, Cpu(percent: 50)), 2, Samples(2, 1000, capacity: null)), Is.Null, "percent of what?");
        Assert.That(ScalePlan.Recommend(Settings(10, Cpu(percent: 50)), 2, []), Is.Null);
    });

    [TestCase(2, 50, 6, TestName = "At_most_four_more_at_once")]
    [TestCase(10, 50, 12, TestName = "Never_more_than_the_maximum")]
    [TestCase(5, 3, 5, TestName = "Nothing_is_taken_away_before_the_window_is_full")]
    public void One_step_is_limited(int current, int recommended, int wanted) =>
        Assert.That(ScalePlan.Limit(Settings(12, Cpu(percent: 50)), current, recommended, null), Is.EqualTo(wanted));

    [Test]
    public void A_step_down_goes_to_the_highest_wish_of_the_window() =>
        Assert.That(ScalePlan.Limit(Settings(12, Cpu(percent: 50)), 9, 2, 5), Is.EqualTo(5));

    [Test]
    public void What_cannot_be_carried_out_is_refused_with_its_field() => Assert.Multiple(() =>
    {
        // L11.
        Assert.That(ScalePlan.Refusal(Settings(null)), Is.Null);
        Assert.That(ScalePlan.Refusal(Settings(3, Cpu(percent: 50))), Is.Null);
        Assert.That(ScalePlan.Refusal(Settings(0, Cpu(percent: 50))), Does.Contain("maxReplicas is 0"));
        Assert.That(ScalePlan.Refusal(Settings(2000, Cpu(percent: 50))), Does.Contain("maxReplicas is 2000"));
        Assert.That(ScalePlan.Refusal(Settings(3)), Does.Contain("at least one of metrics"));
        Assert.That(ScalePlan.Refusal(Settings(null, Cpu(percent: 50))), Does.Contain("without maxReplicas"));
        Assert.That(ScalePlan.Refusal(Settings(3, Cpu(percent: 50, name: "memory"))), Does.Contain("metrics[0].resource.name is 'memory'"));
        Assert.That(ScalePlan.Refusal(Settings(3, Cpu(percent: 50, value: "1"))), Does.Contain("exactly one"));
        Assert.That(ScalePlan.Refusal(Settings(3, Cpu(value: "0"))), Does.Contain("more than zero"));
        Assert.That(ScalePlan.Refusal(Settings(3, Cpu(average: "much"))), Does.Contain("more than zero"));
    });
}
