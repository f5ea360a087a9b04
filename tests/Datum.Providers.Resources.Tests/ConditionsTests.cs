using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Tests;

public sealed class ConditionsTests
{
    private static readonly DateTimeOffset Then = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Later = Then.AddSeconds(90.7);

    [Test]
    public void A_new_condition_is_added_with_the_time_in_whole_seconds()
    {
        var list = new List<Condition>();
        Assert.That(Conditions.Set(list, "Ready", "False", "Pending", "m", 3, Later), Is.True);
        Assert.That(list.Single().LastTransitionTime, Is.EqualTo(Then.AddSeconds(90)));
        Assert.That(list[0].ObservedGeneration, Is.EqualTo(3));
    }

    [Test]
    public void The_same_condition_again_changes_nothing()
    {
        var list = new List<Condition>();
        Conditions.Set(list, "Ready", "False", "Pending", "m", 3, Then);
        Assert.That(Conditions.Set(list, "Ready", "False", "Pending", "m", 3, Later), Is.False);
        Assert.That(list.Single().LastTransitionTime, Is.EqualTo(Then));
    }

    [TestCase("False", "Other", "m", 3)]
    [TestCase("False", "Pending", "other", 3)]
    [TestCase("False", "Pending", "m", 4)]
    public void Another_reason_message_or_generation_keeps_the_transition_time(string status, string reason, string message, long generation)
    {
        var list = new List<Condition>();
        Conditions.Set(list, "Ready", "False", "Pending", "m", 3, Then);
        Assert.That(Conditions.Set(list, "Ready", status, reason, message, generation, Later), Is.True);
        Assert.That(list.Single().LastTransitionTime, Is.EqualTo(Then));
        Assert.That((list[0].Reason, list[0].Message, list[0].ObservedGeneration), Is.EqualTo((reason, message, (long?)generation)));
    }

    [Test]
    public void Another_status_moves_the_transition_time()
    {
        var list = new List<Condition>();
        Conditions.Set(list, "Ready", "Unknown", "Pending", "m", 3, Then);
        Conditions.Set(list, "Ready", "True", "Ready", "", 3, Later);
        Assert.That(list.Single().LastTransitionTime, Is.EqualTo(Then.AddSeconds(90)));
        Assert.That(Conditions.IsTrue(list, "Ready"), Is.True);
    }

    [Test]
    public void Questions_about_absent_conditions_have_answers()
    {
        Assert.That(Conditions.Find(null, "Ready"), Is.Null);
        Assert.That(Conditions.IsTrue(null, "Ready"), Is.False);
        Assert.That(Conditions.IsTrue([new Condition { Type = "Ready", Status = "Unknown" }], "Ready"), Is.False);
        Assert.That(Conditions.IsFalse([new Condition { Type = "Ready", Status = "False" }], "Ready"), Is.True);
    }

    [Test]
    public void A_message_that_no_schema_takes_is_cut()
    {
        var list = new List<Condition>();
        Conditions.Set(list, "Ready", "True", "R", new string('x', 40_000), null, Then);
        Assert.That(list[0].Message, Has.Length.EqualTo(Conditions.MaxMessageLength).And.EndsWith("…"));
        Assert.That(Conditions.Set(list, "Ready", "True", "R", new string('x', 40_000), null, Later), Is.False);
    }

    [Test]
    public void A_status_that_does_not_exist_is_refused() =>
        Assert.That(() => Conditions.Set([], "Ready", "Yes", "R", "", null, Then), Throws.ArgumentException);

    [Test]
    public void A_copy_can_be_changed_without_the_original()
    {
        var original = new List<Condition>();
        Conditions.Set(original, "Ready", "True", "R", "", null, Then);
        var copy = Conditions.Copy(original);
        Conditions.Set(copy, "Ready", "False", "Q", "", null, Later);
        Assert.That(original[0].Status, Is.EqualTo("True"));
        Assert.That(Conditions.Remove(copy, "Ready"), Is.True);
        Assert.That(Conditions.Remove(copy, "Ready"), Is.False);
    }
}
