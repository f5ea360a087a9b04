global using System.Collections.Immutable;

namespace Datum.Providers.Sdk.Tests;

internal sealed class PlanningTests
{
    [Test]
    public void Only_what_is_wished_for_is_drift()
    {
        var diff = new SpecDiff()
            .Text("type", null, "ssd", Remedy.Replace)
            .Text("image", "a", "A", Remedy.Replace)
            .Number("size", 5, 5, Remedy.InPlace)
            .Number("mtu", 1460, null, Remedy.InPlace)
            .Flag("on", true, false, Remedy.InPlace)
            .Set("ports", ["b", "a", "a"], ["a", "b"], Remedy.InPlace)
            .Set("tags", [], ["x"], Remedy.InPlace)
            .List("args", ["a", "b"], ["b", "a"], Remedy.Replace)
            .Secret("token", "canary", "canary2", Remedy.InPlace);
        var drift = diff.ToDrift();
        Assert.Multiple(() =>
        {
            Assert.That(drift.Select(d => d.Path), Is.EqualTo(new[] { "image", "mtu", "on", "tags", "args", "token" }));
            Assert.That(drift[^1].Desired, Is.Null);
            Assert.That(drift[^1].Actual, Is.Null);
            Assert.That(diff.CanUpdate, Is.False, "a replacement mends everything at once");
            Assert.That(new SpecDiff().Number("n", 1, 2, Remedy.InPlace).CanUpdate);
            Assert.That(new SpecDiff().CanUpdate, Is.False);
        });
    }

    [Test]
    public void The_first_step_that_is_not_done_is_next()
    {
        var plan = new StepPlan<int>()
            .Then("nic-0", StepVerb.Create, CreateClass.Marked, n => n >= 1)
            .Then("server", StepVerb.Create, CreateClass.Token, n => n >= 2);
        Assert.Multiple(() =>
        {
            Assert.That(plan.Next(0)!.Part, Is.EqualTo("nic-0"));
            Assert.That(plan.Next(1)!.Part, Is.EqualTo("server"));
            Assert.That(plan.Next(2), Is.Null);
            Assert.That(plan.WeakestCreate(), Is.EqualTo(CreateClass.Marked));
            Assert.That(() => plan.Then("server", StepVerb.Create, CreateClass.Token, _ => true), Throws.ArgumentException);
            Assert.That(() => plan.Then("Server", StepVerb.Create, CreateClass.Token, _ => true), Throws.ArgumentException);
        });
    }
}
