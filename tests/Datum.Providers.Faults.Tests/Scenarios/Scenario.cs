using Datum.Providers.Faults.Tests.World;

namespace Datum.Providers.Faults.Tests.Scenarios;

/// <summary>Something that people do, and where it must end whatever breaks meanwhile.</summary>
internal sealed record Scenario
{
    public required string Name { get; init; }

    public WorldOptions Options { get; init; } = new();

    /// <summary>What is there before; not a part of what is broken.</summary>
    public Func<FaultWorld, Task> Before { get; init; } = Nothing;

    /// <summary>Nothing is there before, or nothing is remembered of it: the account that the host sees first is the account, whichever it is.</summary>
    public bool BeginsEmpty => Before == Nothing || ForgetsAll || BeforeMakesNothing;

    /// <summary>What is there before is Datum's alone: nothing stands at the platform yet.</summary>
    public bool BeforeMakesNothing { get; init; }

    /// <summary>The ledger is lost, and the account with it.</summary>
    public bool ForgetsAll { get; init; }

    public static readonly Func<FaultWorld, Task> Nothing = static _ => Task.CompletedTask;

    public required Func<FaultWorld, Task> Act { get; init; }

    /// <summary>The end, in words and as a condition.</summary>
    public required (string What, Func<FaultWorld, bool> IsSo) End { get; init; }

    /// <summary>False where a fault may rightly end elsewhere (a person is asked): then only the laws count.</summary>
    public bool Compares { get; init; } = true;

    /// <summary>How long nothing may be written afterwards (L8).</summary>
    public TimeSpan Quiet { get; init; } = TimeSpan.FromMinutes(60);
}
