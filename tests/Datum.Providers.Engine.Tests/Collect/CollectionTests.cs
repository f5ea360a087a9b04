using System.Diagnostics;
using Datum.Providers.Engine.Collect;

namespace Datum.Providers.Engine.Tests.Collect;

/// <summary>Law L13 over random worlds: no deletion is wrong, and an oracle that would see one.</summary>
internal sealed class CollectionTests
{
    private const int CollectionsALife = 40;

    /// <summary>Each with the kind of deletion that it makes wrong.</summary>
    private static readonly (string Name, Func<CollectorInput, CollectorInput> Bug, string Found)[] Bugs =
    [
        ("believes one sighting", i => i with { Sighting = i.Sighting with { FirstRound = 0 } }, "seen once"),
        ("no age floor", i => i with { Policy = i.Policy with { AgeFloor = TimeSpan.Zero } }, "too young"),
        ("only our own evidence of age", i => i with { Sighting = i.Sighting with { CreatedAt = null } }, "too young"),
        ("only the platform's evidence of age", i => i with { Sighting = i.Sighting with { FirstSeen = i.Sighting.CreatedAt ?? i.Sighting.FirstSeen } }, "too young"),
        ("no budget", i => i with { Begun = [] }, "beyond the budget"),
        ("never reads the ledger", i => i with { Entry = null }, "has an entry|recorded"),
        ("a ledger that didn't answer has no entry", i => i with { ReadAt = i.Now }, "fresh read"),
        ("deletes although it should report", i => i with { Policy = i.Policy with { Delete = true } }, "policy reports"),
        ("forgets what was retained", i => i with { Retained = false }, "to be kept"),
        ("doesn't wait for the entry to settle", i => i with { Entry = i.Entry is null ? null : i.Entry with { Settled = true } }, "has an entry"),
        ("forgets what is recorded", i => i with { Entry = i.Entry is { } e ? e with { Recorded = [], Incarnation = e.Incarnation + 1 } : null }, "has an entry|recorded"),
    ];

    [Test]
    public void L13_twenty_thousand_collections_without_a_wrong_deletion() => Run(20_000);

    [Test, Category("Soak"), Explicit("a million collections; DATUM_COLLECTIONS sets another number")]
    public void L13_a_million_collections_without_a_wrong_deletion() =>
        Run(int.TryParse(Environment.GetEnvironmentVariable("DATUM_COLLECTIONS"), out var wanted) ? wanted : 1_000_000);

    [TestCaseSource(nameof(BugNames))]
    public void L13_the_oracle_sees_a_collector_that(string name)
    {
        var (_, bug, found) = Bugs.Single(b => b.Name == name);
        Assert.That(FirstWrong(seed => new CollectionWorld(seed, bug)), Does.Match(found));
    }

    [Test]
    public void L13_the_oracle_sees_a_collector_that_believes_incomplete_listings() =>
        Assert.That(FirstWrong(seed => new CollectionWorld(seed, believesIncomplete: true)), Does.Contain("seen once").Or.Contain("too young"));

    private static IEnumerable<string> BugNames() => Bugs.Select(b => b.Name);

    private static string? FirstWrong(Func<int, CollectionWorld> make)
    {
        for (var seed = 1; seed <= 2_000; seed++)
        {
            var world = make(seed);
            for (var i = 0; i < CollectionsALife && world.Wrong is null; i++)
                world.Collect();
            if (world.Wrong is not null)
                return world.Wrong;
        }
        return null;
    }

    private static void Run(int collections)
    {
        var (started, deletions, earlier) = (Stopwatch.GetTimestamp(), 0, 0);
        for (var done = 0; done < collections; done += CollectionsALife)
        {
            var world = new CollectionWorld(seed: done + 1);
            for (var i = 0; i < CollectionsALife; i++)
                world.Collect();
            Assert.That(world.Wrong, Is.Null);
            deletions += world.Deletions;
            earlier += world.Deleted.GetValueOrDefault(FindingType.EarlierLife);
        }
        TestContext.Out.WriteLine($"{collections} collections, {deletions} deletions ({earlier} of earlier lives), none wrong, {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
        // A collector that deletes nothing is never wrong.
        Assert.That(deletions, Is.GreaterThan(collections / 200));
        Assert.That(earlier, Is.GreaterThan(collections / 20_000));
    }
}
