using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Provisioning;

namespace Datum.Providers.Engine.Tests.Decisions;

internal sealed class RecoveryTests
{
    private static readonly Lazy<Dictionary<string, string[]>> Table = new(() => Read("| ErrorCode | RecoveryAction |").ToDictionary(c => c[0], StringComparer.Ordinal));
    private static readonly Lazy<List<string[]>> Effects = new(() => Read("| CreateClass | Effect | Intent |"));

    [Test]
    public void The_table_of_the_contract_names_every_code_once() =>
        Assert.That(Table.Value.Keys, Is.EquivalentTo(Enum.GetNames<ErrorCode>()));

    [Test]
    public void The_switch_does_what_the_table_says([Values] ErrorCode code) =>
        Assert.That(Recovery.After(code).ToString(), Is.EqualTo(Table.Value[code.ToString()][1]));

    [Test]
    public void Every_code_has_the_sentence_of_the_table([Values] ErrorCode code) =>
        Assert.That(Sentences.Of(Table.Value[code.ToString()][4]), Is.EqualTo(Table.Value[code.ToString()][5]).And.Not.Empty);

    [Test]
    public void Sentences_about_other_reasons_are_left_to_the_host() => Assert.That(Sentences.Of(Reasons.WaitingForDependency), Is.Empty);

    [TestCase(RecoveryAction.Retry, 0.5, 300)]
    [TestCase(RecoveryAction.LookAgain, 0.2, 12.8)]
    [TestCase(RecoveryAction.RetrySlowly, 15, 900)]
    public void Delays_grow_from_first_to_last_and_stay_there(RecoveryAction action, double first, double last)
    {
        // 0.5 as jitter is the middle: times 1.
        var delays = Enumerable.Range(0, 60).Select(n => Recovery.Delay(action, n, null, 0.5)!.Value.TotalSeconds).ToList();
        Assert.That(delays[0], Is.EqualTo(first).Within(0.001));
        Assert.That(delays, Is.Ordered.Ascending);
        Assert.That(delays[^1], Is.EqualTo(last).Within(0.001));
    }

    [TestCase(0.0, 0.75)]
    [TestCase(0.999999, 1.25)]
    public void Jitter_is_a_quarter_to_both_sides(double jitter, double factor) =>
        Assert.That(Recovery.Delay(RecoveryAction.RetrySlowly, 0, null, jitter)!.Value.TotalSeconds, Is.EqualTo(15 * factor).Within(0.01));

    [Test]
    public void A_longer_wait_that_the_platform_asks_for_wins_and_a_shorter_one_does_not([Values(RecoveryAction.Retry, RecoveryAction.LookAgain, RecoveryAction.RetrySlowly)] RecoveryAction action)
    {
        Assert.That(Recovery.Delay(action, 0, TimeSpan.FromHours(1), 0.5), Is.EqualTo(TimeSpan.FromHours(1)));
        Assert.That(Recovery.Delay(action, 0, TimeSpan.FromMilliseconds(1), 0.5), Is.EqualTo(Recovery.Delay(action, 0, null, 0.5)));
    }

    [Test]
    public void What_waits_for_a_change_has_no_delay([Range(0, 3)] int failures) => Assert.That(Recovery.Delay(RecoveryAction.WaitForChange, failures, null, 0.5), Is.Null);

    [Test]
    public void The_table_of_effects_names_every_class_with_every_effect_once() =>
        Assert.That(Effects.Value.Select(r => $"{r[0]} {r[1]}"), Is.EquivalentTo(Enum.GetNames<CreateClass>().SelectMany(c => Enum.GetNames<Effect>().Select(e => $"{c} {e}"))));

    [Test]
    public void L5_the_host_does_after_each_effect_on_each_class_what_the_table_says([Values] CreateClass of, [Values] Effect effect)
    {
        var row = Effects.Value.Single(r => r[0] == of.ToString() && r[1] == effect.ToString());
        var after = Recovery.Intent(of, effect);
        // What is stored is what the next look is decided with.
        string Next(OpenIntent intent) => Decider.Decide(Given.Input(Given.Absent()) with { Intent = after is IntentAfter.Open ? intent : null }).GetType().Name;

        Assert.Multiple(() =>
        {
            Assert.That(after.ToString(), Is.EqualTo(row[2]));
            Assert.That(Next(Given.Intent(of)), Is.EqualTo(row[3]));
            Assert.That(Next(Given.OldIntent(of)), Is.EqualTo(row[4]));
        });
    }

    private static List<string[]> Read(string head)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Datum.Providers.sln")))
            folder = folder.Parent;
        Assert.That(folder, Is.Not.Null, "The repository's root is above the tests.");
        return [.. File.ReadLines(Path.Combine(folder!.FullName, "docs", "driver-contract.md"))
            .SkipWhile(l => !l.StartsWith(head, StringComparison.Ordinal)).Skip(2)
            .TakeWhile(l => l.StartsWith('|'))
            .Select(l => l.Trim('|').Split('|').Select(c => c.Trim().Trim('`')).ToArray())];
    }
}
